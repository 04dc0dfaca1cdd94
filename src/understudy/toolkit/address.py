"""Where the API is, and with which key: as given, else from the environment, else this machine.

A key never goes to another place than the one it was set for: AI/ML API's variables come as a pair, and so do ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

OURS: Final = (("UNDERSTUDY_BASE_URL",), ("UNDERSTUDY_API_KEY",))
THEIRS: Final = (("AIML_API_BASE", "AIMLAPI_API_BASE"), ("AIML_API_KEY", "AIMLAPI_API_KEY"))
DEFAULT: Final = "http://127.0.0.1:8642/v1"
_THEIR_HOST: Final = "aimlapi.com"


@dataclass(frozen=True, slots=True)
class Address:
    """`root` has no version and no slash at its end: the paths of the tools follow it."""

    root: str
    key: str | None = field(repr=False)


def address(base_url: str | None, api_key: str | None, environ: Mapping[str, str]) -> Address:
    """Raises ValueError for a base URL that is none."""
    ours, theirs = (_first(environ, names) for names in (OURS[0], THEIRS[0]))
    base = base_url or ours or theirs or DEFAULT
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"The base URL {base!r} is none; one looks like {DEFAULT!r}.")
    foreign = base == theirs or f".{parts.hostname}".endswith(f".{_THEIR_HOST}")
    key = api_key or _first(environ, (THEIRS if foreign else OURS)[1])
    return Address(base.rstrip("/").removesuffix("/v1"), key)


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)

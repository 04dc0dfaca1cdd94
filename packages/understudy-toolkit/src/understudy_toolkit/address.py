"""Where the API is, and with which key: as given, else from the environment, else this machine.

A key never goes to another place than the one it was set for: AI/ML API's variables come as a pair, and so do ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

UNDERSTUDY_VARIABLES: Final = (("UNDERSTUDY_BASE_URL",), ("UNDERSTUDY_API_KEY",))
AIMLAPI_VARIABLES: Final = (("AIML_API_BASE", "AIMLAPI_API_BASE"), ("AIML_API_KEY", "AIMLAPI_API_KEY"))
DEFAULT_BASE_URL: Final = "http://127.0.0.1:8642/v1"
_AIMLAPI_HOST: Final = "aimlapi.com"


@dataclass(frozen=True, slots=True)
class Address:
    """`root` has no version and no slash at its end: the paths of the tools follow it."""

    root: str
    key: str | None = field(repr=False)


def address(base_url: str | None, api_key: str | None, environ: Mapping[str, str]) -> Address:
    """Raises ValueError for a malformed base URL, and for a key that no header can carry."""
    ours, theirs = (_first_set(environ, names) for names in (UNDERSTUDY_VARIABLES[0], AIMLAPI_VARIABLES[0]))
    base = base_url or ours or theirs or DEFAULT_BASE_URL
    host = _host_of(base)
    foreign = base == theirs or f".{host}".endswith(f".{_AIMLAPI_HOST}")
    key = api_key or _first_set(environ, (AIMLAPI_VARIABLES if foreign else UNDERSTUDY_VARIABLES)[1])
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ValueError("Invalid API key: it may hold printable ASCII characters only.")
    return Address(base.rstrip("/").removesuffix("/v1"), key)


def _host_of(base: str) -> str:
    try:
        parts = urlsplit(base)
        _ = parts.port  # raises for one that is not a number up to 65535
    except ValueError:
        parts = urlsplit("")
    clean = base.isprintable() and " " not in base and not (parts.query or parts.fragment)
    if not clean or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"Invalid base URL {base!r}: it must look like {DEFAULT_BASE_URL!r}.")
    return parts.hostname


def _first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)

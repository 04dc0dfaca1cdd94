"""Which names files of a sandbox may have. What comes from inside is never joined to a path of the host."""

import re
import unicodedata
from typing import Final

from understudy.errors import InvalidName

_MAX_BYTES: Final = 255
_MAX_DEPTH: Final = 8
_FORBIDDEN_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_safe(name: str) -> bool:
    """One component that means the same to people, shells and file systems; not hidden."""
    return (
        bool(name)
        and not name.startswith(".")
        and not _FORBIDDEN_CHARACTERS.search(name)
        and len(name.encode("utf-8", "replace")) <= _MAX_BYTES
    )


def component(name: str) -> str:
    """The name itself. Raises InvalidName."""
    if not is_safe(name):
        raise InvalidName(
            f"{name!r} cannot be a file's name; it must have 1 to {_MAX_BYTES} bytes, no slash or control character, "
            "and must not begin with a dot."
        )
    return name


def components(name: str) -> list[str]:
    """The folders and the file of a path below `/mnt/data`. Raises InvalidName."""
    parts = name.split("/")
    if len(parts) > _MAX_DEPTH:
        raise InvalidName(f"{name!r} is {len(parts)} levels deep; at most {_MAX_DEPTH} are possible.")
    return [component(part) for part in parts]


def safe_name(text: str) -> str:
    """A name for a file that somebody else named: the same where that is possible, or else as near as it gets."""
    name = _FORBIDDEN_CHARACTERS.sub("_", unicodedata.normalize("NFC", text)).lstrip(".").strip()
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, dot, suffix = name, "", ""
    room = _MAX_BYTES - len((dot + suffix).encode())
    return (stem.encode()[:room].decode(errors="ignore") + dot + suffix) or "file"

"""Valid names of files in a sandbox. Names from inside are never joined to a path of the host."""

import re
import unicodedata
from typing import Final

from understudy.errors import InvalidName

_MAX_BYTES: Final = 255
_MAX_DEPTH: Final = 8
_FORBIDDEN_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_safe(name: str) -> bool:
    """Whether a component is valid: unambiguous for people, shells and file systems, and not hidden."""
    return (
        bool(name)
        and not name.startswith(".")
        and not _FORBIDDEN_CHARACTERS.search(name)
        and len(name.encode("utf-8", "replace")) <= _MAX_BYTES
    )


def component(name: str) -> str:
    """Returns the name. Raises InvalidName."""
    if not is_safe(name):
        raise InvalidName(
            f"{name!r} cannot be a file's name; it must have 1 to {_MAX_BYTES} bytes, no slash or control character, "
            "and must not begin with a dot."
        )
    return name


def components(name: str) -> list[str]:
    """The components of a path below `/mnt/data`. Raises InvalidName."""
    parts = name.split("/")
    if len(parts) > _MAX_DEPTH:
        raise InvalidName(f"{name!r} is {len(parts)} levels deep; at most {_MAX_DEPTH} are possible.")
    return [component(part) for part in parts]


def safe_name(text: str) -> str:
    """A valid name for any text: the same if possible, otherwise a similar one."""
    name = _FORBIDDEN_CHARACTERS.sub("_", unicodedata.normalize("NFC", text)).lstrip(".").strip()
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, dot, suffix = name, "", ""
    room = _MAX_BYTES - len((dot + suffix).encode())
    return (stem.encode()[:room].decode(errors="ignore") + dot + suffix) or "file"

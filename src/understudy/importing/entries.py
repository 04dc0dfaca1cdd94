"""What an input consists of: regular files with names within it. Opens none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from understudy.importing.found import Refused

_MAX_NAME: Final = 4096
_IGNORED: Final = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
_SUFFIXES: Final = (".json", ".jsonl", ".ndjson", ".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class Entry:
    """`name` has forward slashes; `reference` opens the entry, also after the input was listed."""

    name: str
    size: int
    reference: str


class Input(Protocol):
    def entries(self) -> Iterator[Entry | Refused]:
        """All regular files, and what else there is as refused; raises InvalidRequest beyond the limits."""

    def open(self, reference: str) -> BinaryIO:
        """The bytes of an entry. Raises DamagedStream."""

    def close(self) -> None: ...


def name_problem(name: str) -> str | None:
    """Why an entry of an archive is refused by its name alone, or None."""
    parts = name.split("/")
    if len(name) > _MAX_NAME or not name.isprintable():
        return "Its name is too long or has control characters."
    if not parts[0] or "\\" in name or parts[0].endswith(":") or ".." in parts:
        return "Its name points outside of the archive."
    return None


def is_ignored(name: str) -> bool:
    """Whether an operating system has added the entry."""
    return any(part in _IGNORED or part.startswith("._") for part in name.split("/"))


def has_objects(name: str) -> bool:
    """Whether the entry is read for objects. What is below `files/` is the content of a file, whatever its name."""
    *folders, base = name.lower().split("/")
    return "files" not in folders and base.removesuffix(".gz").endswith(_SUFFIXES)


def has_lines(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))

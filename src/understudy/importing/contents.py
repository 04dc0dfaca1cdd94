"""Finds the bytes of files among the entries of an input: by the file's id, or by its name and size."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from understudy.importing.entries import Entry
from understudy.store.import_spool import ImportSpool

_PREFIX: Final = "file-"
_LARGEST_SIZE: Final = 1 << 62


def add_content(spool: ImportSpool, origin: str, entry: Entry) -> None:
    """Remembers an entry under each name by which a file may be found; `origin` is one letter for its input."""
    for name in {*_names(entry.name)}:
        spool.add_content(name, f"{origin}{entry.reference}", entry.size)


def find_content(spool: ImportSpool, file_id: str, file: Mapping[str, Any]) -> str | None:
    """The origin and reference of the bytes of a file, or None. Some servers report 0 bytes for each file."""
    size = file.get("bytes")
    known = size if isinstance(size, int) and 0 < size < _LARGEST_SIZE else None
    found = spool.find_content(file_id, known)
    if found is None and file_id.startswith(_PREFIX):  # which the import may have added
        found = spool.find_content(file_id.removeprefix(_PREFIX), known)
    if found is None and known is not None and isinstance(file.get("filename"), str):
        found = spool.find_content(PurePosixPath(file["filename"].replace("\\", "/")).name, known)
    return found


def _names(name: str) -> Iterator[str]:
    """`report.pdf` of `files/file-1/report.pdf`, and what may be an id: each folder, and the name without suffixes."""
    *folders, base = name.split("/")
    yield base
    yield base.split(".")[0]
    yield from folders[-1:]

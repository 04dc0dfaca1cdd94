"""Finds the bytes of files among the entries of an input: by the file's id, or by its name and size."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from understudy.importing.entries import Entry
from understudy.store.import_spool import ImportSpool

_UNKNOWN_SIZES: Final = (0, None)
"""Some servers report 0 bytes for each file."""


def add_content(spool: ImportSpool, origin: str, entry: Entry) -> None:
    """Remembers an entry under each name by which a file may be found; `origin` is one letter for its input."""
    for name in {*_names(entry.name)}:
        spool.add_content(name, f"{origin}{entry.reference}", entry.size)


def find_content(spool: ImportSpool, file_id: str, file: Mapping[str, Any]) -> str | None:
    """The origin and reference of the bytes of a file; None if there are none, or several that differ in size."""
    size = file.get("bytes")
    named = (file_id, file_id.removeprefix("file-"))  # a prefix that the import has added
    found_by_id = (one for name in named for one in spool.find_contents(name))
    fits = {reference for reference, found in found_by_id if size in {found, *_UNKNOWN_SIZES}}
    if not fits and isinstance(file.get("filename"), str):
        name = PurePosixPath(file["filename"].replace("\\", "/")).name
        fits = {reference for reference, found in spool.find_contents(name) if found == size}
    return min(fits, default=None)


def _names(name: str) -> Iterator[str]:
    """`report.pdf` of `files/file-1/report.pdf`, and what may be an id: each folder, and the name without suffixes."""
    *folders, base = name.split("/")
    yield base
    yield base.split(".")[0]
    yield from folders[-1:]

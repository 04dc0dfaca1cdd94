"""Packs an input into one file, for an upload. Reads no object."""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, Final

from understudy.importing.directory_input import DirectoryInput
from understudy.importing.entries import Entry, Input, has_objects
from understudy.importing.found import Refused
from understudy.importing.inputs import open_input
from understudy.importing.limits import Limits, UnpackBudget
from understudy.importing.objects import Problem
from understudy.importing.streams import DamagedStream, open_bytes

_CHUNK_BYTES: Final = 1 << 20
_PACKAGE: Final = "import.tar.gz"


def pack_input(
    source: Path,
    into: Path,
    files: Path | None = None,
    limits: Limits | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Path, list[Problem]]:
    """The file to upload, and what is not in it: `source` itself, or a tar archive in the directory `into`.

    `files` is a directory with the bytes of files, which are below `files/` in the archive. Blocks, in constant memory.
    Raises InvalidRequest beyond the limits, and ReadingCancelled.
    """
    if source.is_file() and files is None:
        return source, []
    limits = limits or Limits()
    budget = UnpackBudget(limits, source.stat().st_size if source.is_file() else 1 << 60, cancelled)
    target = into / _PACKAGE
    # A tar archive is read entry by entry; the directory of a zip archive has to be in memory.
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        packer = _Packer(archive, into)
        with closing(open_input(source, into, limits, budget)) as objects:
            packer.add_entries(objects, source.name)
        if files is not None:
            with closing(DirectoryInput(files, budget)) as contents:
                packer.add_entries(contents, "", prefix="files/")
    return target, packer.problems


class _Packer:
    def __init__(self, archive: tarfile.TarFile, work: Path) -> None:
        self.problems: list[Problem] = []
        self._archive = archive
        self._work = work

    def add_entries(self, source: Input, only_name: str, prefix: str = "") -> None:
        """`only_name` is that of an input that is one file."""
        for entry in source.entries():
            if isinstance(entry, Refused):
                self.problems.append(Problem(prefix + str(entry.place), entry.reason))
                continue
            name = prefix + (entry.name or _name_by_content(only_name))
            try:
                self._add_content(source, entry, name)
            except DamagedStream as error:
                self.problems.append(Problem(name, str(error)))

    def _add_content(self, source: Input, entry: Entry, name: str) -> None:
        # A copy first: a header with a size cannot be taken back where the bytes turn out to be damaged.
        with tempfile.TemporaryFile(dir=self._work) as copy:
            with open_bytes(source.open(entry.reference)) as packed:
                shutil.copyfileobj(packed, copy, _CHUNK_BYTES)
            self._write_member(name, copy)

    def _write_member(self, name: str, content: BinaryIO) -> None:
        info = tarfile.TarInfo(name)
        info.size = content.tell()
        content.seek(0)
        self._archive.addfile(info, content)
        self._archive.members.clear()  # type: ignore[attr-defined]  # else it remembers each


def _name_by_content(name: str) -> str:
    """A name under which the entry of an archive is read for objects."""
    return name if has_objects(name) else f"{name}.json"

"""Opens an input by its content: a directory, an archive, or one file. An archive's name decides nothing."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from understudy.importing.directory_input import DirectoryInput
from understudy.importing.entries import Entry, Input
from understudy.importing.found import Refused
from understudy.importing.limits import Limits, UnpackBudget
from understudy.importing.tar_input import TarInput, is_tar
from understudy.importing.zip_input import ZipInput

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_UNPACKED: Final = "unpacked.tar"
_CHUNK_BYTES: Final = 1 << 20


class FileInput:
    """One file outside of archives: a single entry without a name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry | Refused]:
        yield Entry("", self._path.stat().st_size, "")

    def open(self, reference: str) -> BinaryIO:  # noqa: ARG002 - there is only one
        return self._path.open("rb")

    def close(self) -> None:
        pass


def open_input(source: Path, work: Path, limits: Limits, budget: UnpackBudget) -> Input:
    """Unpacks a compressed tar archive into `work`. Raises InvalidRequest for a damaged archive and beyond limits."""
    if source.is_dir():
        return DirectoryInput(source, budget)
    with source.open("rb") as file:
        head = file.read(4)
    if head in _ZIP:
        return ZipInput(source, limits, budget)
    if is_tar(source):
        return TarInput(source, budget)
    if head.startswith(_GZIP) and _holds_tar(source):
        return TarInput(_unpack(source, work, budget), budget)
    return FileInput(source)


def _holds_tar(source: Path) -> bool:
    with gzip.open(source) as file:
        try:
            return file.read(512)[257:262] == b"ustar"
        except (OSError, EOFError, ValueError):
            return False


def _unpack(source: Path, work: Path, budget: UnpackBudget) -> Path:
    """What can be unpacked: of a file that is cut off, all before the cut."""
    target = work / _UNPACKED
    with gzip.open(source) as unpacked, target.open("wb") as file:
        while chunk := _read_chunk(unpacked):
            budget.add_bytes(len(chunk))
            file.write(chunk)
    return target


def _read_chunk(unpacked: gzip.GzipFile) -> bytes:
    """Empty at a cut, too: the archive's reader reports where it ends."""
    try:
        return unpacked.read1(_CHUNK_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return b""

"""A tar archive as an input, uncompressed on the disk, so that its entries can be opened in any order."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from understudy.importing.entries import Entry, is_ignored, name_problem
from understudy.importing.found import Place, Refused
from understudy.importing.limits import UnpackBudget
from understudy.importing.streams import DamagedStream

_MAGIC: Final = slice(257, 262)
_HEAD_BYTES: Final = 512
_HEADER_BYTES: Final = 1 << 20


class _HeaderReader:
    """The archive as `tarfile` reads it: headers of a bounded size, so that none fills the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.tell = file.tell
        self.seek = file.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_BYTES:
            raise tarfile.ReadError(f"a header is longer than {_HEADER_BYTES} bytes")
        return self._file.read(size)


class _Window(io.RawIOBase):
    """`size` bytes of a file from `offset` on. Closes the file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file = file
        self._left = size
        file.seek(offset)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(min(len(buffer), self._left))
        if not data and self._left and len(buffer):
            raise DamagedStream("The archive is cut off.")
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class TarInput:
    def __init__(self, path: Path, budget: UnpackBudget) -> None:
        self._path = path
        self._budget = budget

    def entries(self) -> Iterator[Entry | Refused]:
        """In the order of the archive; of a damaged one those before the fault."""
        last = ""
        with self._path.open("rb") as file:
            try:
                archive = tarfile.TarFile(fileobj=_HeaderReader(file))  # type: ignore[arg-type]
                while (member := archive.next()) is not None:
                    archive.members.clear()  # type: ignore[attr-defined]  # else it remembers each
                    last = member.name
                    if not member.isdir() and not is_ignored(member.name):
                        yield self._to_entry(member)
            except (tarfile.TarError, ValueError, OverflowError, RecursionError, OSError) as error:
                # OSError: a size beyond what a file can have.
                place = Place(last[:200])
                yield Refused(place, f"The archive is damaged or cut off after this entry: {error}.")

    def open(self, reference: str) -> BinaryIO:
        offset, size = map(int, reference.split(":"))
        return io.BufferedReader(_Window(self._path.open("rb"), offset, size))

    def close(self) -> None:
        pass

    def _to_entry(self, member: tarfile.TarInfo) -> Entry | Refused:
        self._budget.add_entry()
        name = member.name.removeprefix("./")
        if (problem := name_problem(name)) is not None:
            return Refused(Place(name[:200]), problem)
        if not member.isreg() or member.issparse():
            return Refused(Place(name), "It is a link or a device, not a file.")
        return Entry(name, member.size, f"{member.offset_data}:{member.size}")


def is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)[_MAGIC] == b"ustar"

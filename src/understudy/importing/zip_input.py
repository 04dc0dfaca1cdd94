"""A zip archive as an input. Sizes are checked before anything is unpacked, and hold while it is."""

import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from understudy import errors
from understudy.importing.entries import Entry, is_ignored, name_problem
from understudy.importing.found import Place, Refused
from understudy.importing.limits import Limits, UnpackBudget
from understudy.importing.streams import DamagedStream

_END: Final = b"PK\x05\x06"
_END_FORMAT: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_FORMAT: Final = struct.Struct("<4sLQL")
_LARGE_END: Final = b"PK\x06\x06"
_LARGE_END_FORMAT: Final = struct.Struct("<4sQ2H2L4Q")
_DIRECTORY_ENTRY_BYTES: Final = 400
"""The bytes of an entry in the longest directory that is read; an entry has 46 bytes and its name."""

_TAIL_BYTES: Final = 65_536 + _END_FORMAT.size
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED: Final = 0x1


class ZipInput:
    """Raises InvalidRequest for an archive without a directory."""

    def __init__(self, path: Path, limits: Limits, budget: UnpackBudget) -> None:
        self._budget = budget
        _check_directory(path, limits)
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RecursionError) as error:
            raise _damaged(error) from None
        self._infos = self._archive.infolist()

    def entries(self) -> Iterator[Entry | Refused]:
        """In the order of the archive."""
        for number, info in enumerate(self._infos):
            if info.is_dir() or is_ignored(info.filename):
                continue
            self._budget.add_entry()
            if (reason := _refuse(info)) is not None:
                yield Refused(Place(info.filename[:200]), reason)
                continue
            # An entry never unpacks to more than its size in the directory.
            self._budget.add_bytes(info.file_size)
            yield Entry(info.filename, info.file_size, str(number))

    def open(self, reference: str) -> BinaryIO:
        try:
            return self._archive.open(self._infos[int(reference)])  # type: ignore[return-value]
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError) as error:
            raise DamagedStream(f"It cannot be unpacked: {error}.") from None

    def close(self) -> None:
        self._archive.close()


def _refuse(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if (problem := name_problem(info.filename)) is not None:
        return problem
    if kind not in {0, stat.S_IFREG}:
        return "It is a link or a device, not a file."
    if info.flag_bits & _ENCRYPTED:
        return "It is encrypted."
    if info.compress_type not in _METHODS:
        return f"It is compressed by an unsupported method ({info.compress_type})."
    return None


def _check_directory(path: Path, limits: Limits) -> None:
    """Before `zipfile` reads the whole directory into memory."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        start = tail.rfind(_END)
        if start < 0 or len(tail) - start < _END_FORMAT.size:
            raise errors.InvalidRequest("The zip archive is cut off or damaged: it has no directory at its end.")
        count, length = _END_FORMAT.unpack_from(tail, start)[4:6]
        if start >= _LOCATOR_FORMAT.size:
            count, length = _read_large_end(file, tail[start - _LOCATOR_FORMAT.size : start]) or (count, length)
    if count > limits.zip_entries or min(length, size) > limits.zip_entries * _DIRECTORY_ENTRY_BYTES:
        raise errors.InvalidRequest(
            f"The zip archive has more than {limits.zip_entries} files. Import it as a directory, as tar or in parts."
        )


def _read_large_end(file: BinaryIO, locator: bytes) -> tuple[int, int] | None:
    """The number of entries and the length of the directory of a zip64 archive; None of another one."""
    signature, _, offset, _ = _LOCATOR_FORMAT.unpack(locator)
    if signature != _LOCATOR:
        return None
    file.seek(offset)
    record = file.read(_LARGE_END_FORMAT.size)
    if len(record) < _LARGE_END_FORMAT.size or not record.startswith(_LARGE_END):
        raise errors.InvalidRequest("The zip archive is damaged: its end is not where it is located.")
    count, length = _LARGE_END_FORMAT.unpack(record)[7:9]
    return int(count), int(length)


def _damaged(error: Exception) -> errors.InvalidRequest:
    return errors.InvalidRequest(f"The zip archive is damaged: {error}.")

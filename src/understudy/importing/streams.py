"""Byte streams of entries: decompressed, in UTF-8, in lines of a bounded length. Knows no JSON."""

import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from understudy.importing.limits import UnpackBudget

_CHUNK_BYTES: Final = 64 * 1024
_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class DamagedStream(Exception):
    """The bytes cannot be decompressed or decoded; the text is a sentence."""


class _CheckedStream(io.RawIOBase):
    """Reads `source` in pieces, counts them, and maps the errors of decompression to DamagedStream."""

    def __init__(self, source: BinaryIO, count_bytes: Callable[[int], None]) -> None:
        self._source = source
        # One piece of compressed data at a time, so that all before a cut is read.
        self._read: Callable[[int], bytes] = getattr(source, "read1", source.read)
        self._count_bytes = count_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._read(min(len(buffer), _CHUNK_BYTES))
        except EOFError:
            raise DamagedStream("The compressed data is cut off.") from None
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError) as error:
            raise DamagedStream(f"The data cannot be read: {error}.") from None
        self._count_bytes(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._source.close()
        super().close()


class _Transcoded(io.RawIOBase):
    """UTF-8 of a stream in another encoding."""

    def __init__(self, source: io.BufferedReader, encoding: str) -> None:
        self._source = source
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            data = self._source.read(_CHUNK_BYTES)
            try:
                self._ready = self._decoder.decode(data, final=not data).encode()
            except UnicodeDecodeError as error:
                self._ready = error.object[: error.start].decode(self._encoding).encode()
                if not self._ready:
                    raise DamagedStream(f"The text is not valid {self._encoding.upper()}.") from None
                self._decoder = codecs.getincrementaldecoder(self._encoding)()
                data = error.object[error.start :]
                self._decoder.setstate((data, 0))
            if not data:
                break
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


def open_bytes(source: BinaryIO) -> BinaryIO:
    """The bytes of a stream, whose reads raise DamagedStream."""
    return _buffer(_CheckedStream(source, lambda _: None))


def open_text(source: BinaryIO, budget: UnpackBudget) -> io.BufferedReader:
    """The UTF-8 text of a stream, without a byte order mark, decompressed if it is gzip.

    The stream and its reads raise DamagedStream, ReadingCancelled, and InvalidRequest beyond the budget.
    """
    stream: io.BufferedReader = _buffer(_CheckedStream(source, lambda _: budget.add_bytes(0)))
    if stream.peek(2)[:2] == b"\x1f\x8b":
        unpacked = gzip.GzipFile(fileobj=stream)
        stream = _buffer(_CheckedStream(unpacked, budget.add_bytes))  # type: ignore[arg-type]
    head = stream.peek(4)[:4]
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
        return stream
    encoding, mark = _detect_encoding(head)
    if encoding is None:
        return stream
    stream.read(mark)
    return _buffer(_Transcoded(stream, encoding))


def _buffer(stream: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(stream, _CHUNK_BYTES)


def _detect_encoding(head: bytes) -> tuple[str | None, int]:
    """The encoding if it is not UTF-8, and the length of its mark. JSON and CSV begin with an ASCII character."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    if len(head) >= 2 and head[0] == 0 and head[1] != 0:
        return "utf-16-be", 0
    if len(head) >= 2 and head[1] == 0 and head[0] != 0:
        return "utf-16-le", 0
    return None, 0


def iter_lines(stream: io.BufferedReader, limit: int) -> Iterator[bytes | None]:
    """The lines with their ends; None for each that is longer than `limit` bytes."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit)
        yield None

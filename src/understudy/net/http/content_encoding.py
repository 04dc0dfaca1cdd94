"""Decodes bodies of servers that compress them, although no request allows it. Decodes in steps of a bounded size."""

import zlib
from collections import deque
from typing import Final

STEP_BYTES: Final = 256 * 1024
"""What one step decodes to at most: a small body can be that of gigabytes."""

_MAX_MEMBERS: Final = 256
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_ZLIB_METHOD: Final = 8


class Decoder:
    """Decodes `gzip` or `deflate`. Raises zlib.error for a body that is neither."""

    def __init__(self, encoding: str) -> None:
        self._is_gzip = encoding == "gzip"
        self._encoded: deque[bytes] = deque()
        self._members = 0
        self._inflate: zlib._Decompress | None = None

    @property
    def has_input(self) -> bool:
        return bool(self._encoded)

    @property
    def is_complete(self) -> bool:
        """Whether the input so far is a whole body."""
        return not self._encoded and (self._inflate is None or self._inflate.eof)

    def push(self, data: bytes) -> None:
        self._encoded.append(data)

    def decode(self) -> bytes:
        """The next decoded bytes, `STEP_BYTES` at most; empty if that needs more input."""
        while self._encoded:
            data = self._encoded.popleft()
            if self._inflate is None or self._inflate.eof:
                self._inflate = self._begin_member(data)
            decoded = self._inflate.decompress(data, STEP_BYTES)
            rest = self._inflate.unconsumed_tail or (self._inflate.unused_data if self._is_gzip else b"")
            # At the limit, the rest of what is decoded may need no further input.
            if rest or (len(decoded) == STEP_BYTES and not self._inflate.eof):
                self._encoded.appendleft(rest)
            if decoded:
                return decoded
        return b""

    def _begin_member(self, data: bytes) -> "zlib._Decompress":
        """A gzip body may have several members."""
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error(f"more than {_MAX_MEMBERS} members")
        return zlib.decompressobj(self._window(data))

    def _window(self, data: bytes) -> int:
        if self._is_gzip:
            return _GZIP_WINDOW
        # Some servers send deflate without the head of zlib.
        return zlib.MAX_WBITS if data[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS


def find_encoding(value: str) -> str:
    """The encoding that a `Content-Encoding` names, empty if the body is not encoded. Raises ValueError."""
    encoding = value.strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        return "gzip"
    if encoding in {"br", "zstd", "compress", "x-compress"}:
        raise ValueError(encoding)
    return "deflate" if encoding == "deflate" else ""

"""The response to one request: its head, and its body as it arrives. Knows no socket and no parser."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final, Protocol

from understudy.net.http import content_encoding
from understudy.net.http.errors import HttpError, connection_lost

_HIGH_WATER: Final = 256 * 1024
"""Unread bytes at which the connection stops reading, until they are read."""


class Source(Protocol):
    """What a response uses of its connection."""

    def arm(self, deadline: float) -> None: ...

    def disarm(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def abort(self) -> None: ...


class Response:
    """Filled by its connection, read by one reader. `status` is 0 before the head; header names are lower-case.

    A response that is not read to its end is closed by `close`, which closes its connection.
    """

    __slots__ = (
        *("_chunks", "_decoder", "_error", "_has_decoded", "_is_paused", "_new_waiter", "_source", "_unread"),
        *("_waiter", "fields", "is_received", "status"),
    )

    def __init__(self, source: Source, new_waiter: "Callable[[], asyncio.Future[None]]") -> None:
        self._source: Source | None = source
        self._new_waiter = new_waiter
        self._waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._unread = 0
        self._is_paused = False
        self._decoder: content_encoding.Decoder | None = None
        self._has_decoded = False
        self._error: HttpError | None = None
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self.is_received = False
        """Whether the whole body has arrived, read or not."""

    # -- the reader --------------------------------------------------------------------------------------------

    @property
    def at_eof(self) -> bool:
        """Whether the body has ended and is read; never for an encoded body that is cut off."""
        return self.is_received and not self._has_unread and (self._decoder is None or self._decoder.is_complete)

    def header(self, name: bytes) -> str | None:
        value = self.fields.get(name)
        return None if value is None else value.decode("latin-1")

    def headers(self) -> dict[str, str]:
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.fields.items()}

    def read_available(self) -> bytes:
        """The bytes received so far, in order; empty before the first ones, and at the end (`at_eof`).

        Also empty between two steps of decoding, so that other tasks run in the wait. Raises HttpError after the last
        bytes before an error.
        """
        chunks, decoder = self._chunks, self._decoder
        if chunks and (decoder is None or not decoder.has_input):
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            self._unread = 0
            if self._source is not None:
                self._source.disarm()
                if self._is_paused:
                    self._resume(self._source)
            if decoder is None:
                return data
            decoder.push(data)
        if decoder is not None and (data := self._decode_step(decoder)):
            return data
        if self._error is not None and not self._has_unread:
            raise self._error
        return b""

    def wait(self, deadline: float) -> "asyncio.Future[None]":
        """Done after new bytes, the end or an error; an error at `deadline`, a time of the event loop."""
        waiter = self._waiter = self._new_waiter()
        if self._has_unread:
            waiter.get_loop().call_soon(self.notify)
        elif self._source is None or self.is_received or self._error is not None:
            waiter.set_result(None)
        else:
            self._source.arm(deadline)
        return waiter

    async def wait_for_head(self, deadline: float) -> None:
        """Raises HttpError if no head arrives."""
        while not self.status:
            await self.wait(deadline)
            if not self.status and self._error is not None:
                raise self._error

    def close(self) -> None:
        """Closes the connection, unless the whole body has arrived."""
        if self._source is not None:
            self._source.abort()

    @property
    def _has_unread(self) -> bool:
        return bool(self._chunks) or (self._decoder is not None and self._decoder.has_input)

    def _decode_step(self, decoder: content_encoding.Decoder) -> bytes:
        """The next decoded bytes; empty between two steps, and if that needs more input."""
        if self._has_decoded and decoder.has_input:
            self._has_decoded = False
            return b""
        try:
            data = decoder.decode()
        except zlib.error:
            self.close()
            raise connection_lost(None) from None
        if not data and self.is_received and not self._has_unread and not decoder.is_complete:
            raise connection_lost(None)
        self._has_decoded = bool(data)
        return data

    def _resume(self, source: Source) -> None:
        self._is_paused = False
        source.resume_reading()

    # -- the connection ----------------------------------------------------------------------------------------

    def begin(self, status: int, fields: dict[bytes, bytes]) -> None:
        """Raises ValueError for an encoding that is not supported."""
        if encoding := fields.get(b"content-encoding"):
            name = content_encoding.find_encoding(encoding.decode("latin-1"))
            self._decoder = content_encoding.Decoder(name) if name else None
        self.fields = fields
        self.status = status

    def push(self, data: bytes) -> None:
        self._chunks.append(data)
        self._unread += len(data)

    def notify(self) -> None:
        """Wakes the reader."""
        if self._unread > _HIGH_WATER and not self._is_paused and self._source is not None:
            self._is_paused = True
            self._source.pause_reading()
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def end(self) -> None:
        """The whole body has arrived, and the connection has no part in it from now on."""
        self.is_received = True
        if self._is_paused and self._source is not None:
            self._resume(self._source)
        self._source = None

    def fail(self, error: HttpError) -> None:
        """The connection is lost. What has arrived can still be read."""
        if self._error is None and not self.is_received:
            self._error = error
        self._source = None
        self.notify()

"""WebSocket connections of uvicorn, with a refused handshake as an ordinary answer, and reads in slices."""

from collections import deque
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_SLICE_BYTES: Final = 16 * 1024
"""A read has up to 256 KiB, in which there may be thousands of frames: parsing them at once would take 0.2 seconds."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn logs an error for a handshake that the application has refused with a response of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slices: deque[memoryview] = deque()
        self._is_lost = False
        self._lost_by: Exception | None = None

    def data_received(self, data: bytes) -> None:
        if not self._slices and len(data) <= _SLICE_BYTES:
            super().data_received(data)
            return
        view, is_parsing = memoryview(data), bool(self._slices)
        self._slices.extend(view[at : at + _SLICE_BYTES] for at in range(0, len(view), _SLICE_BYTES))
        self._pause_reading()
        if not is_parsing:
            self._parse_slice()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._slices:
            # What the client has sent before comes first.
            self._is_lost, self._lost_by = True, exc
        else:
            super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    async def receive(self) -> Any:
        """As that of the base class, which would read on while slices are left."""
        message = await self.queue.get()
        self._resume_reading()
        return message

    def handle_ping(self) -> None:
        """Leaves out pongs while the client does not read: they would fill the memory of the server."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def _parse_slice(self) -> None:
        """Parses one slice a turn of the event loop, in which other connections are served."""
        super().data_received(bytes(self._slices.popleft()))
        if self.conn.parser_exc is not None:
            self._slices.clear()
        if self._slices:
            self.loop.call_soon(self._parse_slice)
        elif self._is_lost:
            super().connection_lost(self._lost_by)
        else:
            self._resume_reading()

    def _pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self.read_paused and self.queue.empty() and not self._slices and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

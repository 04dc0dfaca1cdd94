"""The connection to the host: JSON frames over an inherited socket. Does not interpret them."""

import json
import select
import socket
import struct
from typing import Any, Final

_HEADER: Final = struct.Struct("!I")


class HostGone(Exception):
    """The host closed the connection."""


class Channel:
    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(True)
        self._socket.set_inheritable(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, **frame: Any) -> None:
        # Lone surrogates cannot be encoded as UTF-8, and a program may print one.
        data = json.dumps(frame, ensure_ascii=False).encode("utf-8", "replace")
        try:
            self._socket.sendall(_HEADER.pack(len(data)) + data)
        except OSError as error:
            raise HostGone from error

    def receive(self) -> dict[str, Any]:
        (size,) = _HEADER.unpack(self._exactly(_HEADER.size))
        frame: dict[str, Any] = json.loads(self._exactly(size))
        return frame

    def pending(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            try:
                part = self._socket.recv(min(size, 1 << 20))
            except OSError as error:
                raise HostGone from error
            if not part:
                raise HostGone
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

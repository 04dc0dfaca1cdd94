"""A relay in front of a server of the tests, which a test can disconnect, silence, slow down, or let reply with an error.

    with Link("127.0.0.1", 5000) as link:
        ...                                    # point a client at link.port
        link.refuse()                          # closes all connections, and every new one
        link.silence()                         # accepts connections, and relays nothing any more
        link.reply(b"HTTP/1.1 503 ...")        # replies to whatever a new connection sends
        link.relay()                           # as before

Of a PostgreSQL server that listens on a socket in a directory, `Link.to_socket` makes a directory with such a socket.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Literal, Self

_PIECE = 1 << 16
_SECONDS = 10.0
_POSTGRES_SOCKET = ".s.PGSQL.5432"

Mode = Literal["relay", "refuse", "silence", "reply"]
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """Relays connections in a thread of its own. A method returns when its change is in force."""

    def __init__(self, connect: Callable[[], Awaitable[Opened]], directory: Path | None = None) -> None:
        self._connect = connect
        self._directory = directory
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._mode: Mode = "relay"
        self._relaying = asyncio.Event()
        self._reply = b""
        self.connections = 0
        """Those accepted so far."""
        self.port = 0

    @classmethod
    def to_port(cls, host: str, port: int) -> Self:
        return cls(lambda: asyncio.open_connection(host, port))

    @classmethod
    def to_socket(cls, directory: str, own: Path) -> Self:
        """Relays to the PostgreSQL server in `directory`; `own` is where the link listens."""
        return cls(lambda: asyncio.open_unix_connection(f"{directory}/{_POSTGRES_SOCKET}"), own)

    def relay(self) -> None:
        self._change("relay")

    def refuse(self) -> None:
        self._change("refuse")

    def silence(self) -> None:
        self._change("silence")

    def reply(self, data: bytes) -> None:
        self._reply = data
        self._change("reply")

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def _change(self, mode: Mode) -> None:
        self._run(self._set_mode(mode))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _listen(self) -> None:
        self._relaying.set()
        if self._directory is not None:
            path = self._directory / _POSTGRES_SOCKET
            self._server = await asyncio.start_unix_server(self._accept, path)
            path.chmod(0o777)
        else:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        await self._disconnect_all()

    async def _set_mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "relay":
            self._relaying.set()
        else:
            self._relaying.clear()
        if mode in {"refuse", "reply"}:
            await self._disconnect_all()

    async def _disconnect_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        with _closing(writer):
            if self._mode == "reply":
                await reader.read(_PIECE)
                writer.write(self._reply)
                await writer.drain()
            elif self._mode != "refuse":
                await self._relaying.wait()
                upstream, to_upstream = await self._connect()
                with _closing(to_upstream):
                    sending = asyncio.create_task(self._copy(reader, to_upstream))
                    try:
                        await self._copy(upstream, writer)
                    finally:
                        sending.cancel()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._relaying.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Closes the connection; what ends it otherwise is what its client or its server does."""
    try:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            yield
    finally:
        writer.close()

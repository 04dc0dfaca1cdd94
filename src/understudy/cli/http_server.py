"""uvicorn on sockets that are bound already, with a stop that drains the application first."""

import asyncio
import importlib.util
import logging
import math
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any, Final

import uvicorn

from understudy.app import Understudy
from understudy.cli.balanced_listener import BalancedListener, ConnectionCounts
from understudy.cli.socket_protocol import SocketProtocol
from understudy.looper import align_delay
from understudy.settings import Settings

_BACKLOG: Final = 2048
# Clients that poll reuse their connections, at intervals of a second or more.
_KEEP_ALIVE: Final = 75
_LAST_STEP_SECONDS: Final = 1
"""For the errors of cancelled requests to be written."""
_log = logging.getLogger("understudy.server")


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a server calls at its start, before it stops listening, and in the end to drain the application."""

    started: Callable[[], None]
    stopping: Callable[[], None]


class Server(uvicorn.Server):
    """Drains the application before it waits for connections; the exit code after a stop signal is 0.

    Stops by itself when a later version has upgraded the database.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        hooks: Hooks,
        understudy: Understudy,
        state: dict[str, Any],
        group: tuple[ConnectionCounts, int] | None = None,
    ) -> None:
        """`group` is for one of several processes that share the sockets: their counts, and its own number."""
        super().__init__(config)
        self._hooks = hooks
        self._understudy = understudy
        self._state = state
        self._group = group
        self._woken: asyncio.Event | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state.update(self._state)
        sockets = sockets or []
        if self._group is not None:
            await super().startup([])
            self._listen_balanced(sockets, *self._group)
            self._hooks.started()
            return
        await super().startup([bound for bound in sockets if bound.family != socket.AF_UNIX])
        await self._serve_unix_sockets([bound for bound in sockets if bound.family == socket.AF_UNIX])
        self._hooks.started()

    def _listen_balanced(self, sockets: Sequence[socket.socket], counts: ConnectionCounts, process: int) -> None:
        connections = self.server_state.connections
        for bound in sockets:
            listener = BalancedListener(bound, self._build_protocol, counts, process, connections.__len__)
            listener.start(self.config.backlog)
            self.servers.append(listener)  # type: ignore[arg-type]  # has what the base class uses

    async def _serve_unix_sockets(self, sockets: Sequence[socket.socket]) -> None:
        """The base class takes internet sockets only."""
        loop, config = asyncio.get_running_loop(), self.config
        # The file is ours to delete, once all processes have stopped.
        is_cleaning = sys.version_info >= (3, 13) and isinstance(loop, asyncio.SelectorEventLoop)
        options: dict[str, Any] = {"cleanup_socket": False} if is_cleaning else {}
        for bound in sockets:
            server = await loop.create_unix_server(self._build_protocol, sock=bound, backlog=config.backlog, **options)
            self.servers.append(server)

    def _build_protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    def use_settings(self, settings: Settings) -> None:
        """Later connections have the limits of these settings."""
        protocol = choose_http_protocol(settings.limits.upload_silence)
        if not isinstance(protocol, str):
            self.config.http_protocol_class = protocol

    async def main_loop(self) -> None:
        """The base class looks ten times a second whether it has to stop; this waits for that, and sets the date."""
        self._woken = asyncio.Event()
        waits = [asyncio.create_task(event.wait()) for event in (self._woken, self._understudy.superseded)]
        while not (await self.on_tick(0) or any(wait.done() for wait in waits)):
            await asyncio.wait(waits, timeout=align_delay(1.0), return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("stopping")
        self._hooks.stopping()
        for server in self.servers:
            server.close()
        loop, seconds = asyncio.get_running_loop(), self.config.timeout_graceful_shutdown or 0
        # The base class would wait as long again after the drain, and log its cancellations as a fault.
        self.config.timeout_graceful_shutdown = seconds + 2 * _LAST_STEP_SECONDS
        cancel = loop.call_later(seconds, self._cancel_requests)
        abort = loop.call_later(seconds + _LAST_STEP_SECONDS, self._abort_connections)
        try:
            await drain_within(self._understudy.drain, seconds)
        finally:
            await super().shutdown(sockets)
            cancel.cancel()
            abort.cancel()
        _log.info("stopped")

    def _cancel_requests(self) -> None:
        """Each of them that has not begun its response gets an error."""
        tasks = self.server_state.tasks
        if tasks:
            _log.warning("requests that did not end before the stop were cancelled: %d", len(tasks))
        for task in tasks:
            task.cancel()

    def _abort_connections(self) -> None:
        """Their clients have not read what was sent."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        # The base class raises the signal again after the stop, which would kill the process.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
        if self._woken is not None:
            asyncio.get_running_loop().call_soon_threadsafe(self._woken.set)


async def drain_within(drain: Callable[[], Awaitable[None]], seconds: float | None) -> None:
    """Logs a warning after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await drain()
    except TimeoutError:
        _log.warning("active runs were not released within %s s", seconds)


def build_config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=choose_http_protocol(settings.limits.upload_silence),
        ws=SocketProtocol,
        ws_max_size=settings.limits.body_bytes,
        ws_per_message_deflate=False,
        lifespan="off",  # entered by us, so that its errors end the start with their own text
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
    )


def choose_http_protocol(body_seconds: float) -> Any:
    """Ours on httptools; without it h11, which has limits of its own."""
    if importlib.util.find_spec("httptools") is None:
        return "h11"
    from understudy.cli.protocol import BoundedProtocol

    return partial(BoundedProtocol, body_seconds=body_seconds)

"""The second address of a process, with its metrics and health: of servers, and of workers, which have no other one."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette

from understudy.api.metrics import METRICS_PATH, build_metrics_app
from understudy.cli.listen import bind
from understudy.settings import Settings, is_loopback

_STOP_SECONDS: Final = 1
_log = logging.getLogger("understudy.server")


@asynccontextmanager
async def serve_metrics(app: Starlette, settings: Settings, process: int | None = None) -> AsyncIterator[None]:
    """Serves the metrics of an application whose lifespan has begun, if `metrics.port` is set.

    `process` is its number among those of one server. Raises ClickException if the port is in use.
    """
    host, port = settings.metrics.host, settings.metrics.port
    if port is None:
        yield
        return
    listeners = bind([host], port + (process or 0) if port else 0, advice="`metrics.port`")
    server = _MetricsServer(
        uvicorn.Config(
            build_metrics_app(app.state.parts),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(list(listeners.sockets)))
    started = asyncio.create_task(server.started_event.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    _log.info("metrics at %s", _url(listeners.sockets[0]))
    if not is_loopback(host) and settings.metrics.token is None:
        _log.warning("other machines can read the metrics on %s: set `metrics.token`, or restrict the network", host)
    try:
        yield
    finally:
        started.cancel()
        server.should_exit = True
        await task


class _MetricsServer(uvicorn.Server):
    """Leaves signals to the server of the API, or to the worker."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.started_event = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.started_event.set()


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{METRICS_PATH}"

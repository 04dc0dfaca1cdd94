"""Runs the application under uvicorn: sockets, the banner, and a graceful stop of streams.

Uses two things of the application: its lifespan, and `app.state.understudy.drain()`.
"""

import asyncio
import gc
import importlib.util
import logging
import math
import resource
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
import uvicorn

from understudy import __version__
from understudy.app import Role, Understudy, create_app
from understudy.cli import first_key, logs, trials
from understudy.cli.background_setup import build_documentation, set_up_embedder, set_up_interpreter
from understudy.cli.banner import banner, keys_command
from understudy.cli.embedder_state import is_embedder_missing
from understudy.cli.interpreter_state import is_environment_missing
from understudy.cli.listen import open_sockets
from understudy.cli.processes import Child, require_cluster
from understudy.cli.status import status
from understudy.errors import SettingsError, StoreError
from understudy.settings import LoadedSettings, Settings, is_any, is_loopback
from understudy.site.files import is_built

_BACKLOG = 2048
# Clients that poll reuse their connections, at intervals of a second or more.
_KEEP_ALIVE = 75
_OPEN_FILES = 65536
# The event loop takes one connection from each listening socket a turn. Under load a turn takes long, and clients that
# come then would wait for seconds: so it listens on the same socket several times.
_ACCEPT_BATCH = 16
_log = logging.getLogger("understudy.server")


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a server makes after its start, if it is missing: the code interpreter's environment, and by scripts the
    extra `embed` and the documentation.
    """

    interpreter: bool = False
    embedder: Path | None = None
    docs: Path | None = None


def run(
    loaded: LoadedSettings,
    started: float,
    preparation: Preparation,
    *,
    child: Child | None = None,
    runs_jobs: bool = True,
) -> None:
    """Serves until a stop signal. `started` is the `perf_counter` at the start of the process.

    `child` is what a process of several has from its parent.
    """
    logs.configure(loaded.settings)
    _raise_open_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(loaded, started, preparation, child, runs_jobs=runs_jobs))


def run_worker(loaded: LoadedSettings, started: float) -> None:
    """Runs jobs, without HTTP, until a stop signal. Raises SettingsError without a broker."""
    require_cluster(loaded.settings, "`understudy worker`")
    logs.configure(loaded.settings)
    _raise_open_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_work(loaded.settings, started))


async def _work(settings: Settings, started: float) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    app = create_app(settings, role=Role(address=None))
    async with app.router.lifespan_context(app):
        understudy: Understudy = app.state.understudy
        _tune_garbage_collector()
        click.echo(f"Understudy {__version__}, a worker, is ready in {time.perf_counter() - started:.1f} s")
        waits = [asyncio.create_task(event.wait()) for event in (stopping, understudy.superseded)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        _log.info("stopping")
        await _drain(understudy.drain, settings.shutdown_seconds)
    _log.info("stopped")
    if understudy.superseded.is_set():
        raise _superseded_error()


async def _serve(
    loaded: LoadedSettings, started: float, preparation: Preparation, child: Child | None, *, runs_jobs: bool
) -> None:
    settings = loaded.settings
    sockets = open_sockets(settings) if child is None else child.open_sockets()
    base_url = _base_url(settings.host, sockets[0])
    process = None if child is None else child.process
    app = create_app(settings, role=Role(runs_jobs, process, _node_address(settings.host, sockets[0])))
    async with AsyncExitStack() as stack:
        sockets += [bound.dup() for bound in sockets for _ in range(1, _ACCEPT_BATCH)]
        for bound in sockets:
            stack.enter_context(bound)
        state = await stack.enter_async_context(app.router.lifespan_context(app))
        if child is not None and not child.is_first:
            _tune_garbage_collector()
            await _serve_until_stop(app, settings, child.report_ready, dict(state or {}), sockets)
            return
        # After everything else has started: the key of a failed start would never be printed.
        keyring = await first_key.prepare_keys(settings)
        _check_key_required(settings, keyring)
        vector_problem = await app.state.understudy.store.chunks.problem()

        def announce() -> None:
            if child is not None:
                child.report_ready()
            click.echo(f"Understudy {__version__} is ready in {time.perf_counter() - started:.1f} s")
            lines = status(
                settings,
                vector_problem,
                prepares=preparation.interpreter,
                prepares_embedder=preparation.embedder is not None,
            )
            click.echo(banner(settings, base_url, keyring.first, keys_command(loaded), lines))
            _log_warnings(settings, keyring, vector_problem)
            stack.push_async_callback(_cancel_task, asyncio.create_task(trials.run_startup_checks(settings)))
            stack.push_async_callback(_cancel_task, asyncio.create_task(_prepare(preparation, settings)))

        _tune_garbage_collector()
        await _serve_until_stop(app, settings, announce, dict(state or {}), sockets)


async def _serve_until_stop(
    app: Any, settings: Settings, announce: Callable[[], None], state: dict[str, Any], sockets: list[socket.socket]
) -> None:
    """Raises StoreError if a later version has upgraded the database."""
    understudy: Understudy = app.state.understudy
    await Server(_config(app, settings), announce, understudy, state).serve(sockets)
    if understudy.superseded.is_set():
        raise _superseded_error()


def _superseded_error() -> StoreError:
    return StoreError("The database was upgraded by a later version, so this server has stopped. Start that version.")


async def _prepare(preparation: Preparation, settings: Settings) -> None:
    """The smaller one first."""
    if preparation.embedder is not None and is_embedder_missing(settings):
        await set_up_embedder(preparation.embedder)
    if preparation.docs is not None and not is_built():
        await build_documentation(preparation.docs)
    if preparation.interpreter and is_environment_missing(settings.sandbox):
        await set_up_interpreter()


def _tune_garbage_collector() -> None:
    """Objects of the start live forever, and those of requests are freed by reference counting."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _log_warnings(settings: Settings, keyring: first_key.Keyring, vector_problem: str | None) -> None:
    if keyring.first is not None and keyring.first.file is not None:
        _log.warning("the first API key is in the file %s; delete the file once you have the key", keyring.first.file)
    if vector_problem is not None:
        _log.warning("file search is off: %s", vector_problem)
    if not is_loopback(settings.host):
        _log.warning(
            "other machines reach %s over plain HTTP, which exposes keys and contents to the network: put a"
            " reverse proxy with TLS in front, or listen on 127.0.0.1",
            settings.host,
        )


async def _cancel_task(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _check_key_required(settings: Settings, keyring: first_key.Keyring) -> None:
    if not keyring.active and not is_loopback(settings.host):
        raise SettingsError(
            f"No key is active, and on {settings.host!r} other machines could reach the server. "
            "Create one with `understudy keys create`, set UNDERSTUDY_API_KEY, or listen on 127.0.0.1."
        )


def _base_url(host: str, bound: socket.socket) -> str:
    """The base URL for clients on this machine."""
    if is_any(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/v1"


def _node_address(host: str, bound: socket.socket) -> str:
    """The URL of this server as other machines may know it."""
    host = socket.gethostname() if is_any(host) else host
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}"


class Server(uvicorn.Server):
    """Drains the application before it waits for connections; the exit code after a stop signal is 0.

    Stops by itself when a later version has upgraded the database.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        announce: Callable[[], None],
        understudy: Understudy,
        state: dict[str, Any],
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._understudy = understudy
        self._state = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._understudy.superseded.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("stopping")
        for server in self.servers:
            server.close()
        try:
            await _drain(self._understudy.drain, self.config.timeout_graceful_shutdown)
        finally:
            await super().shutdown(sockets)
        _log.info("stopped")

    def handle_exit(self, sig: int, _: FrameType | None) -> None:
        # The base class raises the signal again after the stop, which would kill the process.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


async def _drain(drain: Callable[[], Awaitable[None]], seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await drain()
    except TimeoutError:
        _log.warning("active runs were not released within %s s", seconds)


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_http_protocol(settings.limits.upload_silence),
        ws="none",
        lifespan="off",  # entered by us, so that its errors end the start with their own text
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_seconds),
    )


def _http_protocol(body_seconds: float) -> Any:
    """Ours on httptools; without it h11, which has limits of its own."""
    if importlib.util.find_spec("httptools") is None:
        return "h11"
    from understudy.cli.protocol import BoundedProtocol

    return partial(BoundedProtocol, body_seconds=body_seconds)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def _raise_open_files() -> None:
    """Raises the soft limit: every stream is an open file, and the usual limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))

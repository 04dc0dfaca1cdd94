"""Starts the application and serves it: sockets, keys, the banner, and the signals of a service manager.

Uses two things of the application: its lifespan, and `app.state.understudy.drain()`.
"""

import asyncio
import importlib.util
import logging
import resource
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from starlette.applications import Starlette

from understudy import __version__, logs
from understudy.app import Role, Understudy, create_app
from understudy.cli import first_key, trials
from understudy.cli.background_setup import build_documentation, set_up_embedder, set_up_interpreter
from understudy.cli.banner import banner, keys_command
from understudy.cli.embedder_state import is_embedder_missing
from understudy.cli.failures import log_failure
from understudy.cli.garbage_collection import tune_garbage_collector
from understudy.cli.http_server import Hooks, Server, build_config, drain_within
from understudy.cli.interpreter_state import is_environment_missing
from understudy.cli.listen import Listeners, open_listeners
from understudy.cli.metrics_server import serve_metrics
from understudy.cli.processes import Child, require_cluster
from understudy.cli.reload import SettingsReloader
from understudy.cli.service_manager import ServiceManager
from understudy.cli.status import status
from understudy.errors import SettingsError, StoreError
from understudy.settings import LoadedSettings, Settings, is_any, is_loopback, unix_path
from understudy.site.files import is_built

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
    with log_failure(loaded.settings), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_process(loaded, started, preparation, child, runs_jobs=runs_jobs))


def run_worker(loaded: LoadedSettings, started: float) -> None:
    """Runs jobs, without HTTP, until a stop signal. Raises SettingsError without a broker."""
    require_cluster(loaded.settings, "`understudy worker`")
    logs.configure(loaded.settings)
    _raise_open_files()
    with log_failure(loaded.settings), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_work(loaded, started))


async def _work(loaded: LoadedSettings, started: float) -> None:
    settings, manager = loaded.settings, ServiceManager()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    app = create_app(settings, role=Role(address=None))
    async with app.router.lifespan_context(app), serve_metrics(app, settings):
        understudy: Understudy = app.state.understudy
        tune_garbage_collector()
        _announce_ready(settings, f"Understudy {__version__}, a worker, is ready", started)
        SettingsReloader(loaded, understudy, manager).listen()
        manager.report_ready("Working")
        pings = asyncio.create_task(manager.ping())
        waits = [asyncio.create_task(event.wait()) for event in (stopping, understudy.superseded)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        _log.info("stopping")
        manager.report_stopping()
        await drain_within(understudy.drain, settings.shutdown_seconds)
        await _cancel_task(pings)
    _log.info("stopped")
    if understudy.superseded.is_set():
        raise _superseded_error()


async def _serve_process(
    loaded: LoadedSettings, started: float, preparation: Preparation, child: Child | None, *, runs_jobs: bool
) -> None:
    settings = loaded.settings
    process = None if child is None else child.process
    async with AsyncExitStack() as stack:
        opened = open_listeners(settings) if child is None else child.open_listeners()
        listeners = stack.enter_context(opened)
        base_url = _base_url(settings.hosts, listeners.port)
        app = create_app(settings, role=Role(runs_jobs, process, _node_address(settings.hosts, listeners.port)))
        state = await stack.enter_async_context(app.router.lifespan_context(app))
        await stack.enter_async_context(serve_metrics(app, settings, process))
        serving = _Serving(loaded, app, dict(state or {}), listeners, child)
        if child is not None and not child.is_first:
            await serving.run(child.report_ready)
            return
        # After everything else has started: the key of a failed start would never be printed.
        keyring = await first_key.prepare_keys(settings)
        _check_key_required(settings, keyring)
        vector_problem = await app.state.understudy.store.chunks.problem()

        def announce() -> None:
            if child is not None:
                child.report_ready()
            _announce_ready(settings, f"Understudy {__version__} is ready", started, base_url)
            lines = status(
                settings,
                vector_problem,
                prepares=preparation.interpreter,
                prepares_embedder=preparation.embedder is not None,
            )
            # A key of a first start on a terminal is printed only here.
            if settings.log_format == "text" or (keyring.first is not None and keyring.first.file is None):
                click.echo(banner(settings, base_url, keyring.first, keys_command(loaded), lines))
            _log_warnings(settings, keyring, vector_problem)
            stack.push_async_callback(_cancel_task, asyncio.create_task(trials.run_startup_checks(settings)))
            stack.push_async_callback(_cancel_task, asyncio.create_task(_prepare(preparation, settings)))

        await serving.run(announce)


@dataclass(frozen=True, slots=True)
class _Serving:
    """One process that serves an application whose lifespan has begun; `state` is that of the lifespan."""

    loaded: LoadedSettings
    app: Starlette
    state: dict[str, Any]
    listeners: Listeners
    child: Child | None

    async def run(self, announce: Callable[[], None]) -> None:
        """Serves until a stop signal. Raises StoreError if a later version has upgraded the database."""
        understudy: Understudy = self.app.state.understudy
        manager = ServiceManager()
        pings = [asyncio.create_task(manager.ping())]

        def started() -> None:
            reloader.listen()
            announce()
            if self.child is not None:
                pings.append(asyncio.create_task(self.child.report_alive()))
            manager.report_ready("Serving")

        def stopping() -> None:
            manager.report_stopping()
            self.listeners.unlink()

        config = build_config(self.app, self.loaded.settings)
        group = None if self.child is None else (self.child.open_counts(), self.child.process)
        server = Server(config, Hooks(started, stopping), understudy, self.state, group)
        reloader = SettingsReloader(self.loaded, understudy, manager, server.use_settings)
        tune_garbage_collector()
        with ExitStack() as stack:
            bound = self.listeners.sockets
            times = _ACCEPT_BATCH if group is None else 1
            copies = [stack.enter_context(one.dup()) for one in bound for _ in range(1, times)]
            await server.serve([*bound, *copies])
        for task in pings:
            await _cancel_task(task)
        if understudy.superseded.is_set():
            raise _superseded_error()


def _announce_ready(settings: Settings, message: str, started: float, base_url: str | None = None) -> None:
    """`started` is the `perf_counter` at the start of the process."""
    seconds = time.perf_counter() - started
    if settings.log_format == "text":
        click.echo(f"{message} in {seconds:.1f} s")
        return
    fields = {"version": __version__, "url": base_url or "", "duration_ms": round(seconds * 1000, 1)}
    _log.info("%s", message, extra={"event": "server.ready", "fields": fields})


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


def _log_warnings(settings: Settings, keyring: first_key.Keyring, vector_problem: str | None) -> None:
    if keyring.first is not None and keyring.first.file is not None:
        _log.warning("the first API key is in the file %s; delete the file once you have the key", keyring.first.file)
    if vector_problem is not None:
        _log.warning("file search is off: %s", vector_problem)
    if exposed := _list_exposed(settings):
        _log.warning(
            "other machines reach %s over plain HTTP, which exposes keys and contents to the network: put a"
            " reverse proxy with TLS in front, or listen on 127.0.0.1",
            ", ".join(exposed),
        )


def _list_exposed(settings: Settings) -> list[str]:
    """The addresses that other machines may reach."""
    return [host for host in settings.hosts if not is_loopback(host)]


async def _cancel_task(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _check_key_required(settings: Settings, keyring: first_key.Keyring) -> None:
    exposed = _list_exposed(settings)
    if not keyring.active and exposed:
        raise SettingsError(
            f"No key is active, and on {', '.join(map(repr, exposed))} other machines could reach the server. "
            "Create one with `understudy keys create`, set UNDERSTUDY_API_KEY, or listen on 127.0.0.1."
        )


def _base_url(hosts: Sequence[str], port: int | None) -> str | None:
    """The base URL for clients on this machine; None with Unix sockets only."""
    internet = [host for host in hosts if unix_path(host) is None]
    if port is None or not internet:
        return None
    host = next((host for host in internet if ":" not in host), internet[0])
    if is_any(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{_bracket(host)}:{port}/v1"


def _node_address(hosts: Sequence[str], port: int | None) -> str:
    """The URL of this server as other machines may know it; empty with Unix sockets only."""
    internet = [host for host in hosts if unix_path(host) is None]
    if port is None or not internet:
        return ""
    host = next((host for host in internet if not is_loopback(host)), internet[0])
    return f"http://{socket.gethostname() if is_any(host) else _bracket(host)}:{port}"


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


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

"""The checks of `understudy doctor`. They change nothing; each returns its result and what to do about it."""

import asyncio
import importlib.util
import os
import platform
import resource
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path

import apsw
import click

from understudy.blobs import open_blobs
from understudy.broker.opening import build_broker
from understudy.cli.embedder_state import describe_embedder, find_embedding_model, recommend_model
from understudy.cli.listen import bind
from understudy.cli.node_checks import CheckResult, check_nodes, format_time
from understudy.cli.sign_in_check import check_sign_in
from understudy.cli.web_search_check import check_web_search
from understudy.clock import SystemClock
from understudy.errors import SandboxError, SettingsError, StoreError, UpstreamError
from understudy.llm.router import PROVIDER_TYPES
from understudy.retrieval import e5_weights, semantic
from understudy.retrieval.embed import BUILTIN, E5
from understudy.settings import MEMORY_BROKER, EmbeddingSettings, ProviderSettings, SandboxSettings, Settings, unix_path
from understudy.settings.sections.embeddings import AUTO
from understudy.store import data_directory, journal_files, postgres_url
from understudy.store.examination import examine_database, examine_embedding, examine_journals
from understudy.tools.sandbox.report import facts

_TIMEOUT_SECONDS = 3.0
_SPACE_LOW, _MIN_FREE_BYTES = 1024**3, 100 * 1024**2
_MIN_OPEN_FILES = 4096
_PROBE_SECONDS = 2.0
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a server on all interfaces listens there as well
_UNFOLDED_SECONDS = 60.0


async def run_checks(settings: Settings) -> list[CheckResult]:
    """All checks, local ones first; the remote ones run concurrently."""
    local = [
        _check_python(),
        _check_sqlite(),
        *_check_speedups(),
        _check_clock(),
        _check_open_files(),
        _check_port(settings),
        _check_data_directory(settings.data),
        _check_embedder(settings),
    ]
    remote, nodes = await asyncio.gather(asyncio.gather(*_remote_checks(settings)), _check_nodes(settings))
    return [*local, *remote, *nodes]


def _check_python() -> CheckResult:
    return CheckResult("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _check_sqlite() -> CheckResult:
    version = apsw.sqlite_lib_version()
    if "ENABLE_FTS5" in apsw.compile_options:
        return CheckResult("sqlite", "ok", f"{version} with full-text search")
    return CheckResult("sqlite", "broken", f"{version} has no FTS5; install the `apsw` wheel from its package index")


def _check_speedups() -> Iterator[CheckResult]:
    for name in ("uvloop", "httptools"):
        if importlib.util.find_spec(name):
            yield CheckResult(name, "ok", "installed")
        else:
            yield CheckResult(name, "warning", f"missing; `pip install {name}` makes the server faster")


def _check_clock() -> CheckResult:
    installed_at = Path(__file__).stat().st_mtime
    now = format_time(time.time())
    if time.time() < installed_at - 86400:
        return CheckResult("clock", "warning", f"{now} is before the installation of this program; set the clock")
    return CheckResult("clock", "ok", now)


def _check_open_files() -> CheckResult:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _MIN_OPEN_FILES:
        return CheckResult("open files", "warning", f"{hard} at most; raise it (`ulimit -Hn 65536`) for many streams")
    return CheckResult("open files", "ok", "no limit" if hard == resource.RLIM_INFINITY else f"{hard} at most")


def _check_port(settings: Settings) -> CheckResult:
    hosts = [host for host in settings.hosts if unix_path(host) is None]
    if not hosts:
        return CheckResult("port", "ok", "not used: only Unix sockets")
    try:
        for bound in bind(hosts, settings.port).sockets:
            bound.close()
    except click.ClickException as error:
        if _is_served(hosts[0], settings.port):
            return CheckResult("port", "ok", f"{hosts[0]}:{settings.port} is in use by a running Understudy server")
        return CheckResult("port", "warning", f"{error.message} Or stop what listens there.")
    return CheckResult("port", "ok", ", ".join(f"{host}:{settings.port}" for host in hosts) + " is free")


def _is_served(host: str, port: int) -> bool:
    """Whether an Understudy server listens there; another program does not send both of its headers."""
    import http.client

    connection = http.client.HTTPConnection(_LOOPBACK.get(host, host), port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/health/live")
        response = connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return response.status == 200 and {"x-inference-id", "openai-version"} <= set(response.headers)
    finally:
        connection.close()


def _check_data_directory(data: Path) -> CheckResult:
    nearest = next(folder for folder in (data, *data.parents) if os.access(folder, os.F_OK))
    free = shutil.disk_usage(nearest).free
    subject, space = "data directory", f"{free / 1024**3:.1f} GiB free"
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return CheckResult(subject, "broken", f"{nearest} cannot be written; choose another one with --data")
    if free < _MIN_FREE_BYTES:
        return CheckResult(subject, "broken", f"{data}: only {space}; make room")
    if readable := _find_public_path(data):
        return CheckResult(subject, "warning", f"{readable} can be read by others; run `chmod go-rwx {readable}`")
    if free < _SPACE_LOW:
        return CheckResult(subject, "warning", f"{data}: only {space}")
    future = "" if os.access(data, os.F_OK) else "; it does not exist, and `serve` creates it"
    return CheckResult(subject, "ok", f"{data}, {space}{future}")


def _check_embedder(settings: Settings) -> CheckResult:
    subject = "file search"
    if settings.embeddings.model in {AUTO, E5} and semantic.is_installed():
        try:
            e5_weights.open_weights().close()
        except e5_weights.UnusableModelError as error:
            return CheckResult(subject, "broken", str(error))
    return CheckResult(subject, "ok", f"on, with {describe_embedder(settings)}")


def _find_public_path(data: Path) -> Path | None:
    for path in (data, data / data_directory.DATABASE):
        if os.access(path, os.F_OK) and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return path
    return None


def _remote_checks(settings: Settings) -> Iterator[Awaitable[CheckResult]]:
    yield _check_database(settings)
    if settings.broker != MEMORY_BROKER:
        yield _check_broker(settings)
    yield _check_blobs(settings)
    yield _check_sandbox(settings.sandbox)
    yield _check_vectors(settings)
    yield _check_journals(settings)
    for name, provider in settings.providers.items():
        yield _check_provider(name, provider, settings.embeddings)
    if settings.oidc.issuer is not None:
        yield check_sign_in(settings.oidc)
    if settings.web_search.provider is not None:
        yield check_web_search(settings)


async def _check_database(settings: Settings) -> CheckResult:
    if settings.database is None:
        return CheckResult("database", "ok", "SQLite in the data directory")
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            database = await examine_database(settings.database, is_pooled=settings.postgres.is_pooled)
    except StoreError as error:
        return CheckResult("database", "broken", str(error))
    except TimeoutError:
        where = postgres_url.describe(settings.database)
        return CheckResult("database", "broken", f"{where} timed out after {_TIMEOUT_SECONDS:g} s")
    if database.vector_problem is not None:
        return CheckResult("database", "broken", f"{database.place}: {database.vector_problem}")
    return CheckResult(
        "database", "ok", database.place + ("" if database.has_schema else ", without tables: `serve` creates them")
    )


async def _check_nodes(settings: Settings) -> list[CheckResult]:
    return [] if settings.database is None else await check_nodes(settings, settings.database)


async def _check_broker(settings: Settings) -> CheckResult:
    try:
        broker = build_broker(settings.broker, _TIMEOUT_SECONDS)
        try:
            await broker.start()
            is_available = broker.is_available
        finally:
            await broker.stop()
    except SettingsError as error:
        return CheckResult("broker", "broken", str(error))
    if not is_available:
        return CheckResult("broker", "broken", f"{broker} is unreachable; check that it runs there")
    return CheckResult("broker", "ok", str(broker))


async def _check_blobs(settings: Settings) -> CheckResult:
    if settings.blobs.kind == "directory":
        return CheckResult("files", "ok", "stored in the data directory")
    try:
        with tempfile.TemporaryDirectory() as spool:
            blobs = await open_blobs(settings.blobs, Path(spool))
            await blobs.close()
    except (SettingsError, StoreError) as error:
        return CheckResult("files", "broken", str(error))
    return CheckResult("files", "ok", f"stored in the bucket {settings.blobs.bucket!r}")


async def _check_sandbox(settings: SandboxSettings) -> CheckResult:
    """A missing sandbox is only a warning: everything else works without it."""
    subject = "code interpreter"
    try:
        return CheckResult(subject, "ok", "; ".join(await facts(settings, SystemClock())))
    except SandboxError as error:
        return CheckResult(subject, "warning", str(error))


async def _check_vectors(settings: Settings) -> CheckResult:
    """Pending vectors delay nothing: their files are found by words and built-in vectors."""
    subject = "vectors"
    if settings.embeddings.model not in {AUTO, E5}:
        return CheckResult(subject, "ok", f"made by {settings.embeddings.model!r} when a file is indexed")
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            pending = await examine_embedding(settings.data, settings.database, is_pooled=settings.postgres.is_pooled)
    except (StoreError, TimeoutError):
        pending = None  # the database's own check has the reason
    if pending is None or not pending.files:
        return CheckResult(subject, "ok", "complete" if pending else "none yet")
    left = f"{pending.files} files with {pending.passages} passages have built-in vectors"
    if semantic.is_installed():
        return CheckResult(subject, "ok", f"{left}; a server replaces them in the background")
    return CheckResult(subject, "ok", left)


async def _check_journals(settings: Settings) -> CheckResult:
    subject = "usage"
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            facts = await examine_journals(settings.data, settings.database, is_pooled=settings.postgres.is_pooled)
    except (StoreError, TimeoutError):
        return CheckResult(subject, "ok", "not checked: the database is unavailable")
    where = settings.data / journal_files.FOLDER
    if facts.damaged:
        return CheckResult(
            subject, "warning", f"{facts.damaged} records in {where} are damaged, as by a power cut, and do not count"
        )
    if not facts.records:
        torn = f"; {facts.torn_bytes} bytes in {where} are of an unfinished record" if facts.torn_bytes else ""
        return CheckResult(subject, "ok", f"all in the ledger{torn}")
    text = f"{facts.records} records in {where} are not in the ledger yet"
    if facts.oldest < _UNFOLDED_SECONDS:
        return CheckResult(subject, "ok", text)
    return CheckResult(subject, "warning", f"{text}, for {facts.oldest:.0f} s; a server that runs there adds them")


async def _check_provider(name: str, settings: ProviderSettings, embeddings: EmbeddingSettings) -> CheckResult:
    subject = f"provider {name}"
    if settings.kind == "azure":
        return CheckResult(subject, "ok", f"{settings.base_url}, not checked: Azure does not list deployments")
    provider = PROVIDER_TYPES[settings.kind](name, settings, SystemClock())
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            cards = await provider.models()
    except UpstreamError as error:
        return CheckResult(subject, "broken", f"{settings.base_url}: {error}")
    except TimeoutError:
        return CheckResult(subject, "broken", f"{settings.base_url} timed out after {_TIMEOUT_SECONDS:g} s")
    finally:
        await provider.close()
    text = f"{settings.base_url} has {len(cards)} models"
    model = find_embedding_model(card.id for card in cards)
    if model is not None and embeddings.model in {AUTO, BUILTIN, E5}:
        text += f", among them {model!r} for file search. {recommend_model(name, model)}"
    return CheckResult(subject, "ok", text)

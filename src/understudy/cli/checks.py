"""The examinations of `understudy doctor`. They change nothing; each tells what it found and what to do about it."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import apsw

from understudy.blobs import open_blobs
from understudy.cli.listen import bind
from understudy.clock import SystemClock
from understudy.errors import SandboxError, SettingsError, StoreError, UpstreamError
from understudy.llm.router import KINDS
from understudy.settings import ProviderSettings, SandboxSettings, Settings
from understudy.store import data_directory, postgres_url
from understudy.store.examination import examine_database
from understudy.tools.sandbox.facts import facts

_PATIENCE = 3.0
_SPACE_LOW, _SPACE_NEEDED = 1024**3, 100 * 1024**2
_FILES_NEEDED = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    state: Literal["ok", "warning", "broken"]
    text: str


async def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it is worth reading; the providers are asked at the same time."""
    local = [
        _python(),
        _sqlite(),
        *_speedups(),
        _clock(),
        _open_files(),
        _port(settings),
        _data(settings.data),
    ]
    return [*local, *await asyncio.gather(*_remote(settings))]


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _sqlite() -> Finding:
    version = apsw.sqlite_lib_version()
    if "ENABLE_FTS5" in apsw.compile_options:
        return Finding("sqlite", "ok", f"{version} with full-text search")
    return Finding("sqlite", "broken", f"{version} has no FTS5; install the `apsw` wheel from its package index")


def _speedups() -> Iterator[Finding]:
    for name in ("uvloop", "httptools"):
        if importlib.util.find_spec(name):
            yield Finding(name, "ok", "installed")
        else:
            yield Finding(name, "warning", f"missing; `pip install {name}` makes the server faster")


def _clock() -> Finding:
    written = Path(__file__).stat().st_mtime
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.time() < written - 86400:
        return Finding("clock", "warning", f"it says {shown}, before this program was installed; set it right")
    return Finding("clock", "ok", shown)


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _FILES_NEEDED:
        return Finding("open files", "warning", f"{hard} at most; raise it (`ulimit -Hn 65536`) for many streams")
    return Finding("open files", "ok", "no limit" if hard == resource.RLIM_INFINITY else f"{hard} at most")


def _port(settings: Settings) -> Finding:
    try:
        for bound in bind(settings.host, settings.port):
            bound.close()
    except OSError as error:
        advice = "stop what listens there, or choose --port"
        return Finding("port", "warning", f"{settings.host}:{settings.port}: {error.strerror}; {advice}")
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free")


def _data(data: Path) -> Finding:
    nearest = next(folder for folder in (data, *data.parents) if os.access(folder, os.F_OK))
    free = shutil.disk_usage(nearest).free
    subject, space = "data directory", f"{free / 1024**3:.1f} GiB free"
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return Finding(subject, "broken", f"{nearest} cannot be written; choose another one with --data")
    if free < _SPACE_NEEDED:
        return Finding(subject, "broken", f"{data}: only {space}; make room")
    if readable := _readable_by_others(data):
        return Finding(subject, "warning", f"{readable} can be read by others; run `chmod go-rwx {readable}`")
    if free < _SPACE_LOW:
        return Finding(subject, "warning", f"{data}: only {space}")
    future = "" if os.access(data, os.F_OK) else "; it does not exist, and `serve` creates it"
    return Finding(subject, "ok", f"{data}, {space}{future}")


def _readable_by_others(data: Path) -> Path | None:
    for path in (data, data / data_directory.DATABASE):
        if os.access(path, os.F_OK) and stat.S_IMODE(path.stat().st_mode) & 0o077:
            return path
    return None


def _remote(settings: Settings) -> Iterator[Awaitable[Finding]]:
    yield _database(settings)
    yield _files(settings)
    yield _sandbox(settings.sandbox)
    for name, provider in settings.providers.items():
        yield _provider(name, provider)


async def _database(settings: Settings) -> Finding:
    if settings.database is None:
        return Finding("database", "ok", "SQLite in the data directory")
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await examine_database(settings.database)
    except StoreError as error:
        return Finding("database", "broken", str(error))
    except TimeoutError:
        where = postgres_url.describe(settings.database)
        return Finding("database", "broken", f"{where} did not answer within {_PATIENCE:g} seconds")
    if found.vector_problem is not None:
        return Finding("database", "broken", f"{found.place}: {found.vector_problem}")
    return Finding(
        "database", "ok", found.place + ("" if found.has_schema else ", without tables: `serve` creates them")
    )


async def _files(settings: Settings) -> Finding:
    if settings.blobs.kind == "directory":
        return Finding("files", "ok", "their bytes are in the data directory")
    try:
        with tempfile.TemporaryDirectory() as spool:
            blobs = await open_blobs(settings.blobs, Path(spool))
            await blobs.close()
    except (SettingsError, StoreError) as error:
        return Finding("files", "broken", str(error))
    return Finding("files", "ok", f"their bytes are in the bucket {settings.blobs.bucket!r}")


async def _sandbox(settings: SandboxSettings) -> Finding:
    """Not broken where it is missing: everything else works without."""
    subject = "code interpreter"
    try:
        return Finding(subject, "ok", "; ".join(await facts(settings, SystemClock())))
    except SandboxError as error:
        return Finding(subject, "warning", str(error))


async def _provider(name: str, settings: ProviderSettings) -> Finding:
    subject = f"provider {name}"
    if settings.kind == "azure":
        return Finding(subject, "ok", f"{settings.base_url}, not asked: Azure does not list deployments")
    provider = KINDS[settings.kind](name, settings, SystemClock())
    try:
        async with asyncio.timeout(_PATIENCE):
            cards = await provider.models()
    except UpstreamError as error:
        return Finding(subject, "broken", f"{settings.base_url}: {error}")
    except TimeoutError:
        return Finding(subject, "broken", f"{settings.base_url} did not answer within {_PATIENCE:g} seconds")
    finally:
        await provider.close()
    return Finding(subject, "ok", f"{settings.base_url} has {len(cards)} models")

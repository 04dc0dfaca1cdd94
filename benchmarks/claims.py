"""Lists of waiting jobs beside a backlog, and pages of a large table: on the store alone, in this process.

A step is what a worker does before each claim: it lists the oldest waiting jobs of up to 100 projects.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, LiteralString

from benchmarks import postgres
from understudy.store import Store, open_store
from understudy.store.batch_jobs import BatchCursors
from understudy.store.database import Transaction
from understudy.store.fair_candidates import FairCursor
from understudy.store.pages import PageRequest
from understudy.store.run_lists import RunFilter

_BACKLOGS = (10, 1_000, 100_000)
_PROJECTS = 1_000
_FINISHED, _PORTION = 1_000_000, 100_000
_STEPS = 40
_NOW = 2_000_000_000.0
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)"
_ONE: LiteralString = "$2"
_EACH: LiteralString = "$2 || n"


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one step, in seconds: of this process's processor time, and of the time that it took."""

    database: str
    queued: str
    step: str
    cpu: float
    elapsed: float


async def measure(directory: Path, server: str | None) -> list[Row]:
    """The rows of SQLite, and with the URL of a server those of PostgreSQL."""
    rows = await _measure(directory / "sqlite", None)
    if server is not None:
        rows += await _measure(directory / "postgres", await postgres.create_database(server, "claims"))
    return rows


async def _measure(directory: Path, url: str | None) -> list[Row]:
    name = "SQLite" if url is None else "PostgreSQL"
    rows: list[Row] = []
    async with AsyncExitStack() as stack:
        store = await open_store(directory, url)
        stack.push_async_callback(store.close)
        filled = 0
        for backlog in _BACKLOGS:
            await _queue(store, f"ours{backlog}_", "ours", backlog - filled, _ONE)
            filled = backlog
            rows += await _lists(store, name, f"{backlog:,}")
        await _queue(store, "theirs_", "proj_", _PROJECTS, _EACH)
        rows += await _lists(store, name, f"{filled:,} and {_PROJECTS:,} projects")
        for portion in range(_FINISHED // _PORTION):
            await _execute(store, _runs("'completed'", _ONE), _PORTION, "ours", f"done{portion}_")
        await _analyze(store)
        rows += await _lists(store, name, f"{filled:,}, and {_FINISHED:,} that ended")
        rows.append(await _page(store, name))
    return rows


async def _lists(store: Store, database: str, queued: str) -> list[Row]:
    await _analyze(store)
    runs, batches, videos = FairCursor(), BatchCursors(), FairCursor()
    steps: Sequence[tuple[str, Callable[[], Awaitable[Any]]]] = (
        ("runs", lambda: store.runs.list_waiting(100, runs)),
        ("batches", lambda: store.batch_jobs.list_candidates(100, batches)),
        ("videos", lambda: store.videos.list_candidates(_NOW, 100, videos)),
    )
    return [await _time(database, queued, name, step) for name, step in steps]


async def _page(store: Store, database: str) -> Row:
    """The first page of all runs of the project."""
    queued = f"{_FINISHED:,} that ended"
    return await _time(
        database, queued, "page of a project's runs", lambda: store.runs.page_all("ours", PageRequest(), RunFilter())
    )


async def _time(database: str, queued: str, name: str, step: Callable[[], Awaitable[Any]]) -> Row:
    for _ in range(_STEPS // 4):
        await step()
    spent, took = [], []
    for _ in range(_STEPS):
        cpu, started = time.process_time(), time.perf_counter()
        await step()
        spent.append(time.process_time() - cpu)
        took.append(time.perf_counter() - started)
    return Row(database, queued, name, median(spent), median(took))


async def _queue(store: Store, prefix: str, project: str, count: int, projects: LiteralString) -> None:
    for sql in (_runs("'queued'", projects), _batches(projects), _videos(projects)):
        await _execute(store, sql, count, project, prefix)


def _runs(status: LiteralString, project: LiteralString) -> str:
    return (
        "INSERT INTO runs (id, thread_id, project_id, status, attempts, expires_at, progress, created_at, body)"
        f" {_NUMBERS} SELECT 'run_' || $3 || n, 'thread_' || $3 || n, {project}, {status}, 0, 4000000000, '{{}}', 1,"
        " '{}' FROM numbers"
    )


def _batches(project: LiteralString) -> str:
    counts = ", ".join("0" * 7)
    return (
        "INSERT INTO batches (id, project_id, dialect, status, total, completed, failed, input_tokens, cached_tokens,"
        f" output_tokens, reasoning_tokens, body) {_NUMBERS}"
        f" SELECT 'batch_' || $3 || n, {project}, 'openai', 'validating', {counts}, '{{}}' FROM numbers"
    )


def _videos(project: LiteralString) -> str:
    return (
        "INSERT INTO generations (id, project_id, state, attempts, due_at, provider, token, body)"
        f" {_NUMBERS} SELECT 'video_' || $3 || n, {project}, 'queued', 0, 0, 'p', 't', '{{}}' FROM numbers"
    )


async def _execute(store: Store, sql: str, *arguments: Any) -> None:
    def write() -> Transaction[None]:
        yield sql, arguments

    await store.database.write(write)


async def _analyze(store: Store) -> None:
    if store.database.dialect == "postgres":
        await _execute(store, "ANALYZE")

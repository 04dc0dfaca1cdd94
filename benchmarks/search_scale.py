"""How the time of a search grows with the passages of a project: p50, p95, processor time and recall, on one database.

A project has one store of all passages and many small ones. Searches run in this process, without HTTP and ranking.
"""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import postgres, report
from benchmarks.report import Report
from benchmarks.stage import Stage
from benchmarks.synthetic_passages import SyntheticPassages, SyntheticQuery
from understudy.retrieval.builtin import DIMENSIONS
from understudy.store import Store, open_store
from understudy.store.chunk_rows import NewChunk
from understudy.store.chunk_search import StoreHits, StoreQuery
from understudy.store.database import Transaction
from understudy.text.terms import passage_terms

_FILE_SIZE, _SMALL_FILES, _SMALL_SHARE = 50, 20, 10
"""Passages of a file, files of a small store, and the part of all files that the small stores have beside the large."""

_WRITERS, _TRUTH_FILES = 8, 400
_QUERIES, _TOP, _DEPTH = 30, 20, 50
_RATIO, _RECALL = 2.5, 0.97
_EMBEDDER, _LANGUAGE = "benchmark", "english"
_MODES = ("vectors", "words", "both")
_TICK = 0.005


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where a query searches: `allows` has the files of the large store; None is a whole store."""

    name: str
    allows: Callable[[SyntheticQuery, int, int], bool] | None
    is_small: bool = False


_SCOPES = (
    _Scope("one large store", None),
    _Scope("50 % of its files", lambda _, file, __: file % 2 == 0),
    _Scope("50 % of its files, other topics", lambda query, _, topic: (topic - query.topic) % 2 == 1),
    _Scope("10 % of its files", lambda _, file, __: file % 10 == 0),
    _Scope("1 % of its files", lambda _, file, __: file % 100 == 0),
    _Scope("0.1 % of its files", lambda _, file, __: file % 1000 == 0),
    _Scope("one store of many", None, is_small=True),
)


@dataclass(slots=True)
class _Measured:
    seconds: list[float]
    cpu: float
    recall: float | None


async def measure(stage: Stage) -> Report:
    columns = ["passages", "scope", "by", "p50 ms", "p95 ms", "CPU ms", "recall@20", "times its CPU"]
    done = Report("search_scale", columns)
    done.conditions = (
        f"{_QUERIES} queries, {stage.options.rounds} times each, at most {_DEPTH} hits of words and of vectors of"
        f" {DIMENSIONS} dimensions. CPU is that of this process and of PostgreSQL. Recall is that of exact search.\n"
        "The last column compares the processor time with that of the first size, as other processes change it less."
    )
    first: dict[tuple[str, str], float] = {}
    for size in stage.options.passages:
        async with _open_filled(done, stage, size) as store:
            project = await _read_project(stage, store, size)
            for scope, mode in itertools.product(_SCOPES, _MODES):
                measured = await _measure_case(stage, project, scope, mode)
                _add_row(done, first, size, (scope.name, mode), measured)
            await _describe_space(done, stage, store, size)
    return done


def _add_row(
    done: Report, first: dict[tuple[str, str], float], size: int, case: tuple[str, str], measured: _Measured
) -> None:
    p50, p95 = statistics.median(measured.seconds), sorted(measured.seconds)[int(len(measured.seconds) * 0.95)]
    ratio = measured.cpu / first.setdefault(case, measured.cpu)
    goals = [] if measured.recall is None else [report.at_least(_RECALL, measured.recall)]
    if ratio != 1:
        goals.append(report.at_most(_RATIO, ratio, " times"))
    recall = "" if measured.recall is None else f"{measured.recall:.3f}"
    cells = report.ms(p50), report.ms(p95), report.ms(measured.cpu), recall, f"{ratio:.2f}"
    done.add(f"{size:,}", *case, *cells, goals=goals)
    done.raw[f"{size} {' '.join(case)}"] = {"seconds": measured.seconds, "cpu": measured.cpu, "recall": measured.recall}


@dataclass(frozen=True, slots=True)
class _Project:
    """`truth` has for each scope and query the nearest passages: file * `_FILE_SIZE` + position."""

    store: Store
    queries: Sequence[SyntheticQuery]
    topics: Sequence[int]
    truth: Sequence[Sequence[Sequence[int]]]


async def _measure_case(stage: Stage, project: _Project, scope: _Scope, mode: str) -> _Measured:
    searches = [_build_search(project, scope, mode, place) for place in range(len(project.queries))]
    found = [await project.store.chunks.search(search, _DEPTH) for search in searches]
    server = await _find_server(stage, project.store)
    seconds, before = [], _cpu(server)
    for search in searches * stage.options.rounds:
        began = time.perf_counter()
        await project.store.chunks.search(search, _DEPTH)
        seconds.append(time.perf_counter() - began)
    recall = None if mode == "words" else _find_recall(found, project.truth[_SCOPES.index(scope)])
    return _Measured(seconds, (_cpu(server) - before) / len(seconds), recall)


def _build_search(project: _Project, scope: _Scope, mode: str, place: int) -> StoreQuery:
    query = project.queries[place]
    files = None
    if scope.allows is not None:
        files = [file for file, topic in enumerate(project.topics) if scope.allows(query, file, topic)]
    number = 1 + place % _SMALL_SHARE if scope.is_small else 0
    vector = None if mode == "words" else query.vector.astype("<f4").tobytes()
    return StoreQuery(number, files, _EMBEDDER, vector, "" if mode == "vectors" else query.words)


def _find_recall(found: Sequence[StoreHits], truth: Sequence[Sequence[int]]) -> float:
    shares = []
    for hits, nearest in zip(found, truth, strict=True):
        near = sorted((hit for hit in hits.chunks if hit.near), key=lambda hit: -(hit.similarity or 0.0))[:_TOP]
        shares.append(len({hit.file * _FILE_SIZE + hit.chunk.position for hit in near} & set(nearest)) / len(nearest))
    return statistics.mean(shares)


# -- the databases, filled once ----------------------------------------------------------------------------------


@asynccontextmanager
async def _open_filled(done: Report, stage: Stage, size: int) -> AsyncIterator[Store]:
    """With `--data`, what an earlier run has stored is used again."""
    url = stage.options.database
    if url is not None:
        url = await postgres.create_database(url, f"scale_{size}", is_reused=True)
    store = await open_store(_directory(stage, size), url)
    try:
        began, spent = time.perf_counter(), _cpu(await _find_server(stage, store))
        added = await _fill(store, size)
        if added:
            seconds, cpu = time.perf_counter() - began, _cpu(await _find_server(stage, store)) - spent
            done.notes.append(
                f"{size:,} passages: {added:,} stored in {seconds:.0f} s, {cpu:.0f} s of CPU, their making included."
            )
        began, spent = time.perf_counter(), _cpu(await _find_server(stage, store))
        await store.chunks.divide_stores()
        seconds, cpu = time.perf_counter() - began, _cpu(await _find_server(stage, store)) - spent
        done.notes.append(f"{size:,} passages: divided into cells in {seconds:.0f} s, {cpu:.0f} s of CPU.")
        if url is not None:
            await postgres.vacuum(url)
        yield store
    finally:
        await store.close()


def _directory(stage: Stage, size: int) -> Path:
    return Path(stage.options.data or stage.directory) / f"scale-{size}"


async def _fill(store: Store, size: int) -> int:
    """Stores the files that are not in the database yet; returns the number of their passages."""
    present = await store.database.scan(_select_files)
    passages = SyntheticPassages(_FILE_SIZE, DIMENSIONS)
    missing = (place for place in _list_places(size) if place not in present)
    added = 0

    async def write() -> None:
        nonlocal added
        for number, file in missing:
            source = passages.read(file)
            rows = [
                NewChunk(place, 0, len(text), text, row.astype("<f4").tobytes(), *passage_terms(text, "", _LANGUAGE))
                for place, (text, row) in enumerate(zip(source.texts, source.vectors, strict=True))
            ]
            document = await store.chunks.begin(number, file, _EMBEDDER, DIMENSIONS, _LANGUAGE)
            await store.chunks.append(document, rows)
            await store.chunks.finish(document)
            added += len(rows)

    await asyncio.gather(*(write() for _ in range(_WRITERS)))
    return added


def _list_places(size: int) -> Iterator[tuple[int, int]]:
    """Stores and files: 0 is the large store."""
    count = size // _FILE_SIZE
    yield from ((0, file) for file in range(count))
    yield from ((1 + place // _SMALL_FILES, count + place) for place in range(count // _SMALL_SHARE))


def _select_files() -> Transaction[set[tuple[int, int]]]:
    rows = yield "SELECT store, file FROM chunk_documents WHERE state = 1", ()
    return {(store, file) for store, file in rows}


# -- exact search -------------------------------------------------------------------------------------------------


async def _read_project(stage: Stage, store: Store, size: int) -> _Project:
    passages, count = SyntheticPassages(_FILE_SIZE, DIMENSIONS), size // _FILE_SIZE
    queries = [passages.query(file, file % _FILE_SIZE) for file in range(0, count, count // _QUERIES)][:_QUERIES]
    path, names = _directory(stage, size) / "exact.npz", [scope.name for scope in _SCOPES]
    if not path.exists() or np.load(path).get("scopes", np.array([])).tolist() != names:
        topics, truth = await asyncio.to_thread(_search_exactly, passages, queries, size)
        np.savez(path, topics=topics, truth=truth, scopes=np.array(names))
    stored = np.load(path)
    return _Project(store, queries, stored["topics"].tolist(), stored["truth"].tolist())


def _search_exactly(passages: SyntheticPassages, queries: Sequence[SyntheticQuery], size: int) -> tuple[Any, Any]:
    """The topics of the large store's files, and the nearest passages of each scope and query."""
    asked = np.stack([query.vector for query in queries]).T
    best = np.full((len(_SCOPES), len(queries), _TOP), -2.0)
    places = np.zeros_like(best, dtype=np.int64)
    topics = []
    for number, file in _list_places(size):
        topic, vectors = passages.embed(file)
        if number == 0:
            topics.append(topic)
        similarity = vectors @ asked
        own = np.arange(_FILE_SIZE) + file * _FILE_SIZE
        for scope, query in itertools.product(range(len(_SCOPES)), range(len(queries))):
            column = similarity[:, query]
            if column.max() <= best[scope, query, -1] or not _is_allowed(scope, queries, query, number, file, topic):
                continue
            values, numbers = np.append(best[scope, query], column), np.append(places[scope, query], own)
            order = np.argsort(-values)[:_TOP]
            best[scope, query], places[scope, query] = values[order], numbers[order]
    return np.array(topics), places


def _is_allowed(scope: int, queries: Sequence[SyntheticQuery], query: int, number: int, file: int, topic: int) -> bool:
    if _SCOPES[scope].is_small:
        return number == 1 + query % _SMALL_SHARE
    allows = _SCOPES[scope].allows
    return number == 0 and (allows is None or allows(queries[query], file, topic))


# -- processor time and space -------------------------------------------------------------------------------------


async def _find_server(stage: Stage, store: Store) -> psutil.Process | None:
    """The process of a PostgreSQL of this machine."""
    if stage.options.database is None:
        return None
    return _read_server(await store.database.read(_select_data_directory))


def _read_server(directory: str) -> psutil.Process | None:
    try:
        return psutil.Process(int(Path(directory, "postmaster.pid").read_text().split()[0]))
    except (OSError, psutil.Error):
        return None


def _select_data_directory() -> Transaction[str]:
    rows = yield "SELECT current_setting('data_directory')", ()
    return str(rows[0][0])


def _cpu(server: psutil.Process | None) -> float:
    """Seconds of this process and of the database's, those that have ended included."""
    total = time.process_time()
    if server is None:
        return total
    ended = server.cpu_times()
    total += ended.user + ended.system + ended.children_user + ended.children_system
    for child in server.children():
        try:
            times = child.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


async def _describe_space(done: Report, stage: Stage, store: Store, size: int) -> None:
    if stage.options.database is None:
        disk = sum(path.stat().st_size for path in _directory(stage, size).rglob("*.sqlite3*"))
    else:
        disk = await store.database.read(_select_size)
    resident = psutil.Process(os.getpid()).memory_info().rss
    done.notes.append(
        f"{size:,} passages: {disk / 1e6:,.0f} MB on the disk, {disk / size / 1000:.1f} KB each; this process has"
        f" {resident / 1e6:.0f} MB."
    )


def _select_size() -> Transaction[int]:
    rows = yield "SELECT pg_database_size(current_database())", ()
    return int(rows[0][0])

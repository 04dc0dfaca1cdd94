"""How fast text is indexed, with and without the built-in vectors, and what memory a large file takes."""

import asyncio
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import corpus, report
from benchmarks.report import Report
from benchmarks.stage import Stage
from understudy.retrieval import builtin
from understudy.retrieval.builtin import DIMENSIONS
from understudy.retrieval.children import ChildPool
from understudy.retrieval.embed import BuiltinEmbedder, Embedder, Embedders, Vectors, normalize_vector
from understudy.retrieval.extract import Extractor
from understudy.retrieval.search import Index
from understudy.retrieval.similarity import BUILTIN_SCALES, SimilarityScales
from understudy.store import Store, open_store
from understudy.store.chunk_rows import NewChunk
from understudy.text.terms import passage_terms

_SMALL, _LARGE = 10_000_000, 100_000_000
_PASSAGES, _PASSAGE_LENGTH, _PASSAGE_RATE = 10_000, 3200, 900
_RATE, _MEMORY = 5.0, 300
_POLL = 0.25
"""Seconds between looks at the memory. Each asks the system for all processes, and its time counts as ours."""

_TICK = 0.005


class _Free:
    """Vectors that cost nothing: what is left is everything else."""

    name = "free"
    scales: SimilarityScales | None = BUILTIN_SCALES
    _row = normalize_vector([1.0] * DIMENSIONS)

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:  # noqa: ARG002
        return Vectors(DIMENSIONS, [self._row] * len(texts))

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002
        return 0.9

    async def close(self) -> None:
        """Has nothing."""


@dataclass(slots=True)
class _Watch:
    """What the process and its children use while something runs, and how long the loop was held up at most."""

    idle: int
    peak: int = 0
    held: float = 0.0

    async def look(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_TICK)
            self.held = max(self.held, time.perf_counter() - began - _TICK)
            if int(began / _POLL) != int(time.perf_counter() / _POLL):
                self.peak = max(self.peak, _resident())


async def measure(stage: Stage) -> Report:
    done = Report("ingestion", ["case", "s", "MB/s", "MB/s a core", "memory MB", "loop held ms"])
    done.conditions = "Plain text into one store: read, cut into 800/400 tokens, embedded where it says so, indexed."
    children = ChildPool(2, 1 << 30)
    embedders: dict[str, Embedder] = {"free": _Free(), "builtin": BuiltinEmbedder(ChildPool(1, 1 << 30))}
    store = await open_store(stage.directory / "ingestion", stage.options.database)
    index = Index(store.chunks, Embedders("builtin", embedders.get), children)
    extractor = Extractor(children, stage.directory / "spool", seconds=120, text_bytes=1 << 28)
    idle = _resident()
    try:
        await _insert(done, store)
        for file, (name, size) in enumerate(
            (("free", _SMALL), ("builtin", _SMALL), ("free", _LARGE), ("builtin", _LARGE))
        ):
            path = _text(stage.directory / f"{file}.txt", size)
            await _one(done, extractor, index, file, name, path, size, _Watch(idle))
    finally:
        await index.embedders.close()
        await children.close()
        await store.close()
    return done


async def _insert(done: Report, store: Store) -> None:
    """Stores passages that are cut and embedded already. PostgreSQL's processor time is not in ours."""
    texts = itertools.chain.from_iterable(_cut(text) for text in corpus.texts())
    rows = [
        NewChunk(place, 0, len(text), text, builtin.embed_text(text), *passage_terms(text, "", "english"))
        for place, text in enumerate(itertools.islice(texts, _PASSAGES))
    ]
    document = await store.chunks.begin(0, 0, "builtin", DIMENSIONS, "english")
    began, spent = time.perf_counter(), _cpu()
    batch = store.chunks.insert_batch
    for start in range(0, len(rows), batch):
        await store.chunks.append(document, rows[start : start + batch])
    await store.chunks.finish(document)
    seconds, cpu = time.perf_counter() - began, _cpu() - spent
    size = sum(len(row.text) for row in rows) / 1e6
    cells = f"{seconds:.1f}", f"{size / seconds:.1f}", f"{size / cpu:.1f}", "", ""
    goals = [report.at_least(_PASSAGE_RATE, len(rows) / seconds, " passages/s")]
    done.add(f"{len(rows):,} passages, stored only", *cells, goals=goals)


def _cut(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PASSAGE_LENGTH // 2):
        if (passage := text[start : start + _PASSAGE_LENGTH]).strip():
            yield passage


async def _one(
    done: Report, extractor: Extractor, index: Index, file: int, name: str, path: Path, size_bytes: int, watch: _Watch
) -> None:
    watcher = asyncio.create_task(watch.look())
    began, spent = time.perf_counter(), _cpu()
    source = await extractor.text(path, path.name)
    indexed = await index.add(1, file, name, source)
    seconds, cpu = time.perf_counter() - began, _cpu() - spent
    watcher.cancel()
    source.discard()
    size = size_bytes / 1e6
    memory = (watch.peak - watch.idle) / 1e6
    goals = [report.at_most(_MEMORY, memory, " MB more")]
    if name == "free":
        goals.append(report.at_least(_RATE, size / cpu, " MB/s a core"))
    cells = f"{seconds:.1f}", f"{size / seconds:.1f}", f"{size / cpu:.1f}", f"{memory:.0f}", f"{watch.held * 1000:.0f}"
    vectors = "built-in vectors" if name == "builtin" else "no cost of vectors"
    done.add(f"{size:.0f} MB, {indexed.chunks:,} chunks, {vectors}", *cells, goals=goals)


def _text(path: Path, size: int) -> Path:
    written = 0
    with path.open("wb") as file:
        for text in corpus.texts():
            written += file.write(text.encode()[: size - written])
            if written >= size:
                return path
    raise AssertionError


def _processes() -> list[psutil.Process]:
    own = psutil.Process(os.getpid())
    return [own, *own.children(recursive=True)]


def _resident() -> int:
    total = 0
    for process in _processes():
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def _cpu() -> float:
    """Seconds of processor time of this process and of its children, those that have ended included."""
    total = 0.0
    for process in _processes():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    ended = os.times()
    return total + ended.children_user + ended.children_system

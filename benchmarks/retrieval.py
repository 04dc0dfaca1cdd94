"""How quickly and how well passages are found: latency and recall beside exact search, and hits for labelled questions.

It asks the store and the index themselves, in this process, since the model and the API in front of them are other
benchmarks' business.
"""

import random
import statistics
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks import corpus, labelled, report
from benchmarks.labelled import Document, Question
from benchmarks.report import Report
from benchmarks.stage import Stage
from understudy.retrieval import builtin, ranking
from understudy.retrieval.children import ChildPool
from understudy.retrieval.chunk import Chunk, split_text
from understudy.retrieval.embed import Embedders, Vectors
from understudy.retrieval.search import Index, SearchQuery, SearchScope
from understudy.retrieval.similarity import BUILTIN_SCALES, SimilarityScales
from understudy.store import Store, open_store
from understudy.store.chunk_rows import NewChunk
from understudy.store.chunk_search import StoreHits, StoreQuery
from understudy.store.database import Transaction
from understudy.text.language import detect_language
from understudy.text.terms import filename_heading, passage_terms

_SIZES = {1000: 5.0, 100_000: 30.0}
"""Chunks in one store, and the milliseconds that a search may take."""

_FILTERED, _SHARES = 100_000, (0.01, 0.1, 0.5)
"""The size of the store that is searched with filters, and the shares of its files that these leave."""

_PIECE, _STEP, _OF_A_FILE = 900, 600, 400
_QUERIES, _ROUNDS, _TOP, _DEPTH = 40, 5, 20, 40
_RECALL = 0.95
_CUTS = ((60, 20), (100, 30), (200, 60))
_HITS = 5
_EMBEDDER = "benchmark"
_WEIGHT = 0.97
_LANGUAGE = "english"
T = TypeVar("T")


async def measure(stage: Stage) -> Report:
    done = Report("retrieval", ["case", "p50 ms", "p99 ms", "exact p50 ms", "times quicker", "recall@20"])
    done.conditions = (
        f"{_QUERIES} queries, {_ROUNDS} times each: embedded, looked for by vector and by words, fused, {_TOP} taken."
        f" The exact search compares all vectors of {builtin.DIMENSIONS} dimensions, and does nothing else."
    )
    for number, (size, limit) in enumerate(_SIZES.items()):
        # One database for each size, where each has a server of its own; else they would share their tables.
        store = await open_store(stage.directory / f"chunks-{size}", stage.options.database)
        try:
            await _fill(store, number, size)
            await store.chunks.divide_stores()
            await _search(done, store, number, size, limit)
            if size == _FILTERED:
                await _filter(done, store, number, size)
            await _empty(store, number)
        finally:
            await store.close()
    await _answer(done, stage)
    done.notes.append("The texts are Python sources, the queries ten words that stand together in one of them.")
    return done


@dataclass(slots=True)
class _Taken:
    ours: list[float] = field(default_factory=list)
    exact: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)


async def _search(done: Report, store: Store, number: int, size: int, limit: float) -> None:
    taken = _Taken()
    asked = [(words, builtin.embed_text(words)) for words in await _queries(store, size)]
    # One kind after the other: an exact search reads every vector, and would leave the next one an empty cache.
    nearest = [await _timed(taken.exact, store.database.scan(_exact, store, number, vector)) for _, vector in asked]
    embedders = Embedders(_EMBEDDER, {_EMBEDDER: _Embedder()}.get)
    index = Index(store.chunks, embedders, ChildPool(1, 1 << 30))
    for _ in range(_ROUNDS):
        for words, _ in asked:
            await _timed(taken.ours, index.search([SearchScope(number, _EMBEDDER)], SearchQuery([words], _TOP)))
    for (words, vector), exact_numbers in zip(asked, nearest, strict=True):
        found = await store.chunks.search(StoreQuery(number, None, _EMBEDDER, vector, words), _DEPTH)
        near = sorted((one for one in found.chunks if one.near), key=lambda one: -(one.similarity or 0.0))[:_TOP]
        taken.recall.append(len(set(exact_numbers) & {one.seq for one in near}) / len(exact_numbers))
    p50, exact = statistics.median(taken.ours), statistics.median(taken.exact)
    recall = statistics.mean(taken.recall)
    p99 = sorted(taken.ours)[int(len(taken.ours) * 0.99)]
    goals = [report.at_most(limit, p50 * 1000, " ms"), report.at_least(_RECALL, recall)]
    cells = report.ms(p50), report.ms(p99), report.ms(exact), f"{exact / p50:.1f}", f"{recall:.3f}"
    done.add(f"{size:,} chunks", *cells, goals=goals)
    done.raw[f"search_{size}"] = {"ours": taken.ours, "exact": taken.exact, "recall": taken.recall}


class _Embedder:
    """The built-in vectors, which queries get in this process."""

    name = _EMBEDDER
    scales: SimilarityScales | None = BUILTIN_SCALES

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:  # noqa: ARG002
        return Vectors(builtin.DIMENSIONS, builtin.embed_texts(texts))

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002
        return _WEIGHT

    async def close(self) -> None:
        """Has nothing."""


async def _timed(times: list[float], work: Awaitable[T]) -> T:
    began = time.perf_counter()
    found = await work
    times.append(time.perf_counter() - began)
    return found


async def _filter(done: Report, store: Store, number: int, size: int) -> None:
    """Searches in the first files of the store, which have about the wanted share of its chunks."""
    vectors = [builtin.embed_text(words) for words in await _queries(store, size)]
    count = await store.database.scan(_count_files, number)
    for share in _SHARES:
        files = range(max(1, int(count * share)))
        taken = _Taken()
        for vector in vectors:
            exact = await _timed(taken.exact, store.database.scan(_exact, store, number, vector, len(files)))
            query = StoreQuery(number, files, _EMBEDDER, vector, "")
            hits = await _timed(taken.ours, store.chunks.search(query, _DEPTH))
            near = sorted((hit for hit in hits.chunks if hit.near), key=lambda hit: -(hit.similarity or 0.0))[:_TOP]
            taken.recall.append(len(set(exact) & {hit.seq for hit in near}) / len(exact))
        p50, recall = statistics.median(taken.ours), statistics.mean(taken.recall)
        p99, exact_p50 = sorted(taken.ours)[int(len(taken.ours) * 0.99)], statistics.median(taken.exact)
        cells = report.ms(p50), report.ms(p99), report.ms(exact_p50), f"{exact_p50 / p50:.1f}", f"{recall:.3f}"
        goals = [report.at_least(_RECALL, recall)]
        done.add(f"vectors of {share:.0%} of {count:,} files, {size:,} chunks", *cells, goals=goals)


def _count_files(number: int) -> Transaction[int]:
    rows = yield "SELECT count(*) FROM chunk_documents WHERE store = $1", (number,)
    return int(rows[0][0])


def _exact(store: Store, number: int, vector: bytes, files: int = 1 << 62) -> Transaction[Sequence[int]]:
    """The nearest chunks of the files with smaller numbers than `files`."""
    documents = "c.document IN (SELECT seq FROM chunk_documents WHERE store = $1 AND file < $3)"
    if store.database.dialect == "sqlite":
        sql = (
            "SELECT c.seq FROM chunk_codes AS c JOIN chunk_vectors AS v ON v.seq = c.seq WHERE c.store = $1"
            f" AND {documents} ORDER BY vec_distance_cosine(v.vector, $2) LIMIT {_TOP}"
        )
        rows = yield sql, (number, vector, files)
    else:
        sql = (
            f"SELECT c.seq FROM chunk_vectors_{builtin.DIMENSIONS} AS c WHERE c.store = $1 AND {documents}"
            f" ORDER BY (c.vector <=> $2::real[]::vector) + 0 LIMIT {_TOP}"
        )
        rows = yield sql, (number, memoryview(vector).cast("f").tolist(), files)
    return [row[0] for row in rows]


async def _fill(store: Store, number: int, size: int) -> None:
    left = size
    for file, text in enumerate(corpus.texts()):
        pieces = [text[start : start + _PIECE] for start in range(0, len(text), _STEP)]
        pieces = [piece for piece in pieces if piece.strip()][: min(left, _OF_A_FILE)]
        await _add(store, number, file, pieces)
        left -= len(pieces)
        if left == 0:
            return


async def _add(store: Store, number: int, file: int, pieces: Sequence[str]) -> None:
    document = await store.chunks.begin(number, file, _EMBEDDER, builtin.DIMENSIONS, _LANGUAGE)
    rows = [
        _chunk(Chunk(place, place * _STEP, place * _STEP + len(piece), piece), "", _LANGUAGE)
        for place, piece in enumerate(pieces)
    ]
    batch = store.chunks.insert_batch
    for start in range(0, len(rows), batch):
        await store.chunks.append(document, rows[start : start + batch])
    await store.chunks.finish(document)


async def _empty(store: Store, number: int) -> None:
    """Only a database that others use after us has to be emptied; a file of our own is thrown away."""
    if store.database.dialect != "sqlite":
        await store.chunks.remove_store(number)
        await store.chunks.sweep()


async def _queries(store: Store, size: int) -> list[str]:
    def body(place: int) -> Transaction[str]:
        rows = yield "SELECT body FROM chunks ORDER BY seq LIMIT 1 OFFSET $1", (place,)
        return str(rows[0][0])

    chance = random.Random(11)
    asked: list[str] = []
    while len(asked) < _QUERIES:
        found = corpus.query(await store.database.scan(body, chance.randrange(size)), chance)
        if found is not None:
            asked.append(found)
    return asked


# -- labelled questions ----------------------------------------------------------------------------------------


async def _answer(done: Report, stage: Stage) -> None:
    """How often the passage that answers is among the first five: by each half alone, and by both."""
    own = labelled.read_own()
    questions, names = own.questions, [one.filename for one in own.documents]
    for size, overlap in _CUTS:
        store = await open_store(stage.directory / f"questions-{size}", stage.options.database)
        try:
            for file, document in enumerate(own.documents):
                await _store(store, size, file, document, split_text(document.text, size, overlap))
            found = [await _candidates(store, size, one.text) for one in questions]
            shares = [_first(found, questions, names, weight) for weight in (0.0, 1.0, _WEIGHT)]
            await _empty(store, size)
        finally:
            await store.close()
        vector, words, both = shares
        half = max(vector, words)
        goals = [report.Goal(f"> {half:.3f}", both > half)]
        said = f"vectors {vector:.3f}", f"words {words:.3f}", f"both {both:.3f}"
        done.add(f"hit@{_HITS}, {len(questions)} questions, chunks of {size} tokens", *said, "", "", goals=goals)
        done.raw[f"hits_{size}"] = {"vector": vector, "words": words, "both": both}


def _chunk(one: Chunk, heading: str, language: str) -> NewChunk:
    terms, length = passage_terms(one.text, heading, language)
    return NewChunk(one.position, one.start, one.end, one.text, builtin.embed_text(one.text), terms, length)


async def _store(store: Store, number: int, file: int, source: Document, cut: Iterable[Chunk]) -> None:
    heading, language = filename_heading(source.filename), detect_language(source.text)
    document = await store.chunks.begin(number, file, _EMBEDDER, builtin.DIMENSIONS, language, heading)
    await store.chunks.append(document, [_chunk(one, heading, language) for one in cut])
    await store.chunks.finish(document)


async def _candidates(store: Store, number: int, asked: str) -> StoreHits:
    return await store.chunks.search(StoreQuery(number, None, _EMBEDDER, builtin.embed_text(asked), asked), _DEPTH)


def _first(found: Sequence[StoreHits], questions: Sequence[Question], names: Sequence[str], weight: float) -> float:
    """The share of questions whose passage is among the first, with a weight of the words."""
    hits, weighing = 0, ranking.Weighing(weight, BUILTIN_SCALES.same_language)
    for candidates, question in zip(found, questions, strict=True):
        ranked = ranking.fuse_rankings(ranking.QueryCandidates([candidates], [weighing]))
        hits += any(question.span in one.chunk.text and names[one.file] in question.grades for one, _ in ranked[:_HITS])
    return hits / len(questions)

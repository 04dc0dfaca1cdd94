"""The search among the chunks of one store: which documents and cells to search, the weights of terms, the hits."""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store import chunk_cells
from understudy.store.chunk_dialects import Dialect
from understudy.store.chunk_rows import ChunkHit, ChunkQuery, ChunkScores, DocumentGroup, RatedTerm, StoredChunk
from understudy.store.database import Transaction
from understudy.store.term_counts import TermCounts
from understudy.text.terms import QueryTerm, query_terms

_STORE_TOTALS: Final = (
    "SELECT embedder, dimensions, language, CAST(sum(chunks) AS BIGINT), CAST(sum(rated_chunks) AS BIGINT),"
    " CAST(sum(terms) AS BIGINT), EXISTS (SELECT 1 FROM chunk_documents WHERE store = $1 AND state <> 1)"
    " FROM chunk_totals WHERE store = $1 GROUP BY embedder, dimensions, language HAVING sum(chunks) > 0"
    " ORDER BY language"
)


@dataclass(frozen=True, slots=True)
class StoreQuery:
    """A search for words, a vector, or both in a store; `files` None searches all files."""

    store: int
    files: Sequence[int] | None
    embedder: str
    vector: bytes | None
    words: str


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A hit of the vector search (`near`), of the word search (`match` is set), or of both.

    `similarity` is the cosine of the vectors, None if they are not comparable. A higher `match` is a better match
    of the words, as the database estimates it. `language` and `heading` are those of the document.
    """

    seq: int
    store: int
    file: int
    chunk: StoredChunk
    near: bool
    similarity: float | None
    match: float | None
    language: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class QueryStatistics:
    """The terms of a query in the `languages` of a store, each with its weight: its inverse document frequency.

    `average_length` is that of the store's chunks, in terms.
    """

    languages: Sequence[str] = ()
    terms: Sequence[QueryTerm] = ()
    weights: Sequence[float] = ()
    average_length: float = 1.0


@dataclass(frozen=True, slots=True)
class StoreHits:
    """The candidates of a search in one store, unordered."""

    statistics: QueryStatistics
    chunks: Sequence[ScoredChunk]


def search_chunks(dialect: Dialect, counts: TermCounts, query: StoreQuery, limit: int) -> Transaction[StoreHits]:
    totals = yield from _select_totals(query)
    if not totals.chunks:
        return StoreHits(QueryStatistics(), [])
    scope = yield from _select_scope(dialect, query, totals)
    terms = query_terms(query.words, totals.languages)
    rated = yield from _rate_terms(dialect, counts, query.store, totals.chunks, terms)
    statistics = QueryStatistics(totals.languages, terms, [term.weight for term in rated], totals.average_length)
    cells = None
    if query.vector is not None:
        sizes = scope.size, totals.chunks
        cells = yield from chunk_cells.select_cells(dialect, query.store, query.embedder, query.vector, *sizes)
    scores = yield from dialect.search(
        ChunkQuery(
            query.store,
            query.vector,
            rated,
            totals.average_length,
            limit,
            scope.size,
            totals.chunks,
            scope.documents,
            scope.comparable,
            cells,
        )
    )
    near = set(scores.near)
    rows = yield from dialect.read([*near, *(seq for seq in scores.matching if seq not in near)])
    return StoreHits(statistics, _score_chunks(query.store, scope, scores, near, rows))


def _score_chunks(
    store: int, scope: "_SearchScope", scores: ChunkScores, near: Container[int], rows: Sequence[ChunkHit]
) -> list[ScoredChunk]:
    documents = None if scope.documents is None else set(scope.documents)
    is_same = scope.comparable is scope.documents
    comparable = documents if is_same or scope.comparable is None else set(scope.comparable)
    return [
        ScoredChunk(
            row.seq,
            store,
            row.file,
            row.chunk,
            row.seq in near,
            scores.similarity.get(row.seq) if comparable is None or row.document in comparable else None,
            scores.matching.get(row.seq),
            row.language,
            row.heading,
        )
        for row in rows
        if documents is None or row.document in documents
    ]


def _rate_terms(
    dialect: Dialect, counts: TermCounts, store: int, chunks: int, terms: Sequence[QueryTerm]
) -> Transaction[list[RatedTerm]]:
    forms = [term.forms for term in terms]
    missing = [some for some in forms if counts.get(store, some, chunks) is None]
    counted = (yield from dialect.count_terms(store, missing)) if missing else []
    new = dict(zip(missing, counted, strict=True))
    for some, count in new.items():
        counts.add(store, some, chunks, count)
    rated = []
    for some in forms:
        count = new[some] if some in new else counts.get(store, some, chunks) or 0
        # Documents that are being indexed or removed are counted too, so the count may exceed the chunks.
        rated.append(RatedTerm(some, count, math.log(1 + max(0.0, chunks - count + 0.5) / (count + 0.5))))
    return rated


@dataclass(frozen=True, slots=True)
class _StoreTotals:
    """Sums of a store's searchable documents. `comparable`: all of its documents are, by words and by this vector."""

    languages: Sequence[str]
    chunks: int
    average_length: float
    comparable: bool


def _select_totals(query: StoreQuery) -> Transaction[_StoreTotals]:
    rows = yield _STORE_TOTALS, (query.store,)
    kind = query.embedder, len(query.vector or b"") // 4
    with_terms, terms = sum(row[4] for row in rows), sum(row[5] for row in rows)
    return _StoreTotals(
        list(dict.fromkeys(row[2] for row in rows)),
        sum(row[3] for row in rows),
        max(1.0, terms / max(1, with_terms)),
        not any(row[6] for row in rows) and all((row[0], row[1]) == kind for row in rows),
    )


@dataclass(frozen=True, slots=True)
class _SearchScope:
    """Documents to search, and those whose vectors are comparable; None is all documents of the store.

    `size` is the number of their chunks.
    """

    size: int
    documents: Sequence[int] | None = None
    comparable: Sequence[int] | None = None


def _select_scope(dialect: Dialect, query: StoreQuery, totals: _StoreTotals) -> Transaction[_SearchScope]:
    """Most searches cover a whole store, which may have thousands of documents: then totals suffice."""
    if query.files is None and (query.vector is None or totals.comparable):
        return _SearchScope(totals.chunks)
    groups = yield from dialect.list_documents(query.store, query.files)
    kind = query.embedder, len(query.vector or b"") // 4
    comparable = [group for group in groups if (group.embedder, group.dimensions) == kind]
    documents = _join_documents(groups)
    return _SearchScope(
        sum(group.chunks for group in groups),
        documents,
        documents if len(comparable) == len(groups) else _join_documents(comparable),
    )


def _join_documents(groups: Sequence[DocumentGroup]) -> Sequence[int]:
    return groups[0].documents if len(groups) == 1 else [seq for group in groups for seq in group.documents]

"""Chunks of documents with their vectors and words, and the search among them. Knows no file object and no model.

`store` and `file` are row numbers that the caller owns. A document is one indexing of one file in one store: it becomes
searchable when it is finished, and replaces the file's previous document in the same transaction.
"""

import math
from collections.abc import AsyncIterator, Container, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from understudy.errors import UnderstudyError
from understudy.store import chunk_cells, chunk_upgrade, chunks_postgres, chunks_sqlite
from understudy.store.chunk_rows import (
    INDEXING,
    READY,
    REMOVED,
    ChunkHit,
    ChunkQuery,
    ChunkScores,
    DocumentGroup,
    NewChunk,
    RatedTerm,
    StoredChunk,
)
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.term_counts import TermCounts
from understudy.text.terms import QueryTerm, query_terms

__all__ = [
    "Chunks",
    "DocumentRemoved",
    "Indexed",
    "NewChunk",
    "QueryStatistics",
    "ScoredChunk",
    "StoreHits",
    "StoreQuery",
    "StoredChunk",
]

_PAGE_SIZE: Final = 50
_ERASE_BATCH: Final = 100
_DELETE_UNUSED_TOTALS: Final = (
    "DELETE FROM chunk_totals WHERE store = $1 AND NOT EXISTS (SELECT 1 FROM chunk_documents WHERE store = $1)"
    " AND NOT EXISTS (SELECT 1 FROM vector_stores WHERE seq = $1 AND body IS NOT NULL)"
)
_STORE_TOTALS: Final = (
    "SELECT embedder, dimensions, language, CAST(sum(chunks) AS BIGINT), CAST(sum(rated_chunks) AS BIGINT),"
    " CAST(sum(terms) AS BIGINT), EXISTS (SELECT 1 FROM chunk_documents WHERE store = $1 AND state <> 1)"
    " FROM chunk_totals WHERE store = $1 GROUP BY embedder, dimensions, language HAVING sum(chunks) > 0"
    " ORDER BY language"
)


class DocumentRemoved(UnderstudyError):
    """The document was removed or replaced while it was being indexed."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """The size of a file in the index."""

    chunks: int
    usage_bytes: int


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


class Dialect(chunk_upgrade.TermTable, chunk_cells.VectorTable, Protocol):
    """Statements that differ between the engines. Each method is a transaction to `yield from`."""

    INSERT_BATCH: int

    def problem(self) -> Transaction[str | None]: ...

    def prepare(self, dimensions: int) -> Transaction[None]: ...

    def insert(self, store: int, document: int, dimensions: int, chunks: Sequence[NewChunk]) -> Transaction[None]: ...

    def delete(self, store: int, document: int, dimensions: int, limit: int) -> Transaction[int]: ...

    def list_documents(self, store: int, files: Sequence[int] | None) -> Transaction[list[DocumentGroup]]:
        """The searchable documents of the files; None is all files."""
        ...

    def count_terms(self, store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]: ...

    def search(self, query: ChunkQuery) -> Transaction[ChunkScores]: ...

    def read(self, numbers: Sequence[int]) -> Transaction[list[ChunkHit]]: ...


class Chunks:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect: Dialect = chunks_sqlite if database.dialect == "sqlite" else chunks_postgres
        self._counts = TermCounts()

    @property
    def insert_batch(self) -> int:
        """Chunks to append in one transaction."""
        return self._dialect.INSERT_BATCH

    async def problem(self) -> str | None:
        """Why this database cannot hold vectors, and what to do; None if it can. Raises StoreError."""
        return await self._database.read(self._dialect.problem)

    async def begin(
        self, store: int, file: int, embedder: str, dimensions: int, language: str = "", heading: str = ""
    ) -> int:
        """The number of a new document, not searchable yet. Unfinished documents of the same file are removed.

        `language` and `heading` are those that its chunks' terms are made with.
        """
        document = (store, file, embedder, dimensions, language, heading)
        return await self._database.write_slowly(_insert_document, self._dialect, document)

    async def append(self, document: int, chunks: Sequence[NewChunk]) -> None:
        """One transaction: at most `insert_batch` chunks. Raises DocumentRemoved."""
        await self._database.write_slowly(_append_chunks, self._dialect, document, chunks)

    async def finish(self, document: int) -> Indexed:
        """Makes the document searchable in place of the file's previous one. Raises DocumentRemoved."""
        return await self._database.write(_finish_document, document)

    async def remove(self, store: int, file: int) -> None:
        """Removes the file from search; `erase` frees its rows later."""
        await self._database.write(remove_document, store, file)

    async def remove_store(self, store: int) -> None:
        await self._database.write_slowly(remove_store_documents, store)

    async def abandon(self, document: int) -> None:
        """Removes an unfinished document."""
        await self._database.write(_abandon_document, document)

    async def texts(self, store: int, file: int) -> AsyncIterator[StoredChunk]:
        """The chunks in order, with their overlaps, read a page at a time."""
        position = -1
        while page := await self._database.read(_select_texts, store, file, position):
            for chunk in page:
                yield chunk
            position = page[-1].position

    async def search(self, query: StoreQuery, limit: int) -> StoreHits:
        """Hits of both searches, at most `limit` of each."""
        return await self._database.scan(_search_chunks, self._dialect, self._counts, query, limit)

    async def upgrade_terms(self) -> None:
        """Makes the terms of documents that an earlier version indexed; until then only vectors find them."""
        await chunk_upgrade.upgrade_terms(self._database, self._dialect)

    async def divide_stores(self) -> None:
        """Divides the vectors of large stores into cells, of which a search reads a part."""
        await chunk_cells.divide_stores(self._database, self._dialect)

    async def sweep(self) -> None:
        """Frees all removed documents, in small transactions so that other writes run in between."""
        while await self.erase():
            pass

    async def erase(self) -> bool:
        """Frees up to 100 removed chunks; True if there may be more."""
        return await self._database.write_slowly(_erase_document, self._dialect)


def remove_document(store: int, file: int) -> Transaction[None]:
    """`Chunks.remove` as part of another transaction."""
    yield "UPDATE chunk_documents SET state = $1 WHERE store = $2 AND file = $3", (REMOVED, store, file)


def remove_store_documents(store: int) -> Transaction[None]:
    """`Chunks.remove_store` as part of another transaction."""
    yield "UPDATE chunk_documents SET state = $1 WHERE store = $2", (REMOVED, store)


def _insert_document(dialect: Dialect, document: tuple[int, int, str, int, str, str]) -> Transaction[int]:
    store, file, _, dimensions, *_ = document
    yield from dialect.prepare(dimensions)
    sql = "UPDATE chunk_documents SET state = $1 WHERE store = $2 AND file = $3 AND state = $4"
    yield sql, (REMOVED, store, file, INDEXING)
    sql = (
        "INSERT INTO chunk_documents"
        " (store, file, embedder, dimensions, language, heading, state, chunks, bytes, terms, project_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0,"
        " COALESCE((SELECT project_id FROM vector_stores WHERE seq = $1), '')) RETURNING seq"
    )
    rows = yield sql, (*document, INDEXING)
    return int(rows[0][0])


def _append_chunks(dialect: Dialect, document: int, chunks: Sequence[NewChunk]) -> Transaction[None]:
    sql = (
        "UPDATE chunk_documents SET chunks = chunks + $1, bytes = bytes + $2, terms = terms + $5"
        " WHERE seq = $3 AND state = $4"
        " RETURNING store, dimensions"
    )
    size = sum(len(chunk.text.encode("utf-8", "surrogatepass")) + len(chunk.vector) for chunk in chunks)
    rows = yield sql, (len(chunks), size, document, INDEXING, sum(chunk.length for chunk in chunks))
    if not rows:
        raise _document_removed(document)
    yield from dialect.insert(rows[0][0], document, rows[0][1], chunks)


def _finish_document(document: int) -> Transaction[Indexed]:
    sql = compose_sql(
        "UPDATE chunk_documents SET state = CASE WHEN seq = $1 THEN $2 ELSE $3 END",
        "WHERE (store, file) = (SELECT store, file FROM chunk_documents WHERE seq = $1)",
        "AND (seq = $1 AND state = $4 OR seq <> $1 AND state <> $3) RETURNING seq, chunks, bytes",
    )
    rows = yield sql, (document, READY, REMOVED, INDEXING)
    for seq, chunks, size in rows:
        if seq == document:
            return Indexed(chunks, size)
    raise _document_removed(document)


def _abandon_document(document: int) -> Transaction[None]:
    sql = "UPDATE chunk_documents SET state = $1 WHERE seq = $2 AND state = $3"
    yield sql, (REMOVED, document, INDEXING)


def _document_removed(document: int) -> DocumentRemoved:
    return DocumentRemoved(f"The document {document!r} was removed while it was being indexed. Add its file again.")


def _select_texts(store: int, file: int, after: int) -> Transaction[list[StoredChunk]]:
    sql = compose_sql(
        "SELECT position, start_at, end_at, body FROM chunks WHERE position > $4 AND document = (SELECT seq",
        "FROM chunk_documents WHERE store = $1 AND file = $2 AND state = $3) ORDER BY position LIMIT $5",
    )
    rows = yield sql, (store, file, READY, after, _PAGE_SIZE)
    return [StoredChunk(*row) for row in rows]


def _search_chunks(dialect: Dialect, counts: TermCounts, query: StoreQuery, limit: int) -> Transaction[StoreHits]:
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
    """Of a store's searchable documents. `comparable`: all of its documents are, by words and by this vector."""

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


def _erase_document(dialect: Dialect) -> Transaction[bool]:
    rows = yield "SELECT seq, store, dimensions FROM chunk_documents WHERE state = $1 LIMIT 1", (REMOVED,)
    if not rows:
        return False
    document, store, dimensions = rows[0]
    erased = yield from dialect.delete(store, document, dimensions, _ERASE_BATCH)
    if erased < _ERASE_BATCH:
        yield "DELETE FROM chunk_documents WHERE seq = $1 AND state = $2", (document, REMOVED)
        yield from chunk_cells.delete_unused_cells(store)
        yield _DELETE_UNUSED_TOTALS, (store,)
    return True

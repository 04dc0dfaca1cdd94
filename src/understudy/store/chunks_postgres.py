"""Chunks in PostgreSQL: vectors by pgvector, words by full-text search.

Vectors have a table for each number of dimensions, with an HNSW index where pgvector can make one.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from understudy.errors import StoreError
from understudy.store import pgvector
from understudy.store.chunk_rows import (
    READY,
    ChunkHit,
    ChunkQuery,
    ChunkScores,
    NewChunk,
    StoredChunk,
    select_rare_words,
)
from understudy.store.database import Transaction
from understudy.store.sql import compose_sql
from understudy.text.tokenize import fold_text, is_prefix, split_words

_EXACT_SEARCH_CHUNKS: Final = 10_000
"""Up to so many chunks of a store, an exact scan is fast and better than the index over all stores."""

_FULL_PRECISION_DIMENSIONS: Final = 2000
_HALF_PRECISION_DIMENSIONS: Final = 4000
"""Most dimensions of an HNSW index, with full and with half precision."""

_COMMON_WORD_CHUNKS: Final = 2000
_MAX_RANKED_CHUNKS: Final = 4000
"""In a large store: a word in more chunks is too common to rank by, and most chunks that one query ranks."""

_MAX_WORD_LENGTH: Final = 500
"""A lexeme has at most 2 KB."""

_LOCK_TABLES: Final = "SELECT pg_advisory_xact_lock(7205759403792794)"


problem = pgvector.problem
"""See pgvector.problem."""


def prepare(dimensions: int) -> Transaction[None]:
    """Creates the table of vectors. Raises StoreError if pgvector is missing and cannot be created."""
    table = _table_name(dimensions)
    exists = yield "SELECT to_regclass($1) IS NOT NULL", (table,)
    if exists[0][0]:
        return
    yield _LOCK_TABLES, ()
    if (text := (yield from pgvector.problem())) is not None:
        raise StoreError(text)
    yield "CREATE EXTENSION IF NOT EXISTS vector", ()
    yield (
        (
            f"CREATE TABLE IF NOT EXISTS {table} (seq BIGINT PRIMARY KEY, store BIGINT NOT NULL,"
            f" document BIGINT NOT NULL, vector vector({dimensions}) NOT NULL)"
        ),
        (),
    )
    yield f"CREATE INDEX IF NOT EXISTS {table}_document ON {table} (store, document)", ()
    if dimensions <= _FULL_PRECISION_DIMENSIONS:
        yield f"CREATE INDEX IF NOT EXISTS {table}_near ON {table} USING hnsw (vector vector_cosine_ops)", ()
    elif dimensions <= _HALF_PRECISION_DIMENSIONS:
        half = f"(vector::halfvec({dimensions})) halfvec_cosine_ops"
        yield f"CREATE INDEX IF NOT EXISTS {table}_near ON {table} USING hnsw ({half})", ()


def insert(store: int, document: int, dimensions: int, chunks: Sequence[NewChunk]) -> Transaction[None]:
    sql = (
        "INSERT INTO chunks (document, position, start_at, end_at, body, page, headings, header)"
        " SELECT $1, p, s, e, b, n, h, t FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[],"
        " $6::bigint[], $7::text[], $8::text[]) AS t (p, s, e, b, n, h, t) RETURNING position, seq"
    )
    columns = [
        [chunk.position for chunk in chunks],
        [chunk.start for chunk in chunks],
        [chunk.end for chunk in chunks],
        [chunk.text for chunk in chunks],
        [chunk.page for chunk in chunks],
        [chunk.headings for chunk in chunks],
        [chunk.header for chunk in chunks],
    ]
    rows = yield sql, (document, *columns)
    numbers = {position: seq for position, seq in rows}  # noqa: C416 - rows are records
    for chunk in chunks:
        sql = compose_sql(
            "INSERT INTO",
            _table_name(dimensions),
            "(seq, store, document, vector) VALUES ($1, $2, $3, $4::real[]::vector)",
        )
        yield sql, (numbers[chunk.position], store, document, _floats(chunk.vector))
    sql = (
        "INSERT INTO chunk_text (seq, store, document, words) SELECT q, $1, $2, to_tsvector('english', w)"
        " FROM unnest($3::bigint[], $4::text[]) AS t (q, w)"
    )
    ordered = [numbers[chunk.position] for chunk in chunks]
    yield sql, (store, document, ordered, [_normalize_words(chunk.words) for chunk in chunks])


def _normalize_words(text: str) -> str:
    """Only words: PostgreSQL's parser would index a URL or a path as one word."""
    return " ".join(word[:_MAX_WORD_LENGTH] for word in split_words(fold_text(text)))


def delete(store: int, document: int, dimensions: int, limit: int) -> Transaction[int]:  # noqa: ARG001
    """The number of erased chunks: fewer than `limit` only if none remains."""
    rows = yield "SELECT seq FROM chunks WHERE document = $1 LIMIT $2", (document, limit)
    numbers = [row[0] for row in rows]
    for table in (_table_name(dimensions), "chunk_text", "chunks"):
        yield compose_sql("DELETE FROM", table, "WHERE seq = ANY($1::bigint[])"), (numbers,)
    return len(numbers)


def search(query: ChunkQuery) -> Transaction[ChunkScores]:
    near = yield from _search_vectors(query)
    matching = yield from _search_words(query)
    similarity = dict(near)
    missing = [seq for seq in matching if seq not in similarity]
    if query.vector is not None and query.comparable != [] and missing:
        similarity |= yield from _similarities(query, missing)
    return ChunkScores([seq for seq, _ in near], matching, similarity)


def read(numbers: Sequence[int]) -> Transaction[list[ChunkHit]]:
    """Chunks by number; those of removed documents are left out."""
    sql = (
        "SELECT c.seq, c.document, d.file, c.position, c.start_at, c.end_at, c.body, c.page, c.headings, c.header"
        " FROM chunks AS c JOIN chunk_documents AS d ON d.seq = c.document"
        " WHERE c.seq = ANY($1::bigint[]) AND d.state = $2"
    )
    rows = yield sql, (list(numbers), READY)
    return [ChunkHit(seq, document, file, StoredChunk(*row)) for seq, document, file, *row in rows]


def _search_vectors(query: ChunkQuery) -> Transaction[list[tuple[int, float]]]:
    if query.vector is None or query.comparable == []:
        return []
    dimensions = len(query.vector) // 4
    args: tuple[object, ...] = (_floats(query.vector), query.store, query.limit)
    document_filter = ""
    if query.comparable is not None:
        document_filter = " AND document = ANY($4::bigint[])"
        args = (*args, list(query.comparable))
    if query.size <= _EXACT_SEARCH_CHUNKS:
        nearness = "(vector <=> $1::real[]::vector) + 0"  # an expression that no index can order by
    else:
        nearness = _indexed_distance(dimensions)
        yield "SELECT set_config('hnsw.ef_search', $1, false)", (str(min(1000, max(200, 4 * query.limit))),)
        yield "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', false)", ()
    sql = compose_sql(
        "SELECT seq, vector <=> $1::real[]::vector FROM",
        _table_name(dimensions),
        "WHERE store = $2",
        document_filter,
        "ORDER BY",
        nearness,
        "LIMIT $3",
    )
    rows = yield sql, args
    return sorted(((seq, 1.0 - distance) for seq, distance in rows), key=lambda item: (-item[1], item[0]))


def _similarities(query: ChunkQuery, numbers: Sequence[int]) -> Transaction[Mapping[int, float]]:
    """Cosines of the chunks whose vectors are comparable with the query's."""
    vector = query.vector or b""
    sql = compose_sql(
        "SELECT seq, vector <=> $1::real[]::vector FROM", _table_name(len(vector) // 4), "WHERE seq = ANY($2::bigint[])"
    )
    rows = yield sql, (_floats(vector), list(numbers))
    return {seq: 1.0 - distance for seq, distance in rows}


def _search_words(query: ChunkQuery) -> Transaction[dict[int, float]]:
    if not query.words:
        return {}
    args: tuple[object, ...] = ((yield from _build_tsquery(query)), query.store, query.limit)
    document_filter = ""
    if query.documents is not None:
        document_filter = " AND document = ANY($4::bigint[])"
        args = (*args, list(query.documents))
    sql = compose_sql(
        "SELECT seq, ts_rank_cd(words, query, 1) AS score FROM chunk_text, to_tsquery('english', $1) AS query",
        "WHERE words @@ query AND store = $2",
        document_filter,
        "ORDER BY score DESC, seq LIMIT $3",
    )
    rows = yield sql, args
    return {seq: score for seq, score in rows}  # noqa: C416 - rows are records


def _build_tsquery(query: ChunkQuery) -> Transaction[str]:
    """A query for any of the words; in a large store, of those that are rare enough to rank in time."""
    # Words are letters and digits only; one that the parser splits becomes a phrase.
    words = [f"'{word}'{':*' if is_prefix(word) else ''}" for word in query.words]
    if query.size <= _MAX_RANKED_CHUNKS:
        return " | ".join(words)
    sql = compose_sql(
        "SELECT word, (SELECT count(*) FROM (SELECT FROM chunk_text WHERE words @@ to_tsquery('english',",
        "word) AND store = $2 LIMIT $3) AS found) FROM unnest($1::text[]) AS word",
    )
    rows = yield sql, (words, query.store, _COMMON_WORD_CHUNKS)
    counts = {word: count for word, count in rows}  # noqa: C416 - rows are records
    return " | ".join(select_rare_words(counts, _COMMON_WORD_CHUNKS, _MAX_RANKED_CHUNKS)) or " & ".join(words)


def _table_name(dimensions: int) -> str:
    return f"chunk_vectors_{int(dimensions)}"


def _indexed_distance(dimensions: int) -> str:
    if dimensions <= _FULL_PRECISION_DIMENSIONS:
        return "vector <=> $1::real[]::vector"
    return f"vector::halfvec({dimensions}) <=> $1::real[]::vector::halfvec({dimensions})"


def _floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))

"""Chunks in PostgreSQL: vectors by pgvector, words by full-text search.

Vectors have a table for each number of dimensions, with an HNSW index where pgvector can make one.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from understudy.errors import StoreError
from understudy.store import pgvector
from understudy.store.chunk_rows import (
    READY,
    ChunkHit,
    ChunkQuery,
    ChunkScores,
    NewChunk,
    build_hit,
    select_rare_terms,
)
from understudy.store.database import Transaction
from understudy.store.sql import compose_sql

_EXACT_SEARCH_CHUNKS: Final = 10_000
"""Up to so many chunks of a store, an exact scan is fast and better than the index over all stores."""

_FULL_PRECISION_DIMENSIONS: Final = 2000
_HALF_PRECISION_DIMENSIONS: Final = 4000
"""Most dimensions of an HNSW index, with full and with half precision."""

_MAX_RANKED_CHUNKS: Final = 12_000
"""Most chunks that a query ranks: in a large store, common terms find no chunk."""

_K1: Final = 1.2
_B: Final = 0.75
"""The constants of BM25, as FTS5 has them."""

_STORE_FACTOR: Final = 0x9E3779B97F4A7C15
_KEY_BITS: Final = (1 << 64) - 1
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
    sql = compose_sql(
        "INSERT INTO",
        _table_name(dimensions),
        "(seq, store, document, vector)",
        "SELECT q, $1, $2, ($4::real[])[(n - 1) * $5::bigint + 1 : n * $5::bigint]::vector",
        "FROM unnest($3::bigint[]) WITH ORDINALITY AS t (q, n)",
    )
    ordered = [numbers[chunk.position] for chunk in chunks]
    yield sql, (store, document, ordered, _floats(b"".join(chunk.vector for chunk in chunks)), dimensions)
    rows = [(numbers[chunk.position], chunk.terms, chunk.length) for chunk in chunks]
    yield from insert_terms(store, document, rows)


def insert_terms(store: int, document: int, chunks: Sequence[tuple[int, str, int]]) -> Transaction[None]:
    """`chunks` are numbers, terms and lengths of chunks, which had no terms yet."""
    sql = (
        "INSERT INTO chunk_terms (seq, document, length, keys) SELECT q, $1, l, k::bigint[]"
        " FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS t (q, l, k) ON CONFLICT DO NOTHING"
    )
    keys = ["{" + ",".join(map(str, _term_keys(store, set(terms.split())))) + "}" for _, terms, _ in chunks]
    yield sql, (document, [seq for seq, _, _ in chunks], [length for _, _, length in chunks], keys)


def _term_keys(store: int, terms: Iterable[str]) -> list[int]:
    """A signed number of 64 bits for each term, of this store alone."""
    salt = store * _STORE_FACTOR & _KEY_BITS
    return [(_hash_term(term) ^ salt) - (1 << 63) for term in terms]


@lru_cache(maxsize=100_000)
def _hash_term(term: str) -> int:
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def delete_terms(numbers: Sequence[int]) -> Transaction[None]:
    """Removes the terms of chunks, if they have any, those of an earlier version included."""
    yield "DELETE FROM chunk_terms WHERE seq = ANY($1::bigint[])", (numbers,)
    yield "DELETE FROM chunk_text WHERE seq = ANY($1::bigint[])", (numbers,)


def delete(store: int, document: int, dimensions: int, limit: int) -> Transaction[int]:  # noqa: ARG001
    """The number of erased chunks: fewer than `limit` only if none remains."""
    rows = yield "SELECT seq FROM chunks WHERE document = $1 LIMIT $2", (document, limit)
    numbers = [row[0] for row in rows]
    yield from delete_terms(numbers)
    for table in (_table_name(dimensions), "chunks"):
        yield compose_sql("DELETE FROM", table, "WHERE seq = ANY($1::bigint[])"), (numbers,)
    return len(numbers)


def search(query: ChunkQuery) -> Transaction[ChunkScores]:
    near = yield from _search_vectors(query)
    matching = yield from _search_terms(query)
    similarity = dict(near)
    missing = [seq for seq in matching if seq not in similarity]
    if query.vector is not None and query.comparable != [] and missing:
        similarity |= yield from _similarities(query, missing)
    return ChunkScores([seq for seq, _ in near], matching, similarity)


def read(numbers: Sequence[int]) -> Transaction[list[ChunkHit]]:
    """Chunks by number; those of removed documents are left out."""
    sql = (
        "SELECT c.seq, c.document, d.file, d.language, d.heading,"
        " c.position, c.start_at, c.end_at, c.body, c.page, c.headings, c.header"
        " FROM chunks AS c JOIN chunk_documents AS d ON d.seq = c.document"
        " WHERE c.seq = ANY($1::bigint[]) AND d.state = $2"
    )
    rows = yield sql, (list(numbers), READY)
    return [build_hit(row) for row in rows]


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


def _search_terms(query: ChunkQuery) -> Transaction[dict[int, float]]:
    """BM25 as if each term occurred once in a chunk: the caller ranks the hits by their texts."""
    terms = select_rare_terms(query.terms, _MAX_RANKED_CHUNKS)
    if not terms:
        return {}
    args: tuple[object, ...] = (*_flatten_keys(query.store, [term.forms for term in terms]),)
    args = (*args, [term.weight for term in terms], query.average_length, query.limit)
    document_filter = ""
    if query.documents is not None:
        document_filter = " AND c.document = ANY($6::bigint[])"
        args = (*args, list(query.documents))
    sql = compose_sql(
        "SELECT found.seq, sum(($3::float8[])[t.n] /",
        f"(1 + {_K1} * ({1 - _B} + {_B} * found.length / $4::float8))) AS score",
        _FROM_TERMS,
        "JOIN LATERAL (SELECT c.seq, c.length FROM chunk_terms AS c WHERE c.keys && t.keys",
        document_filter,
        ") AS found ON true GROUP BY found.seq ORDER BY score DESC, found.seq LIMIT $5",
    )
    rows = yield sql, args
    return {seq: score for seq, score in rows}  # noqa: C416 - rows are records


def count_terms(store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]:
    """How many chunks of the store have each of the terms, in any of its forms."""
    sql = compose_sql(
        "SELECT t.n, (SELECT count(*) FROM chunk_terms AS c WHERE c.keys && t.keys)", _FROM_TERMS, "ORDER BY t.n"
    )
    rows = yield sql, _flatten_keys(store, terms)
    return [row[1] for row in rows]


_FROM_TERMS: Final = (
    "FROM (SELECT n, array_agg(k) AS keys FROM unnest($1::bigint[], $2::bigint[]) AS u (n, k) GROUP BY n) AS t"
)


def _flatten_keys(store: int, terms: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
    """The keys of all forms of the terms, behind the numbers of their terms, from 1."""
    numbers = [number for number, forms in enumerate(terms, 1) for _ in forms]
    return numbers, _term_keys(store, [form for forms in terms for form in forms])


def _table_name(dimensions: int) -> str:
    return f"chunk_vectors_{int(dimensions)}"


def _indexed_distance(dimensions: int) -> str:
    if dimensions <= _FULL_PRECISION_DIMENSIONS:
        return "vector <=> $1::real[]::vector"
    return f"vector::halfvec({dimensions}) <=> $1::real[]::vector::halfvec({dimensions})"


def _floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))

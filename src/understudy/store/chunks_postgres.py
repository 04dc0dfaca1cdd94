"""Chunks in PostgreSQL: vectors by their signs first, then by pgvector; their words are in `chunk_words_postgres`.

Vectors have a table for each number of dimensions. An HNSW index would take most of the time of an insertion, and
misses passages where a search is restricted to some of its rows.
"""

import struct
from array import array
from collections.abc import Sequence
from typing import Final

from understudy.errors import StoreError
from understudy.store import chunk_words_postgres, pgvector
from understudy.store.chunk_rows import (
    READY,
    ChunkHit,
    ChunkQuery,
    ChunkScores,
    DocumentGroup,
    NewChunk,
    build_hit,
)
from understudy.store.chunk_vectors_postgres import (
    compare_vectors,
    decode_floats,
    encode_signs,
    search_vectors,
    table_name,
)
from understudy.store.database import Bundle, Transaction
from understudy.store.sql import compose_sql

VECTOR_COLUMN: Final = "vector_send(v.vector)"

INSERT_BATCH: Final = 64
"""Chunks to insert in one transaction: fewer take more round trips and commits."""

_INLINE_DIMENSIONS: Final = 1900
"""Most dimensions of a vector that fits into a page, which is read twice as quickly as one that is stored apart."""

_INSERT_CHUNKS: Final = (
    "INSERT INTO chunks (document, position, start_at, end_at, body, page, headings, header)"
    " SELECT $1, p, s, e, b, n, h, t FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[],"
    " $6::bigint[], $7::text[], $8::text[]) AS t (p, s, e, b, n, h, t) RETURNING position, seq"
)
_INSERT_VECTORS: Final = (
    "(seq, store, document, vector)"
    " SELECT c.seq, $1, $2, ($4::real[])[(t.n - 1) * $5::bigint + 1 : t.n * $5::bigint]::vector"
    " FROM {0} AS c JOIN unnest($3::bigint[]) WITH ORDINALITY AS t (p, n) ON t.p = c.position"
)
_INSERT_CODES: Final = (
    "INSERT INTO chunk_codes (store, cell, seq, document, bits) SELECT $1, 0, c.seq, $2, t.b::varbit"
    " FROM {0} AS c JOIN unnest($3::bigint[], $4::text[]) AS t (p, b) ON t.p = c.position"
)
"""`{0}` are the rows of the chunks."""

_LOCK_TABLES: Final = "SELECT pg_advisory_xact_lock(7205759403792794)"


problem = pgvector.problem
"""See pgvector.problem."""

insert_terms = chunk_words_postgres.insert_terms
delete_terms = chunk_words_postgres.delete_terms
count_terms = chunk_words_postgres.count_terms
pad_terms = chunk_words_postgres.pad_terms
"""See chunk_words_postgres."""


def prepare(dimensions: int) -> Transaction[None]:
    """Creates the table of vectors. Raises StoreError if pgvector is missing and cannot be created."""
    table = table_name(dimensions)
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
    if dimensions <= _INLINE_DIMENSIONS:
        yield f"ALTER TABLE {table} ALTER COLUMN vector SET STORAGE PLAIN", ()


def insert(store: int, document: int, dimensions: int, chunks: Sequence[NewChunk]) -> Transaction[None]:
    """One statement for the rows of all tables: a round trip costs more than most rows."""
    positions = [chunk.position for chunk in chunks]
    floats = decode_floats(b"".join(chunk.vector for chunk in chunks))
    bits = [encode_signs(floats[start : start + dimensions]) for start in range(0, len(floats), dimensions)]
    bundle = Bundle()
    bundle.add(
        _INSERT_CHUNKS,
        document,
        positions,
        [chunk.start for chunk in chunks],
        [chunk.end for chunk in chunks],
        [chunk.text for chunk in chunks],
        [chunk.page for chunk in chunks],
        [chunk.headings for chunk in chunks],
        [chunk.header for chunk in chunks],
    )
    vectors = compose_sql("INSERT INTO", table_name(dimensions), _INSERT_VECTORS)
    bundle.add(vectors, store, document, positions, floats, dimensions)
    bundle.add(_INSERT_CODES, store, document, positions, bits)
    chunk_words_postgres.add_terms(bundle, store, document, chunks)
    yield bundle


def decode_vector(value: bytes | Sequence[float]) -> bytes:
    """A vector from `VECTOR_COLUMN`, which is big-endian after four bytes, or from `chunk_centers`."""
    if not isinstance(value, bytes):
        return struct.pack(f"<{len(value)}f", *value)
    numbers = array("f", value[4:])
    numbers.byteswap()
    return numbers.tobytes()


def encode_center(vector: bytes) -> list[float]:
    return decode_floats(vector)


def rank_centers(number: int, vector: bytes) -> Transaction[list[tuple[int, float, float]]]:
    """Places, shares and distances, the nearest center first."""
    sql = (
        "SELECT place, share, vector::vector <=> (SELECT $2::real[]::vector) AS distance FROM chunk_centers"
        " WHERE cells = $1 ORDER BY distance"
    )
    return (yield sql, (number, decode_floats(vector)))


def move_codes(store: int, source: int, numbers: Sequence[int], cells: Sequence[int]) -> Transaction[None]:
    """Moves chunks that are in the cell `source`. Rows of one cell are written side by side."""
    sql = (
        "WITH moved AS (DELETE FROM chunk_codes AS c USING unnest($3::bigint[], $4::bigint[]) AS t (seq, cell)"
        " WHERE c.store = $1 AND c.cell = $2 AND c.seq = t.seq RETURNING t.cell AS place, c.seq, c.document, c.bits)"
        " INSERT INTO chunk_codes (store, cell, seq, document, bits)"
        " SELECT $1, place, seq, document, bits FROM moved ORDER BY place, seq"
    )
    yield sql, (store, source, list(numbers), list(cells))


def delete(store: int, document: int, dimensions: int, limit: int) -> Transaction[int]:  # noqa: ARG001
    """The number of erased chunks: fewer than `limit` only if none remains."""
    rows = yield "SELECT seq FROM chunks WHERE document = $1 LIMIT $2", (document, limit)
    numbers = [row[0] for row in rows]
    yield from chunk_words_postgres.delete_terms(numbers)
    sql = "DELETE FROM chunk_codes WHERE document = $1 AND seq = ANY($2::bigint[])"
    yield sql, (document, numbers)
    for table in (table_name(dimensions), "chunks"):
        yield compose_sql("DELETE FROM", table, "WHERE seq = ANY($1::bigint[])"), (numbers,)
    return len(numbers)


def list_documents(store: int, files: Sequence[int] | None) -> Transaction[list[DocumentGroup]]:
    """The searchable documents of the files; None is all files."""
    sql = compose_sql(
        "SELECT embedder, dimensions, CAST(sum(chunks) AS BIGINT), array_agg(seq) FROM chunk_documents",
        "WHERE store = $1 AND state = $2",
        "" if files is None else "AND file = ANY($3::bigint[])",
        "GROUP BY embedder, dimensions",
    )
    rows = yield sql, (store, READY) if files is None else (store, READY, list(files))
    return [DocumentGroup(*row) for row in rows]


def search(query: ChunkQuery) -> Transaction[ChunkScores]:
    near = yield from search_vectors(query)
    matching = yield from chunk_words_postgres.search_terms(query)
    similarity = dict(near)
    missing = [seq for seq in matching if seq not in similarity]
    if query.vector is not None and query.comparable != [] and missing:
        similarity |= yield from compare_vectors(query, missing)
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

"""Chunks in SQLite: vectors by their signs first (sqlite-vec); their words are in `chunk_words_sqlite`.

Measured with 100,000 chunks of 384 dimensions: comparing the signs and then 400 full vectors takes a quarter of the
time of comparing all full vectors, with the same hits. Tables of sqlite-vec's own have costs that grow with the number
of candidates times the number of chunks, and take a megabyte for the first chunk of each store.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, LiteralString

from understudy.store import chunk_words_sqlite
from understudy.store.chunk_rows import (
    READY,
    ChunkHit,
    ChunkQuery,
    ChunkScores,
    DocumentGroup,
    NewChunk,
    build_hit,
)
from understudy.store.database import Transaction
from understudy.store.search_depth import NearChunk, count_candidates, rate_candidates, search_parts
from understudy.store.sql import SqlArguments, compose_sql

VECTOR_COLUMN: Final = "v.vector"

INSERT_BATCH: Final = 16
"""Chunks to insert in one transaction, which other writers wait for."""

_IN_STORE: Final = "+c.store = $1"
"""The plus: SQLite would read all codes of the store, not those of the documents, which have an index, too."""

_EXACT_SEARCH_CHUNKS: Final = 1000
"""Up to so many chunks of a store, all full vectors are compared."""

insert_terms = chunk_words_sqlite.insert_terms
delete_terms = chunk_words_sqlite.delete_terms
count_terms = chunk_words_sqlite.count_terms
"""See chunk_words_sqlite."""


def problem() -> Transaction[None]:
    """None: SQLite's vector extension is part of this program."""
    yield from ()


def pad_terms() -> Transaction[bool]:
    """False: terms are stored as earlier versions did."""
    yield from ()
    return False


def prepare(dimensions: int) -> Transaction[None]:  # noqa: ARG001 - the other engine has a table for each
    yield from ()


def insert(store: int, document: int, dimensions: int, chunks: Sequence[NewChunk]) -> Transaction[None]:  # noqa: ARG001
    sql = (
        "INSERT INTO chunks (document, position, start_at, end_at, body, page, headings, header)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING seq"
    )
    terms = []
    for chunk in chunks:
        place = chunk.position, chunk.start, chunk.end, chunk.text, chunk.page, chunk.headings, chunk.header
        rows = yield sql, (document, *place)
        seq = rows[0][0]
        yield "INSERT INTO chunk_vectors (seq, vector) VALUES ($1, $2)", (seq, chunk.vector)
        code = (
            "INSERT INTO chunk_codes (store, cell, seq, document, bits) VALUES ($1, 0, $2, $3, vec_quantize_binary($4))"
        )
        yield code, (store, seq, document, _pad_to_bytes(chunk.vector))
        terms.append((seq, chunk.terms, chunk.length))
    # After the others: FTS5 writes what it has collected before each statement that may be undone on its own.
    yield from insert_terms(store, document, terms)


def table_name(dimensions: int) -> str:  # noqa: ARG001 - the other engine has a table for each
    return "chunk_vectors"


def decode_vector(value: bytes) -> bytes:
    """A vector from `VECTOR_COLUMN` or `chunk_centers`."""
    return value


def encode_center(vector: bytes) -> bytes:
    return vector


def rank_centers(number: int, vector: bytes) -> Transaction[list[tuple[int, float, float]]]:
    """Places, shares and distances, the nearest center first."""
    sql = (
        "SELECT place, share, vec_distance_cosine(vector, $2) AS distance FROM chunk_centers"
        " WHERE cells = $1 ORDER BY distance"
    )
    return (yield sql, (number, vector))


def move_codes(store: int, source: int, numbers: Sequence[int], cells: Sequence[int]) -> Transaction[None]:
    """Moves chunks that are in the cell `source`."""
    for seq, cell in zip(numbers, cells, strict=True):
        yield "UPDATE chunk_codes SET cell = $4 WHERE store = $1 AND cell = $2 AND seq = $3", (store, source, seq, cell)


def delete(store: int, document: int, dimensions: int, limit: int) -> Transaction[int]:  # noqa: ARG001
    """The number of erased chunks: fewer than `limit` only if none remains."""
    rows = yield "SELECT seq FROM chunks WHERE document = $1 LIMIT $2", (document, limit)
    yield from delete_terms([row[0] for row in rows])
    for (seq,) in rows:
        yield "DELETE FROM chunk_codes WHERE document = $1 AND seq = $2", (document, seq)
        yield "DELETE FROM chunk_vectors WHERE seq = $1", (seq,)
        yield "DELETE FROM chunks WHERE seq = $1", (seq,)
    return len(rows)


def list_documents(store: int, files: Sequence[int] | None) -> Transaction[list[DocumentGroup]]:
    """The searchable documents of the files; None is all files."""
    sql = compose_sql(
        "SELECT embedder, dimensions, sum(chunks), json_group_array(seq) FROM chunk_documents",
        "WHERE store = $1 AND state = $2",
        "" if files is None else "AND file IN (SELECT value FROM json_each($3))",
        "GROUP BY embedder, dimensions",
    )
    rows = yield sql, (store, READY) if files is None else (store, READY, json.dumps(list(files)))
    return [DocumentGroup(embedder, size, chunks, json.loads(seqs)) for embedder, size, chunks, seqs in rows]


def search(query: ChunkQuery) -> Transaction[ChunkScores]:
    near = yield from _search_vectors(query)
    matching = yield from chunk_words_sqlite.search_terms(query)
    similarity = dict(near)
    missing = [seq for seq in matching if seq not in similarity]
    if query.vector is not None and missing:
        similarity |= yield from _similarities(query, missing)
    return ChunkScores([seq for seq, _ in near], matching, similarity)


def read(numbers: Sequence[int]) -> Transaction[list[ChunkHit]]:
    """Chunks by number; those of removed documents are left out."""
    sql = (
        "SELECT c.seq, c.document, d.file, d.language, d.heading,"
        " c.position, c.start_at, c.end_at, c.body, c.page, c.headings, c.header"
        " FROM chunks AS c JOIN chunk_documents AS d ON d.seq = c.document"
        " WHERE c.seq IN (SELECT value FROM json_each($1)) AND d.state = $2"
    )
    rows = yield sql, (json.dumps(list(numbers)), READY)
    return [build_hit(row) for row in rows]


def _search_vectors(query: ChunkQuery) -> Transaction[list[tuple[int, float]]]:
    if query.vector is None or query.comparable == []:
        return []
    if query.size <= _EXACT_SEARCH_CHUNKS:
        sql = compose_sql(
            "SELECT c.seq, vec_distance_cosine(v.vector, $2) AS distance FROM chunk_codes AS c JOIN chunk_vectors",
            "AS v ON v.seq = c.seq WHERE",
            "c.store = $1" if query.comparable is None else _IN_STORE,
            "" if query.comparable is None else "AND c.document IN (SELECT value FROM json_each($4))",
            "ORDER BY distance, c.seq LIMIT $3",
        )
        args = query.store, query.vector, query.limit
        rows = yield sql, args if query.comparable is None else (*args, json.dumps(list(query.comparable)))
        return [(seq, _cosine(distance)) for seq, distance in rows]
    if query.cells is None:
        hits = yield from _compare_codes(query, None)
    else:
        hits = yield from search_parts(query.cells, query.limit, partial(_compare_codes, query))
    return [(seq, similarity) for seq, similarity, _ in hits]


def _compare_codes(query: ChunkQuery, cells: Sequence[int] | None) -> Transaction[list[NearChunk]]:
    """The nearest of the chunks in the cells, of which None is all."""
    arguments = SqlArguments((query.store, _pad_to_bytes(query.vector or b"")))
    conditions: list[LiteralString] = []
    if query.comparable is not None:
        documents = arguments.bind(json.dumps(list(query.comparable)))
        # The plus: chunks are found by their cells, not by the index of documents, which takes six times as long.
        column: LiteralString = "c.document" if cells is None else "+c.document"
        conditions.append(compose_sql("AND", column, "IN (SELECT value FROM json_each(", documents, "))"))
    if cells is not None:
        bound = arguments.bind(json.dumps(list(cells)))
        conditions.append(compose_sql("AND c.cell IN (SELECT value FROM json_each(", bound, "))"))
    sql = compose_sql(
        "SELECT c.seq, c.cell FROM chunk_codes AS c WHERE",
        _IN_STORE if cells is None and query.comparable is not None else "c.store = $1",
        *conditions,
        "ORDER BY vec_distance_hamming(vec_bit(c.bits), vec_quantize_binary($2)), c.seq LIMIT",
        arguments.bind(count_candidates(query.limit, None if query.comparable is None else query.size)),
    )
    rows = yield sql, arguments.values
    return (yield from rate_candidates([(row[0], row[1]) for row in rows], query.limit, partial(_similarities, query)))


def _cosine(distance: float | None) -> float:
    return 1.0 - (1.0 if distance is None else distance)


def _similarities(query: ChunkQuery, numbers: Sequence[int]) -> Transaction[Mapping[int, float]]:
    """Cosines of the chunks whose vectors are comparable with the query's."""
    sql = (
        "SELECT seq, vec_distance_cosine(vector, $1) FROM chunk_vectors"
        " WHERE length(vector) = $3 AND seq IN (SELECT value FROM json_each($2))"
    )
    rows = yield sql, (query.vector, json.dumps(list(numbers)), len(query.vector or b""))
    return {seq: _cosine(distance) for seq, distance in rows}


def _pad_to_bytes(vector: bytes) -> bytes:
    """Signs are stored eight to a byte, so the vector is padded to a multiple of eight numbers."""
    return vector + bytes(-len(vector) % 32)

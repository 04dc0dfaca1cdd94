"""The search of vectors in PostgreSQL: by their signs first, which are codes of a bit a dimension, then by pgvector.

To order a row takes four times as long as to compare its code, so codes that are farther than the wanted ones are left
out before: a sample of codes has the distance.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, LiteralString

from understudy.store.chunk_rows import ChunkQuery
from understudy.store.database import Row, Transaction
from understudy.store.search_depth import NearChunk, count_candidates, rate_candidates, search_parts
from understudy.store.sql import SqlArguments, compose_sql

_EXACT_SEARCH_CHUNKS: Final = 2000
"""Up to so many chunks, all full vectors are compared."""

_SAMPLED_CODES: Final = 2048
_SAMPLED_PLACES: Final = 128
"""Documents, or places in a store that is not divided, that a sample has codes of."""

_MIN_LEFT_OUT: Final = 4
"""Where less than one of so many codes is wanted, the others are left out."""

_MARGIN: Final = 2.0
"""By the sample, so many times the wanted codes are near enough; if they are too few after all, all are ordered."""

_BIT_DIGITS: Final = bytes.maketrans(b"\x00\x01", b"01")


def search_vectors(query: ChunkQuery) -> Transaction[list[tuple[int, float]]]:
    """The nearest chunks with their cosines, the nearest first; none without a vector."""
    if query.vector is None or query.comparable == []:
        return []
    if query.size <= _EXACT_SEARCH_CHUNKS:
        return (yield from _compare_all(query))
    search = partial(_compare_codes, query, _Reach())
    if query.cells is None:
        hits = yield from search(None)
    else:
        hits = yield from search_parts(query.cells, query.limit, search)
    return [(seq, similarity) for seq, similarity, _ in hits]


def _compare_all(query: ChunkQuery) -> Transaction[list[tuple[int, float]]]:
    vector = query.vector or b""
    sql = compose_sql(
        "SELECT seq, vector <=> (SELECT $2::real[]::vector) AS distance FROM",
        table_name(len(vector) // 4),
        "WHERE store = $1",
        "" if query.comparable is None else "AND document = ANY($4::bigint[])",
        "ORDER BY distance, seq LIMIT $3",
    )
    args = query.store, decode_floats(vector), query.limit
    rows = yield sql, args if query.comparable is None else (*args, list(query.comparable))
    return [(seq, 1.0 - distance) for seq, distance in rows]


@dataclass(slots=True)
class _Reach:
    """The distance of the last wanted code of those that were compared; None if there were fewer."""

    distance: float | None = None


def _compare_codes(query: ChunkQuery, reach: _Reach, cells: Sequence[int] | None) -> Transaction[list[NearChunk]]:
    """The nearest of the chunks in the cells, of which None is all. Later ones must be as near as the first."""
    number = count_candidates(query.limit, None if query.comparable is None else query.size)
    bound = reach.distance
    if bound is None and (bound := (yield from _estimate_bound(query, cells, number))) is not None:
        rows = yield from _select_codes(query, cells, bound, number)
        if len(rows) < number:
            rows = yield from _select_codes(query, cells, None, number)
    else:
        rows = yield from _select_codes(query, cells, bound, number)
    if len(rows) == number:
        reach.distance = rows[-1][2]
    return (
        yield from rate_candidates([(row[0], row[1]) for row in rows], query.limit, partial(compare_vectors, query))
    )


def _select_codes(
    query: ChunkQuery, cells: Sequence[int] | None, bound: float | None, number: int
) -> Transaction[list[Row]]:
    """Numbers, cells and distances of codes that are at most `bound` apart; None is any."""
    arguments = SqlArguments((query.store, encode_signs(decode_floats(query.vector or b""))))
    sql = compose_sql(
        # Where all chunks are compared, their cells do not matter, and are not in the index of documents.
        "SELECT seq,",
        "0" if cells is None else "cell",
        "AS cell,",
        _DISTANCE,
        "AS distance FROM chunk_codes WHERE store = $1",
        _filter_documents(query, cells, arguments),
        "" if cells is None else compose_sql("AND cell = ANY(", arguments.bind(list(cells)), "::bigint[])"),
        "" if bound is None else compose_sql("AND", _DISTANCE, "<=", arguments.bind(bound), "::float8"),
        "ORDER BY distance, seq LIMIT",
        arguments.bind(number),
    )
    return (yield sql, arguments.values)


_DISTANCE: Final = "bits <~> (SELECT $2::text::bit varying)"
"""A subquery is computed once, and a cast of a parameter for each row where a plan is for any parameters."""


def _filter_documents(query: ChunkQuery, cells: Sequence[int] | None, arguments: SqlArguments) -> LiteralString:
    if query.comparable is None:
        return ""
    documents = arguments.bind(list(query.comparable))
    if cells is None:
        return compose_sql("AND document = ANY(", documents, "::bigint[])")
    # A long array of documents is searched from its start for each row; a test for truth makes a hash table of it.
    return compose_sql("AND (document IN (SELECT unnest(", documents, "::bigint[]))) IS TRUE")


def _estimate_bound(query: ChunkQuery, cells: Sequence[int] | None, number: int) -> Transaction[float | None]:
    """A distance that somewhat more than `number` codes are near enough for; None if most are wanted."""
    compared = query.size * (1.0 if query.cells is None else query.cells.share)
    if compared < _MIN_LEFT_OUT * number:
        return None
    arguments = SqlArguments((query.store, encode_signs(decode_floats(query.vector or b""))))
    sql = compose_sql(
        "SELECT percentile_disc(",
        arguments.bind(_MARGIN * number / compared),
        "::float8) WITHIN GROUP (ORDER BY sample.distance) FROM",
        _sample_codes(query, cells, arguments),
    )
    rows = yield sql, arguments.values
    bound: float | None = rows[0][0]
    return bound


def _sample_codes(query: ChunkQuery, cells: Sequence[int] | None, arguments: SqlArguments) -> LiteralString:
    """A few codes of each cell, of each of some documents, or of some places among all chunks, which are in no cell."""
    condition: LiteralString
    if cells is not None:
        places, count = compose_sql("unnest(", arguments.bind(list(cells)), "::bigint[])"), len(cells)
        condition = compose_sql("store = $1 AND cell = place", _filter_documents(query, cells, arguments))
    elif query.comparable is not None:
        documents = query.comparable[:: max(1, len(query.comparable) // _SAMPLED_PLACES)]
        places, count = compose_sql("unnest(", arguments.bind(documents), "::bigint[])"), len(documents)
        condition = "store = $1 AND document = place"
    else:
        places, count = _SPREAD_PLACES.format(count=_SAMPLED_PLACES), _SAMPLED_PLACES
        condition = "store = $1 AND cell = 0 AND seq >= place ORDER BY seq"
    limit = arguments.bind(max(4, _SAMPLED_CODES // max(1, count)))
    return compose_sql(
        places,
        "AS place CROSS JOIN LATERAL (SELECT",
        _DISTANCE,
        "AS distance FROM chunk_codes WHERE",
        condition,
        "LIMIT",
        limit,
        ") AS sample",
    )


_SPREAD_PLACES: Final = (
    "(SELECT least + (most - least) * n / {count} AS place FROM generate_series(0, {count} - 1) AS n,"
    " (SELECT min(seq) AS least, max(seq) AS most FROM chunk_codes WHERE store = $1 AND cell = 0) AS ends)"
)


def compare_vectors(query: ChunkQuery, numbers: Sequence[int]) -> Transaction[Mapping[int, float]]:
    """Cosines of the chunks whose vectors are comparable with the query's."""
    vector = query.vector or b""
    sql = compose_sql(
        "SELECT seq, vector <=> (SELECT $1::real[]::vector) FROM",
        table_name(len(vector) // 4),
        "WHERE seq = ANY($2::bigint[])",
    )
    rows = yield sql, (decode_floats(vector), list(numbers))
    return {seq: 1.0 - distance for seq, distance in rows}


def table_name(dimensions: int) -> str:
    """The table of vectors."""
    return f"chunk_vectors_{int(dimensions)}"


def encode_signs(numbers: Sequence[float]) -> str:
    """A digit for each number, 1 where it is positive."""
    return bytes(map((0.0).__lt__, numbers)).translate(_BIT_DIGITS).decode("ascii")


def decode_floats(vector: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(vector) // 4}f", vector))

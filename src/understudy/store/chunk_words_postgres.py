"""The words of chunks in PostgreSQL: hashes of terms in a GIN index, ranked by BM25. Knows no vector."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from understudy.store.chunk_rows import ChunkQuery, NewChunk
from understudy.store.database import Bundle, Transaction
from understudy.store.sql import compose_sql
from understudy.store.term_plan import K1, MAX_TERM_CHUNKS, B, plan_terms

_SELECTED_CHUNKS: Final = 4000
"""Fewer than in SQLite: they lie far apart in the table."""

_MAX_COUNTED_CHUNKS: Final = 50_000
_SAMPLED_CHUNKS: Final = 20_000

_STORE_FACTOR: Final = 0x9E3779B97F4A7C15
_KEY_BITS: Final = (1 << 64) - 1
_KEY_BYTES: Final = 8
_ROW_BYTES: Final = 2048
"""PostgreSQL stores the keys of a row that would be longer than 2032 bytes apart; see migration 62."""

_PADDED_ROWS: Final = 250
_INSERT_TERMS: Final = (
    "INSERT INTO chunk_terms (seq, document, length, keys, padding)"
    " SELECT c.seq, $1, t.l, t.k::bigint[], repeat('0', t.w::integer) FROM {0} AS c"
    " JOIN unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) AS t (p, l, k, w) ON t.p = c.position"
)
"""`{0}` are the rows of the chunks."""

_PAD_TERMS: Final = (
    "UPDATE chunk_terms SET padding = repeat('0', GREATEST(0, 2048 - 8 * cardinality(keys)))"
    " WHERE seq IN (SELECT seq FROM chunk_terms WHERE padding IS NULL ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)"
    " RETURNING seq"
)


def add_terms(bundle: Bundle, store: int, document: int, chunks: Sequence[NewChunk]) -> None:
    """Adds the insertion of terms after that of the chunks' rows, which is the first of the bundle."""
    positions, lengths = [chunk.position for chunk in chunks], [chunk.length for chunk in chunks]
    bundle.add(_INSERT_TERMS, document, positions, lengths, *_encode_keys(store, [chunk.terms for chunk in chunks]))


def insert_terms(store: int, document: int, chunks: Sequence[tuple[int, str, int]]) -> Transaction[None]:
    """`chunks` are numbers, terms and lengths of chunks, which had no terms yet."""
    sql = (
        "INSERT INTO chunk_terms (seq, document, length, keys, padding)"
        " SELECT q, $1, l, k::bigint[], repeat('0', w::integer)"
        " FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[]) AS t (q, l, k, w) ON CONFLICT DO NOTHING"
    )
    keys = _encode_keys(store, [terms for _, terms, _ in chunks])
    yield sql, (document, [seq for seq, _, _ in chunks], [length for _, _, length in chunks], *keys)


def _encode_keys(store: int, texts: Iterable[str]) -> tuple[list[str], list[int]]:
    """For the terms of each chunk the text of an array of their keys, and how many characters its padding has."""
    keys = [_term_keys(store, set(terms.split())) for terms in texts]
    widths = [max(0, _ROW_BYTES - _KEY_BYTES * len(some)) for some in keys]
    return ["{" + ",".join(map(str, some)) + "}" for some in keys], widths


def pad_terms() -> Transaction[bool]:
    """Stores the keys of some rows of earlier versions apart; True if there may be more."""
    rows = yield _PAD_TERMS, (_PADDED_ROWS,)
    return len(rows) == _PADDED_ROWS


def delete_terms(numbers: Sequence[int]) -> Transaction[None]:
    """Removes the terms of chunks, if they have any, those of an earlier version included."""
    yield "DELETE FROM chunk_terms WHERE seq = ANY($1::bigint[])", (numbers,)
    yield "DELETE FROM chunk_text WHERE seq = ANY($1::bigint[])", (numbers,)


def _term_keys(store: int, terms: Iterable[str]) -> list[int]:
    """A signed number of 64 bits for each term, of this store alone."""
    salt = store * _STORE_FACTOR & _KEY_BITS
    return [(_hash_term(term) ^ salt) - (1 << 63) for term in terms]


@lru_cache(maxsize=100_000)
def _hash_term(term: str) -> int:
    return int.from_bytes(blake2b(term.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def search_terms(query: ChunkQuery) -> Transaction[dict[int, float]]:
    """BM25 as if each term occurred once in a chunk: the caller ranks the hits by their texts."""
    plan = plan_terms(query, _SELECTED_CHUNKS)
    if not plan.selecting:
        return {}
    terms = [*plan.selecting, *plan.rating]
    numbers, keys = _flatten_keys(query.store, [term.forms for term in terms])
    selecting = _term_keys(query.store, [form for term in plan.selecting for form in term.forms])
    args: tuple[object, ...] = (numbers, keys, [term.weight for term in terms], query.average_length, query.limit)
    args = (*args, len(plan.selecting), selecting, MAX_TERM_CHUNKS)
    document_filter = ""
    if query.documents is not None:
        document_filter = " AND (c.document IN (SELECT unnest($9::bigint[]))) IS TRUE"
        args = (*args, list(query.documents))
    # Each term is looked up in the index. A join would read the whole table, as no count is known to it.
    sql = compose_sql(
        "SELECT found.seq, sum(($3::float8[])[t.n]) /",
        # As float8: constants with a point are of the type numeric, which is far slower.
        f"({1 + K1 * (1 - B)}::float8 + {K1 * B}::float8 * max(found.length) / $4::float8) AS score",
        _FROM_TERMS,
        "JOIN LATERAL ((SELECT c.seq, c.length FROM chunk_terms AS c WHERE t.n <= $6 AND c.keys && t.keys",
        document_filter,
        "LIMIT $8) UNION ALL (SELECT c.seq, c.length FROM chunk_terms AS c",
        "WHERE t.n > $6 AND c.keys && $7::bigint[] AND c.keys && t.keys",
        document_filter,
        ")) AS found ON true GROUP BY found.seq ORDER BY score DESC, found.seq LIMIT $5",
    )
    rows = yield sql, args
    return {seq: score for seq, score in rows}  # noqa: C416 - rows are records


def count_terms(store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]:
    """How many chunks of the store have each of the terms, in any of its forms; large numbers are estimates."""
    sql = compose_sql(
        "SELECT t.n, (SELECT count(*) FROM (SELECT 1 FROM chunk_terms AS c WHERE c.keys && t.keys",
        "LIMIT $3) AS counted)",
        _FROM_TERMS,
        "ORDER BY t.n",
    )
    rows = yield sql, (*_flatten_keys(store, terms), _MAX_COUNTED_CHUNKS)
    counts = [row[1] for row in rows]
    common = [place for place, count in enumerate(counts) if count == _MAX_COUNTED_CHUNKS]
    if common:
        estimates = yield from _estimate_counts(store, [terms[place] for place in common])
        for place, estimate in zip(common, estimates, strict=True):
            counts[place] = max(estimate, _MAX_COUNTED_CHUNKS)
    return counts


def _estimate_counts(store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]:
    """From a sample of the pages of all stores: each row of a common term would be read otherwise."""
    rows = yield "SELECT reltuples::float8 FROM pg_class WHERE oid = to_regclass('chunk_terms')", ()
    percent = min(100.0, 100.0 * _SAMPLED_CHUNKS / max(rows[0][0], 1.0))
    sql = compose_sql(
        "SELECT t.n, count(c.seq)",
        _FROM_TERMS,
        "LEFT JOIN (SELECT * FROM chunk_terms TABLESAMPLE SYSTEM ($3::real) REPEATABLE (1)) AS c ON c.keys && t.keys",
        "GROUP BY t.n ORDER BY t.n",
    )
    rows = yield sql, (*_flatten_keys(store, terms), percent)
    return [round(row[1] * 100.0 / percent) for row in rows]


_FROM_TERMS: Final = (
    "FROM (SELECT n, array_agg(k) AS keys FROM unnest($1::bigint[], $2::bigint[]) AS u (n, k) GROUP BY n) AS t"
)


def _flatten_keys(store: int, terms: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
    """The keys of all forms of the terms, after the numbers of their terms, from 1."""
    numbers = [number for number, forms in enumerate(terms, 1) for _ in forms]
    return numbers, _term_keys(store, [form for forms in terms for form in forms])

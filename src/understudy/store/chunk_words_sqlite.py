"""The words of chunks in SQLite: FTS5, ranked by BM25. Knows no vector."""

import json
from collections.abc import Sequence
from typing import Final, LiteralString

from understudy.store.chunk_rows import ChunkQuery, RatedTerm
from understudy.store.database import Transaction
from understudy.store.sql import SqlArguments, compose_sql
from understudy.store.term_plan import MAX_SELECTED_CHUNKS, MAX_TERM_CHUNKS, TermPlan, normalize_length, plan_terms

_SMALL_STORE_CHUNKS: Final = 12_000
_SMALL_DATABASE_CHUNKS: Final = 100_000
"""Up to so many chunks, FTS5 ranks: each time it counts those of the store, and those of each term in all stores."""

_MAX_COUNTED_CHUNKS: Final = 100_000
_SELECTED_CHUNKS: Final = 6000
_MIN_RATED_CHUNKS: Final = 200
_MAX_SCOPED_DOCUMENTS: Final = 50
"""Most documents that a full-text query names one by one."""

_MIN_UNSCOPED_CHUNKS: Final = 100_000
"""For each term, FTS5 reads the list of a store's chunks. For a store of more, which are most of the database, it takes
less time to look up the stores of the best chunks of all.
"""


def insert_terms(store: int, document: int, chunks: Sequence[tuple[int, str, int]]) -> Transaction[None]:
    """`chunks` are numbers, terms and lengths of chunks, which had no terms yet."""
    for seq, terms, _ in chunks:
        sql = "INSERT INTO chunk_terms (rowid, scope, terms) VALUES ($1, $2, $3)"
        yield sql, (seq, f"s{store} d{document}", terms)


def delete_terms(numbers: Sequence[int]) -> Transaction[None]:
    """Removes the terms of chunks, if they have any, those of an earlier version included."""
    for seq in numbers:
        yield "DELETE FROM chunk_terms WHERE rowid = $1", (seq,)
        yield "DELETE FROM chunk_text WHERE rowid = $1", (seq,)


def search_terms(query: ChunkQuery) -> Transaction[dict[int, float]]:
    """Chunks with their scores, which order the chunks of this query only."""
    plan = plan_terms(query, _SELECTED_CHUNKS)
    if not plan.selecting:
        return {}
    rows = yield "SELECT max(seq) FROM chunks", ()
    chunks = rows[0][0] or 0
    if query.total <= _SMALL_STORE_CHUNKS and chunks <= _SMALL_DATABASE_CHUNKS and not plan.rating:
        return (yield from _rank_all(query, plan.selecting))
    scope = f"{_match_scope(query)} AND " if _is_scoped(query, plan, chunks) else ""
    return (yield from _rank_selected(query, plan, scope))


def _rank_all(query: ChunkQuery, terms: Sequence[RatedTerm]) -> Transaction[dict[int, float]]:
    arguments = SqlArguments()
    match = arguments.bind(f"{_match_scope(query)} AND terms : ({_match_terms(terms)})")
    sql = compose_sql(
        "SELECT rowid, -bm25(chunk_terms, 0.0, 1.0) AS score FROM chunk_terms WHERE chunk_terms MATCH",
        match,
        _filter_documents(query, "chunk_terms.rowid", arguments),
        "ORDER BY score DESC, rowid LIMIT",
        arguments.bind(query.limit),
    )
    rows = yield sql, arguments.values
    return {seq: score for seq, score in rows}  # noqa: C416 - rows are records


def _rank_selected(query: ChunkQuery, plan: TermPlan, scope: str) -> Transaction[dict[int, float]]:
    """BM25 as if each term occurred once in a chunk: the caller ranks the hits by their texts."""
    selecting = _match_terms(plan.selecting)
    matches = [(term.weight, _match_any(term.forms)) for term in plan.selecting]
    matches += [(term.weight, f"({selecting}) AND ({_match_any(term.forms)})") for term in plan.rating]
    arguments = SqlArguments()
    lists = [
        compose_sql(
            "SELECT * FROM (SELECT rowid AS seq, CAST(",
            arguments.bind(weight),
            "AS REAL) AS weight FROM chunk_terms WHERE chunk_terms MATCH",
            arguments.bind(f"{scope}terms : ({match})"),
            "LIMIT",
            arguments.bind(MAX_TERM_CHUNKS if scope else -1),
            ")",
        )
        for weight, match in matches
    ]
    sql = compose_sql(
        "SELECT best.seq, best.weight, size.sz FROM (SELECT seq, sum(weight) AS weight FROM (",
        " UNION ALL ".join(lists),
        # The limit: SQLite would filter all chunks before it orders them, though a few of the best are enough.
        ") GROUP BY seq ORDER BY weight DESC, seq LIMIT 1000000) AS best",
        "CROSS JOIN chunk_terms_docsize AS size ON size.id = best.seq WHERE true",
        # Documents are those of the store.
        "" if scope or query.documents is not None else _filter_store(query, arguments),
        _filter_documents(query, "best.seq", arguments),
        "LIMIT",
        arguments.bind(max(_MIN_RATED_CHUNKS, 4 * query.limit)),
    )
    rows = yield sql, arguments.values
    scores = {seq: weight / normalize_length(_count_tokens(sizes), query.average_length) for seq, weight, sizes in rows}
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0]))[: query.limit])


def _is_scoped(query: ChunkQuery, plan: TermPlan, chunks: int) -> bool:
    """Whether terms are matched together with the store, among the `chunks` of all stores."""
    is_common = plan.selecting[0].count > MAX_SELECTED_CHUNKS
    is_small = query.total < _MIN_UNSCOPED_CHUNKS or 2 * query.total < chunks
    return is_common or is_small or _names_documents(query)


def _match_scope(query: ChunkQuery) -> str:
    names = " OR ".join(f"d{document}" for document in query.documents or ()) if _names_documents(query) else ""
    return f"scope : ({names or f's{query.store}'})"


def _names_documents(query: ChunkQuery) -> bool:
    return query.documents is not None and len(query.documents) <= _MAX_SCOPED_DOCUMENTS


def _filter_documents(query: ChunkQuery, seq: LiteralString, arguments: SqlArguments) -> LiteralString:
    if query.documents is None or _names_documents(query):
        return ""
    return compose_sql(
        "AND (SELECT document FROM chunks INDEXED BY chunks_documents WHERE seq =",
        seq,
        ") IN (SELECT value FROM json_each(",
        arguments.bind(json.dumps(list(query.documents))),
        "))",
    )


def _filter_store(query: ChunkQuery, arguments: SqlArguments) -> LiteralString:
    return compose_sql(
        "AND",
        arguments.bind(query.store),
        "= (SELECT d.store FROM chunks AS c INDEXED BY chunks_documents JOIN chunk_documents AS d",
        "ON d.seq = c.document WHERE c.seq = best.seq)",
    )


def _count_tokens(sizes: bytes) -> int:
    """The terms of the second column, from numbers of seven bits a byte, of which all but the last have the eighth."""
    numbers, number = [], 0
    for byte in sizes:
        number = number << 7 | byte & 127
        if byte < 128:
            numbers.append(number)
            number = 0
    return numbers[1] if len(numbers) > 1 else 0


def _match_terms(terms: Sequence[RatedTerm]) -> str:
    return " OR ".join(_match_any(term.forms) for term in terms)


def _match_any(forms: Sequence[str]) -> str:
    return " OR ".join(f'"{form}"' for form in forms)


def count_terms(store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]:
    """How many chunks of the store have each of the terms, in any of its forms; large numbers are estimates."""
    counts = []
    for forms in terms:
        sql = (
            "SELECT count(*), max(seq) FROM"
            " (SELECT rowid AS seq FROM chunk_terms WHERE chunk_terms MATCH $1 ORDER BY rowid LIMIT $2)"
        )
        rows = yield sql, (f"scope : s{store} AND terms : ({_match_any(forms)})", _MAX_COUNTED_CHUNKS)
        count, last = rows[0]
        if count == _MAX_COUNTED_CHUNKS:
            count = yield from _estimate_count(store, count, last)
        counts.append(count)
    return counts


def _estimate_count(store: int, count: int, last: int) -> Transaction[int]:
    """How many chunks have a term that `count` of those up to the number `last` have: the others as often."""
    sql = "SELECT rowid FROM chunk_terms WHERE chunk_terms MATCH $1 ORDER BY rowid"
    ((first,),) = yield compose_sql(sql, "LIMIT 1"), (f"scope : s{store}",)
    ((end,),) = yield compose_sql(sql, "DESC LIMIT 1"), (f"scope : s{store}",)
    estimate: int = round(count * (end - first + 1) / (last - first + 1))
    return estimate

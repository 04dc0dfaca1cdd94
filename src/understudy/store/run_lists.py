"""The runs of a project, newest or oldest first, as pages that cost the same at any depth.

A page is ordered by the time of creation. Each status is an index range of its own, and the page is the first rows of
all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

from understudy.store.database import Transaction
from understudy.store.pages import Page, PageOrder, PageRequest, PageSource, find_position
from understudy.store.sql import SqlArguments, compose_sql, match_metadata
from understudy.store.states import ACTIVE, HAS_ENDED, IS_ACTIVE, TRANSITIONS
from understudy.wire.run_outcome import RunStatus

_ALL: Final = "project_id = $1 AND kind = 'run'"
_SCOPE: Final = compose_sql(_ALL, "AND body IS NOT NULL")
# SQLite has an index of either, and uses it where the condition is in the text of the statement.
_RUNS: Final = PageSource("runs", _ALL, order=PageOrder(("created_at", "seq")))
_RUNS_OF_THREAD: Final = PageSource("runs", _ALL, order=PageOrder(("created_at + 0", "seq")))


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A run matches if it has one of the `statuses` (any, if none is named) and every other member that is set.

    `created_after` and `created_before` are Unix seconds; a run of that very second does not match.
    """

    statuses: Sequence[RunStatus] = ()
    assistant_id: str | None = None
    model: str | None = None
    thread_id: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    metadata: Sequence[tuple[str, str]] = ()

    @property
    def is_indexed(self) -> bool:
        """Whether the rows of a page follow each other in an index."""
        return self.model is None and not self.metadata


def page_project_runs(
    json_pair: LiteralString, project_id: str, request: PageRequest, chosen: RunFilter
) -> Transaction[Page]:
    """`json_pair` is the database's condition on metadata. Raises InvalidRequest for a cursor of another list."""
    arguments = SqlArguments([project_id])
    conditions = _compile_filter(json_pair, chosen, arguments)
    # A thread has few runs: its index is used, and not the one that has the whole project in order.
    source = _RUNS if chosen.thread_id is None else _RUNS_OF_THREAD
    for name, cursor in request.cursors():
        position = yield from find_position(source, project_id, name, cursor)
        conditions.append(source.order.compose_bound(request.order, name, arguments.bind_all(position)))
    ranges = _list_ranges(chosen)
    end = source.order.compose_end(request.reads_ascending, arguments.bind(request.limit + 1))
    return request.cut((yield _compose_page(conditions, ranges, arguments, end), arguments.values))


def _compile_filter(json_pair: LiteralString, chosen: RunFilter, arguments: SqlArguments) -> list[LiteralString]:
    conditions: list[LiteralString] = [_SCOPE]
    comparisons: tuple[tuple[LiteralString, str | int | None], ...] = (
        ("assistant_id =", chosen.assistant_id),
        ("model =", chosen.model),
        ("thread_id =", chosen.thread_id),
        ("created_at >", chosen.created_after),
        ("created_at <", chosen.created_before),
    )
    conditions += [compose_sql(column, arguments.bind(value)) for column, value in comparisons if value is not None]
    return [*conditions, *match_metadata(json_pair, chosen.metadata, arguments)]


def _list_ranges(chosen: RunFilter) -> Sequence[RunStatus]:
    """The statuses to read one by one; none where an index has the runs of all of them in order."""
    if chosen.statuses:
        return sorted(set(chosen.statuses))
    return () if chosen.assistant_id is None or chosen.thread_id is not None else tuple(TRANSITIONS)


def _compose_page(
    conditions: Sequence[LiteralString], statuses: Sequence[RunStatus], arguments: SqlArguments, end: LiteralString
) -> LiteralString:
    where = " AND ".join(conditions)
    if not statuses:
        return compose_sql("SELECT id, body FROM runs WHERE", where, end)
    ranges = [
        compose_sql(
            "SELECT * FROM (SELECT id, body, created_at, seq FROM runs WHERE",
            where,
            "AND",
            IS_ACTIVE if status in ACTIVE else HAS_ENDED,
            "AND status =",
            arguments.bind(status),
            end,
            ") AS of_status",
        )
        for status in statuses
    ]
    return compose_sql("SELECT id, body FROM (", " UNION ALL ".join(ranges), ") AS of_all", end)

"""The oldest jobs of every project, read through indexes: what a list costs grows neither with the jobs nor with the
number of projects.

A list visits one index entry a project, at most `limit` of them, and the next list begins after the last project.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, LiteralString

from understudy.store.database import Row, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters
from understudy.store.workers import Candidate

_CONSTANTS: Final = frozenset({"0", "1"})
"""Groups by an expression instead of a column."""
_LANES: Final = 10
_MAX_PROJECTS: Final = 1000
"""A cursor remembers the last group of so many projects."""


@dataclass(slots=True)
class FairCursor:
    """Where the next list begins: after a project, and within each project after one of its groups.

    Each list moves it.
    """

    project_id: str | None = None
    groups: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FairListing:
    """`is_waiting` is true of rows that have no owner and work left.

    The table has a partial index with that condition on `project_id`, then on `group` where it is a number, and on
    `order`. `condition` is another one, with the parameter `$2`: the `value` of a list. `key` is the column of the
    candidates' keys. `live_groups` begins a statement, up to a list of groups, that returns those whose jobs may be
    claimed.
    """

    table: LiteralString
    is_waiting: LiteralString
    condition: LiteralString = ""
    key: LiteralString = "seq"
    group: LiteralString = "0"
    order: LiteralString = "seq"
    live_groups: LiteralString = ""

    def list_waiting(self, value: Any, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[Any]]]:
        """Up to `limit` candidates, as many of each project: of up to `limit` projects, and at least one."""
        projects = yield from self.list_projects(limit, cursor)
        each = max(limit // len(projects), 1) if projects else 0
        return (yield from self.list_oldest(value, [(project,) for project in projects], each))

    def list_waiting_by_group(self, value: Any, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[Any]]]:
        """As `list_waiting`, with as many candidates of each of a project's groups."""
        projects = yield from self.list_projects(limit, cursor)
        each = max(limit // len(projects), 1) if projects else 0
        lanes: list[tuple[Any, ...]] = []
        for project in projects:
            groups = yield from self._list_groups(project, each, cursor)
            lanes += [(project, group) for group in groups]
        if self.live_groups:
            live = yield from self._list_live_groups([group for _, group in lanes])
            lanes = [lane for lane in lanes if lane[1] in live]
        return (yield from self.list_oldest(value, lanes, max(limit // len(lanes), 1) if lanes else 0))

    def list_oldest(self, value: Any, lanes: Sequence[tuple[Any, ...]], each: int) -> Transaction[list[Candidate[Any]]]:
        """The `each` oldest jobs of each lane: of a project, or of a project and one of its groups."""
        candidates: dict[Any, Candidate[Any]] = {}
        for some in _padded_batches(lanes):
            values = [value for lane in some for value in lane]
            first = (each, value) if self.condition else (each,)
            for row in (yield _oldest_sql(self, len(some), len(some[0])), (*first, *values)):
                candidates[row[0]] = Candidate(*row)
        return list(candidates.values())

    def list_projects(self, limit: int, cursor: FairCursor) -> Transaction[list[str]]:
        """Up to `limit` projects with jobs that wait, from the cursor on."""
        rows = yield from _skip(_skip_projects(self), limit, (), cursor.project_id)
        cursor.project_id = rows[-1][0] if len(rows) == limit else None
        return [row[0] for row in rows]

    def _list_live_groups(self, groups: Sequence[Any]) -> Transaction[set[Any]]:
        live: set[Any] = set()
        for some in padded_batches(groups):
            rows = yield compose_sql(self.live_groups, "(", sql_parameters(1, len(some)), ")"), tuple(some)
            live.update(row[0] for row in rows)
        return live

    def _list_groups(self, project_id: str, limit: int, cursor: FairCursor) -> Transaction[list[Any]]:
        after = cursor.groups.pop(project_id, None)
        rows = yield from _skip(_skip_groups(self), limit, (project_id,), after)
        if len(rows) == limit:
            cursor.groups[project_id] = rows[-1][0]
            if len(cursor.groups) > _MAX_PROJECTS:
                del cursor.groups[next(iter(cursor.groups))]
        return [row[0] for row in rows]


def _padded_batches(lanes: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Statements of a hundred lanes are not cached by SQLite, and are slow to plan."""
    for start in range(0, len(lanes), _LANES):
        yield from padded_batches(lanes[start : start + _LANES])


@dataclass(frozen=True, slots=True)
class _SkipScan:
    """Different values of a column, one index lookup each: all of them, and those after the last parameter.

    A lookup orders by columns of which none equals a constant, so that only the index of the listing serves it:
    planners of both databases prefer another one where it promises a few rows early.
    """

    everything: LiteralString
    behind: LiteralString


def _skip(scan: _SkipScan, limit: int, arguments: tuple[Any, ...], after: Any) -> Transaction[list[Row]]:
    """Up to `limit` values, those after `after` first."""
    rows: list[Row] = []
    if after is not None:
        rows = yield scan.behind, (limit, *arguments, after)
    if len(rows) < limit:
        first = yield scan.everything, (limit - len(rows), *arguments)
        rows = rows + [row for row in first if after is None or row[0] <= after]
    return rows


@cache
def _skip_projects(listing: FairListing) -> _SkipScan:
    lookup = compose_sql("SELECT project_id AS value FROM", listing.table, "WHERE", listing.is_waiting)
    columns = listing.order if listing.group in _CONSTANTS else compose_sql(listing.group, ",", listing.order)
    order = compose_sql("ORDER BY project_id,", columns, "LIMIT 1")
    following = compose_sql(lookup, "AND project_id > found.value", order)
    behind = compose_sql(lookup, "AND project_id > $2", order)
    return _SkipScan(_recursive(compose_sql(lookup, order), following), _recursive(behind, following))


@cache
def _skip_groups(listing: FairListing) -> _SkipScan:
    lane_columns = compose_sql("project_id,", listing.group)
    # Without a bound at the project's end: SQLite would use it instead of the group. And `>` of two columns reads all
    # rows of the group before there.
    value = compose_sql("SELECT CASE WHEN project_id = $2 THEN", listing.group, "END AS value FROM", listing.table)
    lookup = compose_sql(value, "WHERE", listing.is_waiting, "AND")
    order = compose_sql("ORDER BY", lane_columns, ",", listing.order, "LIMIT 1")
    following = compose_sql(lookup, "(", lane_columns, ") >= ($2, found.value + 1)", order)
    behind = compose_sql(lookup, "(", lane_columns, ") >= ($2, $3 + 1)", order)
    first = compose_sql(lookup, "project_id >= $2", order)
    return _SkipScan(_recursive(first, following), _recursive(behind, following))


def _recursive(first: LiteralString, following: LiteralString) -> LiteralString:
    return compose_sql(
        "WITH RECURSIVE found (value, place) AS (SELECT value, 1 FROM (",
        first,
        ") AS first UNION ALL SELECT (",
        following,
        "), place + 1 FROM found WHERE value IS NOT NULL AND place < $1)",
        "SELECT value FROM found WHERE value IS NOT NULL",
    )


@cache
def _oldest_sql(listing: FairListing, lanes: int, width: int) -> LiteralString:
    """The `$1` oldest jobs of each of `lanes` lanes; a lane is a project, or with the width 2 one of its groups."""
    columns = compose_sql(listing.key, ", project_id,", listing.group)
    lane_columns = "project_id" if width == 1 else compose_sql("project_id,", listing.group)
    first = 3 if listing.condition else 2
    parts: list[LiteralString] = []
    for number in range(lanes):
        values = sql_parameters(first + number * width, width)
        # Not an equality: see `_SkipScan`.
        lane = compose_sql("(", lane_columns, ") >= (", values, ") AND (", lane_columns, ") <= (", values, ")")
        condition = compose_sql("WHERE", listing.is_waiting, "AND", lane, listing.condition)
        order = compose_sql("ORDER BY", lane_columns, ",", listing.order, "LIMIT $1")
        rows = compose_sql("SELECT", columns, "FROM", listing.table, condition, order)
        parts.append(compose_sql("SELECT * FROM (", rows, ") AS oldest"))
    return " UNION ALL ".join(parts)

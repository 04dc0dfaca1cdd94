"""Usage reports: sums of `usage` rows in time buckets, grouped by columns.

Reports may read many rows, so they are scans, which block no other query. Writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from understudy.store.charges import Kind
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.usage_journal import UsageJournal, fold_before_reading

Group = Literal["project_id", "key_id", "model", "batch", "kind"]


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Rows of `[start, end)` in Unix seconds, in buckets of `width` seconds since 1970 at the clock of `offsets`.

    `offsets` are pairs: a moment, and the seconds that the clock is ahead of UTC until then; the last one is for all
    later moments. Buckets are seconds of that clock. An empty filter matches everything. `batch` None matches both.
    """

    start: int
    end: int
    width: int
    groups: tuple[Group, ...] = ()
    kind: Kind | None = None
    models: tuple[str, ...] = ()
    key_ids: tuple[str, ...] = ()
    batch: bool | None = None
    offsets: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """One group of one bucket, which begins at `bucket`. `group` has only the columns of the grouping."""

    bucket: int
    group: dict[Group, str | int]
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    credits: int
    unpriced: int
    units: int
    input_audio_tokens: int
    output_audio_tokens: int


_SUM_COLUMNS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "credits",
    "1 - priced",
    "units",
    "input_audio_tokens",
    "output_audio_tokens",
)


class UsageReports:
    def __init__(self, database: Database, journal: UsageJournal) -> None:
        self._database = database
        self._journal = journal

    async def sum_usage(self, project_ids: Sequence[str], usage_filter: UsageFilter) -> list[UsageTotals]:
        """Totals of these projects, or of all for none, ordered by bucket, then by group."""
        await fold_before_reading(self._journal)
        return await self._database.scan(_sum_usage, project_ids, usage_filter)


def _sum_usage(project_ids: Sequence[str], usage_filter: UsageFilter) -> Transaction[list[UsageTotals]]:
    args: list[object] = [usage_filter.start, usage_filter.end, usage_filter.width]
    conditions = "created_at >= $1 AND created_at < $2" + _in_clause("project_id", project_ids, args)
    if usage_filter.kind is not None:
        conditions += _in_clause("kind", (usage_filter.kind,), args)
    if usage_filter.batch is not None:
        conditions += _in_clause("batch", (int(usage_filter.batch),), args)
    conditions += _in_clause("model", usage_filter.models, args) + _in_clause("key_id", usage_filter.key_ids, args)
    columns = [f"({_clock_time(usage_filter.offsets, args)}) / $3 * $3", *usage_filter.groups]
    sums = ", ".join(f"CAST(sum({column}) AS BIGINT)" for column in _SUM_COLUMNS)
    order = ", ".join(str(number + 1) for number in range(len(columns)))
    sql = compose_sql(
        "SELECT", ", ".join(columns), ",", sums, "FROM usage WHERE", conditions, "GROUP BY", order, "ORDER BY", order
    )
    rows = yield sql, tuple(args)
    count = len(usage_filter.groups)
    return [
        UsageTotals(row[0], dict(zip(usage_filter.groups, row[1 : 1 + count], strict=True)), *row[1 + count :])
        for row in rows
    ]


def _clock_time(offsets: Sequence[tuple[int, int]], args: list[object]) -> str:
    """The time of a row at a clock that may be set forward or back within the period."""
    if not offsets:
        return "created_at"
    cases = []
    for until, offset in offsets[:-1]:
        args += (until, offset)
        cases.append(f"WHEN created_at < ${len(args) - 1} THEN CAST(${len(args)} AS BIGINT)")
    args.append(offsets[-1][1])
    last = f"CAST(${len(args)} AS BIGINT)"
    return f"created_at + CASE {' '.join(cases)} ELSE {last} END" if cases else f"created_at + {last}"


def _in_clause(column: str, values: Sequence[object], args: list[object]) -> str:
    if not values:
        return ""
    parameters = []
    for value in values:
        args.append(value)
        parameters.append(f"${len(args)}")
    return f" AND {column} IN ({', '.join(parameters)})"

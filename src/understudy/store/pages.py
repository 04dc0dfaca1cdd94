"""Keyset pages: one index range a page, never an offset, stable while rows come and go.

Source of the rules: the hosted API's lists (`limit`, `order`, `after`, `before`, `has_more`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, Literal, LiteralString, TypeVar

from understudy.errors.objects import unknown_cursor
from understudy.store.database import Horizon, Row, Transaction
from understudy.store.sql import compose_sql, sql_parameters

Cursor = Literal["after", "before"]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`after` and `before` are ids; items strictly between them are returned, in `order`.

    With `before` alone, the page ends just before it, as for paging backwards.
    """

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None

    @property
    def is_backwards(self) -> bool:
        """The page has the rows next to `before`: they are read away from it, and reversed afterwards."""
        return self.before is not None and self.after is None

    @property
    def reads_ascending(self) -> bool:
        return (self.order == "asc") != self.is_backwards

    def cursors(self) -> Iterator[tuple[Cursor, str]]:
        if self.after is not None:
            yield "after", self.after
        if self.before is not None:
            yield "before", self.before

    def cut(self, rows: list[Row]) -> "Page":
        """The page out of its rows `(id, body)` in the order in which they were read, which are at most one more."""
        page_rows = rows[: self.limit]
        if self.is_backwards:
            page_rows.reverse()
        return Page(page_rows, has_more=len(rows) > self.limit)


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` are `(id, body)` in the requested order; `has_more` is about the direction of paging."""

    rows: list[tuple[str, str]]
    has_more: bool


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[R]):
    """A page of objects that are stored in columns, or decoded."""

    records: list[R]
    has_more: bool


@dataclass(frozen=True, slots=True, eq=False)
class PageOrder:
    """The columns that order a list; the last one is unique in it, so that every row has a position.

    With `units`, the first column changes while a client pages. Its cursor may be `ID,VALUE`: the row and the value of
    the column, which is multiplied by `units`. Such a page continues where the page before ended.
    """

    columns: tuple[LiteralString, ...]
    units: int = 0

    def compose_bound(self, order: str, cursor: Cursor, parameters: LiteralString) -> LiteralString:
        """The condition of the rows after or before a position, whose values are `parameters`."""
        sign: LiteralString = ">" if (order == "asc") == (cursor == "after") else "<"
        columns = ", ".join(self.columns)
        if len(self.columns) == 1:
            return compose_sql(columns, sign, parameters)
        return compose_sql("(", columns, ")", sign, "(", parameters, ")")

    def compose_end(self, ascending: bool, limit: LiteralString) -> LiteralString:
        direction: LiteralString = "ASC" if ascending else "DESC"
        columns = ", ".join([compose_sql(column, direction) for column in self.columns])
        return compose_sql("ORDER BY", columns, "LIMIT", limit)


BY_CREATION: Final = PageOrder(("seq",))
_PROJECT_SCOPE: Final = "project_id = $1"


@dataclass(frozen=True, slots=True)
class PageSource:
    """The rows of a list: those of `scope` (which uses `$1`) that pass `filters` (`$2` to `$arguments`).

    A cursor only has to be in the scope: deleted objects, and those that left the filter, are valid cursors.
    `body` is the column, or an expression of columns, that becomes the body of a page's rows. `is_concurrent`: rows may
    be committed in another order than that of their numbers, as those of a project are on PostgreSQL. Tables that
    only administration writes have no horizon.
    """

    table: str
    scope: str
    filters: str = "body IS NOT NULL"
    arguments: int = 1
    body: str = "body"
    order: PageOrder = BY_CREATION
    has_horizon: bool = True

    @property
    def is_concurrent(self) -> bool:
        return self.has_horizon and self.scope == _PROJECT_SCOPE and self.order is BY_CREATION


def read_page(source: PageSource, args: tuple[Any, ...], request: PageRequest) -> Transaction[Page]:
    """Raises InvalidRequest for a cursor that is not in this list."""
    bounds: list[Any] = []
    for name, cursor in request.cursors():
        bounds += yield from find_position(source, args[0], name, cursor)
    has_horizon = False
    if request.reads_ascending and source.is_concurrent:
        # A row that is committed later with a smaller number would be missed by a client that pages on.
        horizon = [row[0] for row in (yield Horizon(table=source.table))]
        has_horizon = bool(horizon)
        bounds += horizon
    sql = _page_sql(
        source, tuple(name for name, _ in request.cursors()), request.order, request.reads_ascending, has_horizon
    )
    return request.cut((yield sql, (*args, *bounds, request.limit + 1)))


def read_records(
    select: str, source: PageSource, args: tuple[Any, ...], request: PageRequest
) -> Transaction[tuple[list[Row], bool]]:
    """The rows of a page as `select` has them, which begins with the id, and whether more follow.

    For objects that are stored in columns. Raises InvalidRequest for a cursor that is not in this list.
    """
    page = yield from read_page(source, args, request)
    ids = tuple(row[0] for row in page.rows)
    if not ids:
        return [], False
    rows = yield compose_sql(select, "WHERE id IN (", sql_parameters(1, len(ids)), ")"), ids
    by_id = {row[0]: row for row in rows}
    return [by_id[row_id] for row_id in ids], page.has_more


def find_position(source: PageSource, scope: Any, name: str, cursor: str) -> Transaction[Sequence[Any]]:
    """The values of the order's columns at a cursor. Raises InvalidRequest for one that is not in the list."""
    order = source.order
    row_id, _, moment = cursor.partition(",") if order.units else (cursor, "", "")
    sql = compose_sql("SELECT", ", ".join(order.columns), "FROM", source.table, "WHERE", source.scope, "AND id = $2")
    rows = yield sql, (scope, row_id)
    if not rows:
        raise unknown_cursor(name, cursor)
    if not moment:
        return rows[0]
    try:
        return round(float(moment) * order.units), *rows[0][1:]
    except (ValueError, OverflowError):
        raise unknown_cursor(name, cursor) from None


@lru_cache(maxsize=256)
def _page_sql(
    source: PageSource, cursors: tuple[Cursor, ...], order: Literal["asc", "desc"], ascending: bool, has_horizon: bool
) -> str:
    number = source.arguments + 1
    conditions = [source.scope, source.filters]
    width = len(source.order.columns)
    for cursor in cursors:
        conditions.append(source.order.compose_bound(order, cursor, sql_parameters(number, width)))
        number += width
    if has_horizon:
        conditions.append(f"seq <= ${number}")
        number += 1
    end = source.order.compose_end(ascending, sql_parameters(number, 1))
    return compose_sql("SELECT id,", source.body, "FROM", source.table, "WHERE", " AND ".join(conditions), end)

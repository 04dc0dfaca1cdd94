"""Keyset pages: one index range a page, never an offset, stable while rows come and go.

Source of the rules: the hosted API's lists (`limit`, `order`, `after`, `before`, `has_more`).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from understudy.errors.objects import unknown_cursor
from understudy.store.database import Horizon, Transaction
from understudy.store.sql import compose_sql, sql_parameters


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`after` and `before` are ids; items strictly between them are returned, in `order` of creation.

    With `before` alone, the page ends just before it, as for paging backwards.
    """

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` are `(id, body)` in the requested order; `has_more` is about the direction of paging."""

    rows: list[tuple[str, str]]
    has_more: bool


_PROJECT_SCOPE: Final = "project_id = $1"


@dataclass(frozen=True, slots=True)
class PageSource:
    """The rows of a list: those of `scope` (which uses `$1`) that pass `filters` (`$2` to `$arguments`).

    A cursor only has to be in the scope: deleted objects, and those that left the filter, are valid cursors.
    `body` is the column, or an expression of columns, that becomes the body of a page's rows. `is_concurrent`: rows may
    be committed in another order than that of their numbers, as those of a project are on PostgreSQL.
    """

    table: str
    scope: str
    filters: str = "body IS NOT NULL"
    arguments: int = 1
    body: str = "body"

    @property
    def is_concurrent(self) -> bool:
        return self.scope == _PROJECT_SCOPE


def read_page(source: PageSource, args: tuple[Any, ...], request: PageRequest) -> Transaction[Page]:
    """Raises InvalidRequest for a cursor that is not in this list."""
    bounds: list[int] = []
    for name, cursor in (("after", request.after), ("before", request.before)):
        if cursor is not None:
            bounds.append((yield from _find_cursor(source, args[0], name, cursor)))
    backwards = request.before is not None and request.after is None
    ascending = (request.order == "asc") != backwards
    if ascending and source.is_concurrent:
        # A row that is committed later with a smaller number would be missed by a client that pages on.
        bounds += [row[0] for row in (yield Horizon(table=source.table))]
    cursors = (request.after is not None) + (request.before is not None)
    sql = _page_sql(source, request.after is not None, request.before is not None, request.order, len(bounds) > cursors)
    rows = yield sql, (*args, *bounds, request.limit + 1)
    page_rows = [(row[0], row[1]) for row in rows[: request.limit]]
    if backwards:
        page_rows.reverse()
    return Page(page_rows, has_more=len(rows) > request.limit)


def _find_cursor(source: PageSource, scope: Any, name: str, cursor: str) -> Transaction[int]:
    sql = compose_sql("SELECT seq FROM", source.table, "WHERE", source.scope, "AND id = $2")
    rows = yield sql, (scope, cursor)
    if not rows:
        raise unknown_cursor(name, cursor)
    return int(rows[0][0])


@lru_cache(maxsize=256)
def _page_sql(source: PageSource, after: bool, before: bool, order: str, has_horizon: bool) -> str:
    number = source.arguments
    conditions = [source.scope, source.filters]
    for given, forward in ((after, True), (before, False)):
        if given:
            number += 1
            sign = ">" if (order == "asc") == forward else "<"
            conditions.append(f"seq {sign} ${number}")
    if has_horizon:
        number += 1
        conditions.append(f"seq <= ${number}")
    # With `before` alone the page has the rows next to it: read away from it, and reverse the page afterwards.
    ascending = (order == "asc") != (before and not after)
    return compose_sql(
        "SELECT id,",
        source.body,
        "FROM",
        source.table,
        "WHERE",
        " AND ".join(conditions),
        "ORDER BY seq",
        "ASC" if ascending else "DESC",
        "LIMIT",
        sql_parameters(number + 1, 1),
    )

"""Narrows a list of objects to those with a text in their names, or with pairs of metadata."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from understudy.store.database import Database, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import SqlArguments, compose_sql, match_metadata


@dataclass(frozen=True, slots=True)
class ListFilter:
    """An object matches if `text` is a part of its id or of one of its names, and if it has all pairs of `metadata`.

    Upper and lower case are the same; on SQLite, only those of ASCII letters.
    """

    text: str | None = None
    metadata: Sequence[tuple[str, str]] = ()

    @property
    def is_empty(self) -> bool:
        return self.text is None and not self.metadata


ALL = ListFilter()


async def read_filtered_page(
    database: Database,
    source: PageSource,
    args: tuple[Any, ...],
    request: PageRequest,
    chosen: ListFilter,
    names: Sequence[LiteralString],
) -> Page:
    """`names` are the members of an object that `text` may be in. Raises what `read_page` does."""
    if chosen.is_empty:
        return await database.read(read_page, source, args, request)
    return await database.scan(page_filtered, database, source, args, request, chosen, names)


def page_filtered(
    database: Database,
    source: PageSource,
    args: tuple[Any, ...],
    request: PageRequest,
    chosen: ListFilter,
    names: Sequence[LiteralString],
) -> Transaction[Page]:
    arguments = SqlArguments(args)
    conditions = [source.filters]
    if chosen.text is not None:
        pattern = arguments.bind(f"%{_escape_pattern(chosen.text)}%")
        columns = ("id", *[database.json_member.format(name=name) for name in names])
        matches = [compose_sql(column, database.like, pattern, r"ESCAPE '\'") for column in columns]
        conditions.append("(" + " OR ".join(matches) + ")")
    conditions += match_metadata(database.json_pair, chosen.metadata, arguments)
    narrowed = replace(source, filters=" AND ".join(conditions), arguments=len(arguments.values))
    return (yield from read_page(narrowed, arguments.values, request))


def _escape_pattern(text: str) -> str:
    """The text as a pattern that matches itself."""
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")

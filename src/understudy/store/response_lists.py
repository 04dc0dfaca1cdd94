"""The stored responses of a project as pages. Knows no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from understudy.store.database import Database, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import SqlArguments, compose_sql, match_metadata
from understudy.wire.responses import ResponseStatus


@dataclass(frozen=True, slots=True)
class ResponseFilter:
    """A response matches every member that is set; `text`: one item of its input or output has all these words."""

    statuses: Sequence[ResponseStatus] = ()
    model: str | None = None
    metadata: Sequence[tuple[str, str]] = ()
    text: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.statuses and self.model is None and not self.metadata and self.text is None


async def page_responses(database: Database, project_id: str, request: PageRequest, chosen: ResponseFilter) -> Page:
    """Raises InvalidRequest for the cursor of another list."""
    read = database.read if chosen.is_empty else database.scan
    return await read(_page, database, project_id, request, chosen)


def _page(database: Database, project_id: str, request: PageRequest, chosen: ResponseFilter) -> Transaction[Page]:
    arguments = SqlArguments([project_id])
    conditions: list[LiteralString] = ["kept = 1 AND body IS NOT NULL"]
    if chosen.statuses:
        statuses = arguments.bind_all(sorted(set(chosen.statuses)))
        conditions.append(compose_sql(database.json_member.format(name="status"), "IN (", statuses, ")"))
    if chosen.model is not None:
        conditions.append(compose_sql(database.json_member.format(name="model"), "=", arguments.bind(chosen.model)))
    conditions += match_metadata(database.json_pair, chosen.metadata, arguments)
    if chosen.text is not None:
        match = database.text_match.replace("$1", arguments.bind(database.text_query(chosen.text)))
        conditions.append(
            compose_sql("id IN (SELECT run_id FROM items WHERE body IS NOT NULL AND seq IN (", match, "))")
        )
    source = PageSource("responses", "project_id = $1", " AND ".join(conditions), len(arguments.values))
    return (yield from read_page(source, arguments.values, request))

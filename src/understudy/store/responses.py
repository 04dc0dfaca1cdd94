"""Stored responses: the object of each, its input, and its context. Knows no event."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from understudy import telemetry
from understudy.errors.objects import item_not_found, response_not_found
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.item_data import NO_DATA, SavedData, add_data
from understudy.store.messages import Item, select_first_prompt
from understudy.store.pages import Page, PageRequest
from understudy.store.project_sizes import RunLimits, check_active_runs
from understudy.store.response_items import ItemPage, ItemRow, insert_items, newest_number, page_items
from understudy.store.response_lists import ResponseFilter, page_responses
from understudy.store.response_placement import ResponsePlacement, check_outputs, is_shared, locate_response
from understudy.store.response_rows import SELECT_STORED
from understudy.store.run_creation import Begun, response_run_insert
from understudy.store.run_state import ContextPart, Progress
from understudy.store.sql import compose_sql, padded_batches, sql_parameters
from understudy.store.states import ACTIVE, IS_ACTIVE
from understudy.wire.responses import ResponseObject
from understudy.wire.runs import RunObject

_EPHEMERAL_LIMIT = 100
_ERASE_BATCH = 100


@dataclass(slots=True)
class NewResponse:
    """`body` is the JSON of `response`. `begins_early`: its run may begin while the transaction is being committed."""

    response: ResponseObject
    body: str
    run: RunObject
    progress: Progress
    items: Sequence[ItemRow]
    begins_early: bool = False


MakeResponse = Callable[[ResponsePlacement], NewResponse]
"""Builds a response for its place; called anew if its transaction is tried again."""


class ResponseInsert(Struct, frozen=True, kw_only=True):
    """What the transaction that creates a response gets beside the response itself.

    `owner` is the worker of its run; None if the run waits for one, and then `reserved_for` is the only one that may
    claim it at first. `is_stored`: the response stays after its end. `follows_unstored`: the previous response is one
    that does not. `data` is what the markers in the items stand for.
    """

    project_id: str
    response_id: str
    owner: str | None
    previous_id: str | None = None
    conversation_thread: str | None = None
    is_stored: bool = True
    reserved_for: str | None = None
    limits: RunLimits | None = None
    follows_unstored: bool = False
    data: SavedData = NO_DATA


class Responses:
    """Every verb on one response raises NotFound if the project has no such response, or has deleted it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, insert: ResponseInsert, make: MakeResponse, begun: Begun = lambda _: None) -> NewResponse:
        """Locates the response in a thread, builds it for that place with `make`, and stores it.

        `begun` is called once; see `Begun`.

        Raises NotFound for the conversation, InvalidRequest for a response that cannot be followed, for an output
        without its call and a call without its output, and for a conversation with a run under way, and RateLimited
        above the limits.
        """

        def apply(created: tuple[NewResponse, Sequence[Item] | None]) -> None:
            if created[1] is not None:
                begun(created[1])

        new, newest = await self._database.write_early(apply, _insert_response, self._database, insert, make)
        if newest is None:
            begun(None)
        if insert.is_stored:
            status = new.response.status
            telemetry.emit(
                telemetry.ObjectChanged,
                project_id=insert.project_id,
                object="response",
                id=insert.response_id,
                status=status,
            )
        return new

    async def locate(
        self, project_id: str, previous_id: str | None, conversation_thread: str | None
    ) -> ResponsePlacement:
        """The place of a response that is not created, as for counting its tokens. Raises what `create` does."""
        return await self._database.read(locate_response, project_id, "", previous_id, conversation_thread, False)

    async def get(self, project_id: str, response_id: str) -> str:
        return await self._database.read(_get_body, project_id, response_id)

    async def page(self, project_id: str, request: PageRequest, chosen: ResponseFilter) -> Page:
        """Those that are stored. Raises InvalidRequest for the cursor of another list."""
        return await page_responses(self._database, project_id, request, chosen)

    async def current(self, response_id: str) -> str | None:
        """The encoded response as it is now, also one that is not to be stored."""
        return await self._database.read(_current, response_id)

    async def input_items(self, project_id: str, response_id: str, request: PageRequest) -> ItemPage:
        return await self._database.read(_input_items, project_id, response_id, request)

    async def mcp_labels(self, parts: Sequence[ContextPart]) -> set[str]:
        """The labels of the remote servers whose tools these threads have listed."""
        return await self._database.read(_mcp_labels, parts)

    async def output_items(self, project_id: str, response_id: str) -> list[Item]:
        """The stored output of the response so far, in order."""
        return await self._database.read(_output_items, project_id, response_id)

    async def item(self, project_id: str, item_id: str) -> Item:
        """An item of any thread of the project. Raises NotFound."""
        return await self._database.read(_item, project_id, item_id)

    async def find_items(self, project_id: str, item_ids: Sequence[str]) -> dict[str, Item]:
        """The items among these ids that exist, by their ids."""
        return await self._database.read(_find_items, project_id, item_ids)

    async def delete(self, project_id: str, response_id: str) -> str | None:
        """Deletes the response and ends its run; returns the id of the run if it was active."""
        return await self._database.write(_delete, self._database.text_delete, project_id, response_id)

    async def erase(self, response_ids: Sequence[str]) -> None:
        """Erases responses that are not to be stored."""
        await self._database.write(_erase_responses, self._database.text_delete, response_ids)

    async def sweep(self, before: float) -> bool:
        """Erases such responses that are older than that; returns whether there may be more."""
        return await self._database.write(_sweep, self._database.text_delete, before)


# -- creating ----------------------------------------------------------------------------------------------------


def _insert_response(
    database: Database, insert: ResponseInsert, make: MakeResponse
) -> Transaction[tuple[NewResponse, Sequence[Item] | None]]:
    project_id, response_id, previous_id = insert.project_id, insert.response_id, insert.previous_id
    place = yield from locate_response(
        *(project_id, response_id, previous_id, insert.conversation_thread, True),
        kept=insert.is_stored,
        follows_unstored=insert.follows_unstored,
    )
    new = make(place)
    if insert.limits is not None:
        yield from check_active_runs(project_id, new.progress.limited_key_id, insert.limits)
    yield from check_outputs(place, previous_id, new.items)
    # Nobody searches what is to be erased.
    is_searched = insert.is_stored or not is_shared(place.thread_id)
    text_insert = database.text_insert if is_searched else None
    inserted = yield from insert_items(text_insert, place.thread_id, response_id, new.items)
    if insert.data.blobs:
        named = [(row.id, item.body) for row, item in zip(new.items, inserted, strict=True)]
        yield from add_data(project_id, insert.data, named)
    input_seq = inserted[-1].seq if inserted else (yield from newest_number(place.thread_id))
    yield _build_insert(insert, new, place, input_seq)
    for position, part in enumerate(place.context):
        sql = "INSERT INTO response_contexts (response_id, position, thread_id, last_seq) VALUES ($1, $2, $3, $4)"
        yield sql, (response_id, position, part.thread_id, part.last_seq)
    # What begins early would not find data whose rows are not committed.
    if not (new.begins_early and database.applies_early) or insert.data.blobs:
        return new, None
    if place.thread_id == response_id:
        # Nothing else is in a new thread.
        return new, inserted[::-1]
    return new, (yield from select_first_prompt(place.thread_id, is_new=False))


def _build_insert(insert: ResponseInsert, new: NewResponse, place: ResponsePlacement, input_seq: int) -> Bundle:
    """The rows of the run and of the response; `input_seq` is the number of the last item of the input."""
    bundle = response_run_insert(insert.project_id, new.run, insert.owner, new.progress, insert.reserved_for)
    sql = (
        "INSERT INTO responses (id, project_id, thread_id, previous_id, input_seq, kept, created_at, body)"
        " SELECT $1, $2, $3, $4, $5, $6, $7, $8 FROM {0}"
    )
    row = insert.response_id, insert.project_id, place.thread_id, insert.previous_id, input_seq
    bundle.add(sql, *row, int(insert.is_stored), new.response.created_at, new.body)
    return bundle


# -- reading -----------------------------------------------------------------------------------------------------


def _get_body(project_id: str, response_id: str) -> Transaction[str]:
    rows = yield SELECT_STORED, (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    return str(rows[0][3])


def _current(response_id: str) -> Transaction[str | None]:
    rows = yield "SELECT body FROM responses WHERE id = $1", (response_id,)
    return rows[0][0] if rows else None


def _input_items(project_id: str, response_id: str, request: PageRequest) -> Transaction[ItemPage]:
    rows = yield SELECT_STORED, (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    sql = "SELECT thread_id, last_seq FROM response_contexts WHERE response_id = $1 ORDER BY position"
    parts = [ContextPart(*row) for row in (yield sql, (response_id,))]
    return (yield from page_items([*parts, ContextPart(rows[0][0], rows[0][2])], request))


class _McpListing(msgspec.Struct):
    server_label: str


def _mcp_labels(parts: Sequence[ContextPart]) -> Transaction[set[str]]:
    sql = "SELECT body FROM items WHERE thread_id = $1 AND seq <= $2 AND kind = 'mcp_list_tools' AND body IS NOT NULL"
    found: set[str] = set()
    for part in parts:
        rows = yield sql, (part.thread_id, part.last_seq)
        found |= {msgspec.json.decode(row[0], type=_McpListing).server_label for row in rows}
    return found


def _output_items(project_id: str, response_id: str) -> Transaction[list[Item]]:
    rows = yield SELECT_STORED, (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    sql = (
        "SELECT seq, kind, role, run_id, body FROM items WHERE run_id = $1 AND seq > $2 AND body IS NOT NULL"
        " ORDER BY seq"
    )
    return [Item(*row) for row in (yield sql, (response_id, rows[0][2]))]


_IN_PROJECT: Final = (
    "body IS NOT NULL AND ("
    "EXISTS (SELECT 1 FROM threads WHERE id = items.thread_id AND project_id = $1 AND body IS NOT NULL) OR "
    "EXISTS (SELECT 1 FROM responses WHERE thread_id = items.thread_id AND project_id = $1 AND kept = 1"
    " AND body IS NOT NULL))"
)


def _item(project_id: str, item_id: str) -> Transaction[Item]:
    found = yield from _find_items(project_id, [item_id])
    if item_id not in found:
        raise item_not_found(item_id, param="input")
    return found[item_id]


def _find_items(project_id: str, item_ids: Sequence[str]) -> Transaction[dict[str, Item]]:
    found: dict[str, Item] = {}
    for batch in padded_batches(item_ids):
        sql = compose_sql(
            "SELECT id, seq, kind, role, run_id, body FROM items WHERE id IN (",
            sql_parameters(2, len(batch)),
            ") AND",
            _IN_PROJECT,
        )
        found |= {row[0]: Item(*row[1:]) for row in (yield sql, (project_id, *batch))}
    return found


# -- deleting ----------------------------------------------------------------------------------------------------


def _delete(text_delete: str, project_id: str, response_id: str) -> Transaction[str | None]:
    rows = yield SELECT_STORED + " FOR UPDATE", (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    status = yield "SELECT status FROM runs WHERE id = $1", (response_id,)
    yield from _erase_responses(text_delete, [response_id])
    return response_id if status and status[0][0] in ACTIVE else None


def _sweep(text_delete: str, before: float) -> Transaction[bool]:
    sql = compose_sql(
        "SELECT id FROM responses WHERE kept = 0 AND created_at < $1 AND NOT EXISTS (SELECT 1 FROM runs",
        "WHERE runs.id = responses.id AND",
        IS_ACTIVE,
        ") LIMIT $2",
    )
    rows = yield sql, (int(before), _EPHEMERAL_LIMIT)
    yield from _erase_responses(text_delete, [row[0] for row in rows])
    return len(rows) == _EPHEMERAL_LIMIT


def _erase_responses(text_delete: str, response_ids: Sequence[str]) -> Transaction[None]:
    """Erases the responses and their runs, and the items of their threads that no other response includes."""
    threads: set[str] = set()
    for batch in padded_batches(response_ids):
        chosen = compose_sql("IN (", sql_parameters(1, len(batch)), ")")
        sql = compose_sql(
            *("SELECT thread_id FROM responses WHERE id", chosen),
            *("UNION SELECT thread_id FROM response_contexts WHERE response_id", chosen),
        )
        threads.update([str(row[0]) for row in (yield sql, (*batch,))])
        yield compose_sql("DELETE FROM responses WHERE id", chosen), (*batch,)
        yield compose_sql("DELETE FROM response_contexts WHERE response_id", chosen), (*batch,)
        yield compose_sql("DELETE FROM steps WHERE run_id", chosen), (*batch,)
        yield compose_sql("DELETE FROM runs WHERE id", chosen), (*batch,)
    for thread_id in (yield from _unreferenced(filter(is_shared, threads))):
        yield from _erase(text_delete, thread_id)


def _unreferenced(thread_ids: Iterable[str]) -> Transaction[list[str]]:
    """The threads that no response includes."""
    known = sorted(thread_ids)
    included: set[str] = set()
    for batch in padded_batches(known):
        chosen = compose_sql("IN (", sql_parameters(1, len(batch)), ")")
        sql = compose_sql(
            *("SELECT thread_id FROM responses WHERE body IS NOT NULL AND thread_id", chosen),
            *("UNION SELECT thread_id FROM response_contexts WHERE thread_id", chosen),
        )
        included.update([row[0] for row in (yield sql, (*batch,))])
    return [thread_id for thread_id in known if thread_id not in included]


def _erase(text_delete: str, thread_id: str) -> Transaction[None]:
    """At once where it is little, as of most responses that are not stored; else a few items at a time."""
    sql = "SELECT seq FROM items WHERE thread_id = $1 AND body IS NOT NULL LIMIT $2"
    items = yield sql, (thread_id, _ERASE_BATCH + 1)
    if len(items) > _ERASE_BATCH:
        yield "INSERT INTO erasures (thread_id) VALUES ($1) ON CONFLICT DO NOTHING", (thread_id,)
        return
    for (seq,) in items:
        yield text_delete, (seq,)
    yield "DELETE FROM items WHERE thread_id = $1 AND body IS NOT NULL", (thread_id,)

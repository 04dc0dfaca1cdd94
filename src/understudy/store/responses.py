"""Stored responses: the object of each, its input, and its context.

A response without a conversation has a thread without a row. A response that continues the newest one of that thread
uses the same thread; one that continues an older response starts a branch after the older one's items. Knows no event.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from understudy.errors import NotFound, ThreadBusy
from understudy.errors.objects import (
    call_without_output,
    conversation_locked,
    conversation_not_found,
    item_not_found,
    output_without_call,
    previous_response_in_progress,
    previous_response_not_found,
    response_not_found,
    unknown_cursor,
)
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.messages import Item, add_item, add_text, encode, require_thread
from understudy.store.pages import PageRequest
from understudy.store.run_creation import activate_thread, insert_response_run
from understudy.store.run_state import ContextPart, Progress
from understudy.store.sql import compose_sql
from understudy.store.states import ACTIVE
from understudy.wire.messages import MessageObject
from understudy.wire.response_items import encode_items
from understudy.wire.responses import ResponseObject
from understudy.wire.runs import RunObject

_SELECT_STORED = (
    "SELECT thread_id, last_seq, input_seq, body FROM responses"
    " WHERE id = $1 AND project_id = $2 AND kept = 1 AND body IS NOT NULL"
)
_CALLS = (
    *("function_call", "custom_tool_call", "apply_patch_call", "shell_call", "local_shell_call", "tool_search_call"),
    "computer_call",
)
_CALL_LIST = ", ".join(f"'{kind}'" for kind in _CALLS)
_OUTPUT_LIST = (
    "'function_call_output', 'custom_tool_call_output', 'apply_patch_call_output', 'shell_call_output',"
    " 'local_shell_call_output', 'tool_search_output', 'computer_call_output'"
)
_EPHEMERAL_LIMIT = 100
_ERASE_BATCH = 100
# A number that no item has.
_NEWEST = 1 << 61


@dataclass(frozen=True, slots=True)
class ItemRow:
    """`message` where the Assistants API shows it as one; else the item's `kind` and its JSON."""

    id: str
    kind: str
    body: str = ""
    message: MessageObject | None = None
    answers: str | None = None
    """The id of the call that this is the output of."""


@dataclass(frozen=True, slots=True)
class ResponsePlacement:
    """Where a response's items belong: its thread, and what goes before that."""

    thread_id: str
    context: list[ContextPart] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NewResponse:
    response: ResponseObject
    run: RunObject
    progress: Progress
    items: Sequence[ItemRow]


@dataclass(frozen=True, slots=True)
class ItemPage:
    items: list[Item]
    ids: list[str]
    has_more: bool


class Responses:
    """Every verb on one response raises NotFound where the project has none of that id, or has deleted it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        project_id: str,
        response_id: str,
        make: Callable[[ResponsePlacement], NewResponse],
        owner: str | None,
        *,
        previous_id: str | None = None,
        conversation_thread: str | None = None,
        kept: bool = True,
    ) -> NewResponse:
        """Finds the place of the response, lets `make` say what belongs there, and stores that.

        Raises NotFound for the conversation, InvalidRequest for a response that cannot be followed, for an output
        without its call and a call without its output, and for a conversation with a run under way.
        """
        return await self._database.write(
            _insert_response,
            self._database.text_insert,
            project_id,
            response_id,
            make,
            owner,
            previous_id,
            conversation_thread,
            kept,
        )

    async def locate(
        self, project_id: str, previous_id: str | None, conversation_thread: str | None
    ) -> ResponsePlacement:
        """Where a response would belong that is only thought of. Raises what `create` does."""
        return await self._database.read(_locate, project_id, "", previous_id, conversation_thread, False)

    async def get(self, project_id: str, response_id: str) -> str:
        return await self._database.read(_get, project_id, response_id)

    async def current(self, response_id: str) -> str | None:
        """What the response shows now, also of one that is not kept."""
        return await self._database.read(_current, response_id)

    async def input_items(self, project_id: str, response_id: str, request: PageRequest) -> ItemPage:
        return await self._database.read(_input_items, project_id, response_id, request)

    async def mcp_labels(self, parts: Sequence[ContextPart]) -> set[str]:
        """The labels of the remote servers whose tools these threads have listed."""
        return await self._database.read(_mcp_labels, parts)

    async def output_items(self, project_id: str, response_id: str) -> list[Item]:
        """What the response has made so far, in order, as it is stored."""
        return await self._database.read(_output_items, project_id, response_id)

    async def item(self, project_id: str, item_id: str) -> Item:
        """An item of any thread of the project. Raises NotFound."""
        return await self._database.read(_item, project_id, item_id)

    async def delete(self, project_id: str, response_id: str) -> str | None:
        """Returns the id of its run where that is still under way, which is over now."""
        return await self._database.write(_delete, self._database.text_delete, project_id, response_id)

    async def erase(self, response_id: str) -> None:
        """Erases one that was not to be kept."""
        await self._database.write(_erase_responses, self._database.text_delete, [response_id])

    async def sweep(self, before: float) -> bool:
        """Erases what was not to be kept and is older than that; False when nothing is left."""
        return await self._database.write(_sweep, self._database.text_delete, before)


# -- creating ----------------------------------------------------------------------------------------------------


def _insert_response(
    text_insert: str,
    project_id: str,
    response_id: str,
    make: Callable[[ResponsePlacement], NewResponse],
    owner: str | None,
    previous_id: str | None,
    conversation_thread: str | None,
    kept: bool,
) -> Transaction[NewResponse]:
    place = yield from _locate(project_id, response_id, previous_id, conversation_thread, True)
    new = make(place)
    yield from _check_outputs(place, previous_id, new.items)
    input_seq = yield from insert_items(text_insert, place.thread_id, response_id, new.items)
    yield from insert_response_run(project_id, new.run, owner, new.progress)
    sql = (
        "INSERT INTO responses (id, project_id, thread_id, previous_id, input_seq, kept, created_at, body)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    )
    body = encode_items(new.response).decode()
    created_at = new.response.created_at
    yield sql, (response_id, project_id, place.thread_id, previous_id, input_seq, int(kept), created_at, body)
    for position, part in enumerate(place.context):
        sql = "INSERT INTO response_contexts (response_id, position, thread_id, last_seq) VALUES ($1, $2, $3, $4)"
        yield sql, (response_id, position, part.thread_id, part.last_seq)
    return new


def insert_items(text_insert: str, thread_id: str, run_id: str | None, items: Sequence[ItemRow]) -> Transaction[int]:
    """Returns the number of the last item; without items that of the thread's newest one."""
    seq = 0
    for item in items:
        bundle, message = Bundle(), item.message
        if message is not None:
            row = add_item(bundle, item.id, thread_id, run_id, "message", message.role, encode(message))
            add_text(bundle, text_insert, row, message)
        else:
            add_item(bundle, item.id, thread_id, run_id, item.kind, None, item.body)
        seq = int((yield bundle)[0][0])
    return seq or (yield from _newest(thread_id))


def _newest(thread_id: str) -> Transaction[int]:
    rows = yield "SELECT max(seq) FROM items WHERE thread_id = $1 AND body IS NOT NULL", (thread_id,)
    return int(rows[0][0] or 0)


def _locate(
    project_id: str, response_id: str, previous_id: str | None, conversation_thread: str | None, lock: bool
) -> Transaction[ResponsePlacement]:
    if conversation_thread is not None:
        hold = activate_thread if lock else require_thread
        try:
            yield from hold(project_id, conversation_thread)
        except NotFound:
            raise conversation_not_found(conversation_thread) from None
        except ThreadBusy as busy:
            raise conversation_locked(busy.run_id) from None
        return ResponsePlacement(conversation_thread)
    if previous_id is None:
        return ResponsePlacement(response_id)
    return (yield from _place_after_response(project_id, response_id, previous_id, lock))


def _place_after_response(
    project_id: str, response_id: str, previous_id: str, lock: bool
) -> Transaction[ResponsePlacement]:
    rows = yield _SELECT_STORED + (" FOR UPDATE" if lock else ""), (previous_id, project_id)
    if not rows:
        raise previous_response_not_found(previous_id)
    thread_id, last_seq = rows[0][:2]
    if last_seq is None:
        raise previous_response_in_progress(previous_id)
    sql = "SELECT thread_id, last_seq FROM response_contexts WHERE response_id = $1 ORDER BY position"
    context = [ContextPart(*row) for row in (yield sql, (previous_id,))]
    if is_shared(thread_id) and (yield from _is_newest(thread_id, int(last_seq))):
        return ResponsePlacement(str(thread_id), context)
    return ResponsePlacement(response_id, [*context, ContextPart(thread_id, last_seq)])


def is_shared(thread_id: str) -> bool:
    """Whether it is a thread that only responses have."""
    return thread_id.startswith("resp_")


def _is_newest(thread_id: str, last_seq: int) -> Transaction[bool]:
    """Whether the thread has no item after `last_seq` and no active run."""
    sql = "SELECT 1 FROM items WHERE thread_id = $1 AND seq > $2 AND body IS NOT NULL LIMIT 1"
    if (yield sql, (thread_id, last_seq)):
        return False
    sql = "SELECT 1 FROM responses WHERE thread_id = $1 AND body IS NOT NULL AND last_seq IS NULL LIMIT 1"
    return not (yield sql, (thread_id,))


def _check_outputs(place: ResponsePlacement, previous_id: str | None, items: Sequence[ItemRow]) -> Transaction[None]:
    """A call and its output come together: providers refuse one without the other."""
    given = {item.answers for item in items if item.answers is not None}
    here = {_call_id(item.body) for item in items if item.kind in _CALLS}
    called = [] if previous_id is None else (yield from _calls_of(previous_id))
    if given - here - set(called):
        known = yield from _calls_before(place)
        for call_id in (item.answers for item in items):
            if call_id is not None and call_id not in known | here:
                raise output_without_call(call_id)
    if previous_id is None:
        return
    answered = given | (yield from _answered_call_ids(previous_id)) if called else given
    for call_id in called:
        if call_id not in answered:
            raise call_without_output(call_id)


def _calls_of(run_id: str) -> Transaction[list[str]]:
    """The calls of a response, in order."""
    sql = compose_sql("SELECT body FROM items WHERE run_id = $1 AND kind IN (", _CALL_LIST, ") ORDER BY seq")
    rows = yield sql, (run_id,)
    return [call_id for row in rows if row[0] is not None and (call_id := _call_id(row[0])) is not None]


def _answered_call_ids(run_id: str) -> Transaction[set[str]]:
    sql = compose_sql("SELECT body FROM items WHERE run_id = $1 AND kind IN (", _OUTPUT_LIST, ")")
    rows = yield sql, (run_id,)
    return {call_id for row in rows if row[0] is not None and (call_id := _call_id(row[0])) is not None}


def _calls_before(place: ResponsePlacement) -> Transaction[set[str]]:
    found: set[str] = set()
    for thread_id, last_seq in (*((part.thread_id, part.last_seq) for part in place.context), (place.thread_id, None)):
        sql = compose_sql(
            "SELECT body FROM items WHERE thread_id = $1 AND seq <= $2 AND body IS NOT NULL AND kind IN (",
            _CALL_LIST,
            ")",
        )
        rows = yield sql, (thread_id, _NEWEST if last_seq is None else last_seq)
        found |= {call_id for row in rows if (call_id := _call_id(row[0])) is not None}
    return found


class _Call(msgspec.Struct):
    """`call_id` None of what needs no output: a search of tools that a server has made."""

    call_id: str | None = None


_decode_call = msgspec.json.Decoder(_Call).decode


def _call_id(body: str) -> str | None:
    return _decode_call(body).call_id


# -- reading -----------------------------------------------------------------------------------------------------


def _get(project_id: str, response_id: str) -> Transaction[str]:
    rows = yield _SELECT_STORED, (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    return str(rows[0][3])


def _current(response_id: str) -> Transaction[str | None]:
    rows = yield "SELECT body FROM responses WHERE id = $1", (response_id,)
    return rows[0][0] if rows else None


def _input_items(project_id: str, response_id: str, request: PageRequest) -> Transaction[ItemPage]:
    rows = yield _SELECT_STORED, (response_id, project_id)
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
    rows = yield _SELECT_STORED, (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    sql = (
        "SELECT seq, kind, role, run_id, body FROM items WHERE run_id = $1 AND seq > $2 AND body IS NOT NULL"
        " ORDER BY seq"
    )
    return [Item(*row) for row in (yield sql, (response_id, rows[0][2]))]


def _item(project_id: str, item_id: str) -> Transaction[Item]:
    sql = (
        "SELECT seq, kind, role, run_id, body FROM items WHERE id = $1 AND body IS NOT NULL AND ("
        "EXISTS (SELECT 1 FROM threads WHERE id = items.thread_id AND project_id = $2 AND body IS NOT NULL) OR "
        "EXISTS (SELECT 1 FROM responses WHERE thread_id = items.thread_id AND project_id = $2 AND body IS NOT NULL))"
    )
    rows = yield sql, (item_id, project_id)
    if not rows:
        raise item_not_found(item_id, param="input")
    return Item(*rows[0])


def page_items(parts: Sequence[ContextPart], request: PageRequest) -> Transaction[ItemPage]:
    """A page of the items of several threads that follow each other. Raises InvalidRequest for an unknown cursor."""
    ascending = request.order == "asc"
    backwards = request.before is not None and request.after is None
    bounds = yield from _bounds(parts, request, ascending)
    direction = "ASC" if ascending != backwards else "DESC"
    sql = compose_sql(
        "SELECT id, seq, kind, role, run_id, body FROM items WHERE thread_id = $1 AND seq > $2 AND seq < $3",
        "AND body IS NOT NULL ORDER BY seq",
        direction,
        "LIMIT $4",
    )
    rows: list[Row] = []
    # All items of a thread are newer than those of the threads before it.
    for part in parts if direction == "ASC" else reversed(parts):
        wanted = request.limit + 1 - len(rows)
        if wanted:
            above, below = bounds
            rows += yield sql, (part.thread_id, above, min(below, part.last_seq + 1), wanted)
    found = rows[: request.limit]
    if backwards:
        found = found[::-1]
    return ItemPage([Item(*row[1:]) for row in found], [row[0] for row in found], len(rows) > request.limit)


def _bounds(parts: Sequence[ContextPart], request: PageRequest, ascending: bool) -> Transaction[tuple[int, int]]:
    """The numbers that the page's items lie between."""
    above, below = 0, _NEWEST + 1
    for name, cursor, forward in (("after", request.after, True), ("before", request.before, False)):
        if cursor is not None:
            position = yield from _position(parts, name, cursor)
            above, below = (position, below) if ascending == forward else (above, position)
    return above, below


def _position(parts: Sequence[ContextPart], name: str, cursor: str) -> Transaction[int]:
    rows = yield "SELECT seq, thread_id FROM items WHERE id = $1", (cursor,)
    if not rows or rows[0][1] not in {part.thread_id for part in parts}:
        raise unknown_cursor(name, cursor)
    return int(rows[0][0])


# -- deleting ----------------------------------------------------------------------------------------------------


def _delete(text_delete: str, project_id: str, response_id: str) -> Transaction[str | None]:
    rows = yield _SELECT_STORED + " FOR UPDATE", (response_id, project_id)
    if not rows:
        raise response_not_found(response_id)
    status = yield "SELECT status FROM runs WHERE id = $1", (response_id,)
    yield from _erase_responses(text_delete, [response_id])
    return response_id if status and status[0][0] in ACTIVE else None


def _sweep(text_delete: str, before: float) -> Transaction[bool]:
    sql = (
        "SELECT id FROM responses WHERE kept = 0 AND created_at < $1 AND NOT EXISTS (SELECT 1 FROM runs"
        " WHERE runs.id = responses.id AND status IN ('queued', 'in_progress', 'requires_action', 'cancelling'))"
        " LIMIT $2"
    )
    rows = yield sql, (int(before), _EPHEMERAL_LIMIT)
    yield from _erase_responses(text_delete, [row[0] for row in rows])
    return len(rows) == _EPHEMERAL_LIMIT


def _erase_responses(text_delete: str, response_ids: Sequence[str]) -> Transaction[None]:
    """Erases the responses and their runs, and the items of their threads that no other response includes."""
    for response_id in response_ids:
        own = yield "SELECT thread_id FROM responses WHERE id = $1", (response_id,)
        told = yield "SELECT thread_id FROM response_contexts WHERE response_id = $1", (response_id,)
        yield "DELETE FROM responses WHERE id = $1", (response_id,)
        yield "DELETE FROM response_contexts WHERE response_id = $1", (response_id,)
        yield "DELETE FROM steps WHERE run_id = $1", (response_id,)
        yield "DELETE FROM runs WHERE id = $1", (response_id,)
        for thread_id in {str(row[0]) for row in (*own, *told)}:
            if is_shared(thread_id) and not (yield from _is_thread_referenced(thread_id)):
                yield from _erase(text_delete, thread_id)


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


def _is_thread_referenced(thread_id: str) -> Transaction[bool]:
    sql = (
        "SELECT 1 FROM responses WHERE thread_id = $1 AND body IS NOT NULL"
        " UNION ALL SELECT 1 FROM response_contexts WHERE thread_id = $1 LIMIT 1"
    )
    return bool((yield sql, (thread_id,)))

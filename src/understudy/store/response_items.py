"""Items of responses and conversations: added to a thread, and paged over the threads of a context."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from understudy.errors.objects import unknown_cursor
from understudy.store.database import Bundle, Row, Transaction
from understudy.store.messages import Item, add_item, add_text, encode
from understudy.store.pages import PageRequest
from understudy.store.run_state import ContextPart
from understudy.store.sql import compose_sql
from understudy.wire.messages import MessageObject

# A number that no item has.
NEWEST_ITEM = 1 << 61


class ItemRow(Struct, frozen=True):
    """`message` where the Assistants API shows it as one; else the item's `kind` and its JSON."""

    id: str
    kind: str
    body: str = ""
    message: MessageObject | None = None
    answers: str | None = None
    """The id of the call that this is the output of."""


@dataclass(frozen=True, slots=True)
class ItemPage:
    items: list[Item]
    ids: list[str]
    has_more: bool


def insert_items(
    text_insert: str | None, thread_id: str, run_id: str | None, items: Sequence[ItemRow]
) -> Transaction[list[Item]]:
    """Returns the items as they are stored. `text_insert` None keeps them out of the text index."""
    inserted: list[Item] = []
    for item in items:
        bundle, message = Bundle(), item.message
        if message is not None:
            kind, role, body = "message", message.role, encode(message)
            add_text(bundle, text_insert, add_item(bundle, item.id, thread_id, run_id, kind, role, body), message)
        else:
            kind, role, body = item.kind, None, item.body
            add_item(bundle, item.id, thread_id, run_id, kind, role, body)
        inserted.append(Item(int((yield bundle)[0][0]), kind, role, run_id, body))
    return inserted


def newest_number(thread_id: str) -> Transaction[int]:
    """The number of the thread's newest item; 0 without any."""
    rows = yield "SELECT max(seq) FROM items WHERE thread_id = $1 AND body IS NOT NULL", (thread_id,)
    return int(rows[0][0] or 0)


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
    above, below = 0, NEWEST_ITEM + 1
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

"""Stored messages, as items of their thread, and the newest items for the next prompt."""

import secrets
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from understudy.errors import not_found
from understudy.errors.objects import messages_locked, unknown_cursor
from understudy.store.attachments import attach
from understudy.store.database import Bundle, Database, Transaction
from understudy.store.item_data import NO_DATA, SavedData, add_data
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import SqlArguments, compose_sql
from understudy.store.states import IS_ACTIVE
from understudy.store.thread_activity import ACTIVITY_NOW
from understudy.wire.messages import MessageContentTextObject, MessageObject

_IS_MESSAGE = "body IS NOT NULL AND kind = 'message'"
_PAGE = PageSource("items", "thread_id = $1", _IS_MESSAGE)
_THREAD = "SELECT 1 FROM threads WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_SELECT = "SELECT body FROM items WHERE id = $1 AND thread_id = $2 AND kind = 'message' AND body IS NOT NULL"
_THREAD_IN_PROJECT = " AND EXISTS (SELECT 1 FROM threads WHERE id = $2 AND project_id = $3 AND body IS NOT NULL)"
_INSERT = "INSERT INTO items (id, thread_id, run_id, kind, role, body) SELECT $1, $2, $3, $4, $5, $6"
_ACTIVE_RUN = compose_sql("SELECT id FROM runs WHERE thread_id = $1 AND", IS_ACTIVE)
IDLE_THREAD = compose_sql(
    "id = $1 AND project_id = $2 AND body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE thread_id",
    "= $1 AND",
    IS_ACTIVE,
    ") AND activations = (SELECT activations FROM threads WHERE id = $1)",
)
"""Matches a thread of a project only if it certainly has no active run; in doubt, it matches nothing.

PostgreSQL sees the runs as of the start of the statement. If it then waits for a lock on the thread's row, it evaluates
the row again when it has the lock: the count has grown if a run was added.
"""

_TOUCH = compose_sql("UPDATE threads SET last_active_at =", ACTIVITY_NOW)
_TOUCH_IDLE_THREAD = compose_sql(_TOUCH, "WHERE", IDLE_THREAD, "RETURNING seq")
_MAX_LISTED_ITEMS: Final = 10_000
LATEST: Final = 2**62
"""Above the number of every item."""
PROMPT_PAGE: Final = 100
"""How many items prompts read at a time."""
_NEWEST = (
    "SELECT seq, kind, role, run_id, body FROM items"
    " WHERE thread_id = $1 AND seq < $2 AND body IS NOT NULL ORDER BY seq DESC LIMIT $3"
)
_OLDEST = (
    "SELECT seq, kind, role, run_id, body FROM items WHERE thread_id = $1 AND body IS NOT NULL ORDER BY seq LIMIT $2"
)
_decode = msgspec.json.Decoder(MessageObject).decode
# A random name, which no client can put into an object.
_METADATA_PLACEHOLDER: Final = {secrets.token_hex(16): ""}
_METADATA_PLACEHOLDER_JSON: Final = msgspec.json.encode(_METADATA_PLACEHOLDER).decode()


class Item(Struct, frozen=True, gc=False):
    """An item of a thread. `body` is the encoded object; `seq` grows with time."""

    seq: int
    kind: str
    role: str | None
    run_id: str | None
    body: str


class Messages:
    """Every method raises NotFound for an unknown thread of the project or an unknown message of the thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, message: MessageObject, data: SavedData = NO_DATA) -> None:
        """`data` is what the markers in the message stand for.

        Raises InvalidRequest while a run of the thread is active, as attaching its files does, and for more data than
        may be stored.
        """
        await self._database.write(_insert_message, self._database.text_insert, project_id, message, data)

    async def get(self, project_id: str, thread_id: str, message_id: str) -> str:
        return await self._database.read(_select_message, project_id, thread_id, message_id)

    async def page(
        self,
        project_id: str,
        thread_id: str,
        request: PageRequest,
        run_id: str | None = None,
        text: str | None = None,
    ) -> Page:
        """Those that the run wrote, if it is not None, and that have every word of `text`."""
        source, args = _filter_messages(self._database, thread_id, run_id, text)
        read = self._database.read if text is None else self._database.scan
        return await read(_page_messages, project_id, request, source, args)

    async def page_around(self, project_id: str, thread_id: str, message_id: str, request: PageRequest) -> Page:
        """A page with the message in its middle; `has_more` is about the end of the page, in its order.

        Raises InvalidRequest for a message that the thread does not have.
        """
        return await self._database.read(_page_around, project_id, thread_id, message_id, request)

    async def modify(
        self, project_id: str, thread_id: str, message_id: str, change: Callable[[MessageObject], None]
    ) -> str:
        return await self._database.write(_modify_message, project_id, thread_id, message_id, change)

    async def delete(self, project_id: str, thread_id: str, message_id: str) -> None:
        await self._database.write(_delete_message, self._database.text_delete, project_id, thread_id, message_id)

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]:
        """Up to `limit` items of every kind that come before the number `before`, the newest first."""
        return await self._database.read(select_newest, thread_id, before, limit)

    async def list_kinds(self, thread_id: str, first: int, last: int, kinds: Sequence[str]) -> list[Item]:
        """Items of these kinds with numbers from `first` to `last`, oldest first; of very many, the newest."""
        return await self._database.scan(_select_kinds, thread_id, first, last, kinds)

    async def count_before(self, thread_id: str, before: int) -> int:
        """How many messages come before the number `before`, up to 10,000."""
        return await self._database.scan(_count_before, thread_id, before)


def add_message(bundle: Bundle, text_insert: str | None, message: MessageObject, after: str = "") -> str:
    """Adds a message and its text; `after` as for `add_item`, whose result is returned."""
    row = (message.id, message.thread_id, message.run_id, "message", message.role, encode(message))
    item = add_item(bundle, *row, after=after)
    add_text(bundle, text_insert, item, message)
    return item


def add_item(
    bundle: Bundle,
    item_id: str,
    thread_id: str,
    run_id: str | None,
    kind: str,
    role: str | None,
    body: str,
    *,
    after: str = "",
) -> str:
    """Adds an item to the bundle, numbered after the rows of the statement `after`, and only if it has any.

    Returns the reference to the item's row.
    """
    source = f" FROM {after}" if after else ""
    sql = f"{_INSERT}{source} RETURNING seq, id"
    return bundle.add(sql, item_id, thread_id, run_id, kind, role, body)


def inserted_items(bundle: Bundle) -> list[Item] | None:
    """The items that a bundle has inserted with `add_item`, the last one first; None if it has no rows."""
    items = []
    for (sql, args), rows in zip(bundle.queries, bundle.rows or (), strict=False):
        if sql.startswith(_INSERT) and rows:
            _, _, run_id, kind, role, body = args
            items.append(Item(rows[0][0], kind, role, run_id, body))
    return items[::-1] if bundle.rows else None


def add_text(bundle: Bundle, text_insert: str | None, item: str, message: MessageObject) -> None:
    """Adds the text of the message that the statement `item` has written to the text index, unless that is None."""
    if text_insert is None:
        return
    texts = [part.text.value for part in message.content if isinstance(part, MessageContentTextObject)]
    if any(texts):
        bundle.add(text_insert.replace("{item}", item), " ".join(texts).replace("\x00", " "), message.id)


def add_message_data(project_id: str, data: SavedData, messages: Sequence[MessageObject]) -> Transaction[None]:
    """As `add_data`, for messages that have been added."""
    if data.blobs:
        yield from add_data(project_id, data, [(message.id, encode(message)) for message in messages])


def require_thread(project_id: str, thread_id: str, *, lock: bool = False) -> Transaction[None]:
    rows = yield _THREAD + (" FOR UPDATE" if lock else ""), (thread_id, project_id)
    if not rows:
        raise not_found("thread", thread_id)


def active_run(thread_id: str) -> Transaction[str | None]:
    rows = yield _ACTIVE_RUN, (thread_id,)
    return rows[0][0] if rows else None


def encode(message: MessageObject) -> str:
    return msgspec.json.encode(message).decode()


class _HasMetadata(Protocol):
    metadata: dict[str, str]


def encode_metadata(subject: _HasMetadata) -> str:
    return msgspec.json.encode(subject.metadata).decode()


def split_at_metadata(subject: Struct) -> tuple[str, str]:
    """The encoded object before and after its metadata, which a client may change while the engine writes the rest."""
    encoded = msgspec.json.encode(msgspec.structs.replace(subject, metadata=_METADATA_PLACEHOLDER)).decode()
    before, _, behind = encoded.partition(_METADATA_PLACEHOLDER_JSON)
    return before, behind


def _insert_message(text_insert: str, project_id: str, message: MessageObject, data: SavedData) -> Transaction[None]:
    thread_id = message.thread_id
    if not (message.attachments or data.blobs):
        bundle = Bundle(alone=True)
        guard = bundle.add(_TOUCH_IDLE_THREAD, thread_id, project_id)
        add_message(bundle, text_insert, message, guard)
        if (yield bundle):
            return
    yield from require_thread(project_id, thread_id, lock=True)
    run_id = yield from active_run(thread_id)
    if run_id is not None:
        raise messages_locked(thread_id, run_id)
    yield _TOUCH + " WHERE id = $1", (thread_id,)
    bundle = Bundle()
    add_message(bundle, text_insert, message)
    yield bundle
    yield from attach(project_id, thread_id, [message], message.created_at)
    yield from add_message_data(project_id, data, [message])


def _select_message(project_id: str, thread_id: str, message_id: str) -> Transaction[str]:
    rows = yield _SELECT + _THREAD_IN_PROJECT, (message_id, thread_id, project_id)
    if not rows:
        yield from require_thread(project_id, thread_id)
        raise not_found("message", message_id)
    return str(rows[0][0])


def _filter_messages(
    database: Database, thread_id: str, run_id: str | None, text: str | None
) -> tuple[PageSource, tuple[str, ...]]:
    if run_id is None and text is None:
        return _PAGE, (thread_id,)
    arguments = SqlArguments((thread_id,))
    filters = [_IS_MESSAGE]
    if run_id is not None:
        filters.append(compose_sql("run_id =", arguments.bind(run_id)))
    if text is not None:
        match = database.text_match.replace("$1", arguments.bind(database.text_query(text)))
        filters.append(compose_sql("seq IN (", match, ")"))
    return PageSource("items", "thread_id = $1", " AND ".join(filters), len(arguments.values)), arguments.values


def _page_messages(
    project_id: str, request: PageRequest, source: PageSource, args: tuple[str, ...]
) -> Transaction[Page]:
    yield from require_thread(project_id, args[0])
    return (yield from read_page(source, args, request))


def _page_around(project_id: str, thread_id: str, message_id: str, request: PageRequest) -> Transaction[Page]:
    yield from require_thread(project_id, thread_id)
    middle = yield _SELECT, (message_id, thread_id)
    if not middle:
        raise unknown_cursor("around", message_id)
    half = request.limit // 2
    newer = yield from read_page(_PAGE, (thread_id,), PageRequest(half or 1, "asc", message_id))
    older = yield from read_page(_PAGE, (thread_id,), PageRequest(max(1, request.limit - 1), "desc", message_id))
    newest = newer.rows[:half][: request.limit - 1]
    oldest = older.rows[: request.limit - 1 - len(newest)]
    ascending = [*oldest[::-1], (message_id, middle[0][0]), *newest]
    if request.order == "asc":
        return Page(ascending, newer.has_more or len(newest) < len(newer.rows))
    return Page(ascending[::-1], older.has_more or len(oldest) < len(older.rows))


def _modify_message(
    project_id: str, thread_id: str, message_id: str, change: Callable[[MessageObject], None]
) -> Transaction[str]:
    yield from require_thread(project_id, thread_id)
    rows = yield _SELECT + " FOR UPDATE", (message_id, thread_id)
    if not rows:
        raise not_found("message", message_id)
    message = _decode(rows[0][0])
    change(message)
    body = encode(message)
    yield "UPDATE items SET body = $1, metadata = $2 WHERE id = $3", (body, encode_metadata(message), message_id)
    return body


def _delete_message(text_delete: str, project_id: str, thread_id: str, message_id: str) -> Transaction[None]:
    yield from require_thread(project_id, thread_id)
    sql = (
        "UPDATE items SET body = NULL"
        " WHERE id = $1 AND thread_id = $2 AND kind = 'message' AND body IS NOT NULL RETURNING seq"
    )
    rows = yield sql, (message_id, thread_id)
    if not rows:
        raise not_found("message", message_id)
    yield text_delete, (rows[0][0],)


def _select_kinds(thread_id: str, first: int, last: int, kinds: Sequence[str]) -> Transaction[list[Item]]:
    arguments = SqlArguments((thread_id, first, last, _MAX_LISTED_ITEMS))
    sql = compose_sql(
        "SELECT seq, kind, role, run_id, body FROM items WHERE thread_id = $1 AND seq >= $2 AND seq <= $3",
        "AND body IS NOT NULL AND kind IN (",
        arguments.bind_all(kinds),
        ") ORDER BY seq DESC LIMIT $4",
    )
    rows = yield sql, arguments.values
    return [Item(*row) for row in reversed(rows)]


def _count_before(thread_id: str, before: int) -> Transaction[int]:
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM items WHERE thread_id = $1 AND seq < $2 AND body IS NOT NULL"
        " AND kind = 'message' LIMIT $3) AS counted"
    )
    return int((yield sql, (thread_id, before, _MAX_LISTED_ITEMS))[0][0])


def select_newest(thread_id: str, before: int, limit: int) -> Transaction[list[Item]]:
    rows = yield _NEWEST, (thread_id, before, limit)
    return [Item(*row) for row in rows]


def select_first_prompt(thread_id: str, *, is_new: bool) -> Transaction[list[Item]]:
    """What the first prompt of a run reads of its thread, the newest first. A new thread has no more than that."""
    if not is_new:
        return (yield from select_newest(thread_id, LATEST, PROMPT_PAGE))
    # SQLite takes half of the time to read an index forwards.
    rows = yield _OLDEST, (thread_id, PROMPT_PAGE)
    return [Item(*row) for row in reversed(rows)]

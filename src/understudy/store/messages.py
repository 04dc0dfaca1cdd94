"""Messages at rest, as items of their thread, and the items that the next prompt is made of."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from understudy.errors import InvalidRequest, no_such
from understudy.store.attachments import attach
from understudy.store.database import Database, Transaction
from understudy.store.pages import Page, PageRequest, Source, read_page
from understudy.store.states import ACTIVE, sql_list
from understudy.wire.messages import MessageContentTextObject, MessageObject

_PAGE = Source("items", "thread_id = $1", "body IS NOT NULL AND kind = 'message'")
_PAGE_OF_RUN = Source("items", "thread_id = $1", "body IS NOT NULL AND kind = 'message' AND run_id = $2", 2)
_THREAD = "SELECT 1 FROM threads WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_GET = "SELECT body FROM items WHERE id = $1 AND thread_id = $2 AND kind = 'message' AND body IS NOT NULL"
_INSERT = "INSERT INTO items (id, thread_id, run_id, kind, role, body) VALUES ($1, $2, $3, $4, $5, $6) RETURNING seq"
_ACTIVE_RUN = f"SELECT id FROM runs WHERE thread_id = $1 AND status IN {sql_list(ACTIVE)}"  # noqa: S608
_NEWEST = (
    "SELECT seq, kind, role, run_id, body FROM items"
    " WHERE thread_id = $1 AND seq < $2 AND body IS NOT NULL ORDER BY seq DESC LIMIT $3"
)
_decode = msgspec.json.Decoder(MessageObject).decode


@dataclass(frozen=True, slots=True)
class Item:
    """One thing said in a thread. `body` is the encoded object; `seq` grows with time."""

    seq: int
    kind: str
    role: str | None
    run_id: str | None
    body: str


class Messages:
    """Every verb raises NotFound for a thread that the project does not have, or a message that the thread has not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, message: MessageObject) -> None:
        """Raises InvalidRequest while a run of the thread is active, and what attaching its files does."""
        await self._database.write(_create, self._database.text_insert, project_id, message)

    async def get(self, project_id: str, thread_id: str, message_id: str) -> str:
        return await self._database.read(_get, project_id, thread_id, message_id)

    async def page(self, project_id: str, thread_id: str, request: PageRequest, run_id: str | None = None) -> Page:
        return await self._database.read(_page, project_id, thread_id, request, run_id)

    async def modify(
        self, project_id: str, thread_id: str, message_id: str, change: Callable[[MessageObject], None]
    ) -> str:
        return await self._database.write(_modify, project_id, thread_id, message_id, change)

    async def delete(self, project_id: str, thread_id: str, message_id: str) -> None:
        await self._database.write(_delete, self._database.text_delete, project_id, thread_id, message_id)

    async def newest(self, thread_id: str, before: int, limit: int) -> list[Item]:
        """Up to `limit` items of every kind that come before the number `before`, the newest first."""
        return await self._database.read(_newest, thread_id, before, limit)


def insert_message(text_insert: str, message: MessageObject) -> Transaction[None]:
    seq = yield from insert_item(
        message.id, message.thread_id, message.run_id, "message", message.role, encode(message)
    )
    yield from index_text(text_insert, seq, message)


def insert_item(
    item_id: str, thread_id: str, run_id: str | None, kind: str, role: str | None, body: str
) -> Transaction[int]:
    rows = yield _INSERT, (item_id, thread_id, run_id, kind, role, body)
    return int(rows[0][0])


def index_text(text_insert: str, seq: int, message: MessageObject) -> Transaction[None]:
    texts = [part.text.value for part in message.content if isinstance(part, MessageContentTextObject)]
    if any(texts):
        yield text_insert, (seq, " ".join(texts).replace("\x00", " "))


def require_thread(project_id: str, thread_id: str, *, lock: bool = False) -> Transaction[None]:
    rows = yield _THREAD + (" FOR UPDATE" if lock else ""), (thread_id, project_id)
    if not rows:
        raise no_such("thread", thread_id)


def active_run(thread_id: str) -> Transaction[str | None]:
    rows = yield _ACTIVE_RUN, (thread_id,)
    return rows[0][0] if rows else None


def encode(message: MessageObject) -> str:
    return msgspec.json.encode(message).decode()


def _create(text_insert: str, project_id: str, message: MessageObject) -> Transaction[None]:
    yield from require_thread(project_id, message.thread_id, lock=True)
    run_id = yield from active_run(message.thread_id)
    if run_id is not None:
        raise InvalidRequest(f"Can't add messages to {message.thread_id} while a run {run_id} is active.")
    yield from insert_message(text_insert, message)
    yield from attach(project_id, message.thread_id, [message], message.created_at)


def _get(project_id: str, thread_id: str, message_id: str) -> Transaction[str]:
    yield from require_thread(project_id, thread_id)
    rows = yield _GET, (message_id, thread_id)
    if not rows:
        raise no_such("message", message_id)
    return str(rows[0][0])


def _page(project_id: str, thread_id: str, request: PageRequest, run_id: str | None) -> Transaction[Page]:
    yield from require_thread(project_id, thread_id)
    if run_id is None:
        return (yield from read_page(_PAGE, (thread_id,), request))
    return (yield from read_page(_PAGE_OF_RUN, (thread_id, run_id), request))


def _modify(
    project_id: str, thread_id: str, message_id: str, change: Callable[[MessageObject], None]
) -> Transaction[str]:
    yield from require_thread(project_id, thread_id)
    rows = yield _GET + " FOR UPDATE", (message_id, thread_id)
    if not rows:
        raise no_such("message", message_id)
    message = _decode(rows[0][0])
    change(message)
    body = encode(message)
    yield "UPDATE items SET body = $1 WHERE id = $2", (body, message_id)
    return body


def _delete(text_delete: str, project_id: str, thread_id: str, message_id: str) -> Transaction[None]:
    yield from require_thread(project_id, thread_id)
    sql = (
        "UPDATE items SET body = NULL"
        " WHERE id = $1 AND thread_id = $2 AND kind = 'message' AND body IS NOT NULL RETURNING seq"
    )
    rows = yield sql, (message_id, thread_id)
    if not rows:
        raise no_such("message", message_id)
    yield text_delete, (rows[0][0],)


def _newest(thread_id: str, before: int, limit: int) -> Transaction[list[Item]]:
    rows = yield _NEWEST, (thread_id, before, limit)
    return [Item(*row) for row in rows]

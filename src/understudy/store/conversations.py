"""Stored conversations. A conversation is a thread under another name; this module knows its items of every kind."""

from collections.abc import Sequence

from understudy.errors import NotFound, ThreadBusy
from understudy.errors.objects import conversation_not_found, item_not_found, items_locked
from understudy.store.database import Database, Transaction
from understudy.store.item_data import NO_DATA, SavedData, add_data
from understudy.store.messages import Item, require_thread
from understudy.store.pages import PageRequest
from understudy.store.response_items import ItemPage, ItemRow, insert_items, page_items
from understudy.store.run_creation import activate_thread
from understudy.store.run_state import ContextPart
from understudy.store.threads import add_thread
from understudy.wire.threads import ThreadObject

_NO_LIMIT = 1 << 61
_ITEM = "SELECT seq, kind, role, run_id, body FROM items WHERE id = $1 AND thread_id = $2 AND body IS NOT NULL"


class Conversations:
    """Every method raises NotFound for a conversation that the project does not have.

    `data` is what the markers in new items stand for; raises InvalidRequest where that is more than may be stored.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, thread: ThreadObject, items: Sequence[ItemRow], data: SavedData = NO_DATA
    ) -> None:
        await self._database.write(_insert_conversation, self._database, project_id, thread, items, data)

    async def add(self, project_id: str, thread_id: str, items: Sequence[ItemRow], data: SavedData = NO_DATA) -> None:
        """Raises InvalidRequest while a run or a response is active on it."""
        await self._database.write(_add_items, self._database.text_insert, project_id, thread_id, items, data)

    async def page(self, project_id: str, thread_id: str, request: PageRequest, last_seq: int = _NO_LIMIT) -> ItemPage:
        """A page of the items up to the number `last_seq`."""
        return await self._database.read(_page_conversation, project_id, thread_id, request, last_seq)

    async def item(self, project_id: str, thread_id: str, item_id: str) -> Item:
        return await self._database.read(_select_item, project_id, thread_id, item_id)

    async def delete_item(self, project_id: str, thread_id: str, item_id: str) -> None:
        await self._database.write(_delete_item, self._database.text_delete, project_id, thread_id, item_id)


def _insert_conversation(
    database: Database, project_id: str, thread: ThreadObject, items: Sequence[ItemRow], data: SavedData
) -> Transaction[None]:
    yield add_thread(database, project_id, thread, (), alone=False)
    yield from _insert_items(database.text_insert, project_id, thread.id, items, data)


def _add_items(
    text_insert: str, project_id: str, thread_id: str, items: Sequence[ItemRow], data: SavedData
) -> Transaction[None]:
    try:
        yield from activate_thread(project_id, thread_id)
    except NotFound:
        raise conversation_not_found(thread_id) from None
    except ThreadBusy as busy:
        raise items_locked(busy.run_id) from None
    yield from _insert_items(text_insert, project_id, thread_id, items, data)


def _insert_items(
    text_insert: str, project_id: str, thread_id: str, items: Sequence[ItemRow], data: SavedData
) -> Transaction[None]:
    inserted = yield from insert_items(text_insert, thread_id, None, items)
    yield from add_data(project_id, data, [(row.id, item.body) for row, item in zip(items, inserted, strict=True)])


def _page_conversation(project_id: str, thread_id: str, request: PageRequest, last_seq: int) -> Transaction[ItemPage]:
    yield from _require_conversation(project_id, thread_id)
    return (yield from page_items([ContextPart(thread_id, last_seq)], request))


def _select_item(project_id: str, thread_id: str, item_id: str) -> Transaction[Item]:
    yield from _require_conversation(project_id, thread_id)
    rows = yield _ITEM, (item_id, thread_id)
    if not rows:
        raise item_not_found(item_id)
    return Item(*rows[0])


def _delete_item(text_delete: str, project_id: str, thread_id: str, item_id: str) -> Transaction[None]:
    item = yield from _select_item(project_id, thread_id, item_id)
    yield "UPDATE items SET body = NULL WHERE id = $1", (item_id,)
    if item.kind == "message":
        yield text_delete, (item.seq,)


def _require_conversation(project_id: str, thread_id: str) -> Transaction[None]:
    try:
        yield from require_thread(project_id, thread_id)
    except NotFound:
        raise conversation_not_found(thread_id) from None

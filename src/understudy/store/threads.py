"""Stored threads. A thread is also a conversation: one row, two names.

Deleting hides a thread at once; `erase` deletes its rows afterwards, a few at a time.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.errors import not_found
from understudy.store.attachments import VectorStoreUpload, attach_to_stores
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.item_data import NO_DATA, SavedData
from understudy.store.messages import add_message, add_message_data
from understudy.store.pages import BY_CREATION, Page, PageOrder, PageRequest, PageSource, read_page
from understudy.store.references import add_references, delete_references, replace_references, resource_ids
from understudy.store.sql import compose_sql, sql_parameters
from understudy.store.states import IS_ACTIVE
from understudy.store.thread_activity import ACTIVITY_NOW, fill_thread_activity
from understudy.store.thread_details import describe_threads
from understudy.store.vector_store_counts import check_usable_stores
from understudy.wire.messages import MessageObject
from understudy.wire.thread_details import ThreadDetail
from understudy.wire.threads import ThreadObject

_SELECT = "SELECT body FROM threads WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_INSERT = compose_sql(
    "INSERT INTO threads (id, project_id, body, last_active_at) VALUES ($1, $2, $3,", ACTIVITY_NOW, ") RETURNING seq"
)
_INSERT_METADATA = "INSERT INTO thread_metadata (thread_id, project_id, pair) VALUES ($1, $2, $3)"
_decode = msgspec.json.Decoder(ThreadObject).decode


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """A thread matches if it has all `metadata` pairs, one message with every word of `text`, and that origin."""

    metadata: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    branched_from: str | None = None


BY_ACTIVITY: Final = PageOrder(("last_active_at", "seq"), units=1000)
"""Threads to which something was added last come last. A cursor is an id, or `ID,SECONDS`: the id and its time."""


class Threads:
    """Every method on one thread raises NotFound if the project has no thread of that id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        project_id: str,
        thread: ThreadObject,
        messages: Sequence[MessageObject],
        store_uploads: Sequence[VectorStoreUpload] = (),
        data: SavedData = NO_DATA,
    ) -> None:
        """`store_uploads` are the vector stores of its resources to create or extend with it.

        `data` is what the markers in the messages stand for. Raises InvalidRequest for more than may be stored.
        """
        await self._database.write(_insert_thread, self._database, project_id, thread, messages, store_uploads, data)

    async def get(self, project_id: str, thread_id: str) -> str:
        return await self._database.read(select_thread, project_id, thread_id)

    async def check_searchable(self, project_id: str, thread_id: str, store_ids: Sequence[str], now: int) -> None:
        """Checks a search of these vector stores and of the thread's. Raises VectorStoreExpired, too."""
        await self._database.read(_check_searchable, project_id, thread_id, store_ids, now)

    async def page(
        self, project_id: str, request: PageRequest, condition: ThreadFilter, order: PageOrder = BY_CREATION
    ) -> Page:
        source, args = _filter_source(self._database, project_id, condition, order)
        read = self._database.scan if condition.text is not None else self._database.read
        return await read(read_page, source, args, request)

    async def describe(
        self, thread_ids: Sequence[str], wanted: Collection[ThreadDetail], text: str | None
    ) -> dict[str, dict[str, object]]:
        """The wanted members of threads, by their ids. `text`: the words that a match has."""
        return await self._database.scan(describe_threads, self._database, thread_ids, frozenset(wanted), text)

    async def count_messages(self, thread_id: str) -> int:
        return await self._database.scan(_count_messages, thread_id)

    async def modify(self, project_id: str, thread_id: str, change: Callable[[ThreadObject], None]) -> ThreadObject:
        """Applies `change` to the stored object and returns it."""
        return await self._database.write(_modify_thread, project_id, thread_id, change)

    async def delete(self, project_id: str, thread_id: str) -> str | None:
        """Returns the id of the run that was active on it, which is cancelled."""
        return await self._database.write(_delete_thread, project_id, thread_id)

    async def fill_activity(self) -> None:
        """Fills `last_active_at` in rows that an earlier version wrote. Raises StoreError."""
        await fill_thread_activity(self._database)

    async def erase(self, rows: int = 200) -> bool:
        """Erases up to `rows` of what deleted threads held; False when nothing is left to erase."""
        # Nothing is deleted most of the time, and a write costs ten times as much as a read.
        pending = await self._database.read(_find_erasure)
        return bool(pending) and await self._database.write(_erase_rows, self._database.text_delete, rows)


def _insert_thread(
    database: Database,
    project_id: str,
    thread: ThreadObject,
    messages: Sequence[MessageObject],
    store_uploads: Sequence[VectorStoreUpload],
    data: SavedData,
) -> Transaction[None]:
    yield from attach_to_stores(project_id, store_uploads, thread.created_at)
    yield add_thread(database, project_id, thread, messages, alone=not (store_uploads or data.blobs))
    yield from add_message_data(project_id, data, messages)


def add_thread(
    database: Database, project_id: str, thread: ThreadObject, messages: Sequence[MessageObject], *, alone: bool
) -> Bundle:
    """The statements that insert a thread with its messages."""
    bundle = Bundle(alone=alone)
    body = msgspec.json.encode(thread).decode()
    last = bundle.add(_INSERT, thread.id, project_id, body)
    for pair in thread.metadata.items():
        bundle.add(_INSERT_METADATA, thread.id, project_id, _encode_pair(pair))
    add_references(bundle, "thread", thread.id, thread.tool_resources)
    for message in messages:
        last = add_message(bundle, database.text_insert, message, last)
    return bundle


def insert_metadata(project_id: str, thread: ThreadObject) -> Transaction[None]:
    for pair in thread.metadata.items():
        yield _INSERT_METADATA, (thread.id, project_id, _encode_pair(pair))


def _encode_pair(pair: tuple[str, str]) -> str:
    return msgspec.json.encode(pair).decode()


def select_thread(project_id: str, thread_id: str) -> Transaction[str]:
    rows = yield _SELECT, (thread_id, project_id)
    if not rows:
        raise not_found("thread", thread_id)
    return str(rows[0][0])


def _count_messages(thread_id: str) -> Transaction[int]:
    sql = "SELECT count(*) FROM items WHERE thread_id = $1 AND kind = 'message' AND body IS NOT NULL"
    return int((yield sql, (thread_id,))[0][0])


def _check_searchable(project_id: str, thread_id: str, store_ids: Sequence[str], now: int) -> Transaction[None]:
    thread = _decode((yield from select_thread(project_id, thread_id)))
    yield from check_usable_stores(project_id, [*store_ids, *thread.tool_resources.vector_store_ids()], now)


def _filter_source(
    database: Database, project_id: str, condition: ThreadFilter, order: PageOrder
) -> tuple[PageSource, tuple[str, ...]]:
    filters = ["body IS NOT NULL"]
    args = [project_id]
    for pair in condition.metadata:
        args.append(_encode_pair(pair))
        filters.append(
            compose_sql(
                "id IN (SELECT thread_id FROM thread_metadata WHERE project_id = $1 AND pair =",
                sql_parameters(len(args), 1),
                ")",
            )
        )
    if condition.branched_from is not None:
        args.append(condition.branched_from)
        filters.append(compose_sql("branched_from =", sql_parameters(len(args), 1)))
    if condition.text is not None:
        args.append(database.text_query(condition.text))
        match = database.text_match.replace("$1", f"${len(args)}")
        filters.append(
            compose_sql("id IN (SELECT thread_id FROM items WHERE body IS NOT NULL AND seq IN (", match, "))")
        )
    return PageSource("threads", "project_id = $1", " AND ".join(filters), len(args), order=order), tuple(args)


def _modify_thread(
    project_id: str, thread_id: str, change: Callable[[ThreadObject], None]
) -> Transaction[ThreadObject]:
    rows = yield _SELECT + " FOR UPDATE", (thread_id, project_id)
    if not rows:
        raise not_found("thread", thread_id)
    thread = _decode(rows[0][0])
    before, named = dict(thread.metadata), resource_ids(thread.tool_resources)
    change(thread)
    body = msgspec.json.encode(thread).decode()
    yield "UPDATE threads SET body = $1 WHERE id = $2", (body, thread_id)
    yield from replace_references("thread", thread_id, named, thread.tool_resources)
    if thread.metadata != before:
        yield "DELETE FROM thread_metadata WHERE thread_id = $1", (thread_id,)
        yield from insert_metadata(project_id, thread)
    return thread


_CANCEL_ACTIVE_RUN = compose_sql(
    "UPDATE runs SET status = 'cancelled', owner = NULL WHERE thread_id = $1 AND",
    IS_ACTIVE,
    "RETURNING id",
)


def _delete_thread(project_id: str, thread_id: str) -> Transaction[str | None]:
    rows = yield _SELECT + " FOR UPDATE", (thread_id, project_id)
    if not rows:
        raise not_found("thread", thread_id)
    yield "UPDATE threads SET body = NULL WHERE id = $1", (thread_id,)
    yield "DELETE FROM thread_metadata WHERE thread_id = $1", (thread_id,)
    if resource_ids(_decode(rows[0][0]).tool_resources):
        yield from delete_references(thread_id)
    yield "INSERT INTO erasures (thread_id) VALUES ($1)", (thread_id,)
    cancelled = yield _CANCEL_ACTIVE_RUN, (thread_id,)
    return cancelled[0][0] if cancelled else None


def _find_erasure() -> Transaction[list[Row]]:
    return (yield "SELECT thread_id FROM erasures LIMIT 1", ())


def _erase_rows(text_delete: str, limit: int) -> Transaction[bool]:
    pending = yield from _find_erasure()
    if not pending:
        return False
    thread_id = pending[0][0]
    # Each of the two conditions has an index; both together have none.
    for state in ("body IS NOT NULL", "body IS NULL"):
        sql = compose_sql("SELECT seq FROM items WHERE thread_id = $1 AND", state, "LIMIT $2")
        items = yield sql, (thread_id, limit)
        for (seq,) in items:
            yield text_delete, (seq,)
            yield "DELETE FROM items WHERE seq = $1", (seq,)
        if len(items) == limit:
            return True
    runs = yield "SELECT id FROM runs WHERE thread_id = $1 AND body IS NOT NULL LIMIT $2", (thread_id, limit)
    for (run_id,) in runs:
        yield "DELETE FROM steps WHERE run_id = $1", (run_id,)
        yield "DELETE FROM runs WHERE id = $1", (run_id,)
    if len(runs) < limit:
        yield "DELETE FROM erasures WHERE thread_id = $1", (thread_id,)
    return True

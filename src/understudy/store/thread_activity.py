"""When something was last added to a thread by a client: the thread itself, a message, an item, a run or a response.

The answer of a run does not count, which would add a write to every run.
"""

from typing import Final

import msgspec
from msgspec import Struct

from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.workers import DATABASE_NOW

ACTIVITY_NOW: Final = compose_sql("CAST(", DATABASE_NOW, "* 1000 AS BIGINT)")
"""The value of the column `last_active_at` for what happens now, in milliseconds since 1970."""

_PAGE_SIZE: Final = 100
_UNFILLED: Final = "SELECT seq, body FROM threads WHERE last_active_at = 0 AND body IS NOT NULL ORDER BY seq LIMIT $1"
_ADDED_LAST: Final = (
    "SELECT (SELECT items.body FROM items WHERE items.thread_id = threads.id AND items.kind = 'message'"
    " AND items.run_id IS NULL AND items.body IS NOT NULL ORDER BY items.seq DESC LIMIT 1),"
    " (SELECT max(runs.created_at) FROM runs WHERE runs.thread_id = threads.id AND runs.body IS NOT NULL)"
    " FROM threads WHERE seq = $1"
)
_FILL: Final = "UPDATE threads SET last_active_at = $2 WHERE seq = $1 AND last_active_at = 0"


class _Created(Struct):
    created_at: int


_decode = msgspec.json.Decoder(_Created).decode


async def fill_thread_activity(database: Database) -> None:
    """Fills the rows of versions without the column, a page a transaction. Raises StoreError.

    Nodes of such a version may still add rows while a cluster is being upgraded.
    """
    while await database.read(_has_unfilled):
        await database.write(_fill_page)


def _has_unfilled() -> Transaction[bool]:
    return bool((yield _UNFILLED, (1,)))


def _fill_page() -> Transaction[None]:
    for seq, body in (yield _UNFILLED, (_PAGE_SIZE,)):
        message, run_created_at = (yield _ADDED_LAST, (seq,))[0]
        message_created_at = 0 if message is None else _decode(message).created_at
        seconds = max(_decode(body).created_at, message_created_at, run_created_at or 0)
        # 0 would be read again for ever; no thread is as old as this.
        yield _FILL, (seq, max(1, seconds * 1000))

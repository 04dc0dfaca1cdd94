"""The row of a vector store for transactions on its files: find, lock, count. Knows no file.

A transaction that changes files locks their store first, so that two of them never deadlock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

from understudy.errors import VectorStoreExpired, not_found
from understudy.store.database import Transaction

LIVE_STORES: Final = "SELECT seq FROM vector_stores WHERE body IS NOT NULL AND seq IN"
"""Up to a list of numbers: those of stores that were not deleted."""
_ROW = "SELECT seq, in_progress + completed + failed + cancelled, last_active_at, expires_at FROM vector_stores"
_FIND = f"{_ROW} WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
_COUNT = (
    "UPDATE vector_stores SET in_progress = in_progress + $2, completed = completed + $3, failed = failed + $4,"
    " cancelled = cancelled + $5, usage_bytes = usage_bytes + $6 WHERE seq = $1"
)
# A store expires some time after its last use.
_TOUCH = (
    "UPDATE vector_stores SET expires_at = expires_at + ($2 - last_active_at), last_active_at = $2"
    " WHERE seq = $1 AND last_active_at < $2"
)


@dataclass(frozen=True, slots=True)
class StoreRow:
    """`files` is the number of files in the store."""

    seq: int
    files: int
    last_active_at: int
    expires_at: int | None


@dataclass(slots=True)
class Counts:
    """Changes of a store's number of files by status, and of its bytes of index."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    usage_bytes: int = 0

    def add(self, status: str, files: int, usage_bytes: int = 0) -> None:
        setattr(self, status, getattr(self, status) + files)
        self.usage_bytes += usage_bytes


def find_store(project_id: str, store_id: str, *, lock: bool = False) -> Transaction[StoreRow]:
    """Raises NotFound."""
    rows = yield _FIND + (" FOR UPDATE" if lock else ""), (store_id, project_id)
    if not rows:
        raise not_found("vector store", store_id)
    return StoreRow(*rows[0])


def find_usable_store(project_id: str, store_id: str, now: int, *, lock: bool = False) -> Transaction[StoreRow]:
    """Raises NotFound, and VectorStoreExpired."""
    store = yield from find_store(project_id, store_id, lock=lock)
    if store.expires_at is not None and store.expires_at <= now:
        raise VectorStoreExpired(store_id)
    return store


def check_usable_stores(project_id: str, store_ids: Iterable[str], now: int) -> Transaction[None]:
    """Raises NotFound or VectorStoreExpired for the first store that cannot be searched."""
    for store_id in dict.fromkeys(store_ids):
        yield from find_usable_store(project_id, store_id, now)


def lock_store(store: int) -> Transaction[None]:
    yield "SELECT seq FROM vector_stores WHERE seq = $1 FOR UPDATE", (store,)


def count(store: int, change: Counts) -> Transaction[None]:
    numbers = [getattr(change, field.name) for field in fields(change)]
    if any(numbers):
        yield _COUNT, (store, *numbers)


def touch(store: int, now: int) -> Transaction[None]:
    """Records a use of the store, which defers its expiry."""
    yield _TOUCH, (store, now)

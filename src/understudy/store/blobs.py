"""Which blobs are in use, and which are to be erased. Knows names and counts; the bytes are in the blob store.

A blob's name is never reused, so erasing one late or twice is harmless. Its life: its writer has a hold on it, the rows
that name it are its uses, and the transaction that removes the last use queues its erasure.
"""

from collections.abc import Sequence

from understudy.errors import StoreError
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql, insert_rows, split_batches
from understudy.store.workers import HAS_LEASE

_REUSE_EQUAL_BLOB = (
    "UPDATE blobs SET uses = uses + 1 WHERE uses > 0 AND name = ("
    "SELECT twin.name FROM blobs AS held JOIN blobs AS twin ON twin.sha256 = held.sha256"
    " WHERE held.name = $1 AND twin.uses > 0 LIMIT 1) RETURNING name"
)


class Blobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def hold(self, name: str, sha256: str, until: float) -> None:
        """Registers a blob before its bytes are written: if the writer dies, the sweep erases it after `until`."""
        await self.hold_all([(name, sha256)], until)

    async def hold_all(self, blobs: Sequence[tuple[str, str]], until: float) -> None:
        """The same for several at once, each a name and its SHA-256."""
        await self._database.write(_insert_holds, [(name, sha256, 0, until) for name, sha256 in blobs])

    async def release_hold(self, name: str) -> None:
        """Ends a hold that did not become a use; does nothing without one."""
        if await self._database.read(_has_hold, name):
            await self._database.write(_release_hold, name)

    async def drop_holds(self, now: float) -> None:
        """Releases expired holds; no row can name such a blob any more."""
        if await self._database.read(_has_expired_holds, now):
            await self._database.write(_release_expired_holds, now)

    async def pending_erasures(self, limit: int) -> list[str]:
        """Names of blobs to erase; call `confirm_erasures` afterwards."""
        return await self._database.read(_pending_erasures, limit)

    async def confirm_erasures(self, names: Sequence[str]) -> None:
        await self._database.write(_confirm_erasures, names)

    async def sample(self, limit: int) -> list[str]:
        """Names of blobs in use: a uniform sample, since names begin with hashes."""
        return await self._database.read(_sample_names, limit)

    async def location_id(self) -> str | None:
        """The id of the directory or bucket that holds the blobs; None before the first start."""
        return await self._database.read(_location_id)

    async def record_location(self, location_id: str) -> str:
        """Records where the blobs are, unless a location is recorded already; returns the recorded one."""
        return await self._database.write(_record_location, location_id)

    async def replace_location(self, old: str, new: str) -> bool:
        """Records another location; False if a blob is in use or a server has a lease on the database."""
        return await self._database.write(_replace_location, old, new)


def retain(blob: str) -> Transaction[str]:
    """Adds a use, and returns the name to store: that of a blob with the same bytes if there is one.

    `blob` has a hold or a use. Raises StoreError if it has neither.
    """
    rows = yield _REUSE_EQUAL_BLOB, (blob,)
    if not rows:
        rows = yield "UPDATE blobs SET uses = 1 WHERE name = $1 AND uses = 0 RETURNING name", (blob,)
        if not rows:
            raise StoreError(f"The blob {blob!r} was erased because writing it took too long. Upload the file again.")
    elif rows[0][0] != blob:
        yield from _release_hold(blob)
    return str(rows[0][0])


def release(blob: str) -> Transaction[None]:
    """Removes a use; the last one queues the erasure of the bytes."""
    rows = yield "UPDATE blobs SET uses = uses - 1 WHERE name = $1 RETURNING uses", (blob,)
    if rows and rows[0][0] <= 0:
        yield from _queue_erasure(blob)


def _queue_erasure(blob: str) -> Transaction[None]:
    yield "DELETE FROM blobs WHERE name = $1", (blob,)
    yield "INSERT INTO blob_erasures (name) VALUES ($1) ON CONFLICT DO NOTHING", (blob,)


def _insert_holds(rows: Sequence[tuple[str, str, int, float]]) -> Transaction[None]:
    for batch in split_batches(rows):
        yield from insert_rows("blobs", "name, sha256, uses, held_until", batch)


_FIND_HOLD = "SELECT name FROM blobs WHERE name = $1 AND uses = 0"


def _has_hold(name: str) -> Transaction[bool]:
    return bool((yield _FIND_HOLD, (name,)))


def _release_hold(name: str) -> Transaction[None]:
    if (yield _FIND_HOLD + " FOR UPDATE", (name,)):
        yield from _queue_erasure(name)


_EXPIRED_HOLDS = "SELECT name FROM blobs WHERE uses = 0 AND held_until < $1 LIMIT 100"


def _has_expired_holds(now: float) -> Transaction[bool]:
    return bool((yield _EXPIRED_HOLDS, (now,)))


def _release_expired_holds(now: float) -> Transaction[None]:
    rows = yield _EXPIRED_HOLDS + " FOR UPDATE", (now,)
    for (name,) in rows:
        yield from _queue_erasure(name)


def _pending_erasures(limit: int) -> Transaction[list[str]]:
    rows = yield "SELECT name FROM blob_erasures LIMIT $1", (limit,)
    return [row[0] for row in rows]


def _confirm_erasures(names: Sequence[str]) -> Transaction[None]:
    for name in names:
        yield "DELETE FROM blob_erasures WHERE name = $1", (name,)


def _sample_names(limit: int) -> Transaction[list[str]]:
    rows = yield "SELECT name FROM blobs WHERE uses > 0 ORDER BY name LIMIT $1", (limit,)
    return [row[0] for row in rows]


def _location_id() -> Transaction[str | None]:
    rows = yield "SELECT id FROM blob_store", ()
    return rows[0][0] if rows else None


def _record_location(location_id: str) -> Transaction[str]:
    yield "INSERT INTO blob_store (one, id) VALUES (1, $1) ON CONFLICT DO NOTHING", (location_id,)
    rows = yield "SELECT id FROM blob_store", ()
    return str(rows[0][0])


def _replace_location(old: str, new: str) -> Transaction[bool]:
    sql = compose_sql(
        "UPDATE blob_store SET id = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE uses > 0)",
        "AND NOT EXISTS (SELECT 1 FROM workers WHERE",
        HAS_LEASE,
        ") RETURNING id",
    )
    return bool((yield sql, (old, new)))

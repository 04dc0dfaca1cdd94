"""Which files are to be indexed, and by whom: claimed by a worker, given back, done.

The database is the truth. A worker's claim holds as long as its lease in the table of workers; every write that ends a
piece of work is guarded by the owner and the round, so whoever lost a file changes nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from understudy.store.chunks import remove_document
from understudy.store.database import Database, Transaction
from understudy.store.vector_store_counts import Counts, count, lock_store
from understudy.store.vector_store_files import FileRow, find_files, move, restart_indexing
from understudy.wire.vector_stores import FileStatus, LastError, VectorStoreFileObject

_ORPHANED = "owner NOT IN (SELECT id FROM workers WHERE lease_until > $1)"
_STORES = "SELECT seq FROM vector_stores WHERE in_progress > 0 AND body IS NOT NULL AND seq > $1 ORDER BY seq LIMIT $2"
_CANDIDATES = (
    "SELECT seq, store, project_id FROM store_files WHERE store = $2 AND status = 'in_progress' AND body IS NOT NULL"  # noqa: S608
    f" AND due_at <= $1 AND (owner IS NULL OR {_ORPHANED}) ORDER BY seq LIMIT $3"
)
_CLAIM = (
    "UPDATE store_files SET owner = $2,"  # noqa: S608
    " attempts = attempts + CASE WHEN owner IS NULL THEN 1 ELSE 0 END,"
    " interruptions = interruptions + CASE WHEN owner IS NULL THEN 0 ELSE 1 END"
    " WHERE seq = $3 AND status = 'in_progress'"
    f" AND body IS NOT NULL AND due_at <= $1 AND (owner IS NULL OR {_ORPHANED})"
    " RETURNING store, project_id, filename, round, attempts, interruptions, body"
)
_EMBEDDER = (
    "UPDATE vector_stores SET embedder = COALESCE(embedder, $2) WHERE seq = $1 AND body IS NOT NULL RETURNING embedder"
)
_OWNED = "SELECT seq, round FROM store_files WHERE owner = $1 AND status = 'in_progress' AND body IS NOT NULL"
_ABANDONED_FILES = (
    f"SELECT seq, store FROM store_files WHERE owner IS NOT NULL AND {_ORPHANED}"  # noqa: S608
    " AND (status <> 'in_progress' OR body IS NULL) LIMIT 100"
)
_STALE_STORES = (
    "SELECT id, seq, embedder, in_progress + completed FROM vector_stores"
    " WHERE body IS NOT NULL AND embedder IS NOT NULL AND (embedder <> $1 OR in_progress > 0) ORDER BY seq"
)
_STORE = "SELECT id, seq, embedder, in_progress + completed FROM vector_stores WHERE body IS NOT NULL AND id = $1"
_PROGRESS = "SELECT in_progress, failed FROM vector_stores WHERE seq = $1 AND body IS NOT NULL"
_decode = msgspec.json.Decoder(VectorStoreFileObject).decode


@dataclass(frozen=True, slots=True)
class FileCandidate:
    """A file that somebody should index."""

    seq: int
    store: int
    project_id: str


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A file that is ours to index. `attempts` counts this one, `interruptions` the servers that died over it."""

    seq: int
    store: int
    project_id: str
    filename: str
    embedder: str
    round: int
    attempts: int
    interruptions: int
    file: VectorStoreFileObject


@dataclass(frozen=True, slots=True)
class IndexedStore:
    """A store as an operator sees it. `files` are those that are indexed or to be; without any, no embedder is set."""

    id: str
    seq: int
    embedder: str | None
    files: int


@dataclass(frozen=True, slots=True)
class PendingCounts:
    """How many files of a store are still to be indexed, and how many could not be."""

    waiting: int
    failed: int


class Ingestion:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_candidates(self, now: float, stores: int, files: int, after: int = 0) -> list[FileCandidate]:
        """Up to `files` files of each of up to `stores` stores, those with numbers above `after` first."""
        return await self._database.read(_list_candidates, now, stores, files, after)

    async def claim(self, seq: int, owner: str, embedder: str, now: float) -> FileClaim | None:
        """Takes a file; None where somebody has it. `embedder` is for a store that nothing is indexed in yet."""
        return await self._database.write(_claim, seq, owner, embedder, now)

    async def finish(
        self,
        owner: str,
        claimed: FileClaim,
        status: FileStatus,
        *,
        error: LastError | None = None,
        usage_bytes: int = 0,
        warnings: Sequence[str] = (),
    ) -> bool:
        """Ends the work on a file, and says whether it was still to be done; what was indexed is gone where not."""
        return await self._database.write(_finish, owner, claimed, status, error, usage_bytes, warnings)

    async def release(self, owner: str, claimed: FileClaim, due_at: float, *, attempts: int = 0) -> None:
        """Gives a file back, for whoever comes after `due_at`, and takes `attempts` off its count.

        What was indexed of a file that nobody wants indexed any more is gone.
        """
        await self._database.write(_release, owner, claimed, due_at, attempts)

    async def release_files(self, owner: str, files: Sequence[int]) -> None:
        """Gives back those of the worker's files, by row number, and removes what was indexed of them."""
        await self._database.write(_release_files, owner, files)

    async def list_owned(self, owner: str) -> dict[int, int]:
        """The files that are the worker's to index, with their rounds."""
        return await self._database.read(_list_owned, owner)

    async def release_abandoned_files(self, now: float) -> None:
        """Takes away what workers have left that died over files which were cancelled or deleted meanwhile."""
        if await self._database.read(_has_abandoned_files, now):
            await self._database.write(_release_abandoned_files, now)

    async def list_stale_stores(self, embedder: str) -> list[IndexedStore]:
        """The stores that are indexed with another embedder, or not yet done with this one."""
        return await self._database.read(_stores, _STALE_STORES, embedder)

    async def find(self, store_id: str) -> IndexedStore | None:
        found = await self._database.read(_stores, _STORE, store_id)
        return found[0] if found else None

    async def count_pending(self, store: int) -> PendingCounts:
        return await self._database.read(_count_pending, store)

    async def restart(self, store: int, embedder: str) -> int:
        """Hands all files of a store that were indexed, or are, to another embedder; returns how many."""
        return await self._database.write(_restart, store, embedder)


def _list_candidates(now: float, stores: int, files: int, after: int) -> Transaction[list[FileCandidate]]:
    places = yield _STORES, (after, stores)
    if after and len(places) < stores:
        first = yield _STORES, (0, stores - len(places))
        places = places + [row for row in first if row[0] <= after]
    found = []
    for (store,) in places:
        rows = yield _CANDIDATES, (now, store, files)
        found += [FileCandidate(*row) for row in rows]
    return found


def _claim(seq: int, owner: str, embedder: str, now: float) -> Transaction[FileClaim | None]:
    rows = yield _CLAIM, (now, owner, seq)
    if not rows:
        return None
    store, project_id, filename, round_, attempts, interruptions, body = rows[0]
    embedders = yield _EMBEDDER, (store, embedder)
    if not embedders:
        yield "UPDATE store_files SET owner = NULL WHERE seq = $1", (seq,)
        return None
    embedder = embedders[0][0]
    return FileClaim(seq, store, project_id, filename, embedder, round_, attempts, interruptions, _decode(body))


def _finish(
    owner: str,
    claimed: FileClaim,
    status: FileStatus,
    error: LastError | None,
    usage_bytes: int,
    warnings: Sequence[str],
) -> Transaction[bool]:
    yield from lock_store(claimed.store)
    row = yield from _lock_claim(owner, claimed)
    if row is None:
        yield from _discard_claim(owner, claimed)
        return False
    if status != "completed":
        yield from remove_document(claimed.store, claimed.seq)
    change = Counts()
    yield from move(row, status, change, error=error, usage_bytes=usage_bytes, warnings=warnings)
    yield from count(claimed.store, change)
    yield "UPDATE store_files SET owner = NULL WHERE seq = $1", (claimed.seq,)
    return True


def _release(owner: str, claimed: FileClaim, due_at: float, attempts: int) -> Transaction[None]:
    yield from lock_store(claimed.store)
    if (yield from _lock_claim(owner, claimed)) is None:
        yield from _discard_claim(owner, claimed)
        return
    sql = "UPDATE store_files SET owner = NULL, due_at = $2, attempts = attempts - $3 WHERE seq = $1"
    yield sql, (claimed.seq, due_at, attempts)


def _lock_claim(owner: str, claimed: FileClaim) -> Transaction[FileRow | None]:
    rows = yield from find_files(
        "seq = $1 AND owner = $2 AND round = $3 AND status = 'in_progress'"
        " AND store IN (SELECT seq FROM vector_stores WHERE body IS NOT NULL)",
        claimed.seq,
        owner,
        claimed.round,
    )
    return rows[0] if rows else None


def _discard_claim(owner: str, claimed: FileClaim) -> Transaction[None]:
    """Only the owner may: behind anybody else's back there may be an index that is good."""
    sql = "UPDATE store_files SET owner = NULL WHERE seq = $1 AND owner = $2 RETURNING seq"
    if (yield sql, (claimed.seq, owner)):
        yield from remove_document(claimed.store, claimed.seq)


def _release_files(owner: str, files: Sequence[int]) -> Transaction[None]:
    for seq in files:
        sql = "UPDATE store_files SET owner = NULL WHERE seq = $1 AND owner = $2 RETURNING store"
        for (store,) in (yield sql, (seq, owner)):
            yield from remove_document(store, seq)


def _list_owned(owner: str) -> Transaction[dict[int, int]]:
    rows = yield _OWNED, (owner,)
    return {row[0]: row[1] for row in rows}


def _has_abandoned_files(now: float) -> Transaction[bool]:
    return bool((yield _ABANDONED_FILES, (now,)))


def _release_abandoned_files(now: float) -> Transaction[None]:
    rows = yield _ABANDONED_FILES + " FOR UPDATE", (now,)
    for seq, store in rows:
        yield from remove_document(store, seq)
        yield "UPDATE store_files SET owner = NULL WHERE seq = $1", (seq,)


def _stores(sql: str, argument: str) -> Transaction[list[IndexedStore]]:
    rows = yield sql, (argument,)
    return [IndexedStore(*row) for row in rows]


def _count_pending(store: int) -> Transaction[PendingCounts]:
    rows = yield _PROGRESS, (store,)
    return PendingCounts(*rows[0]) if rows else PendingCounts(0, 0)


def _restart(store: int, embedder: str) -> Transaction[int]:
    yield from lock_store(store)
    yield "UPDATE vector_stores SET embedder = $2 WHERE seq = $1", (store, embedder)
    files: Sequence[FileRow] = yield from find_files("store = $1 AND status IN ('completed', 'in_progress')", store)
    change = Counts()
    for row in files:
        yield from restart_indexing(row, change)
        yield from remove_document(store, row.seq)
    yield from count(store, change)
    return len(files)

"""Files of vector stores as jobs: claimed by a worker, indexed, released.

Every write that ends a claim is guarded by the owner and by the round, which counts how often the file was to be
indexed, so a worker that lost a file changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from understudy import telemetry
from understudy.correlation import NO_ORIGIN, Origin, decode_origin
from understudy.store.chunks import remove_document
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.sql import compose_sql
from understudy.store.vector_store_counts import LIVE_STORES, Counts, count, lock_store
from understudy.store.vector_store_files import FileRow, find_files, move, restart_indexing
from understudy.store.workers import ORPHANED, Candidate, Claim, JobTable
from understudy.wire.vector_stores import FileStatus, LastError, VectorStoreFileObject

INGESTION_JOBS = JobTable("store_files", "status = 'in_progress' AND body IS NOT NULL", "round")
_CLAIMED = "store, project_id, filename, round, attempts, interruptions, body, origin"
WAITING_FILES = FairListing(
    "store_files",
    INGESTION_JOBS.is_waiting,
    condition="AND due_at <= $2",
    order="seq, due_at",
    group="store",
    live_groups=LIVE_STORES,
)
_LACKS_EMBEDDER = (
    "SELECT seq FROM vector_stores WHERE seq = (SELECT store FROM store_files WHERE seq = $1) AND embedder IS NULL"
)
_SET_EMBEDDER = "UPDATE vector_stores SET embedder = $2 WHERE seq = $1 AND embedder IS NULL"
_EMBEDDER = "SELECT embedder FROM vector_stores WHERE seq = $1 AND body IS NOT NULL"
_ABANDONED_FILES = compose_sql(
    "SELECT seq, store FROM store_files WHERE owner IS NOT NULL AND",
    ORPHANED,
    "AND (status <> 'in_progress' OR body IS NULL) ORDER BY seq LIMIT 100",
)
_STALE_STORES = (
    "SELECT id, seq, embedder, in_progress + completed FROM vector_stores"
    " WHERE body IS NOT NULL AND embedder IS NOT NULL AND (embedder NOT IN ($1, $2) OR in_progress > 0) ORDER BY seq"
)
_STORE = "SELECT id, seq, embedder, in_progress + completed FROM vector_stores WHERE body IS NOT NULL AND id = $1"
_PROGRESS = "SELECT in_progress, failed FROM vector_stores WHERE seq = $1 AND body IS NOT NULL"
_decode = msgspec.json.Decoder(VectorStoreFileObject).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class FileClaim(Claim):
    """A file to index, of the store numbered `store`."""

    store: int
    filename: str
    embedder: str
    round: int
    file: VectorStoreFileObject
    origin: Origin = NO_ORIGIN


@dataclass(frozen=True, slots=True)
class IndexedStore:
    """A store as an operator sees it. `files` counts the indexed and queued ones; without any, no embedder is set."""

    id: str
    seq: int
    embedder: str | None
    files: int


@dataclass(frozen=True, slots=True)
class PendingCounts:
    """How many files of a store are queued for indexing, and how many failed."""

    waiting: int
    failed: int


class Ingestion:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor | None = None) -> list[Candidate[int]]:
        """The oldest files of up to `limit` projects and of their stores. A candidate's group is its store."""
        return await self._database.read(_list_files_to_index, now, limit, cursor or FairCursor())

    async def claim(self, seq: int, owner: str, embedder: str, now: float) -> FileClaim | None:
        """None where another worker has the file. `embedder` is for a store in which nothing is indexed yet."""
        return await self._database.write(_claim_file, seq, owner, embedder, now)

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
        """Ends the claim with a final status. Where the claim was lost, returns False and removes what it indexed."""
        ended = await self._database.write(_finish_file, owner, claimed, status, error, usage_bytes, warnings)
        if ended:
            telemetry.emit(
                telemetry.ObjectChanged,
                project_id=claimed.project_id,
                object="vector_store.file",
                id=claimed.file.id,
                status=status,
                parent_id=claimed.file.vector_store_id,
            )
        return ended

    async def release(self, owner: str, claimed: FileClaim, due_at: float, *, attempts: int = 0) -> None:
        """Ends the claim. The file is due at `due_at`, and `attempts` are subtracted from its count.

        Where the claim was lost, what it indexed is removed.
        """
        await self._database.write(_release_file, owner, claimed, due_at, attempts)

    async def release_files(self, owner: str, files: Sequence[int]) -> None:
        """Ends the worker's claims on these files, by row number, and removes what was indexed of them."""
        await self._database.write(_release_files, owner, files)

    async def list_owned(self, owner: str) -> dict[int, int]:
        """The rounds of the files that the worker has claimed."""
        return await self._database.read(INGESTION_JOBS.list_owned, owner)

    async def release_abandoned_files(self) -> None:
        """Removes what dead workers indexed of files that were cancelled or deleted meanwhile."""
        if await self._database.read(_has_abandoned_files):
            await self._database.write(_release_abandoned_files)

    async def list_stale_stores(self, embedder: str, successor: str | None = None) -> list[IndexedStore]:
        """Stores that are indexed with another embedder than these two, or not completely."""
        return await self._database.read(_stores, _STALE_STORES, embedder, successor or embedder)

    async def find(self, store_id: str) -> IndexedStore | None:
        stores = await self._database.read(_stores, _STORE, store_id)
        return stores[0] if stores else None

    async def count_pending(self, store: int) -> PendingCounts:
        return await self._database.read(_count_pending, store)

    async def restart(self, store: int, embedder: str) -> int:
        """Queues all files of a store for indexing with an embedder; returns how many."""
        return await self._database.write_slowly(_restart, store, embedder)


def _list_files_to_index(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from INGESTION_JOBS.list_orphaned("seq, project_id, store", now, limit)
    return orphaned + (yield from WAITING_FILES.list_waiting_by_group(now, limit, cursor))


def _claim_file(seq: int, owner: str, embedder: str, now: float) -> Transaction[FileClaim | None]:
    # Before the file is locked, as in every transaction that changes a store and its files.
    for (lacking,) in (yield _LACKS_EMBEDDER, (seq,)):
        yield _SET_EMBEDDER, (lacking, embedder)
    row = yield from INGESTION_JOBS.claim(seq, owner, now, _CLAIMED)
    if row is None:
        return None
    store, project_id, filename, round_, attempts, interruptions, body, origin = row
    # One that is set by another transaction meanwhile begins a new round of the file, which this claim is not of.
    embedders = yield _EMBEDDER, (store,)
    if not embedders:
        yield "UPDATE store_files SET owner = NULL WHERE seq = $1", (seq,)
        return None
    return FileClaim(
        seq=seq,
        project_id=project_id,
        attempts=attempts,
        interruptions=interruptions,
        store=store,
        filename=filename,
        embedder=embedders[0][0],
        round=round_,
        file=_decode(body),
        origin=decode_origin(origin),
    )


def _finish_file(
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


def _release_file(owner: str, claimed: FileClaim, due_at: float, attempts: int) -> Transaction[None]:
    yield from lock_store(claimed.store)
    if (yield from _lock_claim(owner, claimed)) is None:
        yield from _discard_claim(owner, claimed)
        return
    yield from INGESTION_JOBS.release(claimed.seq, owner, due_at, attempts)


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
    """Only for the owner: what another worker has indexed since then may be complete."""
    sql = "UPDATE store_files SET owner = NULL WHERE seq = $1 AND owner = $2 RETURNING seq"
    if (yield sql, (claimed.seq, owner)):
        yield from remove_document(claimed.store, claimed.seq)


def _release_files(owner: str, files: Sequence[int]) -> Transaction[None]:
    for seq in sorted(files):
        sql = "UPDATE store_files SET owner = NULL WHERE seq = $1 AND owner = $2 RETURNING store"
        for (store,) in (yield sql, (seq, owner)):
            yield from remove_document(store, seq)


def _has_abandoned_files() -> Transaction[bool]:
    return bool((yield _ABANDONED_FILES, ()))


def _release_abandoned_files() -> Transaction[None]:
    rows = yield _ABANDONED_FILES + " FOR UPDATE", ()
    for seq, store in rows:
        yield from remove_document(store, seq)
        yield "UPDATE store_files SET owner = NULL WHERE seq = $1", (seq,)


def _stores(sql: str, *arguments: str) -> Transaction[list[IndexedStore]]:
    rows = yield sql, arguments
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

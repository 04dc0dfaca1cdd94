"""Imports, exports and deletions as jobs. An attempt that ends early is continued from the stored position."""

import asyncio
import logging
import shutil
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from understudy import ids, telemetry
from understudy.blobs import Blob, Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.containers import Containers
from understudy.engine.files import Files
from understudy.engine.item_data import ItemData
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.ingestion import Ingestion
from understudy.engine.jobs.job import MAX_INTERRUPTIONS, JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.responses import Responses
from understudy.engine.runs import Runs
from understudy.engine.transfers.eraser import Eraser
from understudy.engine.transfers.exporter import Exporter
from understudy.engine.transfers.importer import ConflictFound, Importer, LeaseLost
from understudy.engine.transfers.selection import Selection
from understudy.engine.vector_stores import VectorStores
from understudy.errors import ApiError, StoreError
from understudy.importing.limits import Limits
from understudy.importing.reading import Spool, spool_input
from understudy.store import Store, large_writes
from understudy.store.fair_candidates import FairCursor
from understudy.store.qualified_ids import CACHE_SECONDS
from understudy.store.transfers import TransferClaim, TransferKind, TransferRecord
from understudy.store.workers import Candidate
from understudy.wire.transfers import (
    DeletionObject,
    ExportObject,
    ImportObject,
    ImportReport,
    OnConflict,
    TransferError,
    TransferObject,
    TransferProgress,
    TransferStatus,
)

_MAX_CANDIDATES: Final = 100
_BACKOFF: Final = Backoff(first=1.0, factor=3.0, max_attempts=6)
_SAVE_EVERY: Final = 20
"""Deleted objects between two writes of the progress."""
_READ_BYTES: Final = 256 * 1024
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deleters:
    """What deletes objects that have more than rows."""

    runs: Runs
    responses: Responses
    containers: Containers
    vector_stores: VectorStores


class Transfers(JobKind[int, TransferClaim]):
    name = "transfer"

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        data: ItemData,
        clock: Clock,
        broker: Broker,
        limiter: RateLimiter,
        ingestion: Ingestion,
        work: Path,
        places: int,
    ) -> None:
        """`work` is a directory of this process for inputs that are being read and archives that are being written."""
        self.deleters: Deleters | None = None
        """Set before the start, where deletions are executed."""
        self._store = store
        self._blobs = blobs
        self._files = files
        self._data = data
        self._clock = clock
        self._broker = broker
        self._limiter = limiter
        self._ingestion = ingestion
        self._work = work
        self._cursor = FairCursor()
        self._pool = LeasePool(self, store.workers, clock, "mover", places, broker)
        self.stop = self._pool.stop

    async def start(self) -> None:
        # Unfinished files; those of a crash are useless.
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        await self._pool.start()

    # -- for the API -------------------------------------------------------------------------------------------

    async def create_import(
        self, project_id: str, filename: str, blob: Blob, *, dry_run: bool = False, on_conflict: OnConflict = "skip"
    ) -> ImportObject:
        """`blob` is the input, with a hold. Raises InvalidRequest if the project would store more bytes than it may."""
        created = ImportObject(
            id=ids.import_(),
            created_at=int(self._clock.now()),
            progress=TransferProgress(),
            filename=filename,
            bytes=blob.size,
            dry_run=dry_run,
            on_conflict=on_conflict,
            report=ImportReport(),
        )
        await self._create_job(project_id, "import", created, blob.name)
        self._store.qualified_ids.mark(project_id)
        return created

    async def create_export(self, project_id: str, metadata: dict[str, str]) -> ExportObject:
        created = ExportObject(
            id=ids.export(), created_at=int(self._clock.now()), progress=TransferProgress(), metadata=metadata
        )
        await self._create_job(project_id, "export", created)
        return created

    async def create_deletion(
        self, project_id: str, metadata: dict[str, str], *, dry_run: bool = False
    ) -> DeletionObject:
        created = DeletionObject(
            id=ids.deletion(),
            created_at=int(self._clock.now()),
            progress=TransferProgress(),
            metadata=metadata,
            dry_run=dry_run,
        )
        await self._create_job(project_id, "deletion", created)
        return created

    async def cancel(self, project_id: str, kind: TransferKind, transfer_id: str) -> TransferObject:
        """Raises NotFound, and Conflict where the job has ended."""
        transfer = await self._store.transfers.cancel(project_id, kind, transfer_id)
        for seq, job in self._pool.jobs.items():
            if job.work.record.transfer.id == transfer_id:
                self._pool.interrupt(seq)
        self._pool.wake()
        return transfer

    async def _create_job(
        self,
        project_id: str,
        kind: TransferKind,
        transfer: ImportObject | ExportObject | DeletionObject,
        blob: str | None = None,
    ) -> None:
        limit = await self._limiter.size_limit(project_id, "stored_bytes")
        await self._store.transfers.create(project_id, kind, TransferRecord(transfer), blob, limit)
        _emit_status(project_id, kind, transfer.id, "queued")
        self._pool.wake()

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> list[Candidate[int]]:
        return await self._store.transfers.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> TransferClaim | None:
        return await self._store.transfers.claim(candidate.key, owner, now)

    async def list_owned(self, owner: str) -> Mapping[int, TransferStatus]:
        return await self._store.transfers.list_owned(owner)

    def is_current(self, work: TransferClaim, revision: TransferStatus, /) -> bool:
        return revision != "cancelling" or work.status == "cancelling"

    def created_at(self, work: TransferClaim, /) -> float | None:
        return work.record.transfer.created_at if work.attempts == 1 else None

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._store.transfers.release(seq, owner, attempts=1)

    async def run(self, work: TransferClaim) -> float | None:
        if work.status == "cancelling":
            await self._finish_job(work, "cancelled")
            return None
        if work.interruptions > MAX_INTERRUPTIONS:
            text = f"The server stopped unexpectedly {work.interruptions} times at the same place of this {work.kind}."
            await self._fail(work, "server_error", text)
            return None
        try:
            await self._execute_transfer(work)
        except (LeaseLost, asyncio.CancelledError):
            await self._store.transfers.release(work.seq, self._pool.id, attempts=1)
        except ConflictFound as error:
            await self._fail(work, "conflict", str(error))
        except ApiError as error:
            await self._fail(work, error.code or "invalid_file", error.message)
        except StoreError as error:
            logger.warning("%s %s: interrupted: %s", work.kind, work.record.transfer.id, error)
            return await self._retry(work)
        except Exception:
            logger.exception("%s %s failed", work.kind, work.record.transfer.id)
            return await self._retry(work)
        return None

    async def _execute_transfer(self, work: TransferClaim) -> None:
        _emit_status(work.project_id, work.kind, work.record.transfer.id, "in_progress")
        match work.kind:
            case "import":
                await self._import(work)
            case "export":
                await self._export(work)
            case "deletion":
                await self._delete(work)

    async def _retry(self, work: TransferClaim) -> float | None:
        delay = _BACKOFF.delay(work.attempts)
        if delay is None:
            await self._fail(work, "server_error", "The server had an error while processing this request.")
            return None
        await self._store.transfers.release(work.seq, self._pool.id, self._clock.now() + delay)
        return delay

    async def _fail(self, work: TransferClaim, code: str, message: str) -> None:
        work.record.transfer.error = TransferError(code, message)
        await self._finish_job(work, "failed")

    async def _finish_job(
        self, work: TransferClaim, status: TransferStatus, output: str | None = None, limit: int | None = None
    ) -> None:
        setattr(work.record.transfer, f"{status}_at", int(self._clock.now()))
        if await self._store.transfers.finish(work.seq, self._pool.id, status, work.record, output, limit):
            _emit_status(work.project_id, work.kind, work.record.transfer.id, status)

    # -- each kind ---------------------------------------------------------------------------------------------

    async def _import(self, work: TransferClaim) -> None:
        if self._broker.is_shared:
            # Other nodes notice the first import of a project after this time.
            age = self._clock.now() - work.record.transfer.created_at
            await asyncio.sleep(min(max(0.0, 1.0 + CACHE_SECONDS - age), 1.0 + CACHE_SECONDS))
        # The statements of a batch would block other requests.
        large_writes.mark_expected()
        async with self._open_spool(work) as spool:
            await Importer(self._store, self._files, self._data, self._clock, work, self._pool.id).run(spool)
        await self._finish_job(work, "completed")
        self._ingestion.wake()

    @asynccontextmanager
    async def _open_spool(self, work: TransferClaim) -> AsyncIterator[Spool]:
        """The input, read and sorted on the local disk. Raises InvalidRequest for one that cannot be read."""
        directory = self._work / work.record.transfer.id
        cancelled = threading.Event()
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        await asyncio.to_thread(directory.mkdir, 0o700, True, True)
        try:
            async with self._blobs.path(work.input or "") as path:
                reading = asyncio.ensure_future(
                    asyncio.to_thread(spool_input, path, directory, Limits(), cancelled=cancelled.is_set)
                )
                try:
                    spool = await asyncio.shield(reading)
                except asyncio.CancelledError:
                    cancelled.set()
                    await asyncio.wait([reading])
                    if not reading.cancelled() and reading.exception() is None:
                        reading.result().close()
                    raise
                try:
                    yield spool
                finally:
                    await asyncio.to_thread(spool.close)
        finally:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _export(self, work: TransferClaim) -> None:
        transfer = cast("ExportObject", work.record.transfer)
        selection = Selection(self._store, self._clock, work.project_id, transfer.metadata)

        async def report_progress(counts: dict[str, int]) -> None:
            transfer.exported, transfer.progress.done = dict(counts), sum(counts.values())
            if not await self._store.transfers.record(work.seq, self._pool.id, work.record):
                raise LeaseLost

        await asyncio.to_thread(self._work.mkdir, 0o700, True, True)
        path = self._work / f"{transfer.id}.zip"
        try:
            exporter = Exporter(self._store, self._blobs, self._data, selection, report_progress)
            transfer.exported = await exporter.write(path, int(self._clock.now()), transfer.metadata)
            transfer.progress.total = transfer.progress.done = sum(transfer.exported.values())
            async with self._files.open_draft() as draft:
                with path.open("rb") as file:
                    while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                        await draft.write(chunk)
                blob = await draft.commit()
                transfer.bytes = blob.size
                limit = await self._limiter.size_limit(work.project_id, "stored_bytes")
                try:
                    await self._finish_job(work, "completed", blob.name, limit)
                except ApiError:
                    transfer.bytes = transfer.completed_at = None
                    raise
        finally:
            path.unlink(missing_ok=True)

    async def _delete(self, work: TransferClaim) -> None:
        assert self.deleters is not None
        transfer = cast("DeletionObject", work.record.transfer)
        selection = Selection(self._store, self._clock, work.project_id, transfer.metadata)

        async def report_progress() -> None:
            transfer.progress.done = sum(transfer.deleted.values())
            is_due = transfer.progress.done % _SAVE_EVERY == 0
            if is_due and not await self._store.transfers.record(work.seq, self._pool.id, work.record):
                raise LeaseLost

        parts = self.deleters
        eraser = Eraser(
            self._store,
            parts.runs,
            parts.containers,
            parts.vector_stores,
            parts.responses,
            selection,
            report_progress,
            dry_run=transfer.dry_run,
        )
        if transfer.dry_run:
            transfer.deleted = {}  # an interrupted count begins again
        await eraser.run(transfer.deleted)
        transfer.progress.total = transfer.progress.done
        await self._finish_job(work, "completed")


def _emit_status(project_id: str, kind: TransferKind, transfer_id: str, status: TransferStatus) -> None:
    telemetry.emit(telemetry.ObjectChanged, project_id=project_id, object=kind, id=transfer_id, status=status)

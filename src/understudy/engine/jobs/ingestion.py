"""Files of vector stores as jobs: extract the text, index it, end. Only `retrieval` knows formats of documents."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.correlation import Origin
from understudy.engine.change_notices import ChangeNotices
from understudy.engine.job_holds import JobHolds
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.job import MAX_INTERRUPTIONS, JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.jobs.waiters import Waiters
from understudy.engine.retrieval_charges import Payer, RetrievalCharges
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.redaction import redact
from understudy.retrieval import model_use
from understudy.retrieval.embed import EmbeddingError, UnknownEmbedderError
from understudy.retrieval.extract import ExtractionError, Extractor
from understudy.retrieval.model_use import ModelUse
from understudy.retrieval.search import Index
from understudy.store import Store
from understudy.store.chunks import DocumentRemoved
from understudy.store.fair_candidates import FairCursor
from understudy.store.ingestion import FileClaim
from understudy.store.workers import Candidate
from understudy.wire.vector_stores import FileErrorCode, LastError

_ERASE_SECONDS: Final = 0.5
_MAX_CANDIDATES: Final = 32
_BACKOFF: Final = Backoff(first=1.0, max_attempts=5)
_STORAGE_ERROR_TEXT: Final = "The server's storage failed while the file was indexed; the server's log has the cause."
_INTERNAL_ERROR_TEXT: Final = "The server had an error while it indexed the file; the server's log has the cause."
logger = logging.getLogger(__name__)


class Ingestion(JobKind[int, FileClaim]):
    name = "file"

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        extractor: Extractor,
        index: Index,
        charges: RetrievalCharges,
        holds: JobHolds,
        clock: Clock,
        broker: Broker,
        places: int,
    ) -> None:
        """At most `places` files are indexed at a time."""
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._index = index
        self._charges = charges
        self.holds = holds
        self._clock = clock
        self._cursor = FairCursor()
        self._waiters = Waiters()
        self.next_change = self._waiters.next_change
        self._notices = ChangeNotices(broker, "file", lambda _: self._waiters.notify())
        erase = partial(store.pending_work.run_if_pending, "deleted_store", store.vector_stores.erase)
        loops = (Looper(_ERASE_SECONDS, erase),)
        self._pool = LeasePool(self, store.workers, clock, "indexer", places, broker, loops)
        self.start = self._pool.start
        self.stop = self._pool.stop
        self.wake = self._pool.wake

    @property
    def id(self) -> str:
        return self._pool.id

    def interrupt_files(self, files: Sequence[int]) -> None:
        """Stops indexing files, by row number, that are cancelled or deleted."""
        for seq in files:
            self._pool.interrupt(seq)
        self._notify_waiters()

    async def watch_changes(self) -> float:
        """Makes changes on other nodes notify the waits here; returns the seconds until a wait should poll."""
        return await self._notices.watch("")

    def _notify_waiters(self) -> None:
        self._waiters.notify()
        self._notices.send("")

    def interrupt_store(self, store: int) -> None:
        self.interrupt_files([seq for seq, job in self._pool.jobs.items() if job.work.store == store])

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> list[Candidate[int]]:
        return await self._store.ingestion.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> FileClaim | None:
        return await self._store.ingestion.claim(candidate.key, owner, self._index.embedders.default.name, now)

    async def list_owned(self, owner: str) -> Mapping[int, int]:
        return await self._store.ingestion.list_owned(owner)

    def origin(self, work: FileClaim, /) -> Origin:
        return work.origin

    def created_at(self, work: FileClaim, /) -> float | None:
        return work.file.created_at if work.attempts == 1 and not work.round else None

    def is_current(self, work: FileClaim, revision: int) -> bool:
        return work.round == revision

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        await self._store.ingestion.release_files(owner, keys)

    async def sweep(self, _now: float, /) -> None:
        if await self._store.pending_work.has("abandoned_file"):
            await self._store.ingestion.release_abandoned_files()

    def job_ended(self, _: FileClaim, /) -> None:
        self._notify_waiters()

    # -- one file ----------------------------------------------------------------------------------------------

    async def run(self, work: FileClaim) -> float | None:
        if work.interruptions > MAX_INTERRUPTIONS:
            reason = f"The server stopped unexpectedly {work.interruptions} times while it indexed this file."
            await self._fail_file(work, "server_error", reason)
            return None
        with model_use.collect() as uses:
            return await self._attempt(work, uses)

    async def _attempt(self, work: FileClaim, uses: Sequence[ModelUse]) -> float | None:
        """`uses` grow while the file is indexed. What a file's last attempt used is charged, once."""
        try:
            usage_bytes, warnings = await self._index_file(work)
            cost = await self._charge(work, uses)
            for warning in warnings:
                logger.warning("file %s: read in part: %s", work.file.id, warning)
            await self._store.ingestion.finish(
                self._pool.id, work, "completed", usage_bytes=usage_bytes, warnings=warnings
            )
            self.holds.settle(work.file.id, cost)
        except (asyncio.CancelledError, DocumentRemoved):
            await self._store.ingestion.release(self._pool.id, work, 0.0, attempts=1)
        except Exception as error:  # noqa: BLE001 - each ends the attempt
            delay = await self._handle_failure(work, error)
            if delay is None:
                self.holds.settle(work.file.id, await self._charge(work, uses))
            return delay
        return None

    async def _charge(self, claimed: FileClaim, uses: Sequence[ModelUse]) -> int:
        """Returns the credits."""
        if not uses:
            return 0
        reference = f"{claimed.file.id}:{claimed.store}:{claimed.seq}:{claimed.round}"
        return await self._charges.record(Payer(claimed.project_id, reference, claimed.origin.key_id), uses)

    async def _handle_failure(self, claimed: FileClaim, error: Exception) -> float | None:
        """Fails the file, or releases it for a retry; returns the seconds until then."""
        match error:
            case ExtractionError() if error.code != "server_error":
                await self._fail_file(claimed, error.code, error.message)
                return None
            case ExtractionError():
                reason, passing = error.message, True
            case UnknownEmbedderError() | EmbeddingError():
                # Another process may have an embedder that this one lacks.
                reason, passing = redact(str(error)), isinstance(error, UnknownEmbedderError) or error.passing
            case StoreError():
                reason, passing = _STORAGE_ERROR_TEXT, True
            case _:
                logger.error("file %s: indexing failed", claimed.file.id, exc_info=error)
                return await self._retry(claimed, _INTERNAL_ERROR_TEXT, passing=True)
        logger.warning("file %s: not indexed: %s", claimed.file.id, error)
        return await self._retry(claimed, reason, passing=passing)

    async def _index_file(self, claimed: FileClaim) -> tuple[int, Sequence[str]]:
        """Returns the bytes that the file uses in the index, and warnings about parts that could not be read."""
        files = await self._store.files.lookup(claimed.project_id, [claimed.file.id])
        if not files:
            raise ExtractionError("invalid_file", f"The file {claimed.file.id!r} was deleted.")
        if not files[0].has_content:
            raise ExtractionError("invalid_file", f"The file {claimed.file.id!r} was imported without its content.")
        async with self._blobs.path(files[0].blob) as path:
            text = await self._extractor.text(path, claimed.filename, recognizes=True)
        try:
            sizes = claimed.file.chunking_strategy.static
            indexed = await self._index.add(
                claimed.store,
                claimed.seq,
                claimed.embedder,
                text,
                name=claimed.filename,
                size=sizes.max_chunk_size_tokens,
                overlap=sizes.chunk_overlap_tokens,
            )
        finally:
            text.discard()
        return indexed.usage_bytes, text.warnings

    async def _retry(self, claimed: FileClaim, reason: str, *, passing: bool) -> float | None:
        delay = _BACKOFF.delay(claimed.attempts) if passing else None
        if delay is None:
            await self._fail_file(claimed, "server_error", reason)
            return None
        await self._store.ingestion.release(self._pool.id, claimed, self._clock.now() + delay)
        return delay

    async def _fail_file(self, claimed: FileClaim, code: FileErrorCode, message: str) -> None:
        await self._store.ingestion.finish(self._pool.id, claimed, "failed", error=LastError(code, message))

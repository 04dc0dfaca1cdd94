"""Files into the index, beside everything else: a bounded number at a time, tenants and stores taking turns.

Whoever adds a file says so with `wake`; the sweep over the database makes sure that none is forgotten, and finds those
whose worker died. What a file's bytes mean is the business of `retrieval`.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from understudy.blobs import Blobs
from understudy.clock import Clock
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.redaction import redact
from understudy.retrieval.embed import EmbeddingError, UnknownEmbedderError
from understudy.retrieval.extract import ExtractionError, Extractor
from understudy.retrieval.search import Index
from understudy.store import Store
from understudy.store.chunks import DocumentRemoved
from understudy.store.ingestion import FileCandidate, FileClaim
from understudy.wire.vector_stores import FileErrorCode, LastError

LEASE_SECONDS: Final = 8.0
_HEARTBEAT_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 1.0
_ERASE_SECONDS: Final = 0.5
_MAX_STORES: Final = 64
_MAX_ATTEMPTS: Final = 5
# Servers that died over a file: it may be the reason.
_MAX_INTERRUPTIONS: Final = 5
# Before the second attempt; each one after it waits twice as long.
_INITIAL_BACKOFF_SECONDS: Final = 1.0
_STORAGE_ERROR_TEXT: Final = "The server's storage failed while the file was indexed; the server's log has the cause."
_INTERNAL_ERROR_TEXT: Final = "The server had an error while it indexed the file; the server's log has the cause."
logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _FileJob:
    claimed: FileClaim
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _FairOrder:
    """Who was served when. Who has less under way comes first, then who waits longer."""

    served: dict[tuple[str, object], int] = field(default_factory=dict)
    ticks: Iterator[int] = field(default_factory=lambda: count(1))

    def next(self, candidates: Sequence[FileCandidate], jobs: Sequence[FileClaim]) -> FileCandidate:
        projects = Counter(job.project_id for job in jobs)
        stores = Counter(job.store for job in jobs)

        def place(candidate: FileCandidate) -> tuple[int, ...]:
            project, store = candidate.project_id, candidate.store
            served = self.served.get(("project", project), 0), self.served.get(("store", store), 0)
            return projects[project], served[0], stores[store], served[1], candidate.seq

        chosen = min(candidates, key=place)
        self.served["project", chosen.project_id] = self.served["store", chosen.store] = next(self.ticks)
        return chosen


class Ingestion:
    def __init__(
        self, store: Store, blobs: Blobs, extractor: Extractor, index: Index, clock: Clock, places: int
    ) -> None:
        """At most `places` files are worked on at a time."""
        self.id = "indexer_" + secrets.token_hex(12)
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._index = index
        self._clock = clock
        self._places = places
        self._jobs: dict[int, _FileJob] = {}
        # Whose claim may be stored and has no job yet.
        self._claiming: int | None = None
        self._turns = _FairOrder()
        self._after = 0
        self._woken = asyncio.Event()
        self._waiters: set[asyncio.Future[None]] = set()
        self._leased_until = 0.0
        self._loops = (
            Looper(_HEARTBEAT_SECONDS, self._renew_leases),
            Looper(_SWEEP_SECONDS, self._sweep),
            Looper(0, self._start_jobs),
            Looper(_ERASE_SECONDS, store.vector_stores.erase),
        )

    async def start(self) -> None:
        await self._renew_leases()
        for loop in self._loops:
            loop.start()
        self.wake()

    async def stop(self) -> None:
        """Gives back what is under way, and ends the lease."""
        for loop in self._loops:
            await loop.stop()
        await self._cancel_jobs(list(self._jobs.values()))
        try:
            await self._store.runs.retire(self.id)
        except StoreError:
            logger.warning("the lease could not be ended; the files are taken up when it runs out")

    def wake(self) -> None:
        """Says that files may wait to be indexed."""
        self._woken.set()

    def interrupt(self, files: Sequence[int]) -> None:
        """Stops the work on files, by row number, that are cancelled or gone."""
        for seq in files:
            job = self._jobs.get(seq)
            if job is not None and job.task is not None:
                job.task.cancel()
        self._notify_waiters()

    def interrupt_store(self, store: int) -> None:
        self.interrupt([seq for seq, job in self._jobs.items() if job.claimed.store == store])

    @contextmanager
    def next_change(self) -> Iterator[asyncio.Future[None]]:
        """A future that is done when the work on some file has ended here."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)

    # -- finding work ------------------------------------------------------------------------------------------

    async def _start_jobs(self) -> None:
        await self._woken.wait()
        self._woken.clear()
        candidates = await self._list_candidates()
        while candidates and len(self._jobs) < self._places:
            jobs = [job.claimed for job in self._jobs.values()]
            chosen = self._turns.next(candidates, jobs)
            candidates.remove(chosen)
            await self._claim(chosen.seq)

    async def _list_candidates(self) -> list[FileCandidate]:
        free = self._places - len(self._jobs)
        if free <= 0:
            return []
        now = self._clock.now()
        waiting = await self._store.ingestion.list_candidates(now, _MAX_STORES, free, self._after)
        stores = {candidate.store for candidate in waiting}
        self._after = max(stores, default=0) if len(stores) == _MAX_STORES else 0
        if not waiting and not self._jobs:
            self._turns = _FairOrder()
        return [candidate for candidate in waiting if candidate.seq not in self._jobs]

    async def _claim(self, seq: int) -> None:
        embedder = self._index.embedders.default.name
        self._claiming = seq
        try:
            claimed = await self._store.ingestion.claim(seq, self.id, embedder, self._clock.now())
            if claimed is not None:
                self._jobs[seq] = job = _FileJob(claimed)
                job.task = asyncio.create_task(self._run(job))
        finally:
            self._claiming = None

    async def _sweep(self) -> None:
        if self._clock.now() > self._leased_until:
            await self._cancel_jobs(list(self._jobs.values()))  # others may have taken them by now
        # What is claimed while this reads is neither lost nor forgotten.
        jobs, claiming = dict(self._jobs), self._claiming
        owned = await self._store.ingestion.list_owned(self.id)
        for seq, job in jobs.items():
            if self._jobs.get(seq) is job and owned.get(seq) != job.claimed.round:
                self.interrupt([seq])
        if forgotten := owned.keys() - self._jobs.keys() - jobs.keys() - {claiming, self._claiming}:
            await self._store.ingestion.release_files(self.id, sorted(forgotten))
        await self._store.ingestion.release_abandoned_files(self._clock.now())
        self.wake()

    async def _renew_leases(self) -> None:
        until = self._clock.now() + LEASE_SECONDS
        await self._store.runs.renew_lease(self.id, until)
        self._leased_until = until

    # -- working -----------------------------------------------------------------------------------------------

    async def _run(self, job: _FileJob) -> None:
        try:
            await self._process(job.claimed)
        except StoreError as error:
            logger.warning("the store does not answer, a file is taken up later: %s", error)
        finally:
            del self._jobs[job.claimed.seq]
            self._notify_waiters()
            self.wake()

    async def _process(self, claimed: FileClaim) -> None:
        ingestion = self._store.ingestion
        if claimed.interruptions > _MAX_INTERRUPTIONS:
            reason = f"The server stopped unexpectedly {claimed.interruptions} times while it indexed this file."
            await self._fail(claimed, "server_error", reason)
            return
        try:
            usage_bytes, warnings = await self._index_file(claimed)
            for warning in warnings:
                logger.warning("the file %s was read in part: %s", claimed.file.id, warning)
            await ingestion.finish(self.id, claimed, "completed", usage_bytes=usage_bytes, warnings=warnings)
        except (asyncio.CancelledError, DocumentRemoved):
            await ingestion.release(self.id, claimed, 0.0, attempts=1)
        except ExtractionError as error:
            if error.code == "server_error":
                logger.warning("the file %s could not be indexed: %s", claimed.file.id, error)
                await self._retry(claimed, error.message, passing=True)
            else:
                await self._fail(claimed, error.code, error.message)
        except (UnknownEmbedderError, EmbeddingError) as error:
            logger.warning("the file %s could not be indexed: %s", claimed.file.id, error)
            # Another process may have an embedder that this one lacks.
            passing = isinstance(error, UnknownEmbedderError) or error.passing
            await self._retry(claimed, redact(str(error)), passing=passing)
        except StoreError as error:
            logger.warning("the file %s could not be indexed: %s", claimed.file.id, error)
            await self._retry(claimed, _STORAGE_ERROR_TEXT, passing=True)
        except Exception:
            logger.exception("indexing the file %s failed", claimed.file.id)
            await self._retry(claimed, _INTERNAL_ERROR_TEXT, passing=True)

    async def _index_file(self, claimed: FileClaim) -> tuple[int, Sequence[str]]:
        """Returns the bytes that the file takes up in the index, and what could not be read of it."""
        files = await self._store.files.lookup(claimed.project_id, [claimed.file.id])
        if not files:
            raise ExtractionError("invalid_file", f"The file {claimed.file.id!r} is gone.")
        async with self._blobs.path(files[0].blob) as path:
            text = await self._extractor.text(path, claimed.filename)
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

    async def _retry(self, claimed: FileClaim, reason: str, *, passing: bool) -> None:
        if not passing or claimed.attempts >= _MAX_ATTEMPTS:
            await self._fail(claimed, "server_error", reason)
            return
        due_at = self._clock.now() + _INITIAL_BACKOFF_SECONDS * 2 ** (claimed.attempts - 1)
        await self._store.ingestion.release(self.id, claimed, due_at)

    async def _fail(self, claimed: FileClaim, code: FileErrorCode, message: str) -> None:
        await self._store.ingestion.finish(self.id, claimed, "failed", error=LastError(code, message))

    async def _cancel_jobs(self, jobs: Sequence[_FileJob]) -> None:
        tasks = [job.task for job in jobs if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _notify_waiters(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

"""Batches as jobs: validate the input, execute the lines, write the output, end once.

Each result is stored when it arrives, so a worker that claims a batch after another executes no line twice.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from understudy import correlation, telemetry
from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.correlation import Origin
from understudy.engine.accounting import Accounting
from understudy.engine.files import Files
from understudy.engine.jobs import batch_input
from understudy.engine.jobs.batch_lines import Endpoint, LeaseLost, LineExecutor, line_endpoint, require_lease
from understudy.engine.jobs.batch_output import UnfinishedReason
from understudy.engine.jobs.batch_results import ResultWriter
from understudy.engine.jobs.job import Job as PoolJob
from understudy.engine.jobs.job import JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.limits.demand import CHARACTERS_PER_TOKEN
from understudy.engine.limits.limiter import RateLimiter
from understudy.errors import BlobMissing
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.batch_jobs import ANSWERING_GROUP, BatchClaim, BatchCursors, FinalStatus, NewLine, Output
from understudy.store.batches import Batch, BatchFault, Dialect, Job, Status
from understudy.store.workers import Candidate

RefusesModel = Callable[[str, str], Awaitable[str | None]]
"""Why a project cannot use a model; None where it may exist."""

_ERASE_SECONDS: Final = 0.5
_MAX_CONCURRENT_BATCHES: Final = 64
# In addition to those: batches that are validated, cancelled or written, which need no place for a line. A batch with
# a fault fails at once, however busy the server is.
_MAX_CONCURRENT_VALIDATIONS: Final = 4
_MAX_CANDIDATES: Final = 100
# Lines of one transaction, so that nobody else waits for long.
_INSERT_CHUNK: Final = 200


@dataclass(eq=False, slots=True)
class _BatchJob:
    """With `short` the batch is released once it is in progress, or once its lines in progress have ended: its other
    lines have no place.
    """

    claimed: BatchClaim
    status: Status
    short: bool = False


class Batches(JobKind[int, _BatchJob]):
    name = "batch"

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        clock: Clock,
        accounting: Accounting,
        limiter: RateLimiter,
        broker: Broker,
        *,
        places: int,
        longest_line: int,
        refuses_model: RefusesModel,
    ) -> None:
        """At most `places` lines are executed at a time, none with 0; a line has at most `longest_line` bytes."""
        self.endpoints: Mapping[str, Endpoint] = {}
        """By their paths, `/v1/chat/completions` for instance. Set before the start."""
        self._store = store
        self._work = store.batch_jobs
        self._blobs = blobs
        self._files = files
        self._clock = clock
        self._limiter = limiter
        self._lines = LineExecutor(self._work, blobs, accounting, places)
        self._results = ResultWriter(self._work, clock)
        self.longest_line = longest_line
        self._refuses_model = refuses_model
        self._cursors = BatchCursors()
        erase = partial(store.pending_work.run_if_pending, "ended_batch", self._work.erase)
        self._pool = LeasePool(
            self,
            store.workers,
            clock,
            "batcher",
            _MAX_CONCURRENT_BATCHES + _MAX_CONCURRENT_VALIDATIONS if places else 0,
            broker,
            (Looper(_ERASE_SECONDS, erase),),
        )
        self.start = self._pool.start
        self.stop = self._pool.stop
        self.wake = self._pool.wake

    @property
    def id(self) -> str:
        return self._pool.id

    async def create(self, project_id: str, dialect: Dialect, job: Job, blob: str, total: int = 0) -> Batch:
        job.origin = correlation.origin()
        batch = await self._store.batches.create(project_id, dialect, job, blob, total)
        _emit_status(project_id, batch.job.id, batch.status)
        self.wake()
        return batch

    async def cancel(self, project_id: str, dialect: Dialect, batch_id: str) -> Batch:
        """Raises NotFound, and Conflict where the batch is at its end."""
        batch = await self._store.batches.cancel(project_id, dialect, batch_id, self._clock.now())
        _emit_status(project_id, batch_id, batch.status)
        for seq, job in self._pool.jobs.items():
            if job.work.claimed.batch.job.id == batch_id and job.work.status != "cancelling":
                self._pool.interrupt(seq)
        return batch

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, _now: float, /) -> list[Candidate[int]]:
        return await self._work.list_candidates(_MAX_CANDIDATES, self._cursors)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> _BatchJob | None:
        if candidate.group == ANSWERING_GROUP and self._is_full() and not self._release_one_for(candidate.project_id):
            return None
        claimed = await self._work.claim(candidate.key, owner, now)
        if claimed is None:
            return None
        return _BatchJob(claimed, claimed.batch.status, short=self._is_full())

    async def list_owned(self, owner: str) -> Mapping[int, Status]:
        return await self._work.list_owned(owner)

    def origin(self, work: _BatchJob, /) -> Origin:
        return work.claimed.batch.job.origin

    def created_at(self, work: _BatchJob, /) -> float | None:
        return work.claimed.batch.job.created_at if work.status == "validating" else None

    def is_current(self, work: _BatchJob, revision: Status) -> bool:
        return revision != "cancelling" or work.status == "cancelling"

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._work.release(seq, owner)

    async def run(self, work: _BatchJob) -> None:
        try:
            await self._advance(work)
        except LeaseLost:
            pass
        finally:
            await self._work.release(work.claimed.seq, self.id)

    def _is_full(self) -> bool:
        return len(self._list_answering()) >= _MAX_CONCURRENT_BATCHES

    def _list_answering(self) -> list[PoolJob[int, _BatchJob]]:
        return [job for job in self._pool.jobs.values() if not job.work.short]

    def _release_one_for(self, project_id: str) -> bool:
        """Releases the newest batch of the project with the most, if that has two more than this project."""
        answering = self._list_answering()
        counts = Counter(job.candidate.project_id for job in answering)
        largest, most = counts.most_common(1)[0]
        if most < counts[project_id] + 2:
            return False
        newest = [job for job in answering if job.candidate.project_id == largest][-1]
        newest.work.short = True
        return True

    # -- one batch ---------------------------------------------------------------------------------------------

    async def _advance(self, job: _BatchJob) -> None:
        """From the batch's present status to its end."""
        match job.status:
            case "cancelling":
                await self._finish_batch(job, "cancelled")
            case "finalizing":
                await self._finish_batch(job, "completed")
            case _ if await self._process_before_deadline(job):
                if job.status == "in_progress" and not job.short:
                    await self._finalize(job)
            case _:
                await self._finish_batch(job, "expired")

    async def _process_before_deadline(self, job: _BatchJob) -> bool:
        """Executes the lines until the batch expires; returns whether all were executed."""
        left = max(job.claimed.batch.job.expires_at - self._clock.now(), 0.0)
        try:
            async with asyncio.timeout(left) as limit:
                if job.status == "validating":
                    await self._validate(job)
                if job.status == "in_progress" and not job.short:
                    endpoint = self.endpoints[job.claimed.batch.job.endpoint]
                    await self._lines.execute(job.claimed, self.id, endpoint, lambda: job.short)
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        return True

    async def _finalize(self, job: _BatchJob) -> None:
        require_lease(await self._work.finalize(job.claimed.seq, self.id, self._clock.now()))
        job.status = "finalizing"
        await self._finish_batch(job, "completed")

    async def _validate(self, job: _BatchJob) -> None:
        """The batch is in progress afterwards, or has failed."""
        claimed = job.claimed
        reader = await self._read_input(job)
        if not reader.faults and claimed.dialect == "openai" and reader.model is not None:
            reader.faults += await self._model_faults(claimed.project_id, reader.model)
            reader.faults = reader.faults or await self._limit_faults(claimed, reader.model, reader.length)
        if reader.faults:
            require_lease(await self._work.fail_validation(claimed.seq, self.id, reader.faults, self._clock.now()))
            job.status = "failed"
            _emit_status(claimed.project_id, claimed.batch.job.id, "failed")
            return
        started = await self._work.start(claimed.seq, self.id, reader.total, reader.model, self._clock.now())
        require_lease(started)
        job.status = "in_progress"
        _emit_status(claimed.project_id, claimed.batch.job.id, "in_progress")

    async def _read_input(self, job: _BatchJob) -> batch_input.LineReader:
        claimed = job.claimed
        # This server's own lines were measured when they came.
        longest = self.longest_line if claimed.dialect == "openai" else sys.maxsize
        reader = batch_input.LineReader(line_endpoint(claimed), longest)
        fresh: list[NewLine] = []
        try:
            async with self._blobs.reading(claimed.input) as chunks:
                async for lines in batch_input.split(chunks, longest):
                    fresh += [line for line in map(reader.parse_line, lines) if line is not None]
                    fresh = await self._insert_lines(claimed, fresh, _INSERT_CHUNK)
                    await asyncio.sleep(0)
                    if reader.is_rejected:
                        break
        except BlobMissing:
            reader.faults.append(
                BatchFault("invalid_file", "The contents of the input file are gone. Upload it again.")
            )
        await self._insert_lines(claimed, fresh, 1)
        reader.check_totals()
        return reader

    async def _insert_lines(self, claimed: BatchClaim, lines: list[NewLine], least: int) -> list[NewLine]:
        """Stores the lines in portions of at least `least`; returns the rest."""
        while len(lines) >= least:
            portion, lines = lines[:_INSERT_CHUNK], lines[_INSERT_CHUNK:]
            require_lease(await self._work.add(claimed.seq, self.id, portion))
        return lines

    async def _model_faults(self, project_id: str, model: str) -> list[BatchFault]:
        refusal = await self._refuses_model(project_id, model)
        return [] if refusal is None else [BatchFault("model_not_found", refusal, "body.model", 1)]

    async def _limit_faults(self, claimed: BatchClaim, model: str, length: int) -> list[BatchFault]:
        tokens = length // CHARACTERS_PER_TOKEN
        refusal = await self._limiter.admit_batch(claimed.project_id, claimed.batch.job.key_id, model, tokens)
        return [] if refusal is None else [BatchFault("token_limit_exceeded", refusal.message)]

    # -- its end -----------------------------------------------------------------------------------------------

    async def _finish_batch(self, job: _BatchJob, status: FinalStatus) -> None:
        """Writes the output, and ends the batch in the transaction that stores it."""
        claimed = job.claimed
        unfinished: UnfinishedReason = "expired" if status == "expired" else "cancelled"
        was_started = job.status in ("in_progress", "finalizing") or claimed.batch.job.in_progress_at is not None
        async with AsyncExitStack() as stack:
            output = Output()
            if claimed.dialect == "anthropic":
                if not was_started:
                    await self._read_input(job)  # the results name every request
                draft = await stack.enter_async_context(self._files.open_draft())
                output = await self._results.write_anthropic(claimed, draft, unfinished)
            elif was_started:
                good = await stack.enter_async_context(self._files.open_draft())
                bad = await stack.enter_async_context(self._files.open_draft())
                output = await self._results.write_openai(claimed, good, bad, unfinished)
            require_lease(await self._work.finish(claimed.seq, self.id, status, output, self._clock.now()))
            _emit_status(claimed.project_id, claimed.batch.job.id, status)


def _emit_status(project_id: str, batch_id: str, status: Status) -> None:
    telemetry.emit(telemetry.ObjectChanged, project_id=project_id, object="batch", id=batch_id, status=status)

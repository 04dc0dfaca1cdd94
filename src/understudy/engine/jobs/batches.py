"""Batches beside everything else: read, answered a bounded number of lines at a time, written down, ended once.

A batch has one worker at a time, whose lease keeps it; another takes it up where that one died, and does no answered
line again. How a line is answered is the business of the endpoints that the application hands over: each is told a
project and a body, and returns a status and a body.
"""

import asyncio
import logging
import random
import secrets
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.blobs import Blob, Blobs
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.files import BlobDraft, Files, new_file
from understudy.engine.jobs import batch_input, batch_output
from understudy.engine.jobs.batch_output import UnfinishedReason
from understudy.errors import BlobMissing, StoreError
from understudy.llm.prices import Tokens
from understudy.llm.usage import parse_usage
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.batch_jobs import (
    BatchCandidate,
    BatchClaim,
    FinalStatus,
    Line,
    LineResult,
    NewLine,
    Output,
    PendingLine,
    ResultAlreadyStored,
)
from understudy.store.batches import Batch, BatchFault, Dialect, Job, Status
from understudy.store.ledger import Kind
from understudy.wire.files import FileObject

EndpointResult = tuple[int, bytes]
"""An HTTP status, and a body that is JSON."""

Endpoint = Callable[[str, bytes], Awaitable[EndpointResult]]
"""Answers the body of a request of a project. Raises nothing but what ends the work: a cancellation."""

RefusesModel = Callable[[str], Awaitable[str | None]]
"""Why a model cannot be asked; None where it may exist."""
"""False where a model is certainly unknown."""

MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
"""A response is charged by itself, turn by turn."""
EMBEDDINGS: Final = "/v1/embeddings"
LEASE_SECONDS: Final = 8.0
_HEARTBEAT_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 1.0
_ERASE_SECONDS: Final = 0.5
_MAX_CONCURRENT_BATCHES: Final = 64
# Beside those: batches that are validated, cancelled or written down, which takes no line's place. One with a fault
# fails at once, however busy the server is.
_MAX_CONCURRENT_VALIDATIONS: Final = 4
# Of each project, so that one batch that rests keeps no other from being begun.
_MAX_CANDIDATES: Final = 16
# Lines of one transaction, so that nobody else waits for long.
_INSERT_CHUNK: Final = 200
_READ_CHUNK: Final = 100
# Answers may be large, and so many are held at a time.
_WRITE_CHUNK: Final = 16
_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504, 529})
_MAX_ATTEMPTS: Final = 12
_MAX_BACKOFF_SECONDS: Final = 60.0
_ERROR_BACKOFF_SECONDS: Final = 5.0
# A page of a proxy may be gone at the next attempt; a provider that ignores what was asked is not.
_MALFORMED: Final = b'"upstream_malformed"'
_MALFORMED_ATTEMPTS: Final = 3
_PERMANENT_ERRORS: Final = (b'"insufficient_quota"', b'"billing_error"')
# What a token is taken to be where a provider does not count, in bytes of JSON.
_BYTES_PER_TOKEN: Final = 4
logger = logging.getLogger(__name__)


class _LeaseLost(Exception):
    """The batch is not ours any more, or has gone over to another status."""


@dataclass(eq=False, slots=True)
class _BatchJob:
    """With `short` the batch is given back once it is in progress: there is no place to answer its lines."""

    claimed: BatchClaim
    task: asyncio.Task[None] | None = None
    status: Status = "validating"
    short: bool = False


class Batches:
    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        clock: Clock,
        accounting: Accounting,
        *,
        places: int,
        longest_line: int,
        refuses_model: RefusesModel,
    ) -> None:
        """At most `places` lines are answered at a time; a line has at most `longest_line` bytes."""
        self.id = "batcher_" + secrets.token_hex(12)
        self.endpoints: Mapping[str, Endpoint] = {}
        self._store = store
        self._work = store.batch_work
        self._blobs = blobs
        self._files = files
        self._clock = clock
        self._accounting = accounting
        self._places = places
        self._longest_line = longest_line
        self._refuses_model = refuses_model
        # First come, first served: batches that all want a place get one in turn.
        self._free = asyncio.Semaphore(places)
        self._turn = asyncio.Lock()
        self._jobs: dict[int, _BatchJob] = {}
        # Whose claim may be stored and has no job yet.
        self._claiming: int | None = None
        self._backing_off: dict[int, float] = {}
        self._woken = asyncio.Event()
        self._leased_until = 0.0
        self._chance = random.Random()  # noqa: S311 - it spreads retries and guards nothing
        self._loops = (
            Looper(_HEARTBEAT_SECONDS, self._renew_leases),
            Looper(_SWEEP_SECONDS, self._sweep),
            Looper(0, self._start_jobs),
            Looper(_ERASE_SECONDS, self._work.erase),
        )

    async def start(self, endpoints: Mapping[str, Endpoint]) -> None:
        """`endpoints` by their paths, `/v1/chat/completions` for instance."""
        self.endpoints = endpoints
        await self._renew_leases()
        for loop in self._loops:
            loop.start()
        self.wake()

    async def stop(self) -> None:
        """Gives back what is under way, and ends the lease."""
        for loop in self._loops:
            await loop.stop()
        await self._interrupt(list(self._jobs.values()))
        try:
            await self._store.runs.retire(self.id)
        except StoreError:
            logger.warning("the lease could not be ended; the batches are taken up when it runs out")

    def wake(self) -> None:
        """Says that a batch may wait to be worked on."""
        self._woken.set()

    async def create(self, project_id: str, dialect: Dialect, job: Job, blob: str, total: int = 0) -> Batch:
        batch = await self._store.batches.create(project_id, dialect, job, blob, total)
        self.wake()
        return batch

    async def cancel(self, project_id: str, dialect: Dialect, batch_id: str) -> Batch:
        """Raises NotFound, and Conflict where the batch is at its end."""
        batch = await self._store.batches.cancel(project_id, dialect, batch_id, self._clock.now())
        for job in self._jobs.values():
            if job.claimed.batch.job.id == batch_id and job.status != "cancelling" and job.task is not None:
                job.task.cancel()
        return batch

    # -- finding work ------------------------------------------------------------------------------------------

    async def _start_jobs(self) -> None:
        await self._woken.wait()
        self._woken.clear()
        while chosen := await self._next_candidate():
            await self._claim(chosen)

    async def _next_candidate(self) -> BatchCandidate | None:
        """The batch to take now: of the project that has the fewest under way, the oldest. None: no place, or none."""
        answering = sum(not job.short for job in self._jobs.values())
        full = answering >= _MAX_CONCURRENT_BATCHES
        if full and len(self._jobs) - answering >= _MAX_CONCURRENT_VALIDATIONS:
            return None
        now = self._clock.now()
        self._backing_off = {seq: until for seq, until in self._backing_off.items() if until > now}
        waiting = [
            one
            for one in await self._work.list_candidates(now, _MAX_CANDIDATES)
            # One that still has a job is about to be given back by it, which wakes us again.
            if one.seq not in self._backing_off
            and one.seq not in self._jobs
            and (one.status != "in_progress" or not full)
        ]
        busy = Counter(job.claimed.project_id for job in self._jobs.values())
        return min(waiting, key=lambda one: (busy[one.project_id], one.seq), default=None)

    async def _claim(self, chosen: BatchCandidate) -> None:
        self._claiming = chosen.seq
        try:
            claimed = await self._work.claim(chosen.seq, self.id, self._clock.now())
            if claimed is not None:
                full = sum(not job.short for job in self._jobs.values()) >= _MAX_CONCURRENT_BATCHES
                self._jobs[claimed.seq] = job = _BatchJob(claimed, status=claimed.batch.status, short=full)
                job.task = asyncio.create_task(self._run(job))
        finally:
            self._claiming = None

    async def _sweep(self) -> None:
        if self._clock.now() > self._leased_until:
            await self._interrupt(list(self._jobs.values()))  # others may have taken them by now
        # What is claimed while this reads is neither lost nor forgotten.
        jobs, claiming = dict(self._jobs), self._claiming
        owned = await self._work.list_owned(self.id)
        for seq, job in jobs.items():
            lost = seq not in owned or (owned[seq] == "cancelling" and job.status != "cancelling")
            if lost and self._jobs.get(seq) is job and job.task is not None:
                job.task.cancel()
        for seq in owned.keys() - self._jobs.keys() - jobs.keys() - {claiming, self._claiming}:
            await self._work.release(seq, self.id)
        self.wake()

    async def _renew_leases(self) -> None:
        until = self._clock.now() + LEASE_SECONDS
        await self._store.runs.renew_lease(self.id, until)
        self._leased_until = until

    async def _interrupt(self, jobs: list[_BatchJob]) -> None:
        tasks = [job.task for job in jobs if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one batch ---------------------------------------------------------------------------------------------

    async def _run(self, job: _BatchJob) -> None:
        seq = job.claimed.seq
        try:
            await self._advance(job)
        except _LeaseLost:
            pass
        except asyncio.CancelledError:
            pass
        except StoreError as error:
            logger.warning("the store does not answer, the batch %s rests: %s", job.claimed.batch.job.id, error)
            self._backing_off[seq] = self._clock.now() + _ERROR_BACKOFF_SECONDS
        except Exception:
            logger.exception("the batch %s rests after an error", job.claimed.batch.job.id)
            self._backing_off[seq] = self._clock.now() + _ERROR_BACKOFF_SECONDS
        finally:
            try:
                await self._work.release(seq, self.id)
            except StoreError as error:
                logger.warning("the batch is given back later: %s", error)
            finally:
                del self._jobs[seq]
                self.wake()

    async def _advance(self, job: _BatchJob) -> None:
        """From whatever status the batch has to its end."""
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
        """Answers all lines, as far as there is time; returns whether there was enough."""
        left = max(job.claimed.batch.job.expires_at - self._clock.now(), 0.0)
        try:
            async with asyncio.timeout(left) as limit:
                if job.status == "validating":
                    await self._validate(job)
                if job.status == "in_progress" and not job.short:
                    await self._process_lines(job)
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        return True

    async def _finalize(self, job: _BatchJob) -> None:
        self._require_lease(await self._work.finalize(job.claimed.seq, self.id, self._clock.now()))
        job.status = "finalizing"
        await self._finish_batch(job, "completed")

    async def _validate(self, job: _BatchJob) -> None:
        """The batch is in progress afterwards, or has failed."""
        claimed = job.claimed
        reader = await self._read_input(job)
        if not reader.faults and claimed.dialect == "openai" and reader.model is not None:
            reader.faults += await self._model_faults(reader.model)
        if reader.faults:
            self._require_lease(
                await self._work.fail_validation(claimed.seq, self.id, reader.faults, self._clock.now())
            )
            job.status = "failed"
            return
        begun = await self._work.start(claimed.seq, self.id, reader.total, reader.model, self._clock.now())
        self._require_lease(begun)
        job.status = "in_progress"

    async def _read_input(self, job: _BatchJob) -> batch_input.LineReader:
        claimed = job.claimed
        # This server's own lines were measured when they came.
        longest = self._longest_line if claimed.dialect == "openai" else sys.maxsize
        reader = batch_input.LineReader(_line_endpoint(claimed), longest)
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
        """Keeps the lines in portions of `least` and more; returns those that wait for the next portion."""
        while len(lines) >= least:
            portion, lines = lines[:_INSERT_CHUNK], lines[_INSERT_CHUNK:]
            self._require_lease(await self._work.add(claimed.seq, self.id, portion))
        return lines

    async def _model_faults(self, model: str) -> list[BatchFault]:
        refusal = await self._refuses_model(model)
        return [] if refusal is None else [BatchFault("model_not_found", refusal, "body.model", 1)]

    # -- its lines ---------------------------------------------------------------------------------------------

    async def _process_lines(self, job: _BatchJob) -> None:
        window = asyncio.Semaphore(self._places)
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._iterate_open_lines(job.claimed.seq)) as lines:
                async for line in lines:
                    await window.acquire()
                    group.create_task(self._process_line(job.claimed, line, window))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _iterate_open_lines(self, seq: int) -> AsyncGenerator[PendingLine, None]:
        after = 0
        while lines := await self._work.pending_lines(seq, after, _READ_CHUNK):
            for line in lines:
                yield line
            after = lines[-1].line

    async def _process_line(self, claimed: BatchClaim, line: PendingLine, window: asyncio.Semaphore) -> None:
        try:
            body = batch_input.request_body(await self._load_request(claimed, line), _line_endpoint(claimed))
            status, answered = await self._call_with_retries(claimed, body)
            answer = await self._with_usage(claimed, line, body, status, answered)
            try:
                self._require_lease(await self._work.store_result(claimed.seq, self.id, line.line, answer))
            except ResultAlreadyStored:
                logger.warning("line %d of the batch %s had its answer already", line.line, claimed.batch.job.id)
        finally:
            window.release()

    async def _with_usage(
        self, claimed: BatchClaim, line: PendingLine, body: bytes, status: int, answered: bytes
    ) -> LineResult:
        """The answer with what it is charged: once, since its reference is the line's own."""
        job, charge = claimed.batch.job, None
        if 200 <= status < 300 and job.endpoint != RESPONSES:
            said = 0 if job.endpoint == EMBEDDINGS else len(answered) // _BYTES_PER_TOKEN
            tokens = parse_usage(answered) or Tokens(len(body) // _BYTES_PER_TOKEN, said)
            kind: Kind = "embedding" if job.endpoint == EMBEDDINGS else "completion"
            reference, model = f"{job.id}:{line.line}", batch_input.requested_model(body)
            charge = await self._accounting.usage(reference, kind, model, tokens, key_id=job.key_id, batch=True)
        usage = batch_output.parse_usage(answered)
        return LineResult(ids.request(), status, answered.decode("utf-8", "replace"), usage, charge)

    async def _load_request(self, claimed: BatchClaim, line: PendingLine) -> bytes:
        async with self._blobs.reading(claimed.input, line.place, line.place + line.length) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _call_with_retries(self, claimed: BatchClaim, body: bytes) -> EndpointResult:
        """The answer, after as many attempts as it takes; who waits for the next one has no place."""
        endpoint = self.endpoints[claimed.batch.job.endpoint]
        for attempt in range(_MAX_ATTEMPTS):
            async with self._free:
                # A model that answers without waiting would answer every place's line before anybody else is heard.
                async with self._turn:
                    await asyncio.sleep(0)
                status, answered = await endpoint(claimed.project_id, body)
            if status not in _RETRYABLE_STATUSES or any(sign in answered for sign in _PERMANENT_ERRORS):
                break
            if _MALFORMED in answered and attempt >= _MALFORMED_ATTEMPTS - 1:
                break
            if attempt < _MAX_ATTEMPTS - 1:
                await asyncio.sleep(min(2.0**attempt, _MAX_BACKOFF_SECONDS) * self._chance.uniform(0.5, 1.0))
        return status, answered

    # -- its end -----------------------------------------------------------------------------------------------

    async def _finish_batch(self, job: _BatchJob, status: FinalStatus) -> None:
        """Writes what the batch leaves, and ends it in one transaction with that."""
        claimed = job.claimed
        unfinished: UnfinishedReason = "expired" if status == "expired" else "cancelled"
        begun = job.status in ("in_progress", "finalizing") or claimed.batch.job.in_progress_at is not None
        async with AsyncExitStack() as stack:
            output = Output()
            if claimed.dialect == "anthropic":
                if not begun:
                    await self._read_input(job)  # the results name every request
                draft = await stack.enter_async_context(self._files.open_draft())
                output = await self._write_results(claimed, draft, unfinished)
            elif begun:
                good = await stack.enter_async_context(self._files.open_draft())
                bad = await stack.enter_async_context(self._files.open_draft())
                output = await self._write_files(claimed, good, bad, unfinished)
            self._require_lease(await self._work.finish(claimed.seq, self.id, status, output, self._clock.now()))

    async def _write_results(self, claimed: BatchClaim, draft: BlobDraft, unfinished: UnfinishedReason) -> Output:
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            async for line in lines:
                await draft.write(batch_output.render_anthropic_line(line, unfinished))
        return Output(results=(await draft.commit()).name)

    async def _write_files(
        self, claimed: BatchClaim, good: BlobDraft, bad: BlobDraft, unfinished: UnfinishedReason
    ) -> Output:
        succeeded = failed = 0
        async with aclosing(self._iterate_lines(claimed.seq)) as lines:
            async for line in lines:
                told = batch_output.render_openai_line(line, unfinished)
                if batch_output.is_success(line):
                    succeeded += 1
                    await good.write(told)
                else:
                    failed += 1
                    await bad.write(told)
        job = claimed.batch.job
        output = self._make_file(job, "output", await good.commit()) if succeeded else None
        errors = self._make_file(job, "error", await bad.commit()) if failed else None
        return Output(output, errors)

    def _make_file(self, job: Job, kind: str, blob: Blob) -> tuple[FileObject, str]:
        now = int(self._clock.now())
        file = new_file(f"{job.id}_{kind}.jsonl", "batch_output", blob.size, now, job.output_seconds)
        return file, blob.name

    async def _iterate_lines(self, seq: int) -> AsyncGenerator[Line, None]:
        after = 0
        while lines := await self._work.lines(seq, after, _WRITE_CHUNK):
            for line in lines:
                yield line
            after = lines[-1].line
            await asyncio.sleep(0)

    def _require_lease(self, changed: bool) -> None:
        if not changed:
            raise _LeaseLost


def _line_endpoint(claimed: BatchClaim) -> str | None:
    """The endpoint that each line names; None where the lines are this server's own."""
    return claimed.batch.job.endpoint if claimed.dialect == "openai" else None

"""Batches as jobs: validate the input, execute a bounded number of lines at a time, write the output, end once.

Each result is stored when it arrives, so a worker that claims a batch after another executes no line twice. A line is
executed by the endpoint that the application provides: project and body in, status and body out.
"""

import asyncio
import itertools
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.blobs import Blob, Blobs
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.files import BlobDraft, Files, new_file
from understudy.engine.jobs import batch_input, batch_output
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.batch_output import UnfinishedReason
from understudy.engine.jobs.pool import JobKind, LeasePool
from understudy.errors import BlobMissing
from understudy.llm.prices import Tokens
from understudy.llm.usage import parse_usage
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.batch_jobs import (
    ANSWERING_GROUP,
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
from understudy.store.charges import Kind
from understudy.store.workers import Candidate
from understudy.wire.files import FileObject

EndpointResult = tuple[int, bytes]
"""An HTTP status, and a body that is JSON."""

Endpoint = Callable[[str, bytes], Awaitable[EndpointResult]]
"""Executes a request of a project. Raises nothing but CancelledError."""

RefusesModel = Callable[[str], Awaitable[str | None]]
"""Why a model cannot be used; None where it may exist."""

MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
"""A response is charged by itself, turn by turn."""
EMBEDDINGS: Final = "/v1/embeddings"
_ERASE_SECONDS: Final = 0.5
_MAX_CONCURRENT_BATCHES: Final = 64
# In addition to those: batches that are validated, cancelled or written, which need no place for a line. A batch with
# a fault fails at once, however busy the server is.
_MAX_CONCURRENT_VALIDATIONS: Final = 4
# Of each project, so that a batch that backs off blocks no other.
_MAX_CANDIDATES: Final = 16
# Lines of one transaction, so that nobody else waits for long.
_INSERT_CHUNK: Final = 200
_READ_CHUNK: Final = 100
# Answers may be large, and so many are held at a time.
_WRITE_CHUNK: Final = 16
_RETRYABLE_STATUSES: Final = frozenset({408, 425, 429, 502, 503, 504, 529})
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, max_attempts=12, jitter=(0.5, 1.0))
# A proxy's error page is transient; a provider that ignores the request is not.
_MALFORMED: Final = b'"upstream_malformed"'
_MALFORMED_ATTEMPTS: Final = 3
_PERMANENT_ERRORS: Final = (b'"insufficient_quota"', b'"billing_error"')
# Bytes of JSON a token, where a provider reports no usage.
_BYTES_PER_TOKEN: Final = 4
logger = logging.getLogger(__name__)


class _LeaseLost(Exception):
    """Another worker has the batch, or its status has changed."""


@dataclass(eq=False, slots=True)
class _BatchJob:
    """With `short` the batch is released once it is in progress, because its lines have no free place."""

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
        *,
        places: int,
        longest_line: int,
        refuses_model: RefusesModel,
    ) -> None:
        """At most `places` lines are executed at a time; a line has at most `longest_line` bytes."""
        self.endpoints: Mapping[str, Endpoint] = {}
        """By their paths, `/v1/chat/completions` for instance. Set before the start."""
        self._store = store
        self._work = store.batch_jobs
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
        self._pool = LeasePool(
            self,
            store.workers,
            clock,
            "batcher",
            _MAX_CONCURRENT_BATCHES + _MAX_CONCURRENT_VALIDATIONS,
            extra_loops=(Looper(_ERASE_SECONDS, self._work.erase),),
        )
        self.start = self._pool.start
        self.stop = self._pool.stop
        self.wake = self._pool.wake

    @property
    def id(self) -> str:
        return self._pool.id

    async def create(self, project_id: str, dialect: Dialect, job: Job, blob: str, total: int = 0) -> Batch:
        batch = await self._store.batches.create(project_id, dialect, job, blob, total)
        self.wake()
        return batch

    async def cancel(self, project_id: str, dialect: Dialect, batch_id: str) -> Batch:
        """Raises NotFound, and Conflict where the batch is at its end."""
        batch = await self._store.batches.cancel(project_id, dialect, batch_id, self._clock.now())
        for seq, job in self._pool.jobs.items():
            if job.work.claimed.batch.job.id == batch_id and job.work.status != "cancelling":
                self._pool.interrupt(seq)
        return batch

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> list[Candidate[int]]:
        return await self._work.list_candidates(now, _MAX_CANDIDATES)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> _BatchJob | None:
        if self._is_full() and candidate.group == ANSWERING_GROUP:
            return None
        claimed = await self._work.claim(candidate.key, owner, now)
        if claimed is None:
            return None
        return _BatchJob(claimed, claimed.batch.status, short=self._is_full())

    async def list_owned(self, owner: str) -> Mapping[int, Status]:
        return await self._work.list_owned(owner)

    def is_current(self, work: _BatchJob, revision: Status) -> bool:
        return revision != "cancelling" or work.status == "cancelling"

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._work.release(seq, owner)

    async def run(self, work: _BatchJob) -> None:
        try:
            await self._advance(work)
        except _LeaseLost:
            pass
        finally:
            await self._work.release(work.claimed.seq, self.id)

    def _is_full(self) -> bool:
        return sum(not job.work.short for job in self._pool.jobs.values()) >= _MAX_CONCURRENT_BATCHES

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
        started = await self._work.start(claimed.seq, self.id, reader.total, reader.model, self._clock.now())
        self._require_lease(started)
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
        """Stores the lines in portions of at least `least`; returns the rest."""
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
                logger.warning("batch %s: line %d has a result already", claimed.batch.job.id, line.line)
        finally:
            window.release()

    async def _with_usage(
        self, claimed: BatchClaim, line: PendingLine, body: bytes, status: int, answered: bytes
    ) -> LineResult:
        """The result with its charge, whose reference is the line's: it is charged once."""
        job, charge = claimed.batch.job, None
        if 200 <= status < 300 and job.endpoint != RESPONSES:
            estimate = 0 if job.endpoint == EMBEDDINGS else len(answered) // _BYTES_PER_TOKEN
            tokens = parse_usage(answered) or Tokens(len(body) // _BYTES_PER_TOKEN, estimate)
            kind: Kind = "embedding" if job.endpoint == EMBEDDINGS else "completion"
            reference, model = f"{job.id}:{line.line}", batch_input.requested_model(body)
            charge = await self._accounting.usage(reference, kind, model, tokens, key_id=job.key_id, batch=True)
        usage = batch_output.parse_usage(answered)
        return LineResult(ids.request(), status, answered.decode("utf-8", "replace"), usage, charge)

    async def _load_request(self, claimed: BatchClaim, line: PendingLine) -> bytes:
        async with self._blobs.reading(claimed.input, line.place, line.place + line.length) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def _call_with_retries(self, claimed: BatchClaim, body: bytes) -> EndpointResult:
        """The response after as many attempts as necessary; a backoff holds no place."""
        endpoint = self.endpoints[claimed.batch.job.endpoint]
        for attempts in itertools.count(1):
            async with self._free:
                # A model that responds without waiting would execute every place's line before other tasks run.
                async with self._turn:
                    await asyncio.sleep(0)
                status, answered = await endpoint(claimed.project_id, body)
            if status not in _RETRYABLE_STATUSES or any(sign in answered for sign in _PERMANENT_ERRORS):
                break
            if _MALFORMED in answered and attempts >= _MALFORMED_ATTEMPTS:
                break
            delay = _BACKOFF.delay(attempts)
            if delay is None:
                break
            await asyncio.sleep(delay)
        return status, answered

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
                output = await self._write_results(claimed, draft, unfinished)
            elif was_started:
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
                row = batch_output.render_openai_line(line, unfinished)
                if batch_output.is_success(line):
                    succeeded += 1
                    await good.write(row)
                else:
                    failed += 1
                    await bad.write(row)
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
    """The endpoint that each line must name; None where this server wrote the lines."""
    return claimed.batch.job.endpoint if claimed.dialect == "openai" else None

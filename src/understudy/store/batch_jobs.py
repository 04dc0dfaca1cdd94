"""Batches as jobs: claimed by one worker at a time, each result stored once, ended once.

Every write is guarded by the owner, so a worker that lost a batch changes nothing, and a line with a result is never
executed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from understudy.store import charges, outbox
from understudy.store.batches import ACTIVE, ROW, Batch, BatchFault, Dialect, Job, Status, decode, sources
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.files import insert_file
from understudy.store.sql import compose_sql, sql_list
from understudy.store.workers import Candidate, Claim, JobTable
from understudy.wire.files import FileObject
from understudy.wire.webhooks import EventType

FinalStatus = Literal["failed", "completed", "expired", "cancelled"]
_WEBHOOK_EVENTS: dict[FinalStatus, EventType] = {
    "failed": "batch.failed",
    "completed": "batch.completed",
    "expired": "batch.expired",
    "cancelled": "batch.cancelled",
}
BATCH_JOBS = JobTable("batches", compose_sql("status IN", sql_list(ACTIVE)), "status", retries=False)
_CLAIMED = compose_sql(ROW, ", project_id, dialect, input")
ANSWERING_BATCHES = FairListing("batches", "owner IS NULL AND status = 'in_progress'", group="1")
WAITING_BATCHES = FairListing("batches", "owner IS NULL AND status IN ('validating', 'finalizing', 'cancelling')")
_CANDIDATE = "seq, project_id, CASE WHEN status = 'in_progress' THEN 1 ELSE 0 END"
_STORE_RESULT = (
    "UPDATE batch_lines SET request_id = $3, status_code = $4, answer = $5"
    " WHERE batch = $1 AND line = $2 AND status_code IS NULL RETURNING line"
)
_COUNT = (
    "UPDATE batches SET completed = completed + $3, failed = failed + $4, input_tokens = input_tokens + $5,"
    " cached_tokens = cached_tokens + $6, output_tokens = output_tokens + $7, reasoning_tokens = reasoning_tokens + $8"
    " WHERE seq = $1 AND owner = $2 RETURNING project_id"
)
_ADD = (
    "INSERT INTO batch_lines (batch, line, custom_id, place, length) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (batch, line) DO NOTHING"
)
_PENDING_LINES = (
    "SELECT line, place, length FROM batch_lines WHERE batch = $1 AND line > $2 AND status_code IS NULL"
    " ORDER BY line LIMIT $3"
)
_LINES = (
    "SELECT line, custom_id, request_id, status_code, answer FROM batch_lines WHERE batch = $1 AND line > $2"
    " ORDER BY line LIMIT $3"
)
_ERASE = (
    "DELETE FROM batch_lines WHERE batch = $1 AND line IN"
    " (SELECT line FROM batch_lines WHERE batch = $1 ORDER BY line LIMIT $2) RETURNING line"
)


ANSWERING_GROUP: Final = 1
"""The group of candidates that are in progress; the others are in group 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchClaim(Claim):
    """A batch to work on. `input` is the blob with its lines."""

    dialect: Dialect
    input: str
    batch: Batch


@dataclass(frozen=True, slots=True)
class NewLine:
    """`custom_id` is JSON; the request is the `length` bytes of the input from `place` on."""

    line: int
    custom_id: str
    place: int
    length: int


@dataclass(frozen=True, slots=True)
class PendingLine:
    line: int
    place: int
    length: int


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class LineResult:
    """`body` is JSON, that of an error as well; `charge` is the entry of the ledger for it."""

    request_id: str
    status_code: int
    body: str
    usage: Usage
    charge: charges.Usage | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its result; `status_code` is None for one that was not executed."""

    line: int
    custom_id: str
    request_id: str | None
    status_code: int | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Output:
    """What a batch leaves. Each blob is held; a file is made of it, or the batch itself names it as its `results`."""

    output: tuple[FileObject, str] | None = None
    errors: tuple[FileObject, str] | None = None
    results: str | None = None


@dataclass(slots=True)
class BatchCursors:
    answering: FairCursor = field(default_factory=FairCursor)
    other: FairCursor = field(default_factory=FairCursor)


class BatchJobs:
    """Every write returns whether the batch was still the owner's to change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_candidates(self, limit: int, cursors: BatchCursors | None = None) -> list[Candidate[int]]:
        """The oldest of up to `limit` projects, of those that are in progress and of the others."""
        return await self._database.read(_list_candidates, limit, cursors or BatchCursors())

    async def claim(self, seq: int, owner: str, now: float) -> BatchClaim | None:
        """None where another worker has it, or it has ended."""
        return await self._database.write(_claim_batch, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, Status]:
        return await self._database.read(BATCH_JOBS.list_owned, owner)

    async def release(self, seq: int, owner: str) -> None:
        """Ends the claim: any worker may have the batch."""
        await self._database.write(BATCH_JOBS.release, seq, owner)

    async def add(self, seq: int, owner: str, lines: Sequence[NewLine]) -> bool:
        """Adding a line again is fine."""
        return await self._database.write_slowly(_add_lines, seq, owner, lines)

    async def start(self, seq: int, owner: str, total: int, model: str | None, now: float) -> bool:
        """All lines are added: from validating to in progress."""
        return await self._database.write(_start_batch, seq, owner, total, model, now)

    async def fail_validation(self, seq: int, owner: str, errors: list[BatchFault], now: float) -> bool:
        """From validating to failed."""
        return await self._database.write(_fail_validation, seq, owner, errors, now)

    async def pending_lines(self, seq: int, after: int, limit: int) -> list[PendingLine]:
        """Lines after the one numbered `after`, in order."""
        return await self._database.read(_pending_lines, seq, after, limit)

    async def store_result(self, seq: int, owner: str, line: int, answer: LineResult) -> bool:
        """Stores the result of a line, counts it, and records its charge."""
        return await self._database.write(_store_result, self._database, seq, owner, line, answer)

    async def finalize(self, seq: int, owner: str, now: float) -> bool:
        """From in progress to finalizing."""
        return await self._database.write_slowly(_finalize, seq, owner, now)

    async def lines(self, seq: int, after: int, limit: int) -> list[Line]:
        return await self._database.read(_lines, seq, after, limit)

    async def finish(self, seq: int, owner: str, status: FinalStatus, output: Output, now: float) -> bool:
        """To completed, expired or cancelled, with what the batch leaves."""
        return await self._database.write_slowly(_finish_batch, seq, owner, status, output, now)

    async def erase(self, limit: int = 1000) -> bool:
        """Erases up to `limit` lines of batches that have ended, and returns whether any were left."""
        batches = await self._database.read(_next_erasure)
        return bool(batches) and await self._database.write(_erase, batches[0], limit)


def _list_candidates(limit: int, cursors: BatchCursors) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from BATCH_JOBS.list_orphaned(_CANDIDATE, 0.0, limit)
    other = yield from WAITING_BATCHES.list_waiting(0.0, limit, cursors.other)
    return orphaned + other + (yield from ANSWERING_BATCHES.list_waiting(0.0, limit, cursors.answering))


def _claim_batch(seq: int, owner: str, now: float) -> Transaction[BatchClaim | None]:
    row = yield from BATCH_JOBS.claim(seq, owner, now, _CLAIMED)
    if row is None:
        return None
    body, project_id, dialect, input_ = row
    return BatchClaim(seq=seq, project_id=project_id, dialect=dialect, input=input_, batch=decode(body))


def _lock_batch(seq: int, owner: str, target: Status) -> Transaction[tuple[Job, str] | None]:
    """The body of the batch and its input; None unless the owner has it and its status may become `target`."""
    sql = compose_sql(
        "SELECT body, input FROM batches WHERE seq = $1 AND owner = $2 AND status IN", sources(target), "FOR UPDATE"
    )
    rows = yield sql, (seq, owner)
    return (msgspec.json.decode(rows[0][0], type=Job), rows[0][1]) if rows else None


def _add_lines(seq: int, owner: str, lines: Sequence[NewLine]) -> Transaction[bool]:
    sql = "SELECT seq FROM batches WHERE seq = $1 AND owner = $2 AND status IN ('validating', 'cancelling') FOR UPDATE"
    if not (yield sql, (seq, owner)):
        return False
    for one in lines:
        yield _ADD, (seq, one.line, one.custom_id, one.place, one.length)
    return True


def _start_batch(seq: int, owner: str, total: int, model: str | None, now: float) -> Transaction[bool]:
    found = yield from _lock_batch(seq, owner, "in_progress")
    if found is None:
        return False
    job, _ = found
    job.model, job.in_progress_at = model, now
    sql = "UPDATE batches SET status = 'in_progress', total = $2, body = $3 WHERE seq = $1"
    yield sql, (seq, total, msgspec.json.encode(job).decode())
    return True


def _fail_validation(seq: int, owner: str, errors: list[BatchFault], now: float) -> Transaction[bool]:
    found = yield from _lock_batch(seq, owner, "failed")
    if found is None:
        return False
    job, input_ = found
    job.errors, job.failed_at = errors, now
    yield from _close(seq, "failed", job, input_, None, now)
    return True


def _finalize(seq: int, owner: str, now: float) -> Transaction[bool]:
    found = yield from _lock_batch(seq, owner, "finalizing")
    if found is None:
        return False
    job, _ = found
    job.finalizing_at = now
    yield "UPDATE batches SET status = 'finalizing', body = $2 WHERE seq = $1", (seq, msgspec.json.encode(job).decode())
    return True


def _finish_batch(seq: int, owner: str, status: FinalStatus, output: Output, now: float) -> Transaction[bool]:
    found = yield from _lock_batch(seq, owner, status)
    if found is None:
        return False
    job, input_ = found
    setattr(job, f"{status}_at", now)
    rows = yield "SELECT project_id FROM batches WHERE seq = $1", (seq,)
    project_id = rows[0][0]
    if output.output is not None:
        job.output_file_id = output.output[0].id
        yield from insert_file(project_id, *output.output)
    if output.errors is not None:
        job.error_file_id = output.errors[0].id
        yield from insert_file(project_id, *output.errors)
    results = None
    if output.results is not None:
        results = yield from retain(output.results)
    yield from _close(seq, status, job, input_, results, now)
    return True


def _close(seq: int, status: FinalStatus, job: Job, input_: str, results: str | None, now: float) -> Transaction[None]:
    """Ends the batch: adds its event to the outbox, releases its input, and marks its lines for erasure."""
    sql = (
        "UPDATE batches SET status = $2, body = $3, results = $4, owner = NULL, input = NULL WHERE seq = $1"
        " RETURNING project_id"
    )
    rows = yield sql, (seq, status, msgspec.json.encode(job).decode(), results)
    yield from release(input_)
    yield "INSERT INTO batch_erasures (batch) VALUES ($1) ON CONFLICT DO NOTHING", (seq,)
    yield from outbox.add(rows[0][0], _WEBHOOK_EVENTS[status], {"id": job.id}, now)


def _pending_lines(seq: int, after: int, limit: int) -> Transaction[list[PendingLine]]:
    return [PendingLine(*row) for row in (yield _PENDING_LINES, (seq, after, limit))]


def _store_result(database: Database, seq: int, owner: str, line: int, answer: LineResult) -> Transaction[bool]:
    # The batch first, as in every other write, so that no two wait for each other.
    done, usage = 200 <= answer.status_code < 300, answer.usage
    counts = (int(done), int(not done))
    tokens = (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens)
    rows = yield _COUNT, (seq, owner, *counts, *tokens)
    if not rows:
        return False
    if not (yield _STORE_RESULT, (seq, line, answer.request_id, answer.status_code, answer.body)):
        raise ResultAlreadyStored
    if answer.charge is not None:
        yield from charges.record(database, rows[0][0], answer.charge)
    return True


class ResultAlreadyStored(Exception):
    """The line had a result; nothing was counted."""


def _lines(seq: int, after: int, limit: int) -> Transaction[list[Line]]:
    return [Line(*row) for row in (yield _LINES, (seq, after, limit))]


def _next_erasure() -> Transaction[list[int]]:
    rows = yield "SELECT batch FROM batch_erasures LIMIT 1", ()
    return [row[0] for row in rows]


def _erase(batch: int, limit: int) -> Transaction[bool]:
    if not (yield _ERASE, (batch, limit)):
        yield "DELETE FROM batch_erasures WHERE batch = $1", (batch,)
    return True

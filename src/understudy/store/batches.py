"""Stored batches as clients see them: create, get, cancel, delete. Workers use batch_jobs.py.

One table serves all dialects; a batch is visible only in the dialect that created it.
"""

from typing import Final, Literal, LiteralString

import msgspec
from msgspec import Struct

from understudy.correlation import NO_ORIGIN, Origin
from understudy.errors import not_found
from understudy.errors.objects import batch_not_cancellable, batch_not_deletable
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Row, Transaction
from understudy.store.list_filters import ALL, ListFilter, read_filtered_page
from understudy.store.pages import PageRequest, PageSource, RecordPage
from understudy.store.sql import compose_sql, sql_list

Dialect = Literal["openai", "anthropic"]
Status = Literal["validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"]

TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    "validating": frozenset({"in_progress", "failed", "cancelling", "expired"}),
    "in_progress": frozenset({"finalizing", "cancelling", "expired"}),
    "finalizing": frozenset({"completed"}),
    "cancelling": frozenset({"cancelled"}),
    "failed": frozenset(),
    "completed": frozenset(),
    "expired": frozenset(),
    "cancelled": frozenset(),
}
ACTIVE: Final = tuple(status for status, targets in TRANSITIONS.items() if targets)
ROW: Final = (
    "'[\"' || status || '\",' || total || ',' || completed || ',' || failed || ',' || input_tokens || ',' ||"
    " cached_tokens || ',' || output_tokens || ',' || reasoning_tokens || ',' || body || ']'"
)
_PAGE = PageSource("batches", "project_id = $1", "body IS NOT NULL AND dialect = $2", 2, body=ROW)
_SELECT = compose_sql(
    "SELECT", ROW, ", seq, results FROM batches WHERE id = $1 AND project_id = $2 AND dialect = $3 AND body IS NOT NULL"
)


class BatchFault(Struct):
    """Why a batch cannot start. `line` counts from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Job(Struct, kw_only=True, omit_defaults=True):
    """A batch without its status and counts. Times are in Unix seconds, None until they are reached."""

    id: str
    endpoint: str
    created_at: float
    expires_at: float
    key_id: str = ""
    input_file_id: str | None = None
    model: str | None = None
    metadata: dict[str, str] | None = None
    output_seconds: int | None = None
    errors: list[BatchFault] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    origin: Origin = NO_ORIGIN


class Batch(Struct, array_like=True):
    """A batch with its status and counts. `failed` counts the lines with an error result."""

    status: Status
    total: int
    completed: int
    failed: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    job: Job


decode = msgspec.json.Decoder(Batch).decode


class Batches:
    """Every method on one batch raises NotFound if the project has no batch of that id in that dialect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, dialect: Dialect, job: Job, blob: str, total: int = 0) -> Batch:
        """`blob` holds the requests, one per line; it has a hold or a use. Raises StoreError if it has neither.

        `total` is the number of requests, if it is known before they are read.
        """
        return await self._database.write(_insert_batch, project_id, dialect, job, blob, total)

    async def get(self, project_id: str, dialect: Dialect, batch_id: str) -> Batch:
        return decode((await self._database.read(_select_batch, project_id, dialect, batch_id))[0])

    async def results(self, project_id: str, dialect: Dialect, batch_id: str) -> tuple[Batch, str | None]:
        """The batch, and the blob of its results; None if it has no results."""
        row = await self._database.read(_select_batch, project_id, dialect, batch_id)
        return decode(row[0]), row[2]

    async def page(
        self, project_id: str, dialect: Dialect, request: PageRequest, chosen: ListFilter = ALL
    ) -> RecordPage[Batch]:
        names = ("endpoint", "input_file_id")
        page = await read_filtered_page(self._database, _PAGE, (project_id, dialect), request, chosen, names)
        return RecordPage([decode(body) for _, body in page.rows], page.has_more)

    async def cancel(self, project_id: str, dialect: Dialect, batch_id: str, now: float) -> Batch:
        """Starts cancelling the batch; idempotent. Raises Conflict if it is finalizing or has ended."""
        return await self._database.write(_cancel_batch, project_id, dialect, batch_id, now)

    async def delete(self, project_id: str, dialect: Dialect, batch_id: str) -> None:
        """Raises Conflict if the batch has not ended."""
        await self._database.write(_delete_batch, project_id, dialect, batch_id)

    async def discard(self, project_id: str, dialect: Dialect, batch_id: str) -> None:
        """Deletes the batch, whatever its status: a worker that has it loses it, and leaves no output."""
        await self._database.write(_discard_batch, project_id, dialect, batch_id)


def sources(target: Status) -> LiteralString:
    """`('validating', 'in_progress')`: the states from which `target` may be entered, to follow IN."""
    return sql_list([status for status, targets in TRANSITIONS.items() if target in targets])


def _insert_batch(project_id: str, dialect: Dialect, job: Job, blob: str, total: int) -> Transaction[Batch]:
    blob_name = yield from retain(blob)
    sql = (
        "INSERT INTO batches (id, project_id, dialect, status, input, total, completed, failed, input_tokens,"
        " cached_tokens, output_tokens, reasoning_tokens, body)"
        " VALUES ($1, $2, $3, 'validating', $4, $5, 0, 0, 0, 0, 0, 0, $6)"
    )
    yield sql, (job.id, project_id, dialect, blob_name, total, msgspec.json.encode(job).decode())
    return Batch("validating", total, 0, 0, 0, 0, 0, 0, job)


def _select_batch(project_id: str, dialect: Dialect, batch_id: str, lock: str = "") -> Transaction[Row]:
    rows = yield _SELECT + lock, (batch_id, project_id, dialect)
    if not rows:
        raise not_found("batch", batch_id)
    return rows[0]


def _cancel_batch(project_id: str, dialect: Dialect, batch_id: str, now: float) -> Transaction[Batch]:
    encoded, seq, _ = yield from _select_batch(project_id, dialect, batch_id, " FOR UPDATE")
    batch = decode(encoded)
    if batch.status == "cancelling":
        return batch
    if "cancelling" not in TRANSITIONS[batch.status]:
        raise batch_not_cancellable(batch.status)
    batch.status = "cancelling"
    batch.job.cancelling_at = now
    body = msgspec.json.encode(batch.job).decode()
    yield "UPDATE batches SET status = 'cancelling', body = $2 WHERE seq = $1", (seq, body)
    return batch


def _delete_batch(project_id: str, dialect: Dialect, batch_id: str) -> Transaction[None]:
    encoded, seq, results = yield from _select_batch(project_id, dialect, batch_id, " FOR UPDATE")
    status = decode(encoded).status
    if status in ACTIVE:
        raise batch_not_deletable(status)
    if results is not None:
        yield from release(results)
    yield "UPDATE batches SET body = NULL, results = NULL WHERE seq = $1", (seq,)


def _discard_batch(project_id: str, dialect: Dialect, batch_id: str) -> Transaction[None]:
    encoded, seq, results = yield from _select_batch(project_id, dialect, batch_id, " FOR UPDATE")
    inputs = yield "SELECT input FROM batches WHERE seq = $1", (seq,)
    for blob in (results, inputs[0][0]):
        if blob is not None:
            yield from release(blob)
    status = decode(encoded).status
    final = "cancelled" if status in ACTIVE else status
    sql = "UPDATE batches SET body = NULL, results = NULL, input = NULL, owner = NULL, status = $2 WHERE seq = $1"
    yield sql, (seq, final)
    if status in ACTIVE:
        yield "INSERT INTO batch_erasures (batch) VALUES ($1) ON CONFLICT DO NOTHING", (seq,)

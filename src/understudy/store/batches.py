"""Batches at rest, as their owners see them: made, shown, cancelled, deleted. Who works on them is in batch_work.py.

One table serves all dialects; a batch is found in the one that it was made in.
"""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import Struct

from understudy.errors import Conflict, not_found
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import Page, PageRequest, PageSource, read_page
from understudy.store.sql import compose_sql

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
    """Why a batch cannot be begun. `line` counts from 1."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Job(Struct, kw_only=True, omit_defaults=True):
    """What a batch is, beside its status and counts. Times are Unix seconds, and None while they are still to come."""

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


class Batch(Struct, array_like=True):
    """A batch as it is now. `failed` counts the lines that were answered with an error."""

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


@dataclass(frozen=True, slots=True)
class BatchPage:
    batches: list[Batch]
    has_more: bool


class Batches:
    """Every verb on one batch raises NotFound where the project has none of that id in that dialect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, project_id: str, dialect: Dialect, job: Job, blob: str, total: int = 0) -> Batch:
        """`blob` holds the requests, a line each; it is held or in use. Raises StoreError where it is not any more.

        `total` is their number, where it is known before they are read.
        """
        return await self._database.write(_insert_batch, project_id, dialect, job, blob, total)

    async def get(self, project_id: str, dialect: Dialect, batch_id: str) -> Batch:
        return decode((await self._database.read(_select_batch, project_id, dialect, batch_id))[0])

    async def results(self, project_id: str, dialect: Dialect, batch_id: str) -> tuple[Batch, str | None]:
        """The batch, and the blob of its results where it has ended with one."""
        row = await self._database.read(_select_batch, project_id, dialect, batch_id)
        return decode(row[0]), row[2]

    async def page(self, project_id: str, dialect: Dialect, request: PageRequest) -> BatchPage:
        page: Page = await self._database.read(read_page, _PAGE, (project_id, dialect), request)
        return BatchPage([decode(body) for _, body in page.rows], page.has_more)

    async def cancel(self, project_id: str, dialect: Dialect, batch_id: str, now: float) -> Batch:
        """The batch, on its way to be cancelled; again is fine. Raises Conflict where it is at its end."""
        return await self._database.write(_cancel_batch, project_id, dialect, batch_id, now)

    async def delete(self, project_id: str, dialect: Dialect, batch_id: str) -> None:
        """Raises Conflict where the batch has not ended."""
        await self._database.write(_delete_batch, project_id, dialect, batch_id)


def sources(target: Status) -> str:
    """`('validating', 'in_progress')`: the states from which `target` may be entered, to stand behind IN."""
    return "(" + ", ".join(f"'{status}'" for status, targets in TRANSITIONS.items() if target in targets) + ")"


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
        raise Conflict(f"Cannot cancel a batch with status '{batch.status}'.")
    batch.status = "cancelling"
    batch.job.cancelling_at = now
    body = msgspec.json.encode(batch.job).decode()
    yield "UPDATE batches SET status = 'cancelling', body = $2 WHERE seq = $1", (seq, body)
    return batch


def _delete_batch(project_id: str, dialect: Dialect, batch_id: str) -> Transaction[None]:
    encoded, seq, results = yield from _select_batch(project_id, dialect, batch_id, " FOR UPDATE")
    status = decode(encoded).status
    if status in ACTIVE:
        raise Conflict(f"Cannot delete a batch with status '{status}'. Cancel it, or wait until it has ended.")
    if results is not None:
        yield from release(results)
    yield "UPDATE batches SET body = NULL, results = NULL WHERE seq = $1", (seq,)

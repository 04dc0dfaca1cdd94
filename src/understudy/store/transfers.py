"""Imports, exports and deletions as jobs: claimed by one worker at a time, their progress stored with what they change.

Every write of a worker is guarded by the owner, so a worker that lost a job changes nothing.
"""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import Struct

from understudy.errors import not_found
from understudy.errors.objects import transfer_not_cancellable, transfer_not_deletable
from understudy.store.blobs import release, retain
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_page
from understudy.store.project_sizes import check_stored_bytes
from understudy.store.sql import compose_sql, sql_list
from understudy.store.workers import Candidate, Claim, JobTable
from understudy.wire.transfers import (
    DeletionObject,
    ExportObject,
    ImportObject,
    TransferObject,
    TransferStatus,
)

TransferKind = Literal["import", "export", "deletion"]
_ACTIVE: Final = ("queued", "in_progress", "cancelling")
# Two imports of a project may have the same objects, of which each would find none.
_EARLIER_IMPORT: Final = compose_sql(
    "SELECT 1 FROM transfers AS earlier WHERE earlier.project_id = transfers.project_id AND earlier.kind = 'import'"
    " AND earlier.body IS NOT NULL AND earlier.seq < transfers.seq AND earlier.status IN",
    sql_list(_ACTIVE),
)
_TURN: Final = compose_sql("AND (kind <> 'import' OR NOT EXISTS (", _EARLIER_IMPORT, "))")
TRANSFER_JOBS = JobTable("transfers", compose_sql("status IN", sql_list(_ACTIVE)), "status", turn=_TURN)
WAITING_TRANSFERS = FairListing(
    "transfers", TRANSFER_JOBS.is_waiting, condition=compose_sql("AND due_at <= $2", _TURN), order="seq, due_at"
)
_ROW: Final = "'[\"' || status || '\",' || body || ']'"
_PAGE = PageSource("transfers", "project_id = $1", "body IS NOT NULL AND kind = $2", 2, body=_ROW)
_SELECT = compose_sql(
    "SELECT", _ROW, ", seq, output FROM transfers WHERE id = $1 AND project_id = $2 AND kind = $3 AND body IS NOT NULL"
)
_LOCK = "SELECT seq FROM transfers WHERE seq = $1 AND owner = $2 AND status = 'in_progress' FOR UPDATE"


class Position(Struct):
    """Where a job resumes: the kind of object that it processes, and how many of them are done.

    `is_checked`: no object of the input exists, or that was not to be checked. `is_first`: the project had no objects
    when the job started.
    """

    stage: str = ""
    done: int = 0
    is_checked: bool = False
    is_first: bool = False


class TransferRecord(Struct):
    """A job as it is stored, without its status."""

    transfer: ImportObject | ExportObject | DeletionObject
    position: Position = msgspec.field(default_factory=Position)


class _Row(Struct, array_like=True):
    status: TransferStatus
    record: TransferRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferClaim(Claim):
    """A job to work on. `input` is the blob of an import."""

    kind: TransferKind
    input: str | None
    status: TransferStatus
    record: TransferRecord


class Transfers:
    """Every method on one job raises NotFound if the project has no job of that id and kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, kind: TransferKind, record: TransferRecord, blob: str | None, limit: int | None = None
    ) -> None:
        """`blob` is the input, which has a hold. Raises StoreError if it has neither a hold nor a use.

        Raises InvalidRequest if the project would store more bytes than `limit` with the input.
        """
        await self._database.write(_insert_transfer, project_id, kind, record, blob, limit)

    async def get(self, project_id: str, kind: TransferKind, transfer_id: str) -> TransferObject:
        return (await self._database.read(_select_transfer, project_id, kind, transfer_id))[0]

    async def find_output(
        self, project_id: str, kind: TransferKind, transfer_id: str
    ) -> tuple[TransferObject, str | None]:
        """The job, and the blob of its output; None if it has none."""
        transfer, _, output = await self._database.read(_select_transfer, project_id, kind, transfer_id)
        return transfer, output

    async def page(self, project_id: str, kind: TransferKind, request: PageRequest) -> RecordPage[TransferObject]:
        page = await self._database.read(read_page, _PAGE, (project_id, kind), request)
        return RecordPage([_load_transfer(body) for _, body in page.rows], page.has_more)

    async def delete(self, project_id: str, kind: TransferKind, transfer_id: str) -> TransferObject:
        """Deletes an ended job with its output, and returns it. Raises Conflict if it has not ended."""
        return await self._database.write(_delete_transfer, project_id, kind, transfer_id)

    async def cancel(self, project_id: str, kind: TransferKind, transfer_id: str) -> TransferObject:
        """Starts cancelling; idempotent. Raises Conflict if the job has ended."""
        return await self._database.write(_cancel_transfer, project_id, kind, transfer_id)

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor) -> list[Candidate[int]]:
        return await self._database.read(_list_candidates, now, limit, cursor)

    async def claim(self, seq: int, owner: str, now: float) -> TransferClaim | None:
        """None where another worker has it, or it has ended. A queued job is in progress afterwards."""
        return await self._database.write(_claim_transfer, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, TransferStatus]:
        return await self._database.read(TRANSFER_JOBS.list_owned, owner)

    async def release(self, seq: int, owner: str, due_at: float = 0.0, attempts: int = 0) -> None:
        """Ends the claim: any worker may have the job from `due_at` on. `attempts` are subtracted from its count."""
        await self._database.write(TRANSFER_JOBS.release, seq, owner, due_at, attempts)

    async def record(self, seq: int, owner: str, record: TransferRecord) -> bool:
        """Stores the progress; False if the job is no longer the owner's, or is being cancelled."""
        return await self._database.write(record_progress, seq, owner, record)

    async def finish(
        self,
        seq: int,
        owner: str,
        status: TransferStatus,
        record: TransferRecord,
        output: str | None = None,
        limit: int | None = None,
    ) -> bool:
        """Ends the job. `output` is a blob with a hold. False if the job is no longer the owner's.

        Raises InvalidRequest if the project would store more bytes than `limit` with an export.
        """
        return await self._database.write(_finish_transfer, seq, owner, status, record, output, limit)


def record_progress(seq: int, owner: str, record: TransferRecord) -> Transaction[bool]:
    """Stores the progress in the transaction of what the job changes; False if the job is no longer the owner's."""
    if not (yield _LOCK, (seq, owner)):
        return False
    sql = "UPDATE transfers SET body = $2, interruptions = 0 WHERE seq = $1"
    yield sql, (seq, msgspec.json.encode(record).decode())
    return True


def _insert_transfer(
    project_id: str, kind: TransferKind, record: TransferRecord, blob: str | None, limit: int | None
) -> Transaction[None]:
    if limit is not None and isinstance(record.transfer, ImportObject):
        yield from check_stored_bytes(project_id, record.transfer.bytes, limit)
    name = None if blob is None else (yield from retain(blob))
    sql = "INSERT INTO transfers (id, project_id, kind, status, input, body) VALUES ($1, $2, $3, 'queued', $4, $5)"
    yield sql, (record.transfer.id, project_id, kind, name, msgspec.json.encode(record).decode())


def _select_transfer(
    project_id: str, kind: TransferKind, transfer_id: str, lock: str = ""
) -> Transaction[tuple[TransferObject, int, str | None]]:
    rows = yield _SELECT + lock, (transfer_id, project_id, kind)
    if not rows:
        raise not_found(kind, transfer_id)
    body, seq, output = rows[0]
    return _load_transfer(body), seq, output


def _load_transfer(row: str) -> TransferObject:
    loaded = msgspec.json.decode(row, type=_Row)
    loaded.record.transfer.status = loaded.status
    return loaded.record.transfer


def _cancel_transfer(project_id: str, kind: TransferKind, transfer_id: str) -> Transaction[TransferObject]:
    transfer, seq, _ = yield from _select_transfer(project_id, kind, transfer_id, " FOR UPDATE")
    if transfer.status not in _ACTIVE:
        raise transfer_not_cancellable(kind, transfer.status)
    yield "UPDATE transfers SET status = 'cancelling', due_at = 0 WHERE seq = $1", (seq,)
    transfer.status = "cancelling"
    return transfer


def _delete_transfer(project_id: str, kind: TransferKind, transfer_id: str) -> Transaction[TransferObject]:
    transfer, seq, output = yield from _select_transfer(project_id, kind, transfer_id, " FOR UPDATE")
    if transfer.status in _ACTIVE:
        raise transfer_not_deletable(kind, transfer.status)
    if output is not None:
        yield from release(output)
    yield "UPDATE transfers SET body = NULL, output = NULL WHERE seq = $1", (seq,)
    return transfer


def _list_candidates(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from TRANSFER_JOBS.list_orphaned("seq, project_id", now, limit)
    return orphaned + (yield from WAITING_TRANSFERS.list_waiting(now, limit, cursor))


def _claim_transfer(seq: int, owner: str, now: float) -> Transaction[TransferClaim | None]:
    row = yield from TRANSFER_JOBS.claim(
        seq, owner, now, "project_id, kind, input, status, body, attempts, interruptions"
    )
    if row is None:
        return None
    project_id, kind, blob, status, body, attempts, interruptions = row
    record = msgspec.json.decode(body, type=TransferRecord)
    if status == "queued":
        record.transfer.started_at = int(now)
        sql = "UPDATE transfers SET status = 'in_progress', body = $2 WHERE seq = $1"
        yield sql, (seq, msgspec.json.encode(record).decode())
        status = "in_progress"
    return TransferClaim(
        seq=seq,
        project_id=project_id,
        attempts=attempts,
        interruptions=interruptions,
        kind=kind,
        input=blob,
        status=status,
        record=record,
    )


def _finish_transfer(
    seq: int, owner: str, status: TransferStatus, record: TransferRecord, output: str | None, limit: int | None
) -> Transaction[bool]:
    sql = compose_sql(
        "SELECT input, project_id FROM transfers WHERE seq = $1 AND owner = $2 AND status IN",
        sql_list(_ACTIVE),
        "FOR UPDATE",
    )
    rows = yield sql, (seq, owner)
    if not rows:
        return False
    if rows[0][0] is not None:
        yield from release(rows[0][0])
    if limit is not None and isinstance(record.transfer, ExportObject):
        yield from check_stored_bytes(rows[0][1], record.transfer.bytes or 0, limit)
    name = None if output is None else (yield from retain(output))
    sql = "UPDATE transfers SET status = $2, body = $3, output = $4, input = NULL, owner = NULL WHERE seq = $1"
    yield sql, (seq, status, msgspec.json.encode(record).decode(), name)
    return True

"""Transcriptions as jobs: created, claimed by one worker at a time, ended with their usage, deleted when they are old.

Every write of a worker is guarded by the owner, so a worker that lost a job changes nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.correlation import NO_ORIGIN, Origin, decode_origin, encode_origin
from understudy.errors import not_found
from understudy.errors.objects import transcription_limit_reached
from understudy.store import charges
from understudy.store.blobs import release, retain
from understudy.store.charges import Usage
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.project_sizes import check_stored_bytes
from understudy.store.qualified_ids import qualifier
from understudy.store.sql import compose_sql, sql_list
from understudy.store.workers import Candidate, Claim, JobTable
from understudy.wire.aimlapi_audio import TaskStatus

_ACTIVE: Final = sql_list(("queued", "generating"))
TRANSCRIPTION_JOBS = JobTable("transcriptions", compose_sql("status IN", _ACTIVE), "0")
WAITING_TRANSCRIPTIONS = FairListing(
    "transcriptions", TRANSCRIPTION_JOBS.is_waiting, condition="AND due_at <= $2", order="seq, due_at"
)
_EXPIRED: Final = "SELECT seq FROM transcriptions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2"


class TranscriptionRecord(Struct, omit_defaults=True):
    """A transcription as it is stored, without its status.

    `boundary`, `fields` and `size` are those of the form in the blob, and `seconds` its estimated length. `result` is
    the provider's object, `error` the name and the message of a failure. `credits` are the cost.
    """

    model: str
    created_at: int
    boundary: str
    fields: dict[str, list[str]]
    size: int
    key_id: str = ""
    seconds: int = 0
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: tuple[str, str] | None = None
    credits: int = 0


@dataclass(frozen=True, slots=True)
class StoredTranscription:
    id: str
    status: TaskStatus
    record: TranscriptionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionClaim(Claim):
    id: str
    input: str
    record: TranscriptionRecord
    origin: Origin = NO_ORIGIN


class Transcriptions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        project_id: str,
        transcription_id: str,
        record: TranscriptionRecord,
        blob: str,
        *,
        most: int,
        limit: int | None,
    ) -> None:
        """`blob` has a hold. Raises RateLimited if `most` have not ended, and InvalidRequest if the project would store
        more bytes than `limit`."""
        await self._database.write(_insert, project_id, transcription_id, record, blob, most, limit, encode_origin())

    async def get(self, project_id: str, transcription_id: str) -> StoredTranscription:
        """Raises NotFound."""
        return await self._database.read(_select, project_id, transcription_id)

    # -- for workers -------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor) -> list[Candidate[int]]:
        return await self._database.read(_list_candidates, now, limit, cursor)

    async def claim(self, seq: int, owner: str, now: float) -> TranscriptionClaim | None:
        """None where another worker has it, or it has ended."""
        return await self._database.write(_claim, seq, owner, now)

    async def list_owned(self, owner: str) -> dict[int, Any]:
        return await self._database.read(TRANSCRIPTION_JOBS.list_owned, owner)

    async def release(self, seq: int, owner: str, due_at: float = 0.0, attempts: int = 0) -> None:
        """Ends the claim: any worker may have the job from `due_at` on. `attempts` are subtracted from its count."""
        await self._database.write(TRANSCRIPTION_JOBS.release, seq, owner, due_at, attempts)

    async def finish(self, owner: str, claimed: TranscriptionClaim, now: float, usage: Usage | None) -> bool:
        """Ends the job with what its record has, and records the usage in the same transaction.

        False, and nothing stored, if the job is no longer the owner's.
        """
        return await self._database.write(_finish_transcription, self._database, owner, claimed, now, usage)

    async def expire(self, ended_before: float, limit: int = 100) -> None:
        """Deletes up to `limit` transcriptions that ended before that time."""
        if await self._database.read(_list_expired, ended_before, limit):
            await self._database.write(_expire, ended_before, limit)


def _insert(
    project_id: str,
    transcription_id: str,
    record: TranscriptionRecord,
    blob: str,
    most: int,
    limit: int | None,
    origin: str | None,
) -> Transaction[None]:
    active = compose_sql("FROM transcriptions WHERE project_id = $1 AND status IN", _ACTIVE)
    ((count,),) = yield compose_sql("SELECT count(*)", active), (project_id,)
    if count >= most:
        raise transcription_limit_reached(most)
    if limit is not None:
        yield from check_stored_bytes(project_id, record.size, limit)
    name = yield from retain(blob)
    insert = (
        "INSERT INTO transcriptions (id, project_id, status, input, bytes, body, origin)"
        " VALUES ($1, $2, 'queued', $3, $4, $5, $6)"
    )
    yield insert, (transcription_id, project_id, name, record.size, _encode_record(record), origin)


def _select(project_id: str, transcription_id: str) -> Transaction[StoredTranscription]:
    sql = "SELECT id, status, body FROM transcriptions WHERE id IN ($1, $3) AND project_id = $2"
    public_id = transcription_id.lower()
    rows = yield sql, (public_id, project_id, public_id + qualifier(project_id))
    if not rows:
        raise not_found("generation", transcription_id)
    return StoredTranscription(rows[0][0], rows[0][1], _decode(rows[0][2]))


def _list_candidates(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from TRANSCRIPTION_JOBS.list_orphaned("seq, project_id", now, limit)
    return orphaned + (yield from WAITING_TRANSCRIPTIONS.list_waiting(now, limit, cursor))


def _claim(seq: int, owner: str, now: float) -> Transaction[TranscriptionClaim | None]:
    row = yield from TRANSCRIPTION_JOBS.claim(
        seq, owner, now, "id, project_id, input, body, attempts, interruptions, origin"
    )
    if row is None:
        return None
    transcription_id, project_id, blob, body, attempts, interruptions, origin = row
    yield "UPDATE transcriptions SET status = 'generating' WHERE seq = $1", (seq,)
    return TranscriptionClaim(
        seq=seq,
        project_id=project_id,
        attempts=attempts,
        interruptions=interruptions,
        id=transcription_id,
        input=blob,
        record=_decode(body),
        origin=decode_origin(origin),
    )


def _finish_transcription(
    database: Database, owner: str, claimed: TranscriptionClaim, now: float, usage: Usage | None
) -> Transaction[bool]:
    sql = compose_sql(
        "UPDATE transcriptions SET status = $3, body = $4, ended_at = $5, owner = NULL, input = NULL",
        "WHERE seq = $1 AND owner = $2 AND status IN",
        _ACTIVE,
        "RETURNING seq",
    )
    status = "error" if claimed.record.error else "completed"
    if not (yield sql, (claimed.seq, owner, status, _encode_record(claimed.record), now)):
        return False
    yield from release(claimed.input)
    if usage is not None:
        yield from charges.record(database, claimed.project_id, usage)
    return True


def _list_expired(ended_before: float, limit: int) -> Transaction[bool]:
    return bool((yield _EXPIRED, (ended_before, limit)))


def _expire(ended_before: float, limit: int) -> Transaction[None]:
    for (seq,) in (yield _EXPIRED + " FOR UPDATE", (ended_before, limit)):
        yield "DELETE FROM transcriptions WHERE seq = $1", (seq,)


def _encode_record(record: TranscriptionRecord) -> str:
    return msgspec.json.encode(record).decode()


_decode = msgspec.json.Decoder(TranscriptionRecord).decode

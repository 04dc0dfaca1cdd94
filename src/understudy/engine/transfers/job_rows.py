"""Rows of batches, videos and transcriptions of our own export. What had not ended there has ended here.

Nobody continues a job of another server: its provider may be at it still, and an import must not cost anything.
"""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from understudy.importing.objects import RawObject
from understudy.store.batches import ACTIVE, Dialect, Job, Status
from understudy.store.import_rows import NewRow
from understudy.store.qualified_ids import SEPARATOR, qualifier
from understudy.store.transcriptions import TranscriptionRecord
from understudy.store.video_rows import Record, Role, VideoFile
from understudy.wire.aimlapi_audio import TaskStatus

UNFINISHED: Final = "It had not ended when its project was exported."
_COUNTS: Final = 7
Text = Annotated[str, Meta(pattern=r"\A[^\x00]*\Z")]
"""PostgreSQL stores no null character."""
Count = Annotated[int, Meta(ge=0, le=2**53)]
"""Neither database stores larger numbers than this by far."""


class _Batch(Struct):
    dialect: Dialect
    status: Status
    counts: list[Count]
    has_results: bool
    body: dict[str, Any]
    has_lines: bool = False


class _Video(Struct):
    state: Literal["queued", "dreaming", "completed", "failed"]
    provider: Text
    upstream_id: Text | None
    files: list[Role]
    body: Record


class _Transcription(Struct):
    status: TaskStatus
    body: dict[str, Any]


def batch_row(raw: RawObject, stored_id: str, project_id: str, _: int) -> NewRow:
    """Without results. The row of a batch that has not ended needs `end_batch`."""
    batch = msgspec.convert(raw.body["row"], _Batch)
    if len(batch.counts) != _COUNTS:
        raise ValueError("it lacks counts")
    batch.body["id"] = stored_id
    job = msgspec.convert(batch.body, Job)
    body = encode_text(job)
    return NewRow((stored_id, project_id, batch.dialect, batch.status, None, *batch.counts, body))


def read_job(row: NewRow) -> tuple[Dialect, Status, Job]:
    dialect, status, body = row.values[2], row.values[3], row.values[-1]
    return dialect, status, msgspec.json.decode(body, type=Job)


def is_unfinished(row: NewRow) -> bool:
    """Whether the row is that of a batch that has not ended."""
    return row.values[3] in ACTIVE


def with_results(row: NewRow, blob: str) -> NewRow:
    """A batch whose results are the blob."""
    return msgspec.structs.replace(row, values=(*row.values[:4], blob, *row.values[5:]))


def end_batch(row: NewRow, status: Status, job: Job, completed: int, failed: int) -> NewRow:
    """A batch that has ended with these lines."""
    total = max(row.values[5], completed + failed)
    values = (*row.values[:3], status, row.values[4], total, completed, failed, *row.values[8:-1], encode_text(job))
    return msgspec.structs.replace(row, values=values)


def list_files(raw: RawObject) -> Sequence[Role]:
    """The files that a video has."""
    return msgspec.convert(raw.body["row"], _Video).files


def with_files(row: NewRow, files: Sequence[VideoFile]) -> NewRow:
    """A video with its files."""
    return msgspec.structs.replace(row, files=files)


def video_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    """Without its files."""
    video = msgspec.convert(raw.body["row"], _Video)
    state = video.state
    if state in {"queued", "dreaming"}:
        state, video.body.failure_reason, video.body.ended_at = "failed", UNFINISHED, float(now)
    # The address of a file has no key: the token says which project's video it is.
    token = f"{secrets.token_urlsafe(24)}.{qualifier(project_id).removeprefix(SEPARATOR)}"
    body = msgspec.json.encode(video.body).decode()
    # A file can name any generation of the video service, and the account may be that of other projects as well: what
    # an import names is never continued there. Kept from the import on as long as from its end.
    values = (stored_id, project_id, state, 0, 0.0, video.provider, None, token, float(now), body)
    return NewRow(values)


def transcription_row(raw: RawObject, stored_id: str, project_id: str, now: int) -> NewRow:
    transcription = msgspec.convert(raw.body["row"], _Transcription)
    record = msgspec.json.decode(msgspec.json.encode(transcription.body), type=TranscriptionRecord)
    status = transcription.status
    if status in {"queued", "generating"}:
        status, record.error = "error", ("server_error", UNFINISHED)
    elif status == "completed":
        # Raises what a request for it would raise.
        msgspec.json.decode(record.result, type=dict[str, Any])
    sizes = [msgspec.convert(one, Count) for one in (record.size, record.created_at, record.credits)]
    # Kept from the import on as long as from its end, as a video is.
    return NewRow((stored_id, project_id, status, float(now), sizes[0], msgspec.json.encode(record).decode()))


def encode_text(subject: Struct) -> str:
    """The encoded object. Raises ValueError for a null character, which filters of PostgreSQL cannot read."""
    body = msgspec.json.encode(subject).decode()
    if r"\u0000" in body:
        raise ValueError("it has a null character")
    return body

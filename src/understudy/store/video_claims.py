"""Videos that a worker makes: candidates, claims, progress, end.

A claim is valid as long as its owner's lease in the table of workers. Every write of a worker is guarded by that owner
and by the legal transitions below, so a worker that lost a video cannot change it, and an ended video never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString

import msgspec

from understudy.store import charges
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.sql import compose_sql, sql_list
from understudy.store.video_rows import VIDEO_COLUMNS, Record, Video, VideoFile, insert_files, list_files, to_video
from understudy.store.workers import Candidate, Claim, JobTable
from understudy.wire.videos import State

_SOURCE_STATES: Final[dict[State, LiteralString]] = {
    "dreaming": sql_list(["queued"]),
    "completed": sql_list(["queued", "dreaming"]),
    "failed": sql_list(["queued", "dreaming"]),
}
"""The states that each one may follow upon."""
IS_ACTIVE = "state IN ('queued', 'dreaming') AND body IS NOT NULL"
VIDEO_JOBS = JobTable("generations", IS_ACTIVE, "0")
_COUNT_AHEAD = compose_sql("SELECT count(*) FROM generations WHERE seq < $1 AND", IS_ACTIVE)
# As in the index: with IS NOT NULL, SQLite prefers that of pages, and reads all videos of a project.
_WAITING: Final = "owner IS NULL AND state IN ('queued', 'dreaming') AND COALESCE(body, '') <> ''"
WAITING_VIDEOS = FairListing("generations", _WAITING, condition="AND due_at <= $2", order="seq, due_at")
_CLAIMED = compose_sql(VIDEO_COLUMNS, ", attempts, interruptions, ordered_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoClaim(Claim):
    """A video to make. `interruptions` starts again at 0 once the video is ordered and once its frames are made."""

    video: Video
    ordered_at: float | None
    pieces: tuple[VideoFile, ...]


def list_claimable_videos(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from VIDEO_JOBS.list_orphaned("seq, project_id", now, limit)
    return orphaned + (yield from WAITING_VIDEOS.list_waiting(now, limit, cursor))


def count_ahead(seq: int) -> Transaction[int]:
    rows = yield _COUNT_AHEAD, (seq,)
    return int(rows[0][0])


def claim_video(seq: int, owner: str, now: float) -> Transaction[VideoClaim | None]:
    row = yield from VIDEO_JOBS.claim(seq, owner, now, _CLAIMED)
    if row is None:
        return None
    video = to_video(row)
    files = yield from list_files(video.id)
    attempts, interruptions, ordered_at = row[8:]
    return VideoClaim(
        seq=seq,
        project_id=video.project_id,
        attempts=attempts,
        interruptions=interruptions,
        video=video,
        ordered_at=ordered_at,
        pieces=tuple(files),
    )


def set_progress(owner: str, seq: int, change: LiteralString, value: float | str) -> Transaction[bool]:
    where = compose_sql("WHERE owner = $1 AND seq = $2 AND", IS_ACTIVE, "RETURNING seq")
    sql = compose_sql("UPDATE generations SET", change, where)
    return bool((yield sql, (owner, seq, value)))


def mark_dreaming(owner: str, seq: int) -> Transaction[bool]:
    sql = compose_sql(
        "UPDATE generations SET state = 'dreaming', interruptions = 0",
        "WHERE owner = $1 AND seq = $2 AND body IS NOT NULL AND state IN",
        _SOURCE_STATES["dreaming"],
        "RETURNING seq",
    )
    return bool((yield sql, (owner, seq)))


def has_upstream_id(upstream_id: str, provider: str) -> Transaction[bool]:
    sql = "SELECT 1 FROM generations WHERE upstream_id = $1 AND provider = $2 LIMIT 1"
    return bool((yield sql, (upstream_id, provider)))


def complete_video(
    database: Database, owner: str, claimed: VideoClaim, record: Record, pieces: Sequence[VideoFile], now: float
) -> Transaction[bool]:
    """A video is paid for when it is there, and once."""
    if not (yield from finish_video(owner, claimed, "completed", record, pieces, now)):
        return False
    video = claimed.video
    usage = charges.Usage(
        reference=video.id,
        kind="video",
        model=f"luma/{record.request.model}",
        created_at=int(now),
        key_id=record.key_id,
        credits=record.credits,
    )
    yield from charges.record(database, video.project_id, usage)
    return True


def finish_video(
    owner: str, claimed: VideoClaim, state: State, record: Record, pieces: Sequence[VideoFile], now: float
) -> Transaction[bool]:
    video = claimed.video
    sql = compose_sql(
        "UPDATE generations SET state = $3, body = $4, ended_at = $5, owner = NULL",
        "WHERE owner = $1 AND seq = $2 AND body IS NOT NULL AND state IN",
        _SOURCE_STATES[state],
        "RETURNING seq",
    )
    body = msgspec.json.encode(record).decode()
    if not (yield sql, (owner, video.seq, state, body, now)):
        return False
    yield from insert_files(video.id, pieces)
    if record.request.callback_url is not None:
        sql = "INSERT INTO generation_callbacks (generation_id, due_at, attempts) VALUES ($1, $2, 0)"
        yield sql, (video.id, now)
    return True

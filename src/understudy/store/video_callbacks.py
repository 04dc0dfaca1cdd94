"""Rows of callbacks to `callback_url`: due times, claims, attempts."""

from dataclasses import dataclass

from understudy.store.database import Transaction
from understudy.store.sql import compose_sql
from understudy.store.video_rows import VIDEO_COLUMNS, Video, to_video

_SELECT_VIDEO = compose_sql("SELECT", VIDEO_COLUMNS, "FROM generations WHERE id = $1 AND body IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Callback:
    """A pending callback of a video's end. `attempts` includes this one."""

    video: Video
    attempts: int


def has_due_callbacks(now: float) -> Transaction[bool]:
    return bool((yield "SELECT 1 FROM generation_callbacks WHERE due_at <= $1 LIMIT 1", (now,)))


def claim_callbacks(now: float, until: float, limit: int) -> Transaction[list[Callback]]:
    sql = "SELECT generation_id FROM generation_callbacks WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE"
    taken = []
    for (video_id,) in (yield sql, (now, limit)):
        sql = (
            "UPDATE generation_callbacks SET due_at = $2, attempts = attempts + 1"
            " WHERE generation_id = $1 RETURNING attempts"
        )
        attempts = yield sql, (video_id, until)
        rows = yield _SELECT_VIDEO, (video_id,)
        taken += [Callback(to_video(row), attempts[0][0]) for row in rows]
    return taken


def retry_callback(video_id: str, due_at: float) -> Transaction[None]:
    yield "UPDATE generation_callbacks SET due_at = $2 WHERE generation_id = $1", (video_id, due_at)


def end_callback(video_id: str) -> Transaction[None]:
    yield "DELETE FROM generation_callbacks WHERE generation_id = $1", (video_id,)

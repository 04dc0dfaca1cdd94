"""A stored generation in the form of the hosted API. Pure."""

import uuid
from typing import Final, Literal

from understudy.media.frame_sizes import frame_size
from understudy.store.qualified_ids import SEPARATOR
from understudy.store.video_rows import Video
from understudy.wire.video_resources import VideoError, VideoResource
from understudy.wire.videos import State

_PREFIX: Final = "video_"
_STATUSES: Final[dict[State, Literal["queued", "in_progress", "completed", "failed"]]] = {
    "queued": "queued",
    "dreaming": "in_progress",
    "completed": "completed",
    "failed": "failed",
}


def resource_id(generation_id: str) -> str:
    """The hosted API's form of a generation's id, which has a suffix if the generation was imported."""
    return f"{_PREFIX}{uuid.UUID(generation_id.partition(SEPARATOR)[0]).hex}"


def generation_id(video_id: str) -> str | None:
    """The generation's id of a video's id; None for any other text."""
    digits = video_id.removeprefix(_PREFIX)
    if not video_id.startswith(_PREFIX) or len(digits) != 32:
        return None
    try:
        return str(uuid.UUID(digits))
    except ValueError:
        return None


def render_resource(video: Video, now: float, wait: int | None, lifetime: float | None) -> VideoResource:
    """`wait` are the estimated seconds until a video ends, `lifetime` those that it is stored; both None if unknown."""
    record, request = video.record, video.record.request
    ended = record.ended_at
    return VideoResource(
        id=resource_id(video.id),
        model=request.named_model or f"luma/{request.model}",
        status=_STATUSES[video.state],
        progress=_progress(video, now, wait),
        created_at=int(record.created_at),
        completed_at=int(ended) if ended is not None and video.state == "completed" else None,
        expires_at=int(ended + lifetime) if ended is not None and lifetime is not None else None,
        prompt=request.prompt,
        size=_size(video),
        seconds=str(request.seconds),
        remixed_from_video_id=request.remixed_from,
        error=None
        if record.failure_reason is None
        else VideoError(code="video_generation_failed", message=record.failure_reason),
    )


def _progress(video: Video, now: float, wait: int | None) -> int:
    if video.state != "dreaming":
        return 100 if video.state == "completed" else 0
    age = max(now - video.record.created_at, 0.0)
    return min(99, round(100 * age / (age + (wait or 1))))


def _size(video: Video) -> str:
    """In pixels: that of the file once there is one."""
    record = video.record
    if record.width:
        return f"{record.width}x{record.height}"
    if record.request.size is not None:
        return record.request.size
    width, height = frame_size(record.request.aspect_ratio, record.request.resolution)
    return f"{width}x{height}"

"""A stored generation as the three versions of the API show it. Pure: `base` is where this server is reached."""

from datetime import UTC, datetime
from typing import Any, Final

from understudy.store.video_rows import Request, Role, Video
from understudy.wire.videos import (
    Concept,
    GenerationAssets,
    GenerationError,
    GenerationMeta,
    GenerationRequest,
    GenerationUsage,
    GenerationVideo,
    LumaGeneration,
    State,
    StateOfV1,
    Status,
    VideoGeneration,
)

CREDITS_PER_USD: Final = 2_000_000

_V1_STATES: Final[dict[State, StateOfV1]] = {
    "queued": "pending",
    "dreaming": "processing",
    "completed": "completed",
    "failed": "failed",
}
_UNIVERSAL_STATES: Final[dict[State, Status]] = {
    "queued": "queued",
    "dreaming": "generating",
    "completed": "completed",
    "failed": "error",
}
_FILE_NAMES: Final[dict[Role, str]] = {"video": "video.mp4", "thumbnail": "thumbnail.jpg"}


def render_luma(generation: Video, base: str, wait: int | None, *, version: int) -> LumaGeneration:
    """`wait` is in seconds, for a generation that has not ended."""
    record = generation.record
    video = _render_video(generation, base)
    return LumaGeneration(
        id=generation.id,
        luma_generation_id=generation.id,
        state=_V1_STATES[generation.state] if version == 1 else generation.state,
        failure_reason=record.failure_reason,
        created_at=_format_time(record.created_at),
        model=record.request.model,
        prompt=record.request.prompt,
        estimate_wait_seconds=wait,
        video=video,
        video_url=None if video is None else video.url,
        assets=None if video is None else GenerationAssets(video=video.url, image=video.thumbnail),
        request=_render_request(record.request),
        meta=_render_meta(record.credits),
    )


def render_universal(generation: Video, base: str) -> VideoGeneration:
    record = generation.record
    model = f"luma/{record.request.model}"
    reason = record.failure_reason
    return VideoGeneration(
        id=f"{generation.id}:{model}",
        status=_UNIVERSAL_STATES[generation.state],
        model=model,
        video=_render_video(generation, base),
        error=None if reason is None else GenerationError(name="GenerationFailed", message=reason),
        meta=_render_meta(record.credits),
    )


def _render_video(generation: Video, base: str) -> GenerationVideo | None:
    if generation.state != "completed":
        return None
    record = generation.record
    url = _content_url(generation, base, "video")
    return GenerationVideo(
        url=url,
        download_url=url,
        width=record.width,
        height=record.height,
        thumbnail=_content_url(generation, base, "thumbnail") if record.thumbnail else None,
    )


def _content_url(generation: Video, base: str, role: Role) -> str:
    return f"{base}/generations/{generation.id}/{_FILE_NAMES[role]}?token={generation.token}"


def _render_request(request: Request) -> GenerationRequest:
    frames = {"frame0": request.start, "frame1": request.end}
    keyframes: dict[str, Any] = {name: frame.shown for name, frame in frames.items() if frame is not None}
    return GenerationRequest(
        prompt=request.prompt,
        model=request.model,
        aspect_ratio=request.aspect_ratio,
        resolution=request.resolution,
        duration=f"{request.seconds}s",
        loop=request.loop,
        keyframes=keyframes or None,
        callback_url=request.callback_url,
        concepts=[Concept(key=key) for key in request.concepts] or None,
    )


def _render_meta(credits_used: int) -> GenerationMeta:
    return GenerationMeta(usage=GenerationUsage(credits_used=credits_used, usd_spent=credits_used / CREDITS_PER_USD))


def _format_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

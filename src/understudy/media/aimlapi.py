"""The AI/ML API as a provider, or any compatible server such as another Understudy: its universal video operations.

An order has an idempotency key, so that a server that supports it creates one video for an order that was sent twice.
"""

import base64
import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from understudy.errors import UpstreamError
from understudy.media.download import Downloader
from understudy.media.frame_sizes import frame_size
from understudy.media.polling import PollInterval
from understudy.media.provider import Frame, Job, MediaError, Progress, VideoFiles
from understudy.net.outbound import origin
from understudy.redaction import redact

DEFAULT_BASE_URL: Final = "https://api.aimlapi.com/v2"
_ID: Final = re.compile(r"[\w:/.-]{1,256}")


class HttpResponse(Protocol):
    async def read(self) -> bytes: ...
    def close(self) -> None: ...


class HttpClient(Protocol):
    """The methods of an HTTP client that are used. Raises UpstreamError."""

    async def get(self, url: str) -> bytes: ...
    async def post(
        self, url: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> HttpResponse: ...
    async def close(self) -> None: ...


class _Video(Struct):
    url: str | None = None
    width: int | None = None
    height: int | None = None
    thumbnail: str | None = None


class _Error(Struct):
    message: str = "no reason"


class _Generation(Struct):
    id: str | None = None
    generation_id: str | None = None
    status: str = ""
    video: _Video | None = None
    error: _Error | str | None = None


class AimlApi:
    name = "aimlapi"
    takes: frozenset[Literal["file", "url"]] = frozenset({"url", "file"})
    lengths: tuple[int, ...] | None = (5, 9)

    def __init__(
        self, http: HttpClient, base_url: str, download: Downloader, *, limit: int, pace: PollInterval
    ) -> None:
        """`limit` is in bytes."""
        self._http = http
        self._url = f"{base_url.rstrip('/')}/video/generations"
        self._origin = origin(base_url)
        self._download = download
        self._limit = limit
        self._pace = pace

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        upstream_id = job.upstream_id or await self._request_generation(job, progress)
        result = await self._poll(upstream_id, progress)
        video = folder / "video.mp4"
        assert result.url is not None
        await self._download.to_file(result.url, video, self._limit, trusted=self._origin)
        thumbnail = None
        if result.thumbnail:
            thumbnail = folder / "thumbnail.jpg"
            await self._download.to_file(result.thumbnail, thumbnail, self._limit, trusted=self._origin)
        width, height = frame_size(job.aspect_ratio, job.resolution)
        return VideoFiles(video, thumbnail, result.width or width, result.height or height)

    async def close(self) -> None:
        await self._http.close()

    async def _request_generation(self, job: Job, progress: Progress) -> str:
        order: dict[str, Any] = {
            "model": f"luma/{job.model}",
            "prompt": job.prompt,
            "aspect_ratio": job.aspect_ratio,
            "resolution": job.resolution,
            "duration": job.seconds,
            "loop": job.loop,
        }
        frames = {"frame0": job.start, "frame1": job.end}
        keyframes = {name: _keyframe(frame) for name, frame in frames.items() if frame is not None}
        if keyframes:
            order["keyframes"] = keyframes
        await progress.ordering()
        try:
            response = await self._http.post(self._url, order, {"Idempotency-Key": job.id})
            try:
                created = _decode_generation(await response.read())
            finally:
                response.close()
        except UpstreamError as error:
            raise _to_media_error(error) from None
        upstream_id = created.id or created.generation_id or ""
        if not _ID.fullmatch(upstream_id):
            raise MediaError(f"The video service returned an invalid generation id: {upstream_id[:100]!r}.")
        await progress.ordered(upstream_id)
        return upstream_id

    async def _poll(self, upstream_id: str, progress: Progress) -> _Video:
        is_dreaming = False
        async for _ in self._pace:
            try:
                generation = _decode_generation(await self._http.get(f"{self._url}?generation_id={upstream_id}"))
            except UpstreamError as error:
                raise _to_media_error(error) from None
            if generation.status in {"generating", "processing"} and not is_dreaming:
                is_dreaming = True
                await progress.dreaming()
            if generation.status in {"error", "failed"}:
                raise MediaError(f"The video service failed to generate the video: {_failure_reason(generation)}")
            if generation.status == "completed":
                return _completed_video(generation)
        raise AssertionError  # the pace never ends


def _failure_reason(generation: _Generation) -> str:
    error = generation.error
    return redact((error.message if isinstance(error, _Error) else error) or "no reason")


def _completed_video(generation: _Generation) -> _Video:
    if generation.video is None or not generation.video.url:
        raise MediaError("The video service completed the video without a URL of the file.")
    return generation.video


def _decode_generation(body: bytes) -> _Generation:
    try:
        return msgspec.json.decode(body, type=_Generation)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MediaError("The video service returned a malformed generation.", passing=True) from None


def _to_media_error(error: UpstreamError) -> MediaError:
    return MediaError(
        f"The video service failed: {error.message}",
        passing=error.is_retryable,
        retry_after=error.retry_after,
    )


def _keyframe(frame: Frame) -> dict[str, Any]:
    if frame.kind == "generation":
        if frame.upstream_id is None:
            raise MediaError(
                "A keyframe is a video that the video service did not make. Use one of its own, or an image."
            )
        return {"type": "generation", "id": frame.upstream_id.partition(":")[0]}
    if frame.path is None:
        return {"type": "image", "url": frame.url}
    data = frame.path.read_bytes()
    return {"type": "image", "url": f"data:{_image_type(data)};base64,{base64.b64encode(data).decode()}"}


def _image_type(data: bytes) -> str:
    for start, name in ((b"\x89PNG", ".png"), (b"\xff\xd8", ".jpg"), (b"RIFF", ".webp"), (b"GIF8", ".gif")):
        if data.startswith(start):
            return mimetypes.types_map.get(name, "image/webp")
    return "application/octet-stream"

"""Luma's own service as a provider, through its official package `lumaai` (the extra `understudy[luma]`)."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from understudy.errors import SettingsError
from understudy.media.download import Downloader
from understudy.media.frame_sizes import frame_size
from understudy.media.polling import PollInterval
from understudy.media.provider import Frame, Job, MediaError, Progress, VideoFiles
from understudy.net.outbound import origin
from understudy.redaction import redact

T = TypeVar("T")

_DEFAULT_BASE_URL: Final = "https://api.lumalabs.ai/dream-machine/v1"
_LIST_LIMIT: Final = 100
# Clocks differ by at most so many seconds.
_MAX_CLOCK_SKEW: Final = 60.0
_ID: Final = re.compile(r"[\w.-]{1,128}")


class Luma:
    name = "luma"
    takes: frozenset[Literal["file", "url"]] = frozenset({"url"})
    lengths: tuple[int, ...] | None = (5, 9)

    def __init__(
        self,
        api_key: str | None,
        base_url: str | None,
        download: Downloader,
        *,
        seconds: float,
        limit: int,
        pace: PollInterval,
    ) -> None:
        """Raises SettingsError without the package or the key. `limit` is in bytes, `seconds` for one request."""
        try:
            import lumaai  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise SettingsError(
                f"`video.provider` 'luma' needs packages that are not installed ({error}); run"
                " `pip install 'understudy[luma]'`."
            ) from None
        if api_key is None:
            raise SettingsError(
                "`video.provider` 'luma' needs a key: set `video.api_key`, or the variable `UNDERSTUDY_VIDEO__API_KEY`."
            )
        self._errors: Any = lumaai
        self._base = base_url or _DEFAULT_BASE_URL
        # Attempts are counted by the engine, which knows what an attempt may cost.
        self._client = lumaai.AsyncLumaAI(auth_token=api_key, base_url=self._base, max_retries=0, timeout=seconds)
        self._download = download
        self._limit = limit
        self._pace = pace

    async def generate(self, job: Job, folder: Path, progress: Progress) -> VideoFiles:
        upstream_id = (
            job.upstream_id or await self._find_lost(job, progress) or await self._request_generation(job, progress)
        )
        generation = await self._poll(upstream_id, progress)
        assets = generation.assets
        if assets is None or not assets.video:
            raise MediaError("Luma completed the video without a URL of the file.")
        video = folder / "video.mp4"
        await self._download_to(assets.video, video)
        thumbnail = None
        if assets.image:
            thumbnail = folder / "thumbnail.jpg"
            await self._download_to(assets.image, thumbnail)
        width, height = frame_size(job.aspect_ratio, job.resolution)
        return VideoFiles(video, thumbnail, width, height)

    async def close(self) -> None:
        await self._client.close()

    async def _request_generation(self, job: Job, progress: Progress) -> str:
        order: dict[str, Any] = {
            "prompt": job.prompt,
            "model": job.model,
            "aspect_ratio": job.aspect_ratio,
            "resolution": job.resolution,
            "duration": f"{job.seconds}s",
            "loop": job.loop,
        }
        if keyframes := _keyframes(job):
            order["keyframes"] = keyframes
        if job.concepts:
            order["concepts"] = [{"key": key} for key in job.concepts]
        await progress.ordering()
        created = await self._call_api(lambda: self._client.generations.create(**order))
        upstream_id = _validate_id(created.id)
        await progress.ordered(upstream_id)
        return upstream_id

    async def _find_lost(self, job: Job, progress: Progress) -> str | None:
        """The id of an order whose response was lost: same prompt, created since then, and not of another job."""
        if job.ordered_at is None:
            return None
        since = job.ordered_at - _MAX_CLOCK_SKEW
        page = await self._call_api(lambda: self._client.generations.list(limit=_LIST_LIMIT))
        for generation in page.generations:
            is_same = getattr(generation.request, "prompt", None) == job.prompt
            is_recent = generation.created_at is not None and generation.created_at.timestamp() >= since
            if generation.id and is_same and is_recent and await progress.is_free(generation.id):
                await progress.ordered(_validate_id(generation.id))
                return str(generation.id)
        return None

    async def _poll(self, upstream_id: str, progress: Progress) -> Any:
        """Polls until the video has ended. The caller bounds the time."""
        is_dreaming = False
        async for _ in self._pace:
            generation = await self._call_api(lambda: self._client.generations.get(upstream_id))
            if generation.state == "dreaming" and not is_dreaming:
                is_dreaming = True
                await progress.dreaming()
            if generation.state == "failed":
                raise MediaError(redact(generation.failure_reason or "") or "Luma failed without a reason.")
            if generation.state == "completed":
                return generation
        raise AssertionError  # the pace never ends

    async def _download_to(self, url: str, path: Path) -> None:
        await self._download.to_file(url, path, self._limit, trusted=origin(self._base))

    async def _call_api(self, request: Callable[[], Awaitable[T]]) -> T:
        try:
            return await request()
        except self._errors.APIStatusError as error:
            raise _to_media_error(error.status_code, error.response.headers.get("retry-after"), error.message) from None
        except self._errors.APIConnectionError:
            raise MediaError("Luma is unavailable, or the request timed out.", passing=True) from None


def _to_media_error(status: int, retry_after: str | None, message: str) -> MediaError:
    if status in {401, 403}:
        return MediaError(f"Luma refused this server's key (status {status}).")
    passing = status in {408, 409, 429} or status >= 500
    seconds = float(retry_after) if retry_after and re.fullmatch(r"\d{1,5}", retry_after) else None
    return MediaError(f"Luma returned status {status}: {redact(message)[:500]}", passing=passing, retry_after=seconds)


def _keyframes(job: Job) -> dict[str, Any]:
    pairs = (("frame0", job.start), ("frame1", job.end))
    return {name: _keyframe(frame) for name, frame in pairs if frame is not None}


def _keyframe(frame: Frame) -> dict[str, Any]:
    if frame.kind == "generation":
        if frame.upstream_id is None:
            raise MediaError("A keyframe is a video that Luma did not make. Use one of its own, or an image.")
        return {"type": "generation", "id": frame.upstream_id}
    return {"type": "image", "url": frame.url}


def _validate_id(upstream_id: str | None) -> str:
    if upstream_id is None or not _ID.fullmatch(upstream_id):
        raise MediaError(f"Luma returned an invalid generation id: {str(upstream_id)[:100]!r}.")
    return upstream_id

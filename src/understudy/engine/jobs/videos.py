"""Videos as jobs: made by a provider, stored, released for a retry. Knows no HTTP and no provider."""

import asyncio
import logging
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

from msgspec.structs import replace as changed

from understudy.blobs import Blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.files import Files
from understudy.engine.job_holds import JobHolds
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.job import MAX_INTERRUPTIONS, JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.jobs.waiters import SharedWaiters
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.media import Frame, Job, MediaError, VideoFiles, VideoProvider
from understudy.media.download import Downloader
from understudy.settings import VideoSettings
from understudy.store import Store
from understudy.store.fair_candidates import FairCursor
from understudy.store.video_claims import VideoClaim
from understudy.store.video_rows import Keyframe, Role, VideoFile
from understudy.store.workers import Candidate

_EXPIRY_SECONDS: Final = 60.0
_DAY: Final = 86_400.0
_MAX_CANDIDATES: Final = 100
_BACKOFF: Final = Backoff(first=1.0, longest=60.0, max_attempts=8)
_CHUNK_BYTES: Final = 1024 * 1024
# How long a video takes where none has been made yet, in seconds.
_DEFAULT_DURATION_SECONDS: Final = 20.0
_INTERNAL_ERROR_TEXT: Final = "The server had an error while it made the video; the server's log has the cause."
logger = logging.getLogger(__name__)


class VideoJobs(JobKind[int, VideoClaim]):
    name = "video"

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        provider: VideoProvider,
        download: Downloader,
        settings: VideoSettings,
        clock: Clock,
        spool: Path,
        broker: Broker,
        holds: JobHolds,
        places: int,
    ) -> None:
        """`spool` is a directory for unfinished files. At most `places` videos are made at a time."""
        self._store = store
        self._blobs = blobs
        self._files = files
        self._provider = provider
        self._download = download
        self._settings = settings
        self._clock = clock
        self._spool = spool
        self.holds = holds
        self._cursor = FairCursor()
        self._waiters = SharedWaiters(broker, "video")
        self.next_change = self._waiters.next_change
        self.is_stopping = False
        """Whether waits for videos must end."""
        self._recent_durations: deque[float] = deque(maxlen=20)
        loops = () if settings.keep_days is None else (Looper(_EXPIRY_SECONDS, self._delete_expired),)
        self._pool = LeasePool(self, store.workers, clock, "studio", places, broker, loops)
        self.start = self._pool.start
        self.wake = self._pool.wake

    async def drain(self) -> None:
        """Releases the jobs, and ends the lease."""
        self.release()
        await self._pool.stop()

    async def stop(self) -> None:
        await self.drain()
        await self._provider.close()
        await self._download.close()

    def release(self) -> None:
        """Ends every wait for a video: this server is stopping."""
        self.is_stopping = True
        self._waiters.notify_all()

    @property
    def id(self) -> str:
        return self._pool.id

    @property
    def typical_duration(self) -> float:
        """The mean duration of the latest videos, in seconds."""
        recent = self._recent_durations
        return sum(recent) / len(recent) if recent else _DEFAULT_DURATION_SECONDS

    def interrupt_video(self, seq: int, video_id: str) -> None:
        """Stops making a video that was deleted, and ends the waits for it."""
        self.holds.settle(video_id, 0)
        self._pool.interrupt(seq)
        self._waiters.notify(video_id)

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> list[Candidate[int]]:
        return await self._store.videos.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> VideoClaim | None:
        return await self._store.videos.claim(candidate.key, owner, now)

    async def list_owned(self, owner: str) -> Mapping[int, int]:
        return await self._store.videos.list_owned(owner)

    def created_at(self, work: VideoClaim, /) -> float | None:
        return work.video.record.created_at if work.attempts == 1 else None

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for seq in keys:
            await self._store.videos.release(owner, seq, 0.0, attempts=1)

    def job_ended(self, work: VideoClaim, /) -> None:
        self._waiters.notify(work.video.id)

    async def _delete_expired(self) -> None:
        assert self._settings.keep_days is not None
        await self._store.videos.expire(self._clock.now() - self._settings.keep_days * _DAY)

    # -- one video ---------------------------------------------------------------------------------------------

    async def run(self, work: VideoClaim) -> float | None:
        if work.interruptions > MAX_INTERRUPTIONS:
            await self._fail_video(
                work, f"The server stopped unexpectedly {work.interruptions} times while it made this video."
            )
            return None
        try:
            async with asyncio.timeout(self._settings.seconds):
                await self._generate(work)
        except asyncio.CancelledError:
            await self._store.videos.release(self.id, work.video.seq, 0.0, attempts=1)
        except TimeoutError:
            await self._fail_video(work, f"Making the video took longer than {self._settings.seconds:g} seconds.")
            return None
        except MediaError as error:
            return await self._retry(work, error)
        except StoreError as error:
            logger.warning("video %s: not stored: %s", work.video.id, error)
            return await self._retry(work, MediaError(_INTERNAL_ERROR_TEXT, passing=True))
        except Exception:
            logger.exception("video %s: failed", work.video.id)
            return await self._retry(work, MediaError(_INTERNAL_ERROR_TEXT, passing=True))
        return None

    async def _generate(self, claimed: VideoClaim) -> None:
        started_at = self._clock.now()
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._spool)))
            job = await self._build_job(claimed, folder, stack)
            made = await self._provider.generate(job, folder, _ProgressRecorder(self, claimed))
            await self._store_outputs(claimed, made, stack)
        self._recent_durations.append(self._clock.now() - started_at)

    async def _build_job(self, claimed: VideoClaim, folder: Path, stack: AsyncExitStack) -> Job:
        video, request = claimed.video, claimed.video.record.request
        pieces = {piece.role: piece for piece in claimed.pieces}
        return Job(
            id=video.id,
            prompt=request.prompt,
            model=request.model,
            aspect_ratio=request.aspect_ratio,
            resolution=request.resolution,
            seconds=request.seconds,
            loop=request.loop,
            expand=request.expand,
            concepts=request.concepts,
            start=await self._load_frame(request.start, pieces.get("start"), folder / "start", stack),
            end=await self._load_frame(request.end, pieces.get("end"), folder / "end", stack),
            upstream_id=video.upstream_id,
            ordered_at=claimed.ordered_at,
        )

    async def _load_frame(
        self, keyframe: Keyframe | None, piece: VideoFile | None, path: Path, stack: AsyncExitStack
    ) -> Frame | None:
        if keyframe is None:
            return None
        frame = Frame(keyframe.kind, url=keyframe.url, upstream_id=keyframe.upstream_id)
        if piece is not None:
            return replace(frame, path=await stack.enter_async_context(self._blobs.path(piece.blob)))
        if keyframe.url is not None and "url" not in self._provider.takes:
            await self._download.to_file(keyframe.url, path, self._settings.image_bytes)
            return replace(frame, path=path)
        return frame

    async def _store_outputs(self, claimed: VideoClaim, made: VideoFiles, stack: AsyncExitStack) -> None:
        pieces = [await self._store_file("video", made.video, stack)]
        if made.thumbnail is not None:
            pieces.append(await self._store_file("thumbnail", made.thumbnail, stack))
        now = self._clock.now()
        record = changed(
            claimed.video.record,
            width=made.width,
            height=made.height,
            thumbnail=made.thumbnail is not None,
            ended_at=now,
        )
        if await self._store.videos.complete(self.id, claimed, record, pieces, now):
            self.holds.settle(claimed.video.id, record.credits)

    async def _store_file(self, role: Role, path: Path, stack: AsyncExitStack) -> VideoFile:
        draft = await stack.enter_async_context(self._files.open_draft())
        async for chunk in _read_chunks(path):
            await draft.write(chunk)
        blob = await draft.commit()
        return VideoFile(role, blob.name, blob.size)

    async def _retry(self, claimed: VideoClaim, error: MediaError) -> float | None:
        delay = _BACKOFF.delay(claimed.attempts, error.retry_after or 0.0) if error.passing else None
        if delay is None:
            await self._fail_video(claimed, error.message)
            return None
        logger.warning("video %s: retry in %g s: %s", claimed.video.id, delay, error.message)
        await self._store.videos.release(self.id, claimed.video.seq, self._clock.now() + delay)
        return delay

    async def _fail_video(self, claimed: VideoClaim, reason: str) -> None:
        now = self._clock.now()
        record = changed(claimed.video.record, failure_reason=reason, ended_at=now)
        if await self._store.videos.fail(self.id, claimed, record, now):
            self.holds.settle(claimed.video.id, 0)


class _ProgressRecorder:
    """Stores the progress that a provider reports. Raises CancelledError where the claim was lost."""

    def __init__(self, videos: VideoJobs, claimed: VideoClaim) -> None:
        self._videos = videos
        self._store = videos._store.videos  # noqa: SLF001 - a part of it
        self._clock = videos._clock  # noqa: SLF001 - likewise
        self._seq = claimed.video.seq
        self._claimed = claimed

    async def ordering(self) -> None:
        self._require_lease(ours=await self._store.mark_ordering(self._videos.id, self._seq, self._clock.now()))

    async def ordered(self, upstream_id: str) -> None:
        self._require_lease(ours=await self._store.mark_ordered(self._videos.id, self._seq, upstream_id))

    async def dreaming(self) -> None:
        if await self._store.mark_dreaming(self._videos.id, self._seq):
            self._videos._waiters.notify(self._claimed.video.id)  # noqa: SLF001 - likewise

    async def is_free(self, upstream_id: str) -> bool:
        return not await self._store.has_upstream_id(upstream_id, self._claimed.video.provider)

    def _require_lease(self, *, ours: bool) -> None:
        if not ours:
            raise asyncio.CancelledError


async def _read_chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk

"""Videos: taken, made a few at a time in the background, waited for, deleted. Knows no HTTP and no provider.

The database is the truth: a worker's claim is a lease that it renews, the sweep finds what nobody works on, and whoever
waits for a video is woken when it changes. Projects take turns.
"""

import asyncio
import logging
import secrets
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from msgspec.structs import replace as changed

from understudy import ids
from understudy.blobs import Blobs
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.files import Files
from understudy.engine.jobs.video_callbacks import VideoCallbacks
from understudy.engine.keyframes import Keyframes
from understudy.errors import StoreError, Unavailable
from understudy.llm.prices import Tokens
from understudy.looper import Looper
from understudy.media import Frame, Job, MediaError, VideoFiles, VideoProvider
from understudy.media.download import Downloader
from understudy.media.rehearsal import RehearsalRenderer
from understudy.settings import VideoSettings
from understudy.store import Store
from understudy.store.videos import Generation, Keyframe, Record, Request, Role, VideoCandidate, VideoClaim, VideoFile
from understudy.wire.videos import KeyframeReference, State

LEASE_SECONDS: Final = 8.0
_HEARTBEAT_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 1.0
_EXPIRY_SECONDS: Final = 60.0
_DAY: Final = 86_400.0
_MAX_ATTEMPTS: Final = 8
# Servers that died over a video without any progress: it may be the reason.
_MAX_INTERRUPTIONS: Final = 5
# Before the second attempt; each one after it waits twice as long.
_INITIAL_BACKOFF_SECONDS: Final = 1.0
_MAX_BACKOFF_SECONDS: Final = 60.0
_STATE_ORDER: Final[dict[State, int]] = {"queued": 0, "dreaming": 1, "completed": 2, "failed": 3}
_CHUNK_BYTES: Final = 1024 * 1024
# How long a video takes where none has been made yet, in seconds.
_DEFAULT_DURATION_SECONDS: Final = 20.0
_INTERNAL_ERROR_TEXT: Final = "The server had an error while it made the video; the server's log has the cause."
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VideoOrder:
    """`base` is where the client reached this server, `request_key` names its request, and the key `key_id` pays."""

    request: Request
    base: str
    start: KeyframeReference | None = None
    end: KeyframeReference | None = None
    start_param: str = "keyframes.frame0"
    end_param: str = "keyframes.frame1"
    request_key: str | None = None
    key_id: str = ""


@dataclass(eq=False, slots=True)
class _VideoJob:
    claimed: VideoClaim
    task: asyncio.Task[None] | None = None


class VideoJobs:
    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        files: Files,
        provider: VideoProvider,
        download: Downloader,
        accounting: Accounting,
        callbacks: VideoCallbacks,
        settings: VideoSettings,
        clock: Clock,
        spool: Path,
    ) -> None:
        """`spool` is a directory for files that are being made."""
        self.id = "studio_" + secrets.token_hex(12)
        self._store = store
        self._blobs = blobs
        self._files = files
        self._provider = provider
        self._download = download
        self._accounting = accounting
        self._callbacks = callbacks
        self._settings = settings
        self._clock = clock
        self._spool = spool
        self._keyframes = Keyframes(store, files, provider, settings)
        self._work: dict[int, _VideoJob] = {}
        # Whose claim may be stored and has no work yet.
        self._claiming: int | None = None
        self._served: dict[str, int] = {}
        self._ticks = count(1)
        self._woken = asyncio.Event()
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._closing = False
        self._recent_durations: deque[float] = deque(maxlen=20)
        self._leased_until = 0.0
        self._loops = [
            Looper(_HEARTBEAT_SECONDS, self._renew_leases),
            Looper(_SWEEP_SECONDS, self._sweep),
            Looper(0, self._start_jobs),
        ]
        if settings.keep_days is not None:
            self._loops.append(Looper(_EXPIRY_SECONDS, self._delete_expired))

    async def start(self) -> None:
        await self._renew_leases()
        self._callbacks.start()
        for loop in self._loops:
            loop.start()
        self._woken.set()

    async def stop(self) -> None:
        """Gives back what is under way, and ends the lease."""
        self.release()
        for loop in self._loops:
            await loop.stop()
        await self._interrupt(list(self._work.values()))
        await self._callbacks.stop()
        await self._provider.close()
        await self._download.close()
        try:
            await self._store.runs.retire(self.id)
        except StoreError:
            logger.warning("the lease could not be ended; the videos are taken up when it runs out")

    def release(self) -> None:
        """Lets everybody go who waits for a video: no new ones are made here."""
        self._closing = True
        for generation_id in list(self._waiters):
            self._announce(generation_id)

    # -- for the API -------------------------------------------------------------------------------------------

    async def create(self, project_id: str, asked: VideoOrder) -> Generation:
        """Raises InvalidRequest, NotFound, RateLimited, and Unavailable where nothing can be made."""
        self._check_provider()
        if asked.request.callback_url is not None:
            self._callbacks.check(asked.request.callback_url)
        async with AsyncExitStack() as stack:
            request, pieces = await self._resolve_keyframes(project_id, asked, stack)
            new_id = ids.generation()
            price = await self._accounting.usage(
                new_id, "video", f"luma/{request.model}", Tokens(), key_id=asked.key_id
            )
            record = Record(
                request=request,
                created_at=self._clock.now(),
                base=asked.base,
                credits=price.credits,
                key_id=asked.key_id,
            )
            generation_id = await self._store.generations.create(
                project_id,
                new_id,
                record,
                provider=self._provider.name,
                token=secrets.token_urlsafe(24),
                pieces=pieces,
                request_key=asked.request_key,
                most=self._settings.waiting,
            )
        self._woken.set()
        return await self._store.generations.get(project_id, generation_id)

    async def wait(self, project_id: str, generation_id: str, state: State, seconds: float) -> Generation:
        """The generation once it is in that state or in a later one, or as it is when the time is over."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            with self._next_change(generation_id.lower()) as change:
                found = await self._store.generations.get(project_id, generation_id)
                left = deadline - asyncio.get_running_loop().time()
                if _STATE_ORDER[found.state] >= _STATE_ORDER[state] or left <= 0 or self._closing:
                    return found
                await asyncio.wait([change], timeout=left)

    async def delete(self, project_id: str, generation_id: str) -> None:
        seq = await self._store.generations.delete(project_id, generation_id)
        work = self._work.get(seq)
        if work is not None and work.task is not None:
            work.task.cancel()
        self._announce(generation_id.lower())

    async def estimate(self, generation: Generation) -> int | None:
        """Seconds until a generation will have ended, as far as one can tell; None where it has."""
        if generation.state in {"completed", "failed"}:
            return None
        typical = (
            sum(self._recent_durations) / len(self._recent_durations)
            if self._recent_durations
            else _DEFAULT_DURATION_SECONDS
        )
        ahead = await self._store.generations.count_ahead(generation.seq)
        return max(1, round(typical * (ahead // self._settings.concurrent + 1)))

    def _check_provider(self) -> None:
        if isinstance(self._provider, RehearsalRenderer) and (missing := self._provider.missing()):
            raise Unavailable(missing)

    async def _resolve_keyframes(
        self, project_id: str, asked: VideoOrder, stack: AsyncExitStack
    ) -> tuple[Request, list[VideoFile]]:
        request, pieces = asked.request, []
        if asked.start is not None:
            start, piece = await self._keyframes.resolve(
                project_id, asked.start, "start", asked.start_param, asked.base, stack
            )
            request = changed(request, start=start)
            pieces += [piece] if piece else []
        if asked.end is not None:
            end, piece = await self._keyframes.resolve(project_id, asked.end, "end", asked.end_param, asked.base, stack)
            request = changed(request, end=end)
            pieces += [piece] if piece else []
        return request, pieces

    # -- finding work ------------------------------------------------------------------------------------------

    async def _start_jobs(self) -> None:
        await self._woken.wait()
        self._woken.clear()
        while len(self._work) < self._settings.concurrent:
            waiting = await self._store.generations.list_candidates(self._clock.now(), 100)
            free = [one for one in waiting if one.seq not in self._work]
            if not free or not await self._claim(self._next_candidate(free)):
                return

    def _next_candidate(self, waiting: Sequence[VideoCandidate]) -> VideoCandidate:
        """Of the project that has the fewest under way, and then of the one that was served longest ago."""
        busy = Counter(work.claimed.generation.project_id for work in self._work.values())
        chosen = min(waiting, key=lambda one: (busy[one.project_id], self._served.get(one.project_id, 0), one.seq))
        if not busy:
            self._served.clear()
        self._served[chosen.project_id] = next(self._ticks)
        return chosen

    async def _claim(self, waiting: VideoCandidate) -> bool:
        self._claiming = waiting.seq
        try:
            claimed = await self._store.generations.claim(waiting.seq, self.id, self._clock.now())
            if claimed is None:
                return False
            self._work[waiting.seq] = work = _VideoJob(claimed)
            work.task = asyncio.create_task(self._run(work))
        finally:
            self._claiming = None
        return True

    async def _sweep(self) -> None:
        if self._clock.now() > self._leased_until:
            await self._interrupt(list(self._work.values()))  # others may have taken them by now
        # What is claimed while this reads is neither lost nor forgotten.
        known, claiming = dict(self._work), self._claiming
        owned = await self._store.generations.list_owned(self.id)
        lost = [work for seq, work in known.items() if seq not in owned and self._work.get(seq) is work]
        await self._interrupt(lost)
        for seq in owned - self._work.keys() - known.keys() - {claiming, self._claiming}:
            await self._store.generations.release(self.id, seq, 0.0, attempts=1)
        self._woken.set()

    async def _renew_leases(self) -> None:
        until = self._clock.now() + LEASE_SECONDS
        await self._store.runs.renew_lease(self.id, until)
        self._leased_until = until

    async def _delete_expired(self) -> None:
        assert self._settings.keep_days is not None
        await self._store.generations.expire(self._clock.now() - self._settings.keep_days * _DAY)

    async def _interrupt(self, works: Sequence[_VideoJob]) -> None:
        tasks = [work.task for work in works if work.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- making ------------------------------------------------------------------------------------------------

    async def _run(self, work: _VideoJob) -> None:
        generation = work.claimed.generation
        try:
            await self._attempt(work.claimed)
        except StoreError as error:
            logger.warning("the store does not answer, a video is taken up later: %s", error)
        finally:
            del self._work[generation.seq]
            self._announce(generation.id)
            self._woken.set()

    async def _attempt(self, claimed: VideoClaim) -> None:
        generations, seq = self._store.generations, claimed.generation.seq
        if claimed.interruptions > _MAX_INTERRUPTIONS:
            await self._fail(
                claimed, f"The server stopped unexpectedly {claimed.interruptions} times while it made this video."
            )
            return
        try:
            async with asyncio.timeout(self._settings.seconds):
                await self._generate(claimed)
        except asyncio.CancelledError:
            await generations.release(self.id, seq, 0.0, attempts=1)
        except TimeoutError:
            await self._fail(claimed, f"Making the video took longer than {self._settings.seconds:g} seconds.")
        except MediaError as error:
            await self._retry(claimed, error)
        except StoreError as error:
            logger.warning("the video %s could not be kept: %s", claimed.generation.id, error)
            await self._retry(claimed, MediaError(_INTERNAL_ERROR_TEXT, passing=True))
        except Exception:
            logger.exception("making the video %s failed", claimed.generation.id)
            await self._retry(claimed, MediaError(_INTERNAL_ERROR_TEXT, passing=True))

    async def _generate(self, claimed: VideoClaim) -> None:
        begun = self._clock.now()
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._spool)))
            job = await self._build_job(claimed, folder, stack)
            made = await self._provider.generate(job, folder, _ProgressRecorder(self, claimed))
            await self._store_files(claimed, made, stack)
        self._recent_durations.append(self._clock.now() - begun)

    async def _build_job(self, claimed: VideoClaim, folder: Path, stack: AsyncExitStack) -> Job:
        generation, request = claimed.generation, claimed.generation.record.request
        pieces = {piece.role: piece for piece in claimed.pieces}
        return Job(
            id=generation.id,
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
            upstream_id=generation.upstream_id,
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

    async def _store_files(self, claimed: VideoClaim, made: VideoFiles, stack: AsyncExitStack) -> None:
        pieces = [await self._store_file("video", made.video, stack)]
        if made.thumbnail is not None:
            pieces.append(await self._store_file("thumbnail", made.thumbnail, stack))
        record = changed(
            claimed.generation.record, width=made.width, height=made.height, thumbnail=made.thumbnail is not None
        )
        await self._store.generations.complete(self.id, claimed, record, pieces, self._clock.now())

    async def _store_file(self, role: Role, path: Path, stack: AsyncExitStack) -> VideoFile:
        draft = await stack.enter_async_context(self._files.open_draft())
        async for chunk in _read_chunks(path):
            await draft.write(chunk)
        blob = await draft.commit()
        return VideoFile(role, blob.name, blob.size)

    async def _retry(self, claimed: VideoClaim, error: MediaError) -> None:
        if not error.passing or claimed.attempts >= _MAX_ATTEMPTS:
            await self._fail(claimed, error.message)
            return
        wait = max(
            error.retry_after or 0.0, min(_MAX_BACKOFF_SECONDS, _INITIAL_BACKOFF_SECONDS * 2 ** (claimed.attempts - 1))
        )
        logger.warning("the video %s is tried again in %g s: %s", claimed.generation.id, wait, error.message)
        await self._store.generations.release(self.id, claimed.generation.seq, self._clock.now() + wait)

    async def _fail(self, claimed: VideoClaim, reason: str) -> None:
        record = changed(claimed.generation.record, failure_reason=reason)
        await self._store.generations.fail(self.id, claimed, record, self._clock.now())

    # -- who waits ---------------------------------------------------------------------------------------------

    @contextmanager
    def _next_change(self, generation_id: str) -> Iterator[asyncio.Future[None]]:
        """A future that is done when the generation has changed; entered before it is looked at."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(generation_id, set())
        waiters.add(waiter)
        try:
            yield waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiters.get(generation_id) is waiters:
                del self._waiters[generation_id]

    def _announce(self, generation_id: str) -> None:
        for waiter in self._waiters.pop(generation_id, set()):
            if not waiter.done():
                waiter.set_result(None)


class _ProgressRecorder:
    """Writes down what a provider says of its work. Raises CancelledError where the work is not ours any more."""

    def __init__(self, generations: VideoJobs, claimed: VideoClaim) -> None:
        self._generations = generations
        self._store = generations._store.generations  # noqa: SLF001 - a part of it
        self._clock = generations._clock  # noqa: SLF001 - likewise
        self._seq = claimed.generation.seq
        self._claimed = claimed

    async def ordering(self) -> None:
        self._require_lease(ours=await self._store.mark_ordering(self._generations.id, self._seq, self._clock.now()))

    async def ordered(self, upstream_id: str) -> None:
        self._require_lease(ours=await self._store.mark_ordered(self._generations.id, self._seq, upstream_id))

    async def dreaming(self) -> None:
        if await self._store.mark_dreaming(self._generations.id, self._seq):
            self._generations._announce(self._claimed.generation.id)  # noqa: SLF001 - likewise

    async def is_free(self, upstream_id: str) -> bool:
        return not await self._store.has_upstream_id(upstream_id, self._claimed.generation.provider)

    def _require_lease(self, *, ours: bool) -> None:
        if not ours:
            raise asyncio.CancelledError


async def _read_chunks(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk

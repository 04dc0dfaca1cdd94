"""The verbs on videos: create, wait, delete. `jobs/videos.py` makes them. Knows no HTTP and no provider."""

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace as changed

from understudy import ids
from understudy.clock import Clock
from understudy.engine import video_forms
from understudy.engine.accounting import Accounting
from understudy.engine.files import Files
from understudy.engine.jobs.video_callbacks import VideoCallbacks
from understudy.engine.jobs.videos import VideoJobs
from understudy.engine.keyframes import Keyframes
from understudy.engine.spending_holds import released_on_error
from understudy.errors import Unavailable
from understudy.llm.prices import Tokens
from understudy.media import VideoProvider
from understudy.media.rehearsal import RehearsalRenderer
from understudy.settings import VideoSettings
from understudy.store import Store
from understudy.store.charges import DAY_SECONDS
from understudy.store.video_rows import Record, Request, Video, VideoFile
from understudy.wire.videos import KeyframeReference, State

_STATE_ORDER: Final[dict[State, int]] = {"queued": 0, "dreaming": 1, "completed": 2, "failed": 3}
_POLL_SECONDS: Final = 5.0


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


class Videos:
    def __init__(
        self,
        store: Store,
        files: Files,
        provider: VideoProvider,
        accounting: Accounting,
        callbacks: VideoCallbacks,
        jobs: VideoJobs,
        settings: VideoSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._provider = provider
        self._accounting = accounting
        self._callbacks = callbacks
        self._jobs = jobs
        self._settings = settings
        self._clock = clock
        self._keyframes = Keyframes(store, files, provider, settings)

    async def create(self, project_id: str, order: VideoOrder) -> Video:
        """Raises InvalidRequest, NotFound, RateLimited, OutOfFunds, FundsReserved, and Unavailable where nothing can be
        made."""
        self._check_provider()
        if order.request.callback_url is not None:
            self._callbacks.check(order.request.callback_url)
        async with AsyncExitStack() as stack:
            request, pieces = await self._resolve_keyframes(project_id, order, stack)
            new_id = ids.generation()
            price = await self._accounting.usage(
                new_id, "video", f"luma/{request.model}", Tokens(), key_id=order.key_id
            )
            record = Record(
                request=request,
                created_at=self._clock.now(),
                base=order.base,
                credits=price.credits,
                key_id=order.key_id,
            )
            hold = next(iter(await self._jobs.holds.take(project_id, order.key_id, [price.credits])), None)
            self._jobs.holds.bind(hold, new_id)
            with released_on_error(hold):
                video_id = await self._store.videos.create(
                    project_id,
                    new_id,
                    record,
                    provider=self._provider.name,
                    token=secrets.token_urlsafe(24),
                    pieces=pieces,
                    request_key=order.request_key,
                    most=self._settings.waiting,
                )
            if video_id != new_id:
                self._jobs.holds.settle(new_id, 0)
        self._jobs.wake()
        return await self._store.videos.get(project_id, video_id)

    def build_request(
        self, prompt: str, model: str, seconds: int, size: str, remixed_from: str | None = None
    ) -> Request:
        """A request in the form of the hosted API. Raises InvalidRequest for what the provider cannot make."""
        return video_forms.build_request(self._provider, prompt, model, seconds, size, remixed_from)

    @property
    def lifetime(self) -> float | None:
        """Seconds that a video is stored; None without a limit."""
        return None if self._settings.keep_days is None else self._settings.keep_days * DAY_SECONDS

    async def wait(self, project_id: str, video_id: str, state: State, seconds: float) -> Video:
        """The video once it is in `state` or in a later one, or as it is after `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            with self._jobs.next_change(video_id.lower()) as change:
                video = await self._store.videos.get(project_id, video_id)
                left = deadline - asyncio.get_running_loop().time()
                if _STATE_ORDER[video.state] >= _STATE_ORDER[state] or left <= 0 or self._jobs.is_stopping:
                    return video
                # Another node may make it, and its notice be lost.
                await asyncio.wait([change], timeout=min(left, _POLL_SECONDS))

    async def delete(self, project_id: str, video_id: str) -> None:
        seq = await self._store.videos.delete(project_id, video_id)
        self._jobs.interrupt_video(seq, video_id.lower())

    async def estimate(self, video: Video) -> int | None:
        """Estimated seconds until a video ends; None where it has ended."""
        if video.state in {"completed", "failed"}:
            return None
        ahead = await self._store.videos.count_ahead(video.seq)
        return max(1, round(self._jobs.typical_duration * (ahead // self._settings.concurrent + 1)))

    def problem(self) -> str | None:
        """Why no video can be generated, and what to do; None if the provider has what it needs."""
        return self._provider.missing() if isinstance(self._provider, RehearsalRenderer) else None

    def _check_provider(self) -> None:
        if (missing := self.problem()) is not None:
            raise Unavailable(missing)

    async def _resolve_keyframes(
        self, project_id: str, order: VideoOrder, stack: AsyncExitStack
    ) -> tuple[Request, list[VideoFile]]:
        request, pieces = order.request, []
        if order.start is not None:
            start, piece = await self._keyframes.resolve(
                project_id, order.start, "start", order.start_param, order.base, stack
            )
            request = changed(request, start=start)
            pieces += [piece] if piece else []
        if order.end is not None:
            end, piece = await self._keyframes.resolve(project_id, order.end, "end", order.end_param, order.base, stack)
            request = changed(request, end=end)
            pieces += [piece] if piece else []
        return request, pieces

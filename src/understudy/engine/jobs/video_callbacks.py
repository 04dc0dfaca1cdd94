"""Callbacks to `callback_url` at the end of a video: attempts and retries.

The transaction that ends the video stores the callback, so a crash of this process loses nothing. A URL may receive a
callback more than once, always with the same content.
"""

import asyncio
import logging
from functools import partial
from typing import Final

import msgspec

from understudy.clock import Clock
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.views import videos
from understudy.errors import InvalidRequest, StoreError
from understudy.looper import Looper
from understudy.net.outbound import Client, url_problem
from understudy.store import Store
from understudy.store.video_callbacks import Callback

_SWEEP_SECONDS: Final = 0.5
_MAX_CONCURRENT: Final = 8
_TIMEOUT_SECONDS: Final = 10.0
# How much longer than its attempt a claim lasts, in seconds.
_CLAIM_MARGIN_SECONDS: Final = 5.0
# The last wait is more than an hour.
_BACKOFF: Final = Backoff(first=2.0, factor=3.0, max_attempts=8)
logger = logging.getLogger(__name__)


class VideoCallbacks:
    def __init__(self, store: Store, clock: Clock, *, allowed: bool, allow_private: bool) -> None:
        self._videos = store.videos
        self._clock = clock
        self._allowed = allowed
        self._allow_private = allow_private
        self._outward = Client(allow_private=allow_private, private_setting="webhooks.allow_private")
        deliver = partial(store.pending_work.run_if_pending, "video_callback", self._deliver_due)
        self._loop = Looper(_SWEEP_SECONDS, deliver)

    async def start(self) -> None:
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        await self._outward.close()

    def check(self, url: str) -> None:
        """Raises InvalidRequest if callbacks to this URL are not allowed."""
        if not self._allowed:
            refusal = (
                "This server sends no callbacks. Retrieve the video instead; an operator can set `video.callbacks`."
            )
        else:
            refusal = url_problem(url, allow_private=self._allow_private) or ""
        if refusal:
            raise InvalidRequest(
                f"Invalid 'callback_url': {url!r}. {refusal}", param="callback_url", code="invalid_value"
            )

    async def _deliver_due(self) -> None:
        now = self._clock.now()
        due = await self._videos.claim_callbacks(now, now + _TIMEOUT_SECONDS + _CLAIM_MARGIN_SECONDS, _MAX_CONCURRENT)
        await asyncio.gather(*(self._attempt(callback) for callback in due))

    async def _attempt(self, callback: Callback) -> None:
        video = callback.video
        url = video.record.request.callback_url or ""
        rendered = videos.render_luma(video, video.record.base, None, version=2)
        headers = {"content-type": "application/json"}
        result = await self._outward.post(url, msgspec.json.encode(rendered), headers, _TIMEOUT_SECONDS)
        try:
            if result.status is not None and 200 <= result.status < 300:
                await self._videos.end_callback(video.id)
                return
            reason = result.error or f"HTTP status {result.status}."
            logger.warning("video %s: callback failed (attempt %d): %s", video.id, callback.attempts, reason)
            delay = _BACKOFF.delay(callback.attempts)
            if delay is None:
                await self._videos.end_callback(video.id)
                return
            await self._videos.retry_callback(video.id, self._clock.now() + delay)
        except StoreError as error:
            logger.warning("store unavailable, retrying a video callback: %s", error)

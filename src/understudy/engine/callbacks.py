"""Telling `callback_url` that a video has ended: attempts, and when to try again.

Who is to be told stands in the database from the transaction that ended the video, so nothing is lost with this
process. An address may hear of an end more than once, and always of the same one.
"""

import asyncio
import logging
from typing import Final

import msgspec

from understudy.background import Repeating
from understudy.clock import Clock
from understudy.engine import generation_view
from understudy.errors import InvalidRequest, StoreError
from understudy.store.generations import Callback, Generations
from understudy.tools.outward import Outward, refused

_SWEEP: Final = 0.5
_AT_ONCE: Final = 8
_SECONDS: Final = 10.0
# How much longer than its attempt a claim lasts, in seconds.
_MARGIN: Final = 5.0
_MAX_ATTEMPTS: Final = 8
# Before the second attempt; each one after it waits three times as long, the last for more than an hour.
_FIRST_WAIT: Final = 2.0
logger = logging.getLogger(__name__)


class Callbacks:
    def __init__(self, generations: Generations, clock: Clock, *, allowed: bool, allow_private: bool) -> None:
        self._generations = generations
        self._clock = clock
        self._allowed = allowed
        self._allow_private = allow_private
        self._outward = Outward(allow_private=allow_private)
        self._loop = Repeating(_SWEEP, self._tell)

    def start(self) -> None:
        self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        await self._outward.close()

    def check(self, url: str) -> None:
        """Raises InvalidRequest where nobody would ever be told there."""
        if not self._allowed:
            refusal = "This server calls nobody back. Ask for the video instead; an operator can set `video.callbacks`."
        else:
            refusal = refused(url, allow_private=self._allow_private) or ""
        if refusal:
            raise InvalidRequest(
                f"Invalid 'callback_url': {url!r}. {refusal}", param="callback_url", code="invalid_value"
            )

    async def _tell(self) -> None:
        now = self._clock.now()
        due = await self._generations.take_callbacks(now, now + _SECONDS + _MARGIN, _AT_ONCE)
        await asyncio.gather(*(self._attempt(callback) for callback in due))

    async def _attempt(self, callback: Callback) -> None:
        generation = callback.generation
        url = generation.record.request.callback_url or ""
        shown = generation_view.luma(generation, generation.record.base, None, version=2)
        headers = {"content-type": "application/json"}
        answered = await self._outward.post(url, msgspec.json.encode(shown), headers, _SECONDS)
        try:
            if answered.status is not None and 200 <= answered.status < 300:
                await self._generations.end_callback(generation.id)
                return
            reason = answered.error or f"It answered with status {answered.status}."
            logger.warning(
                "the end of the video %s could not be told (%d): %s", generation.id, callback.attempts, reason
            )
            if callback.attempts >= _MAX_ATTEMPTS:
                await self._generations.end_callback(generation.id)
                return
            wait = _FIRST_WAIT * 3 ** (callback.attempts - 1)
            await self._generations.retry_callback(generation.id, self._clock.now() + wait)
        except StoreError as error:
            logger.warning("the store does not answer, the end of a video is told again: %s", error)

"""Places for lines of batches: projects take turns, and within a project its batches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from understudy.engine.jobs.fair_queue import FairQueue
from understudy.store.workers import Candidate


class FairPlaces:
    """At most `places` holders at a time. Those who wait are served as a `FairQueue` orders them."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: FairQueue[int] = FairQueue(most=None)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._numbers = count()

    @asynccontextmanager
    async def place(self, project_id: str, group: int) -> AsyncIterator[None]:
        candidate = Candidate(next(self._numbers), project_id, group)
        granted = self._waiting[candidate.key] = asyncio.get_running_loop().create_future()
        self._queue.add(candidate)
        self._assign_places()
        try:
            await granted
            yield
        finally:
            del self._waiting[candidate.key]
            if granted.done() and not granted.cancelled():
                self._queue.job_ended(candidate)
                self._free += 1
                self._assign_places()

    def _assign_places(self) -> None:
        while self._free and self._queue:
            candidate = self._queue.pop()
            granted = self._waiting.get(candidate.key)
            if granted is not None and not granted.done():
                self._free -= 1
                self._queue.job_started(candidate)
                granted.set_result(None)

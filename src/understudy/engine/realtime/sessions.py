"""The open realtime sessions of a process, and their end at a shutdown. Knows no event."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from understudy.engine.realtime.places import SessionPlaces
from understudy.engine.realtime.session import GOING_AWAY, Closing, RealtimeSession
from understudy.errors import Unavailable

_CLOSE_SECONDS: Final = 3.0
_STOPPING_MESSAGE: Final = "The server is stopping. Open another session in a moment."


class RealtimeSessions:
    def __init__(self, places: SessionPlaces, grace: float) -> None:
        """`grace` is how long a response in progress may delay a shutdown, in seconds."""
        self._places = places
        self._grace = grace
        self._open: set[RealtimeSession] = set()
        self._is_stopping = False
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def count(self) -> int:
        """How many sessions are open."""
        return self._places.count()

    @asynccontextmanager
    async def place(self, project_id: str) -> AsyncIterator[None]:
        """Takes a place before the provider is called. Raises RateLimitExceeded, Unavailable."""
        if self._is_stopping:
            raise Unavailable(_STOPPING_MESSAGE, headers={"retry-after": "1"})
        self._is_empty.clear()
        try:
            async with self._places.take(project_id):
                yield
        finally:
            if not self._places.count():
                self._is_empty.set()

    @contextmanager
    def track(self, session: RealtimeSession) -> Iterator[None]:
        self._open.add(session)
        if self._is_stopping:
            session.stop(_stopping(), 0.0)
        try:
            yield
        finally:
            self._open.discard(session)

    async def drain(self) -> None:
        """Ends all sessions, each once its response in progress has ended, or after the time of grace."""
        self._is_stopping = True
        for session in self._open:
            session.stop(_stopping(), self._grace)
        try:
            async with asyncio.timeout(self._grace + _CLOSE_SECONDS):
                await self._is_empty.wait()
        except TimeoutError:
            return


def _stopping() -> Closing:
    return Closing(GOING_AWAY, "server stopping", Unavailable(_STOPPING_MESSAGE, code="server_stopping"))

"""The open realtime sessions of a process: how many a project has, and their end at a shutdown. Knows no event."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from understudy.engine.realtime.session import GOING_AWAY, Closing, RealtimeSession
from understudy.errors import RateLimitExceeded, Unavailable

_CLOSE_SECONDS: Final = 3.0
_STOPPING_MESSAGE: Final = "The server is stopping. Open another session in a moment."


class RealtimeSessions:
    def __init__(self, project_sessions: int, grace: float) -> None:
        """`grace` is how long a response in progress may delay a shutdown, in seconds."""
        self._most = project_sessions
        self._grace = grace
        self._places: Counter[str] = Counter()
        self._open: set[RealtimeSession] = set()
        self._is_stopping = False
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def count(self) -> int:
        """How many sessions are open."""
        return self._places.total()

    @contextmanager
    def place(self, project_id: str) -> Iterator[None]:
        """Takes a place before the provider is called. Raises RateLimitExceeded, Unavailable."""
        if self._is_stopping:
            raise Unavailable(_STOPPING_MESSAGE, headers={"retry-after": "1"})
        if self._places[project_id] >= self._most:
            raise RateLimitExceeded(
                f"The project has {self._most} open realtime sessions, which is the limit of"
                " `realtime.project_sessions`. Close one before you open another one.",
                "requests",
                None,
            )
        self._places[project_id] += 1
        self._is_empty.clear()
        try:
            yield
        finally:
            self._places[project_id] -= 1
            if not self._places[project_id]:
                del self._places[project_id]
            if not self._places:
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

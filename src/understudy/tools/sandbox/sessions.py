"""All sessions of a sandbox: lookup, expiry, and eviction at the session limit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from understudy import telemetry
from understudy.clock import Clock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox.kernel import Kernel
from understudy.tools.sandbox.session import KernelSession

logger = logging.getLogger(__name__)

SWEEP_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.5


class Sessions:
    def __init__(self, settings: SandboxSettings, clock: Clock, start: Callable[[], Awaitable[Kernel]]) -> None:
        self._settings = settings
        self._clock = clock
        self._start = start
        self._sessions: dict[str, KernelSession] = {}

    def find(self, key: str) -> KernelSession | None:
        session = self._sessions.get(key)
        if session is None or session.ended or session.expires_at <= self._clock.now():
            return None
        return session

    def count(self) -> int:
        return len(self._sessions)

    async def open(self, key: str) -> KernelSession:
        session = self.find(key)
        if session is None:
            session = await self._start_session(key)
        await session.ready()
        return session

    async def add(self, key: str, kernel: Kernel) -> KernelSession:
        """A session on a kernel that another process has started."""
        return await self._start_session(key, kernel)

    async def _start_session(self, key: str, kernel: Kernel | None = None) -> KernelSession:
        """The session that another caller has started meanwhile, if one has; else `kernel` becomes one."""
        await self.sweep()
        while self.find(key) is None and len(self._sessions) >= self._settings.sessions:
            await self._evict_idlest()
        if session := self.find(key):
            return session
        session = KernelSession(key, self._settings, self._clock, self._start, kernel)
        self._sessions[key] = session
        return session

    async def _evict_idlest(self) -> None:
        """Ends the session that was idle for the longest; waits a little if none is idle."""
        unused = [session for session in self._sessions.values() if not session.busy]
        if not unused:
            await asyncio.sleep(_RETRY_SECONDS)
            return
        oldest = min(unused, key=lambda session: session.used_at)
        logger.info("session limit reached; closing the idlest session")
        telemetry.emit(telemetry.KernelStopped, reason="evicted")
        await self._close_session(oldest)

    async def sweep(self) -> None:
        """Ends expired sessions."""
        now = self._clock.now()
        over = [session for session in self._sessions.values() if session.ended or session.expires_at <= now]
        for session in over:
            if not session.ended:
                telemetry.emit(telemetry.KernelStopped, reason="expired")
        await asyncio.gather(*map(self._close_session, over))

    async def close(self) -> None:
        await asyncio.gather(*map(self._close_session, list(self._sessions.values())))

    async def _close_session(self, session: KernelSession) -> None:
        if self._sessions.get(session.key) is session:
            del self._sessions[session.key]
        await session.close()

"""The sandbox of this machine: a Jupyter kernel in bubblewrap for each session; some are started in advance."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from understudy.clock import Clock
from understudy.errors import SandboxError
from understudy.looper import Looper
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import cgroup, preflight
from understudy.tools.sandbox.bwrap import Sandbox
from understudy.tools.sandbox.command import MIB, Plan
from understudy.tools.sandbox.launcher import Launcher
from understudy.tools.sandbox.pool import Pool
from understudy.tools.sandbox.session import KernelSession
from understudy.tools.sandbox.sessions import SWEEP_SECONDS, Sessions
from understudy.tools.sandbox.watch import WATCH_SECONDS, Watch

_THREADS: Final = 4
_RECHECK_SECONDS: Final = 10.0
"""Seconds between two checks of a machine that could not run code."""


class EmbeddedSandbox:
    """`private` are folders that code must not see."""

    def __init__(self, settings: SandboxSettings, clock: Clock, private: tuple[Path, ...] = ()) -> None:
        self._settings = settings
        self._clock = clock
        self._private = private
        self._plan: Plan | None = None
        self._open_cgroups: cgroup.Groups | None = None
        self._problem = ""
        self._checked_at = float("-inf")
        self._checking: asyncio.Task[None] | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._launcher = Launcher()
        self._watches: dict[Sandbox, Watch] = {}
        warm = 1 if settings.warm is None else settings.warm
        self._pool: Pool[Sandbox] = Pool(self._start_kernel, warm, max(1, os.cpu_count() or 1))
        self._sessions = Sessions(settings, clock, self._pool.acquire)
        self._parts = (Looper(WATCH_SECONDS, self._watch_all), Looper(SWEEP_SECONDS, self._sessions.sweep))

    async def start(self) -> None:
        for part in self._parts:
            await part.start()
        if self._settings.warm:
            self._pool.refill()

    async def check(self) -> str | None:
        now = self._clock.now()
        if self._checking is None and self._plan is None and now - self._checked_at >= _RECHECK_SECONDS:
            self._checked_at = now
            self._checking = asyncio.create_task(self._examine())
        if self._checking is not None:
            # Several callers may await the check, which survives their cancellation.
            await asyncio.shield(self._checking)
        return None if self._plan else self._problem

    async def _examine(self) -> None:
        try:
            result = await preflight.preflight(self._settings, self._private)
            self._plan, self._problem = result.plan, result.problem
        finally:
            self._checking = None

    def prepare(self) -> None:
        if self._plan is not None:
            self._pool.refill()

    async def open(self, key: str) -> KernelSession:
        if problem := await self.check():
            raise SandboxError(problem)
        return await self._sessions.open(key)

    async def attach(self, key: str, reference: str) -> None:
        """No session outlives its process."""

    def find(self, key: str) -> KernelSession | None:
        return self._sessions.find(key)

    def count_sessions(self) -> int:
        return self._sessions.count()

    async def stop(self) -> None:
        for part in self._parts:
            await part.stop()
        if self._checking is not None:
            await self._checking
        await self._pool.close()
        await self._sessions.close()
        await asyncio.gather(*(jail.kill() for jail in self._watches))
        await asyncio.to_thread(self._launcher.close)
        if self._threads is not None:
            self._threads.shutdown()

    @property
    def count_warm(self) -> int:
        """Idle kernels that wait for a session."""
        return self._pool.ready

    @property
    def list_sandboxes(self) -> tuple[Sandbox, ...]:
        """All running kernels, those of sessions and idle ones."""
        return tuple(self._watches)

    async def _start_kernel(self) -> Sandbox:
        if problem := await self.check():
            raise SandboxError(problem)
        assert self._plan is not None
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "sandbox", self._plan.identity.assume)
            self._open_cgroups = _open_cgroups(self._settings)
        jail = await Sandbox.start(self._plan, self._open_cgroups, self._threads, self._launcher)
        self._watches[jail] = Watch(jail, self._settings)
        return jail

    async def _watch_all(self) -> None:
        for jail, watch in list(self._watches.items()):
            if jail.alive:
                await watch.check_usage()
            else:
                await jail.kill()
                del self._watches[jail]


def _open_cgroups(settings: SandboxSettings) -> cgroup.Groups | None:
    """Bytes of memory for a session, including its files, which are in memory too."""
    return cgroup.open_delegated((settings.memory_mb + settings.disk_mb) * MIB, settings.processes)

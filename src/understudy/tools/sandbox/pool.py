"""Idle kernels that wait for a session, and the queue of those that are starting. Knows nothing of kernels."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from understudy.errors import SandboxError

logger = logging.getLogger(__name__)


class Killable(Protocol):
    @property
    def alive(self) -> bool: ...
    async def kill(self) -> None: ...


T = TypeVar("T", bound=Killable)


class Pool(Generic[T]):
    """Keeps `warm` kernels ready, from `fill` on. At most `starting` start at once: each takes a core for a while."""

    def __init__(self, start: Callable[[], Awaitable[T]], warm: int, starting: int) -> None:
        self._start = start
        self._warm = warm
        self._places = asyncio.Semaphore(starting)
        self._ready: deque[T] = deque()
        self._waiting = 0
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def ready(self) -> int:
        return len(self._ready)

    async def acquire(self) -> T:
        """Returns an idle kernel, or starts one. Raises SandboxError."""
        while self._ready:
            kernel = self._ready.popleft()
            self.refill()
            if kernel.alive:
                return kernel
            await kernel.kill()
        self._waiting += 1
        try:
            async with self._places:
                return await self._start()
        finally:
            self._waiting -= 1
            self.refill()

    def refill(self) -> None:
        """Starts idle kernels in the background, after those that callers wait for."""
        if self._filling is None and not self._closed and len(self._ready) < self._warm:
            self._filling = asyncio.create_task(self._start_warm_kernels())

    async def close(self) -> None:
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        while self._ready:
            await self._ready.popleft().kill()

    async def _start_warm_kernels(self) -> None:
        try:
            while len(self._ready) < self._warm and self._waiting == 0:
                async with self._places:
                    self._ready.append(await self._start())
        except SandboxError as error:
            logger.warning("starting an idle kernel failed: %s", error)
        finally:
            self._filling = None

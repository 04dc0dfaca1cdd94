"""Periodic work in the background: `start`, `stop`, and one body."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from understudy.errors import StoreError

logger = logging.getLogger(__name__)


class Looper:
    """Awaits `work` repeatedly, with `seconds` between calls; failures are logged and do not end the loop."""

    def __init__(self, seconds: float, work: Callable[[], Awaitable[object]]) -> None:
        self._seconds = seconds
        self._work = work
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run_loop())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run_loop(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._work()
            except StoreError as error:
                logger.warning("store unavailable, retrying: %s", error)
            except Exception:
                logger.exception("periodic work failed, retrying")

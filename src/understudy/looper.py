"""Work that is repeated beside everything else. The one kind of background loop: `start`, `stop`, one body."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from understudy.errors import StoreError

logger = logging.getLogger(__name__)


class Looper:
    """Awaits `work` again and again, `seconds` after it was done; its failures are logged and do not end it."""

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
                logger.warning("the store does not answer, trying again: %s", error)
            except Exception:
                logger.exception("a background part failed and goes on")

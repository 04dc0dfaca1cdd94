"""Work in the background: `start` and `stop` of every part, and the loop that repeats one body."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from understudy.errors import StoreError, StoreUnavailable

logger = logging.getLogger(__name__)


class BackgroundPart(Protocol):
    """What the application starts, and stops in reverse order."""

    async def start(self) -> None:
        """Returns once the part works. A part that raises is not stopped."""
        ...

    async def stop(self) -> None:
        """Returns once nothing of the part runs."""
        ...


class Looper:
    """Awaits `work` repeatedly, with `seconds` between calls; failures are logged and do not end the loop.

    `seconds` is a number, or a function that returns the next one.
    """

    def __init__(self, seconds: float | Callable[[], float], work: Callable[[], Awaitable[object]]) -> None:
        self._delay = seconds if callable(seconds) else lambda: seconds
        self._work = work
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run_loop())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run_loop(self) -> None:
        while True:
            await asyncio.sleep(self._delay())
            try:
                await self._work()
            except StoreError as error:
                # The loss of a database server is logged once by the store, not by every loop.
                level = logging.DEBUG if isinstance(error, StoreUnavailable) else logging.WARNING
                logger.log(level, "store unavailable, retrying: %s", error)
            except Exception:
                logger.exception("periodic work failed, retrying")

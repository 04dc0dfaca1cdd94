"""Work in the background: `start` and `stop` of every part, and the loop that repeats one body."""

import asyncio
import logging
import math
import os
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from understudy.errors import StoreError, StoreUnavailable

logger = logging.getLogger(__name__)


_SHORTEST_ALIGNED: Final = 0.15
_LONG: Final = 0.9
_QUARTERS: Final = 4


def align_delay(delay: float) -> float:
    """The delay that ends at the nearest whole second of this process, whose seconds are not those of others.

    Delays of less than about a second end at its next quarter or later.
    """
    if delay < _SHORTEST_ALIGNED:
        return delay
    now = asyncio.get_running_loop().time() + os.getpid() % 64 / 64
    if delay >= _LONG:
        return max(round(now + delay) - now, 0.0)
    return max(round((now + delay) * _QUARTERS), math.floor(now * _QUARTERS) + 1) / _QUARTERS - now


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

    `seconds` is a number, or a function that returns the next one. Delays end together with those of other loops, so
    that an idle process wakes up rarely and commits once for all; unless `aligned` is false.
    """

    def __init__(
        self, seconds: float | Callable[[], float], work: Callable[[], Awaitable[object]], *, aligned: bool = True
    ) -> None:
        self._delay = seconds if callable(seconds) else lambda: seconds
        self._work = work
        self._aligned = aligned
        self._task: asyncio.Task[None] | None = None
        self._extra: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run_loop())

    async def stop(self) -> None:
        tasks = [task for task in (self._task, self._extra) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run_now(self) -> None:
        """Calls `work` in addition to the periodic calls, unless such a call is in progress."""
        if self._extra is None or self._extra.done():
            self._extra = asyncio.create_task(self._run_once())

    async def _run_loop(self) -> None:
        while True:
            delay = self._delay()
            await asyncio.sleep(align_delay(delay) if self._aligned else delay)
            await self._run_once()

    async def _run_once(self) -> None:
        try:
            await self._work()
        except StoreError as error:
            # The loss of a database server is logged once by the store, not by every loop.
            level = logging.DEBUG if isinstance(error, StoreUnavailable) else logging.WARNING
            logger.log(level, "store unavailable, retrying: %s", error)
        except Exception:
            logger.exception("periodic work failed, retrying")

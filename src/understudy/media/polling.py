"""The interval at which a video service is polled, which grows with each poll."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PollInterval:
    """An endless iterator over polls: at once, after `first` seconds, then after growing intervals up to `longest`."""

    first: float = 1.0
    longest: float = 10.0
    growth: float = 1.3

    async def __aiter__(self) -> AsyncIterator[None]:
        seconds = self.first
        while True:
            yield
            await asyncio.sleep(seconds)
            seconds = min(seconds * self.growth, self.longest)

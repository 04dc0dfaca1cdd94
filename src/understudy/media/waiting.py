"""How often a service is asked whether it is done: soon at first, then ever more slowly."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PollInterval:
    """An endless series of moments: at once, after `first` seconds, and each later one after a longer wait."""

    first: float = 1.0
    longest: float = 10.0
    growth: float = 1.3

    async def __aiter__(self) -> AsyncIterator[None]:
        seconds = self.first
        while True:
            yield
            await asyncio.sleep(seconds)
            seconds = min(seconds * self.growth, self.longest)

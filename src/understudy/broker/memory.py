"""The broker of a single process."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class MemoryBroker(Generic[T]):
    def __init__(self) -> None:
        self._announced: asyncio.Queue[T] = asyncio.Queue()

    async def announce(self, job: T) -> None:
        self._announced.put_nowait(job)

    async def next(self) -> T:
        return await self._announced.get()

    async def close(self) -> None:
        pass

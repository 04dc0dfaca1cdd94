"""The broker of a single process."""

import asyncio


class MemoryBroker:
    def __init__(self) -> None:
        self._announced: asyncio.Queue[str] = asyncio.Queue()

    async def announce(self, run_id: str) -> None:
        self._announced.put_nowait(run_id)

    async def next(self) -> str:
        return await self._announced.get()

    async def close(self) -> None:
        pass

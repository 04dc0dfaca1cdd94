"""Which streams are being sent, so that a stop can end them. Knows nothing of what they say."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OpenStreams:
    """The streams that are being sent, so that a stopping server can wait for them and end those that take too long."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.ended: set[asyncio.Task[Any]] = set()

    @contextmanager
    def opened(self, task: "asyncio.Task[Any]") -> Iterator[None]:
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)
            self.ended.discard(task)

    async def finish(self, seconds: float) -> None:
        """Gives the streams that long to end by themselves, and then ends them with an error event."""
        waiting = set(self._tasks)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late & self._tasks:
                self.ended.add(task)
                task.cancel()

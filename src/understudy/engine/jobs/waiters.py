"""Who waits for a change of a job: futures by topic."""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Waiters:
    def __init__(self) -> None:
        self._waiting: dict[Hashable, set[asyncio.Future[None]]] = {}

    @contextmanager
    def next_change(self, topic: Hashable = None) -> Iterator[asyncio.Future[None]]:
        """A future that is done at the next change; enter before reading the state that may change."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(topic, set())
        waiters.add(waiter)
        try:
            yield waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiting.get(topic) is waiters:
                del self._waiting[topic]

    def notify(self, topic: Hashable = None) -> None:
        for waiter in self._waiting.pop(topic, ()):
            if not waiter.done():
                waiter.set_result(None)

    def notify_all(self) -> None:
        for topic in list(self._waiting):
            self.notify(topic)

"""Who waits for a change of a job: futures by topic."""

import asyncio
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from understudy.broker import Broker


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


class SharedWaiters(Waiters):
    """Those of all nodes: each change is sent to every node, so changes must be rare. Topics are texts.

    A message may be lost, so waits poll as well.
    """

    def __init__(self, broker: Broker, name: str) -> None:
        super().__init__()
        self._broker = broker
        self._broker_topic = f"{name}.changed"
        self._sending: set[asyncio.Task[None]] = set()
        broker.handle(self._broker_topic, self._receive_change)

    def notify(self, topic: Hashable = None) -> None:
        super().notify(topic)
        if self._broker.is_shared:
            task = asyncio.get_running_loop().create_task(self._send_change(str(topic)))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send_change(self, topic: str) -> None:
        await self._broker.broadcast(self._broker_topic, topic.encode())

    def notify_all(self) -> None:
        """Ends the waits of this process."""
        for topic in list(self._waiting):
            super().notify(topic)

    async def _receive_change(self, _: str, body: bytes) -> None:
        super().notify(body.decode())

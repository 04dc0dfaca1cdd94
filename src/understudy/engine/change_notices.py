"""Notices of changes between nodes: who waits on one node registers on all, and is notified by the one that has them.

For what any node may change, as jobs that wait for a worker. A notice may be lost, so waits poll as well, but rarely.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from understudy.broker import Broker

WATCHED_SECONDS: Final = 5.0
"""Between two polls of what other nodes send notices of."""
RETRY_SECONDS: Final = 0.1
"""Until the first poll after a registration: what changed just before it had no notice."""
POLL_SECONDS: Final = 1.0
"""Between two polls without notices."""
# Longer than between two polls, each of which registers again.
_INTEREST_SECONDS: Final = 2 * WATCHED_SECONDS
_MAX_TOPICS: Final = 10_000


class ChangeNotices:
    """`notify` is called with a topic that has changed on another node."""

    def __init__(self, broker: Broker, name: str, notify: Callable[[str], None]) -> None:
        self._broker = broker
        self._watch_topic, self._change_topic = f"{name}.watch", f"{name}.changed"
        self._notify = notify
        # Until when each node waits for changes of a topic, and until when this one is registered.
        self._watchers: dict[str, dict[str, float]] = {}
        self._registered: dict[str, float] = {}
        self._changed: set[str] = set()
        self._sending: asyncio.Task[None] | None = None
        broker.handle(self._watch_topic, self._register)
        broker.handle(self._change_topic, self._receive_change)

    async def watch(self, topic: str) -> float:
        """Registers at all nodes; returns how many seconds to wait for a notice."""
        if not (self._broker.is_shared and self._broker.is_available):
            return POLL_SECONDS
        now = time.monotonic()
        was_registered = self._registered.get(topic, 0.0) > now
        if len(self._registered) >= _MAX_TOPICS:
            self._registered = {known: until for known, until in self._registered.items() if until > now}
        self._registered[topic] = now + _INTEREST_SECONDS
        await self._broker.broadcast(self._watch_topic, topic.encode())
        return WATCHED_SECONDS if was_registered else RETRY_SECONDS

    def send(self, topic: str) -> None:
        """Something has changed here. Changes of one turn of the event loop are one notice."""
        if topic in self._watchers:
            self._changed.add(topic)
            if self._sending is None:
                self._sending = asyncio.get_running_loop().create_task(self._send_changes())

    async def _send_changes(self) -> None:
        try:
            while self._changed:
                topic = self._changed.pop()
                now = time.monotonic()
                watchers = {node: until for node, until in self._watchers.get(topic, {}).items() if until > now}
                if watchers:
                    self._watchers[topic] = watchers
                else:
                    self._watchers.pop(topic, None)
                for node_id in watchers:
                    await self._broker.send(node_id, self._change_topic, topic.encode())
        finally:
            self._sending = None

    async def _register(self, node_id: str, body: bytes) -> None:
        if node_id == self._broker.node_id:
            return
        now = time.monotonic()
        if len(self._watchers) >= _MAX_TOPICS:
            self._watchers = {
                topic: nodes for topic, nodes in self._watchers.items() if any(until > now for until in nodes.values())
            }
        self._watchers.setdefault(body.decode(), {})[node_id] = now + _INTEREST_SECONDS

    async def _receive_change(self, _: str, body: bytes) -> None:
        self._notify(body.decode())

"""Notices of the ends of runs between nodes: who waits for a run that another node executes registers there.

A run without an owner may be executed by any node, so the interest in it is registered at all of them. Exists only with
a shared broker. A notice may be lost, so waits poll as well, but rarely.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from understudy.broker import Broker, NoReply
from understudy.engine.change_notices import POLL_SECONDS, RETRY_SECONDS, WATCHED_SECONDS, ChangeNotices
from understudy.engine.run.remote_logs import RunOwner

_WATCH_TOPIC: Final = "run.watch"
_ENDED_TOPIC: Final = "run.ended"
_REGISTERED: Final = b"registered"


class EndNotices:
    """`is_active`: whether this process executes a run; `notify` is called when one has ended elsewhere."""

    def __init__(
        self,
        broker: Broker,
        find_owners: Callable[[Sequence[str]], Awaitable[Mapping[str, RunOwner]]],
        node_of: Callable[[str], str],
        is_active: Callable[[str], bool],
        notify: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._find_owners = find_owners
        self._node_of = node_of
        self._is_active = is_active
        self._notify = notify
        self._queued = ChangeNotices(broker, "run.queued", notify)
        self._watchers: dict[str, dict[str, float]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        broker.handle(_WATCH_TOPIC, self._register)
        broker.handle(_ENDED_TOPIC, self._receive_end)

    async def watch(self, run_id: str) -> float:
        """Registers at the owner of a run; returns how many seconds to wait for its notice. Raises StoreError."""
        found = (await self._find_owners([run_id])).get(run_id)
        if found is None:
            return POLL_SECONDS
        if found.owner is None:
            return await self._queued.watch(run_id)
        try:
            reply = await self._broker.request(self._node_of(found.owner), _WATCH_TOPIC, run_id.encode(), POLL_SECONDS)
        except NoReply:
            return RETRY_SECONDS if self._broker.is_available else POLL_SECONDS
        # It has just ended, or its next owner has only claimed it yet.
        return WATCHED_SECONDS if reply == _REGISTERED else RETRY_SECONDS

    def send(self, run_id: str) -> None:
        """A run has ended here, or was lost to another node: the nodes that wait for it look at it again."""
        self._queued.send(run_id)
        if (watchers := self._watchers.pop(run_id, None)) is not None:
            task = asyncio.get_running_loop().create_task(self._send_end(run_id, watchers))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send_end(self, run_id: str, watchers: Mapping[str, float]) -> None:
        for node_id, until in watchers.items():
            if until > time.monotonic():
                await self._broker.send(node_id, _ENDED_TOPIC, run_id.encode())

    async def _register(self, node_id: str, body: bytes) -> bytes:
        run_id = body.decode()
        if not self._is_active(run_id):
            return b""
        # Longer than between two polls, each of which registers again.
        self._watchers.setdefault(run_id, {})[node_id] = time.monotonic() + 2 * WATCHED_SECONDS
        return _REGISTERED

    async def _receive_end(self, _: str, body: bytes) -> None:
        self._notify(body.decode())

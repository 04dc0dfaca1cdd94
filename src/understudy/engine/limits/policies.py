"""Loads the limits of keys and caches them until they change, here or in another process."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from understudy.broker import Broker, NoReply
from understudy.engine.limits.policy import Policy
from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.settings import LimitSettings
from understudy.store import Store

_REFRESH_SECONDS: Final = 1.0
"""After this time, a change by a command beside the server counts here."""
# A dead node has a lease for longer.
_COUNT_SECONDS: Final = 5.0
_ANNOUNCE_SECONDS: Final = 1.0
_TOPIC: Final = "limits.changed"
_MAX_CACHED: Final = 10_000
_UNKNOWN: Final = -1
logger = logging.getLogger(__name__)


class Policies:
    def __init__(self, store: Store, broker: Broker, defaults: LimitSettings) -> None:
        self._store = store
        self._broker = broker
        self._defaults = defaults
        self._has_defaults = Policy.has_defaults(defaults)
        self._cache: dict[str, Policy] = {}
        self._changes = _UNKNOWN
        # The version of the cache: what was loaded before a change is not stored after it.
        self._generation = 0
        self.listeners: list[Callable[[], None]] = []
        """Called after each announced change of limits, also of those of spending."""
        self.is_unused = False
        """Whether nothing has limits: neither the settings nor any project or key."""
        self.nodes = 1
        """The live processes of the cluster, this one included."""
        self._next_count = -math.inf
        self._loop = Looper(_REFRESH_SECONDS, self.refresh)
        self.stop = self._loop.stop
        broker.handle(_TOPIC, self._receive_change)

    async def start(self) -> None:
        await self.refresh()
        await self._loop.start()

    def set_defaults(self, defaults: LimitSettings) -> None:
        """Applies other settings to all requests from now on."""
        self._defaults, self._has_defaults = defaults, Policy.has_defaults(defaults)
        self._clear()

    def find(self, project_id: str, key_id: str) -> Policy | None:
        """The cached policy of a key, or with an empty `key_id` of a project."""
        return self._cache.get(key_id or project_id)

    async def load(self, project_id: str, key_id: str) -> Policy:
        while True:
            if (policy := self.find(project_id, key_id)) is not None:
                return policy
            generation = self._generation
            limits = await self._store.limits.list((project_id, key_id))
            permissions = await self._store.permissions.get(project_id)
            if generation == self._generation:
                if len(self._cache) >= _MAX_CACHED:
                    self._cache.clear()
                policy = Policy(project_id, key_id, self._defaults, limits, permissions)
                self._cache[key_id or project_id] = policy

    async def announce(self) -> None:
        """Applies a change that this process has stored, here and on all nodes.

        Returns when they have applied it. One that has no connection to the broker does so when it refreshes.
        """
        self._apply_change()
        if self._broker.is_shared:
            others = [one for one in await self._list_nodes() if one != self._broker.node_id]
            await asyncio.gather(*(self._announce_to(node_id) for node_id in others))

    async def _list_nodes(self) -> Sequence[str]:
        try:
            return await self._store.nodes.list_live()
        except StoreError:  # the change is stored all the same
            logger.warning("a change of limits is applied by other nodes only when they refresh")
            return ()

    async def _announce_to(self, node_id: str) -> None:
        with suppress(NoReply):
            await self._broker.request(node_id, _TOPIC, b"", _ANNOUNCE_SECONDS)

    async def refresh(self) -> None:
        """Drops what is cached if anything has changed. Raises StoreError."""
        generation = self._generation
        changes = await self._store.limits.count_changes()
        if generation == self._generation and changes != self._changes:
            self._changes = changes
            self._clear()
        if self._broker.is_shared and time.monotonic() >= self._next_count:
            self._next_count = time.monotonic() + _COUNT_SECONDS
            self.nodes = max(1, sum(node.is_live for node in await self._store.nodes.list()))

    async def _receive_change(self, _sender: str, _body: bytes) -> None:
        self._apply_change()

    def _apply_change(self) -> None:
        self._changes = _UNKNOWN
        self._clear()
        for listener in self.listeners:
            listener()

    def _clear(self) -> None:
        self._generation += 1
        self._cache.clear()
        self.is_unused = self._changes == 0 and not self._has_defaults

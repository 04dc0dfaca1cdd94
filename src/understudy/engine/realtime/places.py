"""How many realtime sessions each project has open, on all nodes that share a broker. Knows no session.

A node holds its places as long as it renews them, so those of one that was killed are free soon. While the broker is
unavailable, each node admits its share.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from understudy.broker import Broker, BrokerUnavailable
from understudy.errors import RateLimitExceeded

_HELD_SECONDS: Final = 15.0
_RENEW_SECONDS: Final = 5.0
logger = logging.getLogger(__name__)


class SessionPlaces:
    """A project may have `most` sessions. `count_nodes` returns the number of live nodes."""

    def __init__(self, most: int, broker: Broker, count_nodes: Callable[[], int]) -> None:
        self._most = most
        self._broker = broker
        self._count_nodes = count_nodes
        self._numbers = itertools.count(1)
        self._holders: dict[str, set[str]] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._is_degraded = False

    def count(self) -> int:
        """How many sessions are open in this process."""
        return sum(map(len, self._holders.values()))

    @asynccontextmanager
    async def take(self, project_id: str) -> AsyncIterator[None]:
        """Raises RateLimitExceeded."""
        holder = f"{self._broker.node_id}-{next(self._numbers)}"
        # Before the broker is awaited: of several at once, each counts here.
        own = self._holders.setdefault(project_id, set())
        own.add(holder)
        try:
            if not await self._is_free(project_id, holder, len(own)):
                raise _limit_error(self._most)
            if self._broker.is_shared and self._renewing is None:
                self._renewing = asyncio.create_task(self._renew())
            yield
        finally:
            own.discard(holder)
            if not own:
                self._holders.pop(project_id, None)
            if not self._holders and self._renewing is not None:
                self._renewing.cancel()
                self._renewing = None
            if self._broker.is_shared:
                await self._broker.free_place(_group(project_id), holder)

    async def _is_free(self, project_id: str, holder: str, own: int) -> bool:
        if not self._broker.is_shared:
            return own <= self._most
        try:
            is_free = await self._broker.take_place(_group(project_id), holder, self._most, _HELD_SECONDS)
        except BrokerUnavailable:
            nodes = self._count_nodes()
            if not self._is_degraded:
                self._is_degraded = True
                logger.warning(
                    "realtime sessions of other nodes are unknown; until they are known again, this node admits 1/%d"
                    " of the limit",
                    nodes,
                )
            return own <= max(1, self._most // nodes)
        self._is_degraded = False
        return is_free

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            for project_id, holders in list(self._holders.items()):
                await self._broker.keep_places(_group(project_id), sorted(holders), _HELD_SECONDS)


def _group(project_id: str) -> str:
    return f"{project_id}:realtime"


def _limit_error(most: int) -> RateLimitExceeded:
    return RateLimitExceeded(
        f"The project has {most} open realtime sessions, which is the limit of `realtime.project_sessions`. Close one"
        " before you open another one.",
        "requests",
        None,
    )

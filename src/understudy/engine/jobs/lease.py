"""A worker's lease, which is one row that it renews: its claims of jobs hold as long as that.

A worker that could not renew its lease stops by its own monotonic clock before the lease ends in the database.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from understudy.errors import StoreUnavailable
from understudy.store.workers import Workers

LEASE_SECONDS: Final = 8.0
HEARTBEAT_SECONDS: Final = 2.0
_FENCE_SECONDS: Final = LEASE_SECONDS - HEARTBEAT_SECONDS
_CARRIED_SECONDS: Final = 0.75 * HEARTBEAT_SECONDS
_STEADY_SECONDS: Final = 2 * HEARTBEAT_SECONDS
"""After an outage of the database, live workers have renewed their leases within this time."""


class Lease:
    """That of the worker `owner`. It is not held before it is renewed first.

    A renewal renews the leases of the process's other workers as well, whose own renewals are then skipped.
    """

    def __init__(self, owner: str, workers: Workers, monotonic: Callable[[], float]) -> None:
        self.owner = owner
        self.nodes = 1
        """How many nodes had a lease at the last renewal."""
        self._workers = workers
        # Whether the last renewal was that of another worker.
        self._is_carried = False
        self._monotonic = monotonic
        # Before the last successful renewal began, by the monotonic clock.
        self._renewed_at = -math.inf
        self._has_failed = False

    @property
    def is_valid(self) -> bool:
        """Whether the lease still lasts for at least a heartbeat, whatever the database does."""
        return self._monotonic() < self._renewed_at + _FENCE_SECONDS

    async def renew(self) -> bool:
        """Renews the lease, and returns whether it had lapsed before. Raises StoreError."""
        started = self._monotonic()
        if self._is_carried and started - self._renewed_at < _CARRIED_SECONDS:
            return False
        has_lapsed, had_failed = not self.is_valid, self._has_failed
        steady_after = _STEADY_SECONDS if self._workers.is_shared and (has_lapsed or had_failed) else 0.0
        self._has_failed, self._is_carried = True, False
        self._workers.leases.add(self)
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                self.nodes = await self._workers.renew_lease(self.owner, LEASE_SECONDS, steady_after)
        except TimeoutError:
            reason = f"The lease of {self.owner!r} was not renewed within {LEASE_SECONDS:g} s."
            raise StoreUnavailable(reason) from None
        self._has_failed = False
        self._renewed_at = max(self._renewed_at, started)
        return has_lapsed

    @property
    def is_steady(self) -> bool:
        """Whether another worker may renew it: it has not lapsed, and its last renewal has not failed."""
        return self.is_valid and not self._has_failed

    def carry(self, age: float, nodes: int) -> None:
        """Another worker has renewed it, `age` seconds ago."""
        self.nodes, self._is_carried = nodes, True
        self._renewed_at = max(self._renewed_at, self._monotonic() - age)

    async def end(self) -> None:
        """Raises StoreError."""
        self._workers.leases.discard(self)
        await self._workers.retire(self.owner)

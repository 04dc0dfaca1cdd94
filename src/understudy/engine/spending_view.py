"""What projects and keys with a budget or a limit have spent and hold, as this process knows it in memory.

A state is read from the database at most once in `VIEW_SECONDS` for each key, and what this process spends in between
is added at once. So the only spending that it does not know is that of others in the meantime.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from understudy.engine.spending_holds import SpendingHolds
from understudy.store.ledger import Ledger
from understudy.store.spending import SpendingState
from understudy.store.usage_journal import UsageJournal

VIEW_SECONDS: Final = 0.1
_MAX_CACHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Cached:
    """A state, and when it was read, by the monotonic clock.

    Project and key had `spent` this much by the end of the reading, and this much was `recorded` by its start.
    """

    state: SpendingState
    read_at: float
    spent: Mapping[str, int]
    recorded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Funds:
    """A state, and the credits that work in progress holds, by the ids of the project and of the key."""

    state: SpendingState
    held: Mapping[str, int]


class SpendingView:
    def __init__(self, ledger: Ledger, journal: UsageJournal, holds: SpendingHolds) -> None:
        self._ledger = ledger
        self._journal = journal
        self._holds = holds
        self._cached: dict[tuple[str, str], _Cached] = {}

    async def load(self, project_id: str, key_id: str, now: int) -> Funds:
        """`now` in Unix seconds decides the periods of the limits. Raises StoreError."""
        started, spent, scopes = time.monotonic(), self._journal.spent, (project_id, key_id)
        cached = self._cached.get((project_id, key_id))
        if cached is None or started - cached.read_at >= VIEW_SECONDS:
            recorded = {scope: self._holds.recorded.get(scope, 0) for scope in scopes}
            state = await self._ledger.spending_state(project_id, key_id, now)
            cached = _Cached(state, started, {scope: spent.get(scope, 0) for scope in scopes}, recorded)
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            self._cached[project_id, key_id] = cached
        since = {scope: spent.get(scope, 0) - cached.spent[scope] for scope in scopes}
        held = {
            scope: self._holds.sum_credits(scope) + self._holds.recorded.get(scope, 0) - cached.recorded[scope]
            for scope in scopes
        }
        return Funds(cached.state.spend(project_id, since) if any(since.values()) else cached.state, held)

    def forget(self, project_id: str, key_id: str) -> None:
        """Called before work that others will charge, and whose cost no view knows."""
        self._cached.pop((project_id, key_id), None)

    def clear(self) -> None:
        """Called after a change of a balance or a limit, which all keys of the project have."""
        self._cached.clear()

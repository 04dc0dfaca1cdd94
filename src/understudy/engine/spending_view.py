"""What projects and keys with a budget or a limit have spent, as this process knows it in memory.

A state is read from the database at most once in `VIEW_SECONDS` for each key, and what this process spends in between
is added at once. So the only spending that it does not know is that of others in the meantime.
"""

import time
from dataclasses import dataclass
from typing import Final

from understudy.store.ledger import Ledger
from understudy.store.spending import SpendingState
from understudy.store.usage_journal import UsageJournal

VIEW_SECONDS: Final = 0.1
_MAX_CACHED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Cached:
    """A state, when it was read (by the monotonic clock), and what project and key had spent by then."""

    state: SpendingState
    read_at: float
    project_credits: int
    key_credits: int


class SpendingView:
    def __init__(self, ledger: Ledger, journal: UsageJournal) -> None:
        self._ledger = ledger
        self._journal = journal
        self._cached: dict[tuple[str, str], _Cached] = {}

    async def load(self, project_id: str, key_id: str, now: int) -> SpendingState:
        """`now` in Unix seconds decides the periods of the limits. Raises StoreError."""
        started, spent = time.monotonic(), self._journal.spent
        cached = self._cached.get((project_id, key_id))
        if cached is None or started - cached.read_at >= VIEW_SECONDS:
            state = await self._ledger.spending_state(project_id, key_id, now)
            cached = _Cached(state, started, spent.get(project_id, 0), spent.get(key_id, 0))
            if len(self._cached) >= _MAX_CACHED:
                self._cached.clear()
            self._cached[project_id, key_id] = cached
        since = {
            key_id: spent.get(key_id, 0) - cached.key_credits,
            project_id: spent.get(project_id, 0) - cached.project_credits,
        }
        return cached.state.spend(project_id, since) if any(since.values()) else cached.state

    def forget(self, project_id: str, key_id: str) -> None:
        """Called before work that others will charge, and whose cost no view knows."""
        self._cached.pop((project_id, key_id), None)

    def clear(self) -> None:
        """Called after a change of a balance, which all keys of the project have."""
        self._cached.clear()

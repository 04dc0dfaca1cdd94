"""Runs that were announced here and wait for a place: any server may claim them.

Their clients read logs here, which only an execution here feeds: a log whose run another server has claimed follows
that server, and a log that nobody reads is dropped.
"""

import time
from collections.abc import Container
from typing import Final

from understudy.engine.jobs.run_logs import RunLogs
from understudy.store.runs import Runs

UNREAD_SECONDS: Final = 5.0
"""A client that creates a run follows it by then."""


class AnnouncedRuns:
    """`active` are the ids of the runs that this server executes."""

    def __init__(self, runs: Runs, run_logs: RunLogs, active: Container[str]) -> None:
        self._runs = runs
        self._run_logs = run_logs
        self._active = active
        self._announced: dict[str, float] = {}
        """When, by the monotonic clock."""

    def add(self, run_id: str) -> None:
        self._announced[run_id] = time.monotonic()

    def discard(self, run_id: str) -> None:
        """The run is executed here."""
        self._announced.pop(run_id, None)

    def hand_over(self, run_id: str, node_id: str | None = None) -> None:
        """Another server has claimed the run, that of the node `node_id` where it is known: its log follows that one.

        Does nothing for a run that was not announced here, or has started here.
        """
        if self._announced.pop(run_id, None) is not None:
            self._run_logs.hand_over(run_id, node_id)

    async def check(self, owner: str) -> None:
        """Hands over the logs of runs that another server than `owner` has claimed, and drops those that nobody reads.

        So a server with a long queue has few logs of it in memory. Raises StoreError.
        """
        announced = self._announced.copy()
        if not announced:
            return
        waiting = await self._runs.filter_workable(owner, sorted(announced))
        for run_id in announced:
            if run_id not in waiting and run_id not in self._active:
                self.hand_over(run_id)
        before = time.monotonic() - UNREAD_SECONDS
        # A run may have been claimed here since: its execution writes the log.
        unread = [run_id for run_id in waiting if announced[run_id] < before and run_id not in self._active]
        for run_id in unread:
            if run_id in self._announced and self._run_logs.drop_unread(run_id):
                del self._announced[run_id]

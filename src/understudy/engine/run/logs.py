"""The logs of the runs of this process, those of finished runs for as long as clients may still read them."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from understudy.clock import Clock
from understudy.engine.run.log import Encoder, RunLog

# The limit of finished logs, however long their retention.
_MAX_FINISHED_LOGS: Final = 2000


class Logs:
    """The logs of this process by run id."""

    def __init__(self, clock: Clock, retention: float) -> None:
        self._clock = clock
        self._retention = retention
        self._logs: dict[str, RunLog] = {}
        self._finished: deque[tuple[float, str]] = deque()

    def get(self, run_id: str) -> RunLog | None:
        return self._logs.get(run_id)

    async def find(self, run_id: str) -> RunLog | None:
        """The log for a client that attaches: a copy of another node's log once that has its beginning."""
        log = self._logs.get(run_id)
        if log is not None and log.is_remote:
            await log.wait_beginning()
        return log

    def create(self, run_id: str, new_encoder: Callable[[], Encoder]) -> RunLog:
        log = RunLog(new_encoder)
        self.add(run_id, log)
        return log

    def add(self, run_id: str, log: RunLog) -> None:
        self._logs[run_id] = log

    def list_waiting(self) -> list[str]:
        """The runs whose logs wait here for the action of a client."""
        return [
            run_id
            for run_id, log in self._logs.items()
            if log.closed and not (log.is_remote or log.is_handed_over or log.has_ended)
        ]

    def finish(self, run_id: str) -> None:
        """The run has ended: its log shrinks once its followers have read it, and goes when the retention is over.

        A log that nobody can follow any more goes at once.
        """
        if not self._logs[run_id].is_followable:
            del self._logs[run_id]
            return
        self._finished.append((self._clock.now() + self._retention, run_id))
        asyncio.get_running_loop().call_soon(self._logs[run_id].compact)
        self.prune()

    def prune(self) -> None:
        now = self._clock.now()
        while self._finished and (self._finished[0][0] <= now or len(self._finished) > _MAX_FINISHED_LOGS):
            self._logs.pop(self._finished.popleft()[1], None)

    def discard(self, run_id: str) -> None:
        """Drops a log whose run another process executes."""
        log = self._logs.pop(run_id, None)
        if log is not None:
            log.close(is_handed_over=True)

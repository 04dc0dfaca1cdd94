"""Ends calls of models at their deadlines. All calls share one timer, since most of them end long before.

A timer of its own, as `asyncio.timeout` sets one, would cost each call ten times as much.
"""

import asyncio
import math
from types import TracebackType

from understudy.errors import UpstreamError


class DeadlineExceeded(UpstreamError):
    """A call took longer than this server allows, whatever its provider still sends."""


class Deadlines:
    """The calls under way in one event loop."""

    def __init__(self) -> None:
        self._calls: dict[DeadlineScope, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf

    def scope(self, deadline: float) -> "DeadlineScope":
        """Raises UpstreamError(timeout) around what has not ended by `deadline`, a time of the event loop."""
        return DeadlineScope(self, deadline)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, math.inf

    def add(self, call: "DeadlineScope") -> None:
        self._calls[call] = None
        if call.deadline < self._timer_at:
            self._set_timer(call.deadline)

    def remove(self, call: "DeadlineScope") -> None:
        self._calls.pop(call, None)

    def _set_timer(self, when: float) -> None:
        self.close()
        self._timer_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._check)

    def _check(self) -> None:
        self.close()
        now = asyncio.get_running_loop().time()
        for call in [call for call in self._calls if call.deadline <= now]:
            del self._calls[call]
            call.expire()
        next_deadline = min((call.deadline for call in self._calls), default=math.inf)
        if next_deadline < math.inf:
            self._set_timer(next_deadline)


class DeadlineScope:
    """A context manager around one call."""

    __slots__ = ("_cancelling", "_deadlines", "_is_expired", "_task", "deadline")

    def __init__(self, deadlines: Deadlines, deadline: float) -> None:
        self._deadlines = deadlines
        self._is_expired = False
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self.deadline = deadline

    def __enter__(self) -> None:
        if self.deadline != math.inf and (task := asyncio.current_task()) is not None:
            self._task = task
            self._cancelling = task.cancelling()
            self._deadlines.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._deadlines.remove(self)
        if self._is_expired and self._task is not None:
            is_ours = self._task.uncancel() <= self._cancelling
            if isinstance(error, TimeoutError) or (is_ours and isinstance(error, asyncio.CancelledError)):
                raise deadline_exceeded() from None

    def expire(self) -> None:
        self._is_expired = True
        if self._task is not None:
            self._task.cancel()


def deadline_exceeded() -> UpstreamError:
    return DeadlineExceeded("timeout", "The model timed out after `limits.chat_seconds`.")

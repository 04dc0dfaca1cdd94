"""Why a run has to stop, told from outside while it is worked on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Reason = Literal["cancel", "expire", "stop", "gone"]


class Interrupted(Exception):
    """Raised where a run notices, between two steps of its work, that it has to stop."""


class Interruption:
    """Acts at once while the run waits for a model or a tool, and else at the next check."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.task: asyncio.Task[None] | None = None
        self.waits = False
        """Whether the task awaits something that can be cancelled at any moment."""

    def request(self, reason: Reason) -> None:
        self.reason = self.reason or reason
        if self.waits and self.task is not None:
            self.task.cancel()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Marks an await that can be cancelled."""
        self.check()
        self.waits = True
        try:
            yield
        finally:
            self.waits = False

    def check(self) -> None:
        """Raises Interrupted."""
        if self.reason is not None:
            raise Interrupted

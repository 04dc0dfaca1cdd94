"""Cancellation of a running run by other tasks, with its reason."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Reason = Literal["cancel", "expire", "stop", "gone", "lost"]
"""`stop`: this process stops; `gone`: the run is deleted; `lost`: another worker has claimed it."""


class Interrupted(Exception):
    """The run has to stop, for `Interruption.reason`; raised at the next check."""


class Interruption:
    """Takes effect at once while the run waits for a model or a tool, otherwise at the next check."""

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

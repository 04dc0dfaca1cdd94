"""How much work one request may cost: steps of whatever a client's schemas and patterns make this model do.

A step takes one to three microseconds. The count is of the context, since what spends it is called from many places,
each of which would have to hand it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

MAX_STEPS: Final = 300_000


class EffortExceededError(Exception):
    """The schemas of a request need more steps than one request may take."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {MAX_STEPS:,} steps to satisfy")


_remaining: ContextVar[list[int] | None] = ContextVar("remaining_steps", default=None)


def remaining_steps() -> int:
    """The steps that may still be taken; all of them outside of `bounded`."""
    counted = _remaining.get()
    return MAX_STEPS if counted is None else counted[0]


@contextmanager
def limit_effort(steps: int = MAX_STEPS) -> Iterator[None]:
    """What is done inside may take so many steps, all in all."""
    token = _remaining.set([steps])
    try:
        yield
    finally:
        _remaining.reset(token)


def spend_steps(steps: int) -> None:
    """Raises EffortExceededError where nothing is left. Outside of `bounded` nothing is counted."""
    counted = _remaining.get()
    if counted is None:
        return
    counted[0] -= steps
    if counted[0] < 0:
        raise EffortExceededError

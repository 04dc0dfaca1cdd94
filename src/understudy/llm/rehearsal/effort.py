"""How much work one request may cost: steps of whatever a client's schemas and patterns make this model do.

A step takes one to three microseconds. The count is of the context, since what spends it is called from many places,
each of which would have to hand it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

STEPS: Final = 300_000


class EffortExceededError(Exception):
    """The schemas of a request need more steps than one request may take."""

    def __init__(self) -> None:
        super().__init__(f"it takes more than {STEPS:,} steps to satisfy")


_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


def left() -> int:
    """The steps that may still be taken; all of them outside of `bounded`."""
    counted = _left.get()
    return STEPS if counted is None else counted[0]


@contextmanager
def bounded(steps: int = STEPS) -> Iterator[None]:
    """What is done inside may take so many steps, all in all."""
    token = _left.set([steps])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Raises EffortExceededError where nothing is left. Outside of `bounded` nothing is counted."""
    counted = _left.get()
    if counted is None:
        return
    counted[0] -= steps
    if counted[0] < 0:
        raise EffortExceededError

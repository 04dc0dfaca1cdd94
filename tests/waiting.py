"""Waiting with a bound: the one place of the tests where time is let pass."""

import time
from collections.abc import Callable
from typing import TypeVar

WITHIN = 15.0
T = TypeVar("T")


def eventually(check: Callable[[], T], within: float = WITHIN) -> T:
    """What `check` returns as soon as it is true; fails when it never is within so many seconds."""
    deadline = time.monotonic() + within
    while not (result := check()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {check}"
        time.sleep(0.01)
    return result

"""Bounds the work that the schemas and patterns of one request cost, in steps of one to three microseconds.

The counter belongs to the thread of the request, since keyword checks of `jsonschema` take no argument of ours.
"""

import threading
from typing import Final

MAX_STEPS: Final = 300_000
_counter = threading.local()


class EffortExceededError(Exception):
    """The schemas of a request need more than `MAX_STEPS`."""


def start_request() -> None:
    """Gives the request that this thread works on from now its `MAX_STEPS`."""
    _counter.remaining = MAX_STEPS


def spend_steps(steps: int) -> None:
    """Raises EffortExceededError where no steps remain."""
    _counter.remaining -= steps
    if _counter.remaining < 0:
        raise EffortExceededError

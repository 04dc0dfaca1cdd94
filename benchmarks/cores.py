"""Which core does what: the server and its baselines have one to themselves, load and upstream share the other.

Without two cores, or on a system that cannot pin, nothing is pinned, and the report says so.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """None where nothing is pinned."""

    server: int | None
    load: int | None

    @classmethod
    def found(cls) -> "Cores":
        if not hasattr(os, "sched_setaffinity"):
            return cls(None, None)
        allowed = sorted(os.sched_getaffinity(0))
        return cls(allowed[0], allowed[1]) if len(allowed) > 1 else cls(None, None)

    def __str__(self) -> str:
        if self.server is None:
            return "NOT PINNED: server and load compete for the same cores"
        return f"server on core {self.server}, load and upstream on core {self.load}"


@contextmanager
def on(core: int | None) -> Iterator[None]:
    """What is started in this block inherits the core."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

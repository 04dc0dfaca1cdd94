"""A timer wheel: many paced streams on one timer, each served once a period, spread over the period as they came."""

import asyncio
from array import array
from collections.abc import Callable

_SLOTS = 25


class Wheel:
    """`lateness` is, for every slot served, how long after it was due (seconds) its last stream had been."""

    def __init__(self, period: float) -> None:
        self.lateness = array("d")
        self._loop = asyncio.get_running_loop()
        self._step = period / _SLOTS
        self._slots: list[list[Callable[[], bool]]] = [[] for _ in range(_SLOTS)]
        self._served = 0
        self._due = self._loop.time()
        self._turn()

    def add(self, serve: Callable[[], bool]) -> None:
        """Calls it now and then once a period, as long as it says that there is more."""
        if serve():
            self._slots[self._served].append(serve)

    def _turn(self) -> None:
        for _ in range(_SLOTS):
            if self._due > self._loop.time():
                break
            self._served = (self._served + 1) % _SLOTS
            self._slots[self._served] = [serve for serve in self._slots[self._served] if serve()]
            self.lateness.append(self._loop.time() - self._due)
            self._due += self._step
        self._loop.call_at(self._due, self._turn)

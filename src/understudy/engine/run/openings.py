"""Openings of steps and messages that streams have and the store has not: most are stored with what closes them.

A fast run takes two transactions instead of three, and the first text of a run waits for none. Others are stored after
a moment, or before a client reads the objects of their thread. Exists only where no other node has readers.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_DELAY_SECONDS: Final = 0.05
_Store = Callable[[], asyncio.Task[None]]


class UnstoredOpenings:
    """Knows a run with openings by what starts to store them, and removes them here."""

    def __init__(self, delay: float = _DELAY_SECONDS) -> None:
        self._delay = delay
        self._threads: dict[_Store, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, store: _Store, thread_id: str) -> None:
        """Calls `store` after the delay, unless it is removed before."""
        self._threads[store] = thread_id
        if self._timer is None:
            self._set_timer({store})

    def remove(self, store: _Store) -> None:
        self._threads.pop(store, None)

    async def flush(self, thread_id: str) -> None:
        """Returns once the openings of the thread's runs are stored."""
        if tasks := [store() for store, other in [*self._threads.items()] if other == thread_id]:
            await asyncio.wait(tasks)

    def _set_timer(self, waiting: set[_Store]) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._delay, self._store_waiting, waiting)

    def _store_waiting(self, waiting: set[_Store]) -> None:
        """Stores what has waited since the timer was set; the next timer is for what came later."""
        self._timer = None
        for store in waiting & self._threads.keys():
            store()
        if self._threads:
            self._set_timer({*self._threads})

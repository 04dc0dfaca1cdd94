"""Openings of steps and messages that streams have and the store has not: most are stored with what closes them.

A fast run takes two transactions instead of three, and the first text of a run waits for none. Others are stored after
a moment, or before a client reads the objects of their thread or follows one of its runs. Exists only where no other
node has readers, and not for a run whose stream a client can resume: after a crash, its next owner could not end there
what the store does not have.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_DELAY_SECONDS: Final = 0.05
# A database that is unavailable does not hold up readers for longer.
_FLUSH_SECONDS: Final = 1.0
_Store = Callable[[], asyncio.Task[None]]


class UnstoredOpenings:
    """Knows a run with openings by what starts to store them, and removes them here."""

    def __init__(self, delay: float = _DELAY_SECONDS) -> None:
        self._delay = delay
        self._threads: dict[_Store, str] = {}
        self._storing: dict[object, str] = {}
        # The ends of writes that somebody waits for.
        self._stored: dict[object, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, store: _Store, thread_id: str) -> None:
        """Calls `store` after the delay, unless it is removed before."""
        self._threads[store] = thread_id
        if self._timer is None:
            self._set_timer({store})

    def remove(self, store: _Store) -> None:
        """The openings will not be stored."""
        self._threads.pop(store, None)

    def begin(self, store: _Store, write: object) -> None:
        """The openings are being stored by `write`, until that ends."""
        thread_id = self._threads.pop(store, None)
        if thread_id is not None:
            self._storing[write] = thread_id

    def end(self, write: object) -> None:
        self._storing.pop(write, None)
        stored = self._stored.pop(write, None)
        if stored is not None and not stored.done():
            stored.set_result(None)

    async def flush(self, thread_id: str) -> None:
        """Returns once the openings of the thread's runs are stored."""
        for store in [store for store, other in self._threads.items() if other == thread_id]:
            store()
        if storing := [write for write, other in self._storing.items() if other == thread_id]:
            loop = asyncio.get_running_loop()
            stored = [self._stored.setdefault(write, loop.create_future()) for write in storing]
            await asyncio.wait(stored, timeout=_FLUSH_SECONDS)

    def _set_timer(self, waiting: set[_Store]) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._delay, self._store_waiting, waiting)

    def _store_waiting(self, waiting: set[_Store]) -> None:
        """Stores what has waited since the timer was set; the next timer is for what came later."""
        self._timer = None
        for store in waiting & self._threads.keys():
            store()
        if self._threads:
            self._set_timer({*self._threads})

"""The thread in which a database waits for its disk, one piece of work after another. Knows no database.

An executor would make two futures, three locks and a work item for each commit: 35 calls, half of them in this thread,
where each waits for the interpreter lock of a busy event loop.
"""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

_Done = Callable[[BaseException | None], None]
_Work = tuple[Callable[[], object], _Done, asyncio.AbstractEventLoop]


class CommitThread:
    """Starts with its first work."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: Thread | None = None

    def submit(self, work: Callable[[], object], done: _Done) -> None:
        """Runs `work` in the thread, and then `done` in the event loop of the caller, with the error or None."""
        if self._thread is None:
            self._thread = Thread(target=self._commit_queued, name=self._name, daemon=True)
            self._thread.start()
        self._queue.put((work, done, asyncio.get_running_loop()))

    def close(self) -> None:
        """Returns once the thread has done its work."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _commit_queued(self) -> None:
        while (item := self._queue.get()) is not None:
            work, done, loop = item
            error = None
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - handled by `done`
                error = failure
            loop.call_soon_threadsafe(done, error)
            del item, work, done, error

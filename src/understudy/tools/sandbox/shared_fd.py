"""A descriptor that threads share, closed when the last of them has released it.

If it was closed while in use, its number could be reused for another file of the host.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedFd:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False

    @contextmanager
    def use(self) -> Iterator[int]:
        """Raises OSError (EBADF) after `close`."""
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._users += 1
        try:
            yield self._descriptor
        finally:
            with self._lock:
                self._users -= 1
                self._close_if_unused()

    def close(self) -> None:
        with self._lock:
            already, self._closed = self._closed, True
            if not already:
                self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._closed and self._users == 0:
            os.close(self._descriptor)

"""Counts the bytes of forms on their way to providers, and of speech from them, while they are on this node's disk.

They count for the bytes that their project may store, like its files. Only projects with that limit are counted.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from understudy.errors.objects import storage_limit_exceeded


class Spool:
    """One form or speech of a project that stores `used` bytes and may store `limit`.

    `total` are the bytes of all its spools.
    """

    def __init__(self, project_id: str, total: Counter[str], limit: int, used: int) -> None:
        self._project_id = project_id
        self._total = total
        self._limit = limit
        self._used = used
        self.bytes = 0

    def check(self) -> None:
        """Raises InvalidRequest if the project stores as many bytes as it may."""
        used = self._used + self._total[self._project_id]
        if used >= self._limit:
            raise storage_limit_exceeded(self._limit, used, 1)

    def count(self, added: int) -> None:
        """Raises InvalidRequest if the project would have more bytes than its limit."""
        used = self._used + self._total[self._project_id]
        if used + added > self._limit:
            raise storage_limit_exceeded(self._limit, used, added)
        self._total[self._project_id] += added
        self.bytes += added


class Spools:
    def __init__(self) -> None:
        self._total: Counter[str] = Counter()

    @contextmanager
    def open(self, project_id: str, limit: int, used: int) -> Iterator[Spool]:
        spool = Spool(project_id, self._total, limit, used)
        try:
            yield spool
        finally:
            self._total[project_id] -= spool.bytes
            if self._total[project_id] <= 0:
                del self._total[project_id]

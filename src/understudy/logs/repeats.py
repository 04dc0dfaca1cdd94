"""Limits repeated log lines: the first ones of a minute are written, the others are counted. Pure; no clock."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Line = TypeVar("Line")

WINDOW_SECONDS: Final = 60.0
_MAX_KEYS: Final = 1000


@dataclass(slots=True)
class _Window(Generic[Line]):
    until: float
    written: int = 0
    repeats: int = 0
    last: Line | None = None


class RepeatLimiter(Generic[Line]):
    """Counts lines by their key in windows of `seconds`, each of which begins with its first line."""

    def __init__(self, seconds: float = WINDOW_SECONDS) -> None:
        self._seconds = seconds
        self._windows: dict[Hashable, _Window[Line]] = {}

    def admit(self, key: Hashable, limit: int, line: Line, now: float) -> bool:
        """Whether to write the line: it is one of the first `limit` of its window. Call `collect` before."""
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _MAX_KEYS:
                return True
            window = self._windows[key] = _Window(now + self._seconds)
        if window.written < limit:
            window.written += 1
            return True
        window.repeats += 1
        window.last = line
        return False

    def collect(self, now: float) -> Iterator[tuple[Line, int]]:
        """Ends the windows that are over; yields the last line that each has left out, and their number."""
        ended = [key for key, window in self._windows.items() if window.until <= now]
        for key in ended:
            window = self._windows.pop(key)
            if window.last is not None:
                yield window.last, window.repeats

    def collect_all(self) -> Iterator[tuple[Line, int]]:
        """Ends all windows."""
        yield from self.collect(float("inf"))

    @property
    def next_end(self) -> float | None:
        """When the next window with repeats ends; None without one."""
        return min((window.until for window in self._windows.values() if window.repeats), default=None)

"""How much an input may take: of memory, of disk and of time."""

from collections.abc import Callable
from dataclasses import dataclass

from understudy import errors


@dataclass(frozen=True, slots=True)
class Limits:
    """`ratio` is unpacked to packed bytes, beyond the first `free_bytes`; `bytes` is what an archive unpacks to.

    `depth` counts nested values of JSON. `zip_entries` is lower, since the directory of a zip archive is in memory.
    """

    entries: int = 5_000_000
    zip_entries: int = 200_000
    ratio: int = 200
    free_bytes: int = 64 << 20
    bytes: int = 64 << 30
    depth: int = 100
    object_bytes: int = 32 << 20


class ReadingCancelled(Exception):
    """`cancelled` returned True while the input was read."""


class UnpackBudget:
    """Counts what an archive of `packed` bytes unpacks to, and its entries; raises InvalidRequest beyond the limits."""

    def __init__(self, limits: Limits, packed: int, cancelled: Callable[[], bool]) -> None:
        self._limits = limits
        self._packed = packed
        self._cancelled = cancelled
        self._bytes = 0
        self._entries = 0

    def add_packed(self, count: int) -> None:
        """For an input whose size is known only as it is listed."""
        self._packed += count

    def add_bytes(self, count: int) -> None:
        """Also raises ReadingCancelled."""
        if self._cancelled():
            raise ReadingCancelled
        self._bytes += count
        if self._bytes > self._limits.bytes:
            raise errors.InvalidRequest(
                f"The input unpacks to more than {self._limits.bytes} bytes. Import it in parts, or as a directory."
            )
        if self._bytes > max(self._limits.free_bytes, self._limits.ratio * self._packed):
            raise errors.InvalidRequest(
                f"The input unpacks to more than {self._limits.ratio} times its size, as archives made to fill a disk"
                " do. Unpack it yourself and import the directory."
            )

    def add_entry(self) -> None:
        """Also raises ReadingCancelled."""
        if self._cancelled():
            raise ReadingCancelled
        self._entries += 1
        if self._entries > self._limits.entries:
            raise errors.InvalidRequest(f"The input has more than {self._limits.entries} files. Import it in parts.")

"""Counts of terms in the chunks of stores, remembered while a store is about as large as when they were made."""

from collections.abc import Sequence
from typing import Final

_MAX_COUNTS: Final = 20_000
_SMALL_STORE_CHUNKS: Final = 2000
"""Up to so many chunks, counting takes no time, and a count that is a little old would change the ranking."""

_GROWTH: Final = 10
"""A store has changed if its size differs by more than one part of so many."""


class TermCounts:
    """A common term's count reads all of its entries, and queries have the same common terms again and again."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = {}

    def get(self, store: int, forms: Sequence[str], chunks: int) -> int | None:
        """How many of the store's `chunks` have a form of the term; None if that must be counted."""
        chunks_then, count = self._counts.get((store, tuple(forms)), (0, 0))
        return None if abs(chunks - chunks_then) * _GROWTH > chunks_then else count

    def add(self, store: int, forms: Sequence[str], chunks: int, count: int) -> None:
        if chunks <= _SMALL_STORE_CHUNKS:
            return
        if len(self._counts) >= _MAX_COUNTS:
            self._counts.clear()
        self._counts[store, tuple(forms)] = (chunks, count)

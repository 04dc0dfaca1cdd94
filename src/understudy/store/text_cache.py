"""A cache of texts that were read from a database, until their table changes. Knows no table."""

from collections.abc import Hashable, Iterable
from typing import Final

_MAX_TEXTS: Final = 1000
"""The most texts of one table."""
_MAX_CHARACTERS: Final = 8192


class TextCache:
    def __init__(self) -> None:
        self._tables: dict[str, dict[Hashable, str]] = {}

    def find(self, table: str, key: Hashable) -> str | None:
        return self._tables.get(table, {}).get(key)

    def add(self, table: str, key: Hashable, text: str) -> None:
        """Caches a text that is not too long."""
        texts = self._tables.setdefault(table, {})
        if len(texts) >= _MAX_TEXTS:
            texts.clear()
        if len(text) <= _MAX_CHARACTERS:
            texts[key] = text

    def drop(self, tables: Iterable[str]) -> None:
        """A transaction has changed these tables."""
        for table in tables:
            self._tables.pop(table, None)

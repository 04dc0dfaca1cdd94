"""Counts the keys of jobs whose claims are being stored."""

from collections import Counter
from typing import Generic

from understudy.store.workers import Key


class Claiming(Generic[Key]):
    """Counts a key within a `with` block, as its claim may be under way more than once.

    A class, as a generator with `contextmanager` takes three times as long.
    """

    __slots__ = ("_key", "_keys")

    def __init__(self, keys: Counter[Key], key: Key) -> None:
        self._keys: Counter[Key] = keys
        self._key: Key = key

    def __enter__(self) -> None:
        self._keys[self._key] += 1

    def __exit__(self, *_: object) -> None:
        self._keys[self._key] -= 1
        if not self._keys[self._key]:
            del self._keys[self._key]

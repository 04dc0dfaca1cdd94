"""Chunks of documents with their vectors and words, and the search among them. Knows no file, no store object, no model.

`store` and `file` are row numbers that the caller owns. A document is one indexing of one file in one store: it is found
once it is finished, which is also when the one it replaces is gone.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from understudy.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class NewChunk:
    """`vector` is little-endian float32 of unit length."""

    position: int
    start: int
    end: int
    text: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class StoredChunk:
    position: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a file takes up in the index."""

    chunks: int
    usage_bytes: int


class Chunks:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, store: int, file: int, embedder: str, dimensions: int) -> int:
        """The number of a document that is not found yet. Unfinished ones of the same file are given up."""
        raise NotImplementedError

    async def append(self, document: int, chunks: Sequence[NewChunk]) -> None:
        raise NotImplementedError

    async def finish(self, document: int) -> Indexed:
        """From here on the document is found, in place of the one that the file had."""
        raise NotImplementedError

    async def remove(self, store: int, file: int) -> None:
        """Nothing of the file is found any more; what it took up is freed by `erase`."""
        await self._database.write(removal, store, file)

    async def remove_store(self, store: int) -> None:
        await self._database.write(store_removal, store)

    def texts(self, store: int, file: int) -> AsyncIterator[StoredChunk]:
        """The chunks in order, overlaps included, read a page at a time."""
        raise NotImplementedError

    async def erase(self) -> bool:
        """Frees a bounded piece of what was removed; whether there is more. For a background part."""
        raise NotImplementedError


def removal(store: int, file: int) -> Transaction[None]:
    """`remove` as part of another transaction: `yield from removal(store, file)`."""
    raise NotImplementedError
    yield


def store_removal(store: int) -> Transaction[None]:
    """`remove_store` as part of another transaction."""
    raise NotImplementedError
    yield

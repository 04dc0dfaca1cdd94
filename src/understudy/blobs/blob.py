"""The Protocol of a blob store: bytes under a name. Knows no file, no tenant and no database.

A name is never reused. The writer records it durably between `seal` and `place`, so that a sweep finds blobs without a
reference.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

ID_FILE: Final = "store-id"
"""What the file or object with the id of a directory or bucket is called; no blob has such a name."""


@dataclass(frozen=True, slots=True)
class Blob:
    """`sha256` is hexadecimal, `size` in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob as the storage lists it; `size` is in bytes, `modified_at` in Unix seconds."""

    name: str
    size: int
    modified_at: float


class Writing(Protocol):
    """One blob being written: `write` as often as there are bytes, then `seal`, then `place`."""

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """The chunk may be changed by its owner afterwards."""
        ...

    async def seal(self) -> Blob:
        """Ends the writing. The blob has its name, and is not found under it yet."""
        ...

    async def place(self) -> None:
        """Puts the sealed blob under its name; it survives a power cut when this returns."""
        ...


class Blobs(Protocol):
    """Raises StoreError from every method where the storage fails, BlobMissing where the name is unknown."""

    def writing(self) -> AbstractAsyncContextManager[Writing]:
        """Leaving the context without `place` leaves nothing behind."""
        ...

    async def place_all(self, writings: Sequence[Writing]) -> None:
        """`Writing.place` of several sealed blobs of this store at once, which share what they wait for.

        After a failure some of them are placed.
        """
        ...

    def reading(
        self, name: str, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes from `start` to before `stop`, in chunks. Entering finds the blob or raises BlobMissing."""
        ...

    def path(self, name: str) -> AbstractAsyncContextManager[Path]:
        """The blob as a local file to read, as long as the context is open."""
        ...

    async def exists(self, name: str) -> bool: ...

    async def delete(self, name: str) -> None:
        """Erases the blob; a missing one is ignored."""
        ...

    @property
    def location(self) -> str:
        """The location for messages to operators: `the directory '/srv/understudy/blobs'`."""
        ...

    @property
    def id_location(self) -> str:
        """The file or object of the location's id, for messages to operators."""
        ...

    async def read_id(self) -> str | None:
        """The id of the directory or bucket; None before a server wrote one."""
        ...

    async def write_id(self, location_id: str) -> None:
        """Writes the id, durably, in the place of any other."""
        ...

    def listing(self) -> AsyncIterator[StoredBlob]:
        """All blobs that are stored, in no order, a part of them at a time."""
        ...

    async def count_stale(self) -> int:
        """What writers that died have left half written."""
        ...

    async def sweep(self) -> None:
        """Erases what writers that died have left half written."""
        ...

    async def close(self) -> None: ...

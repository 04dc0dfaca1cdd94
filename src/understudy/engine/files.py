"""Creates a File from bytes: of an upload, or of a tool's output. Knows no HTTP and no SQL.

The order makes every crash harmless: the name is stored as a hold, then the bytes are placed, then one transaction
creates the file and turns the hold into a reference. A sweep erases unused holds.
"""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from understudy import ids
from understudy.blobs import Blob, Blobs, Writing
from understudy.clock import Clock
from understudy.errors import BlobMissing
from understudy.store import Store
from understudy.wire.files import FileObject, StoredPurpose

# Long enough to write the largest file to a slow disk; a slower writer loses its blob.
_BLOB_HOLD_SECONDS = 3600.0
_ERASE_CHUNK = 100
BATCH_FILE_SECONDS = 30 * 24 * 3600
"""The default lifetime of files for batches, as in the hosted API."""


class BlobDraft:
    """Bytes of a new file, or of a part of one. Closing an unused draft discards them."""

    def __init__(self, files: "Files", writing: Writing) -> None:
        self._files = files
        self.writing = writing
        self.blob: Blob | None = None
        self._hold_name: str | None = None

    async def write(self, chunk: bytes) -> None:
        await self.writing.write(chunk)

    async def seal(self) -> Blob:
        """Ends the writing; `Files.commit_all` places the bytes."""
        self.blob = await self.writing.seal()
        return self.blob

    async def commit(self) -> Blob:
        """Places the written bytes, with a hold until a row refers to them."""
        blob = await self.seal()
        await self._files.commit_all([self])
        return blob

    def attach(self, name: str) -> None:
        """The draft ends the hold of this blob."""
        self._hold_name = name

    def detach(self) -> None:
        """Leaves the blob to another process, which ends its hold; otherwise the hold expires."""
        self._hold_name = None

    async def close(self) -> None:
        if self._hold_name is not None:
            await self._files.release_hold(self._hold_name)


class Files:
    def __init__(self, store: Store, blobs: Blobs, clock: Clock) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock

    async def save(
        self,
        project_id: str,
        filename: str,
        purpose: StoredPurpose,
        chunks: AsyncIterable[bytes],
        *,
        seconds: int | None = None,
        limit: int | None = None,
    ) -> FileObject:
        """Stores the bytes as a file. `seconds` is its lifetime, by default that of its purpose.

        Raises InvalidRequest if the project would store more bytes than `limit`.
        """
        async with self.open_draft() as draft:
            async for chunk in chunks:
                await draft.write(chunk)
            return await self.register(project_id, filename, purpose, await draft.commit(), seconds, limit=limit)

    @asynccontextmanager
    async def open_draft(self) -> AsyncIterator[BlobDraft]:
        """For bytes that arrive before the name: `write` and `commit` the draft, then `register` its blob."""
        async with self._blobs.writing() as writing:
            draft = BlobDraft(self, writing)
            try:
                yield draft
            finally:
                await draft.close()

    async def commit_all(self, drafts: Sequence[BlobDraft]) -> None:
        """Places sealed drafts, each with a hold until a row refers to it; they wait for database and disk together."""
        if not drafts:
            return
        blobs = [draft.blob for draft in drafts if draft.blob is not None]
        assert len(blobs) == len(drafts), "seal first"
        held = [(blob.name, blob.sha256) for blob in blobs]
        await self._store.blobs.hold_all(held, self._clock.now() + _BLOB_HOLD_SECONDS)
        for draft, blob in zip(drafts, blobs, strict=True):
            draft.attach(blob.name)
        await self._blobs.place_all([draft.writing for draft in drafts])

    async def release_hold(self, name: str) -> None:
        await self._store.blobs.release_hold(name)

    async def register(
        self,
        project_id: str,
        filename: str,
        purpose: StoredPurpose,
        blob: Blob,
        seconds: int | None = None,
        *,
        limit: int | None = None,
    ) -> FileObject:
        """Creates the file of a committed blob.

        Raises InvalidRequest if the project would store more bytes than `limit`.
        """
        file = new_file(filename, purpose, blob.size, int(self._clock.now()), seconds)
        await self._store.files.create(project_id, file, blob.name, limit)
        return file

    async def measure_container_uploads(self) -> None:
        """Counts the bytes of those that servers of earlier versions have stored."""
        for seq, blob in await self._store.containers.find_unmeasured_uploads():
            size = 0
            with suppress(BlobMissing):
                async with self._blobs.reading(blob) as chunks:
                    async for chunk in chunks:
                        size += len(chunk)
            await self._store.containers.set_upload_size(seq, size)

    async def sweep(self) -> None:
        """Deletes expired files and uploads, and erases blobs without references."""
        await self._store.files.expire()
        await self._store.uploads.expire()
        await self._store.blobs.drop_holds(self._clock.now())
        while names := await self._store.blobs.pending_erasures(_ERASE_CHUNK):
            for name in names:
                await self._blobs.delete(name)
            await self._store.blobs.confirm_erasures(names)


def new_file(filename: str, purpose: StoredPurpose, size: int, now: int, seconds: int | None) -> FileObject:
    if seconds is None and purpose == "batch":
        seconds = BATCH_FILE_SECONDS
    return FileObject(
        id=ids.file(),
        purpose=purpose,
        filename=filename,
        bytes=size,
        created_at=now,
        expires_at=None if seconds is None else now + seconds,
    )

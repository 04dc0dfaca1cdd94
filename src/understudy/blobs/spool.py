"""Files that are being written: bytes hashed and put on the local disk as they come. Knows no blob store.

Each file is locked by its writer, so that a sweep, by whichever process, can tell the file of a living writer from one
that a crash has left. The disk is never waited for on the loop.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TypeVar

from understudy.blobs.blob import Blob
from understudy.errors import StoreError

T = TypeVar("T")

_WRITE = 1024 * 1024
# What is written is handed to the disk in portions, so that the last fsync has little left to wait for.
_FLUSH_BYTES = 32 * 1024 * 1024
_THREADS = 8
_NO_SPACE_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Disk:
    """The threads that wait for the disk; what the system says of a failure becomes a StoreError."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="understudy-blobs")

    async def run(self, work: Callable[[], T]) -> T:
        """Raises FileNotFoundError as it is: what is missing means something else to each caller."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise disk_error(error) from None

    async def finish(self, work: Callable[[], T]) -> None:
        """Runs what has to be run, also for one who is being cancelled."""
        with suppress(FileNotFoundError):
            await asyncio.shield(asyncio.ensure_future(self.run(work)))

    def close(self) -> None:
        self._threads.shutdown(wait=False)


def disk_error(error: OSError) -> StoreError:
    if error.errno in _NO_SPACE_ERRNOS:
        return StoreError("The disk for files is full.")
    return StoreError(f"The directory for files failed: {error.strerror or error}.")


class SpooledFile:
    """The file of one writer, as the threads see it: one thing at a time."""

    def __init__(self, folder: Path) -> None:
        self.path, self.descriptor = _new_file(folder)
        self._lock = Lock()
        self._hash = hashlib.sha256()
        self._size = 0
        self._flushed = 0
        self._closed = False

    def write(self, data: bytearray) -> None:
        with self._lock:
            # Its writer was cancelled, and the descriptor may be another file's by now.
            if self._closed:
                return
            self._hash.update(data)
            view = memoryview(data)
            while view:
                view = view[os.write(self.descriptor, view) :]
            self._size += len(data)
            if self._size - self._flushed >= _FLUSH_BYTES:
                os.fdatasync(self.descriptor)
                self._flushed = self._size

    def seal(self) -> Blob:
        digest = self._hash.hexdigest()
        return Blob(f"{digest}-{secrets.token_hex(6)}", self._size, digest)

    def sync(self) -> None:
        """The bytes survive a power cut when this returns; the name does once its directory is synced."""
        with self._lock:
            if not self._closed:
                os.fsync(self.descriptor)

    def rename(self, target: Path) -> None:
        """To `target`, whose directory is there."""
        with self._lock:
            if not self._closed:
                self.path.rename(target)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            with suppress(FileNotFoundError):  # moved
                self.path.unlink()
            os.close(self.descriptor)


SealedFile = tuple[SpooledFile, Blob]
Place = Callable[[Sequence[SealedFile]], Awaitable[None]]
"""Puts files under the names of their blobs."""


class SpooledWriting:
    """The next portion is collected while a thread still hashes and writes the one before."""

    def __init__(self, disk: Disk, file: SpooledFile, place: Place) -> None:
        self._disk = disk
        self._file = file
        self._place = place
        self._blob: Blob | None = None
        self._buffer = bytearray()
        self._job: asyncio.Task[None] | None = None

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._buffer += chunk
        if len(self._buffer) >= _WRITE:
            await self._flush_buffer()

    async def seal(self) -> Blob:
        await self._flush_buffer()
        await self._settle()
        self._blob = self._file.seal()
        return self._blob

    async def place(self) -> None:
        await self._place([self.sealed])

    @property
    def sealed(self) -> SealedFile:
        assert self._blob is not None, "seal first"
        return self._file, self._blob

    def abandon(self) -> None:
        if self._job is not None:
            self._job.cancel()

    async def _flush_buffer(self) -> None:
        await self._settle()
        buffer, self._buffer = self._buffer, bytearray()
        self._job = asyncio.create_task(self._disk.run(lambda: self._file.write(buffer)))

    async def _settle(self) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            await job


class Spool:
    def __init__(self, folder: Path, disk: Disk) -> None:
        """Makes the folder where it is missing; raises StoreError where that cannot be done."""
        self._folder = folder
        self._disk = disk
        try:
            # A mode is the last folder's alone, where its parents are made with it.
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The directory {str(folder)!r} for files cannot be made: {error.strerror}.") from None

    @asynccontextmanager
    async def writing(self, place: Place) -> AsyncIterator[SpooledWriting]:
        async with self.file() as file:
            writing = SpooledWriting(self._disk, file, place)
            try:
                yield writing
            finally:
                writing.abandon()

    @asynccontextmanager
    async def file(self) -> AsyncIterator[SpooledFile]:
        """A new file, gone at the end unless it was moved."""
        try:
            file = await self._disk.run(lambda: SpooledFile(self._folder))
        except FileNotFoundError:
            raise StoreError(f"The directory {str(self._folder)!r} for files was removed.") from None
        try:
            yield file
        finally:
            await self._disk.finish(file.close)

    async def sweep(self) -> None:
        await self._disk.run(lambda: _sweep(self._folder, erases=True))

    async def count_stale(self) -> int:
        """The files that writers have left which died."""
        return await self._disk.run(lambda: _sweep(self._folder, erases=False))


def _new_file(folder: Path) -> tuple[Path, int]:
    """A new file, locked. A sweep may have it between its making and its locking, and takes it for an old one."""
    while True:
        path = folder / secrets.token_hex(16)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_nlink:
                return path, file
        os.close(file)
        path.unlink(missing_ok=True)


def _sweep(folder: Path, *, erases: bool) -> int:
    """The number of files without a living writer, which are deleted with `erases`."""
    stale = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError):
            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stale += 1
                if erases:
                    path.unlink()
            finally:
                os.close(file)
    return stale

"""Blobs as files in a local directory, `ab/cdef…` by the hash of their contents. Never waits for the disk on the loop.

A blob is written to a file in `unfinished/` that its writer has locked, so that a sweep, by whichever process, can tell
the file of a living writer from one that a crash has left.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from understudy.blobs.blob import Blob
from understudy.errors import BlobMissing, StoreError

T = TypeVar("T")

_NAME = re.compile("[0-9a-f]{64}-[0-9a-f]{12}")
_UNFINISHED = "unfinished"
_WRITE = 1024 * 1024
_READ = 256 * 1024
# What is written is handed to the disk in portions, so that the last fsync has little left to wait for.
_PORTION = 32 * 1024 * 1024
_THREADS = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DirectoryBlobs:
    def __init__(self, root: Path) -> None:
        """Makes the directory where it is missing; raises StoreError where that cannot be done."""
        self._root = root
        self._unfinished = root / _UNFINISHED
        try:
            self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The directory {str(root)!r} for files cannot be made: {error.strerror}.") from None
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="understudy-blobs")

    @asynccontextmanager
    async def writing(self) -> AsyncIterator["_Writing"]:
        file = await self._run(lambda: _Unplaced(self._root, self._unfinished))
        writing = _Writing(self._run, file)
        try:
            yield writing
        finally:
            writing.abandon()
            # Whatever a cancelled write still does in its thread, this waits for it there.
            await asyncio.shield(self._run(file.close))

    @asynccontextmanager
    async def reading(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        path = self._where(name)
        file = await self._run(lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC), name)
        closing = Lock()

        def read(position: int, length: int) -> bytes:
            with closing:
                return os.pread(file, length, position)

        def close() -> None:
            with closing:
                os.close(file)

        async def chunks() -> AsyncGenerator[bytes]:
            position = start
            while stop is None or position < stop:
                length = _READ if stop is None else min(_READ, stop - position)
                chunk = await self._run(partial(read, position, length))
                if not chunk:
                    return
                position += len(chunk)
                yield chunk

        try:
            async with aclosing(chunks()) as reading:
                yield reading
        finally:
            await asyncio.shield(self._run(close))

    @asynccontextmanager
    async def path(self, name: str) -> AsyncIterator[Path]:
        path = self._where(name)
        if not await self.exists(name):
            raise _missing(name)
        yield path

    async def exists(self, name: str) -> bool:
        path = self._where(name)
        return await self._run(path.is_file)

    async def delete(self, name: str) -> None:
        path = self._where(name)
        await self._run(lambda: path.unlink(missing_ok=True))

    async def sweep(self) -> None:
        await self._run(lambda: _sweep(self._unfinished))

    async def close(self) -> None:
        self._threads.shutdown(wait=False)

    def _where(self, name: str) -> Path:
        # A name comes from the database only; whatever happens to that, it leads nowhere else.
        if not _NAME.fullmatch(name):
            raise _missing(name)
        return _path(self._root, name)

    async def _run(self, work: Callable[[], T], name: str | None = None) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError:
            if name is not None:
                raise _missing(name) from None
            raise StoreError(f"The directory {str(self._root)!r} for files was removed.") from None
        except OSError as error:
            raise _failure(error) from None


class _Writing:
    """The next portion is collected while a thread still hashes and writes the one before."""

    def __init__(self, run: Callable[[Callable[[], None]], Coroutine[Any, Any, None]], file: "_Unplaced") -> None:
        self._run = run
        self._file = file
        self._buffer = bytearray()
        self._job: asyncio.Task[None] | None = None

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._buffer += chunk
        if len(self._buffer) >= _WRITE:
            await self._flush()

    async def seal(self) -> Blob:
        await self._flush()
        await self._settle()
        return self._file.seal()

    async def place(self) -> None:
        await self._run(self._file.place)

    def abandon(self) -> None:
        if self._job is not None:
            self._job.cancel()

    async def _flush(self) -> None:
        await self._settle()
        buffer, self._buffer = self._buffer, bytearray()
        self._job = asyncio.create_task(self._run(lambda: self._file.write(buffer)))

    async def _settle(self) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            await job


class _Unplaced:
    """The file of one writer, as its threads see it: one thing at a time."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self._path, self._file = _new_file(folder)
        self._lock = Lock()
        self._hash = hashlib.sha256()
        self._size = 0
        self._flushed = 0
        self._closed = False
        self.name = ""

    def write(self, data: bytearray) -> None:
        with self._lock:
            if self._closed:
                return
            self._hash.update(data)
            view = memoryview(data)
            while view:
                written = os.write(self._file, view)
                view = view[written:]
            self._size += len(data)
            if self._size - self._flushed >= _PORTION:
                os.fdatasync(self._file)
                self._flushed = self._size

    def seal(self) -> Blob:
        digest = self._hash.hexdigest()
        self.name = f"{digest}-{secrets.token_hex(6)}"
        return Blob(self.name, self._size, digest)

    def place(self) -> None:
        with self._lock:
            os.fsync(self._file)
            path = _path(self._root, self.name)
            made = not path.parent.is_dir()
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._path.rename(path)
            _sync_directory(path.parent)
            if made:
                _sync_directory(self._root)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            with suppress(FileNotFoundError):  # placed
                self._path.unlink()
            os.close(self._file)


def _new_file(folder: Path) -> tuple[Path, int]:
    """A new file, locked. A sweep may have it between its making and its locking, and takes it for an old one."""
    while True:
        path = folder / secrets.token_hex(16)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_nlink:
                return path, file
        os.close(file)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(FileNotFoundError, BlockingIOError):
            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _path(root: Path, name: str) -> Path:
    return root / name[:2] / name[2:]


def _missing(name: str) -> BlobMissing:
    return BlobMissing(f"The blob {name!r} is not there.")


def _failure(error: OSError) -> StoreError:
    if error.errno in _FULL:
        return StoreError("The disk that files are kept on is full.")
    return StoreError(f"The directory for files failed: {error.strerror or error}.")

"""Blobs as files in a local directory: `ab/cdef…` by the hash of their contents."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Lock
from typing import cast

from understudy.blobs.blob import ID_FILE, StoredBlob, Writing
from understudy.blobs.spool import Disk, SealedFile, Spool, SpooledFile, SpooledWriting
from understudy.errors import BlobMissing, StoreError

_NAME = re.compile("[0-9a-f]{64}-[0-9a-f]{12}")
_READ = 256 * 1024


class DirectoryBlobs:
    def __init__(self, root: Path, unfinished: Path) -> None:
        """Makes both directories, on one file system, where they are missing; raises StoreError where it cannot."""
        self._root = root
        self._disk = Disk()
        self._spool = Spool(unfinished, self._disk)

    def writing(self) -> AbstractAsyncContextManager[Writing]:
        return self._spool.writing(self._place)

    async def place_all(self, writings: Sequence[Writing]) -> None:
        await self._place([writing.sealed for writing in cast("Sequence[SpooledWriting]", writings)])

    @asynccontextmanager
    async def reading(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        path = self._blob_path(name)
        try:
            file = await self._disk.run(lambda: _OpenFile(path))
        except FileNotFoundError:
            raise blob_missing_error(name) from None
        try:
            async with aclosing(self._chunks(file, start, stop)) as chunks:
                yield chunks
        finally:
            await self._disk.finish(file.close)

    @asynccontextmanager
    async def path(self, name: str) -> AsyncIterator[Path]:
        if not await self.exists(name):
            raise blob_missing_error(name)
        yield self._blob_path(name)

    async def exists(self, name: str) -> bool:
        return await self._disk.run(self._blob_path(name).is_file)

    async def delete(self, name: str) -> None:
        path = self._blob_path(name)
        await self._disk.run(lambda: path.unlink(missing_ok=True))

    @property
    def location(self) -> str:
        return f"the directory {str(self._root)!r}"

    @property
    def id_location(self) -> str:
        return str(self._root / ID_FILE)

    async def read_id(self) -> str | None:
        try:
            text = await self._disk.run((self._root / ID_FILE).read_text)
        except FileNotFoundError:
            return None
        return text.strip() or None

    async def write_id(self, location_id: str) -> None:
        async with self._spool.file() as file:
            await self._disk.run(lambda: _write_id(file, self._root / ID_FILE, location_id))

    async def listing(self) -> AsyncGenerator[StoredBlob]:
        for number in range(256):
            for blob in await self._disk.run(partial(_list_folder, self._root / f"{number:02x}")):
                yield blob

    async def count_stale(self) -> int:
        return await self._spool.count_stale()

    async def sweep(self) -> None:
        await self._spool.sweep()

    async def close(self) -> None:
        self._disk.close()

    async def _chunks(self, file: "_OpenFile", start: int, stop: int | None) -> AsyncGenerator[bytes]:
        position = start
        while stop is None or position < stop:
            length = _READ if stop is None else min(_READ, stop - position)
            chunk = await self._disk.run(partial(file.read, position, length))
            if not chunk:
                return
            position += len(chunk)
            yield chunk

    async def _place(self, sealed: Sequence[SealedFile]) -> None:
        """The bytes are on the disk before a name is, and all names before this returns."""
        if not sealed:
            return
        targets = [(file, self._blob_path(blob.name)) for file, blob in sealed]
        try:
            # At the same time: the file system writes its journal for several of them together.
            await asyncio.gather(*(self._disk.run(file.sync) for file, _ in targets[1:]))
            await self._disk.run(lambda: _move_into_place(targets))
        except FileNotFoundError:
            raise StoreError(f"The directory {str(self._root)!r} for files was removed.") from None

    def _blob_path(self, name: str) -> Path:
        check_name(name)
        return self._root / name[:2] / name[2:]


class _OpenFile:
    """A cancelled read may continue in its thread; the file is closed after it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._lock = Lock()
        self._closed = False

    def read(self, position: int, length: int) -> bytes:
        with self._lock:
            return b"" if self._closed else os.pread(self._descriptor, length, position)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            os.close(self._descriptor)


def check_name(name: str) -> None:
    """Rejects names that could be a path elsewhere, even if the database is corrupted. Raises BlobMissing."""
    if not is_blob_name(name):
        raise blob_missing_error(name)


def is_blob_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def blob_missing_error(name: str) -> BlobMissing:
    return BlobMissing(f"Blob not found: {name!r}.")


def _list_folder(folder: Path) -> list[StoredBlob]:
    """The blobs of one folder; none if it does not exist."""
    blobs = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            name = folder.name + entry.name
            if is_blob_name(name):
                with suppress(FileNotFoundError):  # erased meanwhile
                    found = entry.stat(follow_symlinks=False)
                    blobs.append(StoredBlob(name, found.st_size, found.st_mtime))
    return blobs


def _write_id(file: SpooledFile, target: Path, location_id: str) -> None:
    file.write(bytearray(f"{location_id}\n".encode()))
    file.sync()
    file.rename(target)
    _sync_folder(target.parent)


def _move_into_place(targets: Sequence[tuple[SpooledFile, Path]]) -> None:
    """The first of several files is the only one that is not synced yet.

    Renames all before it syncs a folder: the first sync writes the journal, which then has all the others.
    """
    targets[0][0].sync()
    folders = {target.parent for _, target in targets}
    made = {folder.parent for folder in folders if not folder.is_dir()}
    for folder in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
    for file, target in targets:
        file.rename(target)
    for folder in (*folders, *made):
        _sync_folder(folder)


def _sync_folder(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

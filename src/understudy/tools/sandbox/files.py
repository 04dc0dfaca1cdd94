"""The files of a session, accessed from the host through a descriptor of `/mnt/data`.

Untrusted code creates that folder's content and keeps running meanwhile. So no path is ever resolved: each component is
opened by itself, without following links, and checked after opening.
"""

import asyncio
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Final, ParamSpec, Protocol, TypeVar

from understudy.errors import NoSuchFile, SandboxError, SandboxFull
from understudy.tools.sandbox.names import component, components, is_safe
from understudy.tools.sandbox.protocol import SandboxFile
from understudy.tools.sandbox.shared_fd import SharedFd

P = ParamSpec("P")
T = TypeVar("T")

PIECE: Final = 1 << 20
FILES: Final = 1000
_MAX_ENTRIES: Final = 10_000
_MAX_DEPTH: Final = 8
_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# O_NONBLOCK: opening a pipe must not wait for its other end.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_CREATE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


class Files(Protocol):
    """The file operations of a `Session`."""

    async def put(self, name: str, content: AsyncIterable[bytes]) -> None: ...
    async def link(self, alias: str, name: str) -> None: ...
    async def list(self) -> Sequence[SandboxFile]: ...
    def read(self, name: str) -> AsyncGenerator[bytes, None]: ...
    async def remove(self, name: str) -> None: ...


class Folder:
    """`disk` is the maximum size of all files together; what claims more is sparse, and is skipped."""

    def __init__(self, folder: SharedFd, threads: Executor, disk: int) -> None:
        self._folder = folder
        self._threads = threads
        self._disk = disk
        self._digests: dict[tuple[int, ...], str] = {}

    async def put(self, name: str, content: AsyncIterable[bytes]) -> None:
        temporary = f".put-{secrets.token_hex(8)}"
        target = component(name)
        with _translate_errors(name):
            opened = await self._run_to_completion(self._create_file, temporary)
        try:
            async for piece in content:
                with _translate_errors(name):
                    await self._run_to_completion(_write_piece, opened, piece)
            with _translate_errors(name):
                await self._run_to_completion(self._rename, temporary, target)
        except BaseException:
            with suppress(OSError):
                await self._run_to_completion(self._unlink, [temporary])
            raise
        finally:
            os.close(opened)

    async def link(self, alias: str, name: str) -> None:
        with _translate_errors(alias):
            await self._run_to_completion(self._symlink, component(name), component(alias))

    async def list(self) -> Sequence[SandboxFile]:
        with _translate_errors("/"):
            return await self._run_to_completion(self._list_files)

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        parts = components(name)
        with _translate_errors(name):
            opened = await self._run_to_completion(self._open_file, parts)
            try:
                left = os.fstat(opened).st_size
                while left > 0 and (piece := await self._run_to_completion(os.read, opened, min(left, PIECE))):
                    left -= len(piece)
                    yield piece
            finally:
                os.close(opened)

    async def remove(self, name: str) -> None:
        parts = components(name)
        with _translate_errors(name):
            await self._run_to_completion(self._unlink, parts)

    async def _run_to_completion(self, function: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        """Runs to completion even if the caller is cancelled: a descriptor in use must not be closed."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise

    def _create_file(self, name: str) -> int:
        with self._folder.use() as folder:
            return os.open(name, _CREATE_FLAGS, 0o644, dir_fd=folder)

    def _rename(self, temporary: str, name: str) -> None:
        with self._folder.use() as folder:
            os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _symlink(self, name: str, alias: str) -> None:
        with self._folder.use() as folder:
            with suppress(FileNotFoundError):
                if not stat.S_ISLNK(os.lstat(alias, dir_fd=folder).st_mode):
                    return
            temporary = f".link-{secrets.token_hex(8)}"
            os.symlink(name, temporary, dir_fd=folder)
            os.replace(temporary, alias, src_dir_fd=folder, dst_dir_fd=folder)

    def _open_file(self, parts: Sequence[str]) -> int:
        with self._parent(parts) as parent:
            return _open_regular(parts[-1], parent)

    def _unlink(self, parts: Sequence[str]) -> None:
        with self._parent(parts) as parent:
            os.unlink(parts[-1], dir_fd=parent)

    @contextmanager
    def _parent(self, parts: Sequence[str]) -> Iterator[int]:
        """The folder of the last component."""
        with self._folder.use() as top:
            folder = os.open(".", _FOLDER_FLAGS, dir_fd=top)
        try:
            for part in parts[:-1]:
                below = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def _list_files(self) -> Sequence[SandboxFile]:
        walk = _DirectoryWalk(self._disk, self._digests)
        with self._parent([""]) as folder:
            walk.visit(folder, "", 0)
        self._digests = walk.digests
        return sorted(walk.files, key=lambda file: file.name)


class _DirectoryWalk:
    """Walks all folders, with limits on entries, files and bytes."""

    def __init__(self, disk: int, digests: dict[tuple[int, ...], str]) -> None:
        self.files: list[SandboxFile] = []
        self.digests: dict[tuple[int, ...], str] = {}
        self._left = disk
        self._entries = _MAX_ENTRIES
        self._earlier_digests = digests

    def visit(self, folder: int, path: str, depth: int) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                self._entries -= 1
                if self._entries < 0 or len(self.files) == FILES:
                    return
                if is_safe(entry.name):
                    # It may have been removed or replaced meanwhile.
                    with suppress(OSError):
                        self._visit_entry(folder, entry, path, depth)

    def _visit_entry(self, folder: int, entry: os.DirEntry[str], path: str, depth: int) -> None:
        if entry.is_dir(follow_symlinks=False):
            if depth + 1 < _MAX_DEPTH and entry.name != "__pycache__":
                below = os.open(entry.name, _FOLDER_FLAGS, dir_fd=folder)
                try:
                    self.visit(below, f"{path}{entry.name}/", depth + 1)
                finally:
                    os.close(below)
        elif entry.is_file(follow_symlinks=False):
            opened = _open_regular(entry.name, folder)
            try:
                self._add_file(opened, path + entry.name)
            finally:
                os.close(opened)

    def _add_file(self, opened: int, name: str) -> None:
        status = os.fstat(opened)
        if status.st_size > self._left:
            return
        self._left -= status.st_size
        mark = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest = self._earlier_digests.get(mark) or _digest(opened, status.st_size)
        self.digests[mark] = digest
        self.files.append(SandboxFile(name, status.st_size, status.st_mtime, digest))


def _open_regular(name: str, folder: int) -> int:
    opened = os.open(name, _FILE_FLAGS, dir_fd=folder)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise OSError(errno.EINVAL, "not a regular file")


def _digest(opened: int, size: int) -> str:
    digest = hashlib.sha256()
    while size > 0 and (piece := os.read(opened, min(size, PIECE))):
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


def _write_piece(opened: int, piece: bytes) -> None:
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(opened, rest) :]


@contextmanager
def _translate_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise SandboxFull(f"The sandbox has no room left for {name!r}.") from error
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EISDIR}:
            raise NoSuchFile(f"The sandbox has no regular file {name!r}.") from error
        if error.errno == errno.EBADF:
            raise SandboxError("The session has ended.") from error
        raise SandboxError(f"The sandbox's file {name!r} cannot be used: {error.strerror}.") from error

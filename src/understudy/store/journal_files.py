"""The files of usage journals in a data directory: created by the process that appends, found by all others.

A journal belongs to the process that holds the lock of its file. The kernel releases it when the process ends, so a
journal that can be locked is one of a process that has died. Knows no record and no table.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy import ids

FOLDER: Final = "usage"
_SUFFIX: Final = ".journal"
_UNFINISHED: Final = ".new"
_UNFINISHED_SECONDS: Final = 60.0
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class JournalFile:
    """An open file. `id` is its name without the suffix."""

    id: str
    path: Path
    descriptor: int

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def lock(self) -> bool:
        """Whether its process has died, and the file still has its name; it belongs to this process then."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(self.path.stat(), os.fstat(self.descriptor))
        except OSError:
            return False

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self.descriptor)


def create(data: Path) -> JournalFile:
    """A new, empty and locked file, which others find once it is published. Raises OSError."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    name = ids.usage_journal()
    path = folder / f"{name}{_UNFINISHED}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    file = JournalFile(name, path, os.open(path, flags, 0o600))
    fcntl.flock(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def publish(file: JournalFile) -> None:
    """Raises OSError."""
    file.path = file.path.rename(file.path.with_suffix(_SUFFIX))


def list_sizes(data: Path) -> dict[str, int]:
    """The bytes of each journal, by its id. Passes over whatever else is in the folder."""
    sizes: dict[str, int] = {}
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(data / FOLDER) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):  # deleted meanwhile
                    sizes[entry.name.removesuffix(_SUFFIX)] = entry.stat().st_size
    return sizes


@contextmanager
def opening(data: Path, journal: str) -> Iterator[JournalFile | None]:
    """The file of the journal with this id; None if it has been deleted, or is another user's."""
    path = data / FOLDER / f"{journal}{_SUFFIX}"
    try:
        file = JournalFile(journal, path, os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW))
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        logger.warning("the usage in %s cannot be read: %s", path, error.strerror)
        yield None
        return
    try:
        yield file
    finally:
        file.close()


def delete_unfinished(data: Path) -> None:
    """Deletes files that a process has created and not published before it died."""
    for path in (data / FOLDER).glob(f"*{_UNFINISHED}"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - _UNFINISHED_SECONDS:
                path.unlink()

"""The progress of an installation of the interpreter's environment, visible to all processes.

The lock is on a file beside the environment, and is released when its holder exits for any reason.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from understudy.errors import SandboxError

_MAX_PROGRESS_BYTES: Final = 200
_STEPS: Final = 3
_TRIES: Final = 20
_BETWEEN_TRIES: Final = 0.02


class Preparation:
    """Held by the process that creates the environment. `step` sets the progress that others read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def step(self, number: int, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"step {number} of {_STEPS}: {text}".encode(), 0)


@contextmanager
def prepare(home: Path) -> Iterator[Preparation]:
    """Raises SandboxError if another process holds the lock."""
    path = _lock_path(home)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        if not _lock(descriptor):
            raise SandboxError(f"{str(home)!r} is being created by another process ({progress(home)}); wait for it.")
        yield Preparation(descriptor)
        path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Retries a few times, since a reader of the progress holds the lock for a moment."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_BETWEEN_TRIES)
    return False


def progress(home: Path) -> str | None:
    """The current step of the installation; None if none is running."""
    with suppress(OSError):
        descriptor = os.open(_lock_path(home), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(descriptor, _MAX_PROGRESS_BYTES, 0).decode(errors="replace") or "it begins"
        finally:
            os.close(descriptor)
    return None


def _lock_path(home: Path) -> Path:
    return home.with_name(f".{home.name.lstrip('.')}.preparing")

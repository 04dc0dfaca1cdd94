"""Whether somebody is making the interpreter's environment right now, and how far that is: for all processes to see.

The lock is on a file beside the environment, and is free again when its holder ends, however that happens.
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
    """Held by the process that makes the environment. `step` is what others are told until the next one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def step(self, number: int, text: str) -> None:
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"step {number} of {_STEPS}: {text}".encode(), 0)


@contextmanager
def prepare(home: Path) -> Iterator[Preparation]:
    """Raises SandboxError where another process is at it."""
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
    """Tries a few times: who looks at the progress has the lock for a moment."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_BETWEEN_TRIES)
    return False


def progress(home: Path) -> str | None:
    """The current step of the preparation; None where none is running."""
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

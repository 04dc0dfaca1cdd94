"""A lock on the data directory, so that two servers never share it. The kernel releases it when the process ends."""

import fcntl
import os
import socket
from pathlib import Path
from typing import Final

from understudy.errors import StoreError

_LOCK_FILE: Final = "server.lock"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class DirectoryLock:
    def __init__(self, directory: Path) -> None:
        """Raises StoreError if another server has locked the directory."""
        path = directory / _LOCK_FILE
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            raise StoreError(
                f"Another server (process {holder or 'unknown'}) uses the data directory {str(directory)!r}. "
                "Stop it, or choose another directory with --data."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)


def identify_lock(directory: Path) -> str:
    """Identifies the lock of a data directory on this machine: of two processes that had it, the first has died.

    A copy of the directory has another lock, and so has a directory after a restart of the machine.
    """
    status = (directory / _LOCK_FILE).stat()
    try:
        machine = _BOOT_ID.read_text().strip()
    except OSError:
        machine = socket.gethostname()
    return f"{machine}:{status.st_dev}:{status.st_ino}"

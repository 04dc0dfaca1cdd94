"""A lock on the data directory, so that two servers never share it. The kernel releases it when the process ends."""

import fcntl
import os
from pathlib import Path

from understudy.errors import StoreError


class DirectoryLock:
    def __init__(self, directory: Path) -> None:
        """Raises StoreError if another server has locked the directory."""
        path = directory / "server.lock"
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

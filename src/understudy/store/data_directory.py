"""The files of the data directory: created by a server, checked by commands, readable only by their owner.

Knows no table. Files are private (0600 and 0700) whatever the umask and the directory's own mode.
"""

import getpass
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from understudy.errors import StoreError

DATABASE: Final = "understudy.sqlite3"
_FOLDERS: Final = ("blobs", "spool", "usage", "videos")
_HINT: Final = (
    "Start the server there first (`understudy serve`), or name the directory of a running one with --data or"
    " UNDERSTUDY_DATA; the server prints it."
)


def create(data: Path) -> None:
    """Creates the directory, 0700, and removes rights of group and others that an older version left.

    Raises StoreError if it cannot be created or written.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The data directory {str(data)!r} cannot be created: {error.strerror}. {_data_directory_advice()}"
        ) from None
    if not _is_writable(data):
        raise StoreError(f"The data directory {str(data)!r} is not writable. {_data_directory_advice()}")
    for path in _private_paths(data):
        make_private(path)


def check(data: Path) -> None:
    """Raises StoreError, which names the directory, if no server has used it or this user has no access."""
    try:
        is_file = stat.S_ISREG((data / DATABASE).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise missing_directory_error(data) from None
    except OSError as error:
        raise _permission_error(data, error.strerror or str(error)) from None
    if not is_file:
        raise missing_directory_error(data)
    if not (_is_writable(data) and os.access(data / DATABASE, os.R_OK | os.W_OK)):
        raise _permission_error(data, "Permission denied")


def missing_directory_error(data: Path) -> StoreError:
    """The error for a directory that no server has used."""
    if not data.exists():
        return StoreError(f"The data directory {str(data)!r} does not exist. {_HINT}")
    if not data.is_dir():
        return StoreError(f"{str(data)!r} is a file, not a data directory. {_HINT}")
    return StoreError(f"{str(data)!r} is not a data directory: it has no {DATABASE} with tables. {_HINT}")


def make_private(path: Path) -> None:
    """Removes all rights of group and others; ignores a file that is missing or belongs to another user."""
    with suppress(FileNotFoundError, PermissionError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            path.chmod(mode & 0o700)


def create_private_file(path: Path) -> None:
    """Creates an empty file, 0600, if it is missing. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def _private_paths(data: Path) -> Iterator[Path]:
    """Paths that other users could reach; a private folder hides all that is below it."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", *_FOLDERS):
        yield data / name


def _is_writable(data: Path) -> bool:
    return os.access(data, os.R_OK | os.W_OK | os.X_OK)


def _data_directory_advice() -> str:
    return (
        f"Choose one that the user {_user_name()!r} can write, with --data or UNDERSTUDY_DATA, like"
        " `--data ~/understudy-data`."
    )


def _permission_error(data: Path, reason: str) -> StoreError:
    return StoreError(
        f"The user {_user_name()!r} cannot use the data directory {str(data)!r}: {reason}. Run the command as the"
        " user that the server runs as, or name another directory with --data or UNDERSTUDY_DATA."
    )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.geteuid())

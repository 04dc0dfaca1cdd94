"""Connections to SQLite: WAL, full fsync, and the extension that compares vectors. Knows no table."""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import apsw

_BUSY_TIMEOUT_MS: Final = 10_000


def open_in_memory() -> apsw.Connection:
    """An empty database that compares vectors. It belongs to the caller, and to one thread at a time."""
    connection = apsw.Connection(":memory:")
    _load_vector_extension(connection)
    return connection


def open_file(path: Path, cache_kib: int, *, writable: bool = True) -> apsw.Connection:
    """Opens or creates a database that compares vectors, with at most `cache_kib` of pages. Raises apsw.Error."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE if writable else apsw.SQLITE_OPEN_READONLY
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=512)
    connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
    _load_vector_extension(connection)
    if writable:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _load_vector_extension(connection: apsw.Connection) -> None:
    connection.enable_load_extension(True)
    connection.load_extension(_find_vector_extension())
    connection.enable_load_extension(False)


def _find_vector_extension() -> str:
    """The extension's path without its suffix, as SQLite takes it.

    The package is not imported: it imports numpy where that is installed, which takes longer than all else at a start.
    """
    spec = find_spec("sqlite_vec")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).with_name("vec0"))

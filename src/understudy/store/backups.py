"""Backups of a data directory: a copy of its SQLite database and of all blobs that the copy names.

A backup is consistent while a server writes. All blobs are linked before the database is copied, in one step, so
whatever the copy names was there at that moment or was added since. Blobs are never changed, so a link is as good as a
copy.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import apsw

from understudy import __version__
from understudy.errors import StoreError
from understudy.store import data_directory
from understudy.store.lock import DirectoryLock
from understudy.store.migrate import newest_schema

MANIFEST: Final = "manifest.json"
FORMAT: Final = "understudy-backup/v1"
_BLOBS: Final = "blobs"
_LOCATION: Final = "store-id"
# How often the database is copied again because a blob of the copy was erased meanwhile.
_TRIES: Final = 5
_READ_BYTES: Final = 1 << 20
_SPARE_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup has. Sizes are in bytes, `created_at` in Unix seconds; `sha256` is that of the database."""

    format: str
    version: str
    schema: int
    created_at: int
    sha256: str
    database_bytes: int
    blobs: int
    blob_bytes: int
    has_blobs: bool


def write_backup(data: Path, target: Path, *, has_blobs: bool) -> Manifest:
    """Writes the backup of `data` into the new directory `target`; without `has_blobs` they are in a bucket.

    Raises StoreError if the target exists, the disk is full or a file cannot be read. An interrupted backup leaves a
    directory with the suffix `.partial`.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(f"{str(target)!r} exists. Name a new directory for the backup.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        manifest = _fill(data, partial, has_blobs=has_blobs)
        (partial / MANIFEST).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")
        _sync(partial)
        with suppress(FileNotFoundError):
            target.rmdir()
        partial.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"The backup cannot be written to {str(target)!r}: {error.strerror or error}.") from None
    except apsw.Error as error:
        raise StoreError(f"The database cannot be copied: {error}.") from None
    return manifest


def restore_backup(source: Path, data: Path) -> Path | None:
    """Makes the backup in `source` the data directory `data`; returns where the previous one is now.

    Raises StoreError if a server uses the directory, and for a backup that is damaged, incomplete or too new.
    """
    manifest = read_manifest(source)
    _check_backup(source, manifest)
    partial = data.with_name(f"{data.name}.restoring")
    lock = DirectoryLock(data) if data.is_dir() else None
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700, parents=True)
        _copy_file(source / data_directory.DATABASE, partial / data_directory.DATABASE)
        if manifest.has_blobs:
            for blob in _list_files(source / _BLOBS):
                _link(blob, partial / blob.relative_to(source))
        _sync(partial)
        previous = _move_aside(data) if lock is not None else None
        partial.rename(data)
        _sync_folder(data.parent)
    except OSError as error:
        raise StoreError(f"The backup cannot be restored to {str(data)!r}: {error.strerror or error}.") from None
    finally:
        if lock is not None:
            lock.release()
    return previous


def read_manifest(source: Path) -> Manifest:
    """Raises StoreError for a directory that is not a backup, or one that this version does not know."""
    try:
        members = json.loads((source / MANIFEST).read_text("utf-8"))
        manifest = Manifest(**members)
    except FileNotFoundError:
        raise StoreError(f"{str(source)!r} is not a backup: it has no {MANIFEST}.") from None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"The file {MANIFEST} of {str(source)!r} cannot be read: {error}.") from None
    if manifest.format != FORMAT or manifest.schema > newest_schema("sqlite"):
        raise StoreError(
            f"Understudy {manifest.version} with schema {manifest.schema} wrote this backup ({manifest.format});"
            f" this is {__version__} with schema {newest_schema('sqlite')}. Restore it with that version or later."
        )
    return manifest


def copy_database(source: Path, target: Path) -> None:
    """Copies a database that may be in use, in one step; the copy is private. Raises apsw.Error and OSError."""
    data_directory.create_private_file(target)
    with (
        closing(apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)) as origin,
        closing(apsw.Connection(str(target))) as copy,
    ):
        origin.set_busy_timeout(60_000)
        # All pages in one step: in smaller ones, every write of a server would begin it anew.
        with copy.backup("main", origin, "main") as backup:
            backup.step()
        copy.execute("PRAGMA journal_mode = DELETE")


def copy_before_migration(data: Path) -> Path:
    """Copies the database beside itself, in place of the copy before an earlier migration; returns its path.

    Raises StoreError if the disk has no room for it.
    """
    database = data / data_directory.DATABASE
    copy = data / f"before-schema-{newest_schema('sqlite')}.sqlite3"
    partial = copy.with_suffix(".partial")
    size, free = database.stat().st_size, shutil.disk_usage(data).free
    if free < size + _SPARE_BYTES:
        raise StoreError(
            f"The database of {size / 1e6:.0f} MB is copied before it is migrated, but only {free / 1e6:.0f} MB are"
            f" free in {str(data)!r}. Make room, then start again."
        )
    try:
        partial.unlink(missing_ok=True)
        copy_database(database, partial)
        partial.replace(copy)
    except (OSError, apsw.Error) as error:
        raise StoreError(f"The database cannot be copied before its migration: {error}.") from None
    for older in data.glob("before-schema-*.sqlite3"):
        if older != copy:
            older.unlink(missing_ok=True)
    return copy


def _fill(data: Path, partial: Path, *, has_blobs: bool) -> Manifest:
    database = partial / data_directory.DATABASE
    if has_blobs:
        (partial / _BLOBS).mkdir(mode=0o700)
        for blob in _list_files(data / _BLOBS):
            with suppress(FileNotFoundError):  # erased meanwhile
                _link(blob, partial / blob.relative_to(data))
    names = _copy_consistently(data, partial, has_blobs=has_blobs)
    if has_blobs:
        _drop_unnamed(partial / _BLOBS, names)
    files = [*_list_files(partial / _BLOBS)] if has_blobs else []
    return Manifest(
        format=FORMAT,
        version=__version__,
        schema=_read_schema(database),
        created_at=int(time.time()),
        sha256=_digest(database),
        database_bytes=database.stat().st_size,
        blobs=len(names),
        blob_bytes=sum(file.stat().st_size for file in files),
        has_blobs=has_blobs,
    )


def _copy_consistently(data: Path, partial: Path, *, has_blobs: bool) -> set[str]:
    """Copies the database until all blobs of the copy are there; returns their names."""
    database = partial / data_directory.DATABASE
    for _ in range(_TRIES):
        database.unlink(missing_ok=True)
        copy_database(data / data_directory.DATABASE, database)
        names = _list_blobs(database)
        missing = [name for name in names if has_blobs and not _add_blob(data, partial, name)]
        if not missing:
            return names
    raise StoreError(f"The blob {missing[0]!r} is missing in {str(data / _BLOBS)!r}. Run `understudy doctor --deep`.")


def _add_blob(data: Path, partial: Path, name: str) -> bool:
    """Whether the blob is in the backup now."""
    place = Path(_BLOBS) / name[:2] / name[2:]
    if (partial / place).exists():
        return True
    try:
        _link(data / place, partial / place)
    except FileNotFoundError:
        return False
    return True


def _list_blobs(database: Path) -> set[str]:
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return {str(row[0]) for row in connection.execute("SELECT name FROM blobs WHERE uses > 0")}


def _read_schema(database: Path) -> int:
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        result = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result is None or result[0] != "ok":
            raise StoreError("The copy of the database is damaged. Run `understudy doctor --deep`.")
        row = connection.execute("SELECT max(number) FROM schema_versions").fetchone()
        assert row is not None
        return int(str(row[0]))


def _drop_unnamed(folder: Path, names: set[str]) -> None:
    for file in [*_list_files(folder)]:
        if file.name != _LOCATION and f"{file.parent.name}{file.name}" not in names:
            file.unlink()


def _check_backup(source: Path, manifest: Manifest) -> None:
    database = source / data_directory.DATABASE
    if not database.is_file() or _digest(database) != manifest.sha256:
        raise StoreError(f"The database of the backup {str(source)!r} is missing or damaged.")
    if not manifest.has_blobs:
        return
    missing = [name for name in _list_blobs(database) if not (source / _BLOBS / name[:2] / name[2:]).is_file()]
    if missing:
        raise StoreError(f"{len(missing)} blobs of the backup {str(source)!r} are missing, like {missing[0]!r}.")


def _move_aside(data: Path) -> Path | None:
    if not any(path.name != "server.lock" for path in data.iterdir()):
        shutil.rmtree(data)
        return None
    previous = data.with_name(f"{data.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    data.rename(previous)
    return previous


def _list_files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place) / name


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file systems differ."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        target.hardlink_to(source)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        _copy_file(source, target)


def _copy_file(source: Path, target: Path) -> None:
    data_directory.create_private_file(target)
    shutil.copyfile(source, target)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    for file in _list_files(folder):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    for place, _, _ in os.walk(folder):
        _sync_folder(Path(place))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""`understudy backup` and `understudy restore`: the data directory with its blobs, while a server runs or not."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from understudy.cli.options import with_json_flag, with_settings
from understudy.cli.output import print_json

if TYPE_CHECKING:
    from understudy.settings import LoadedSettings

_STORE = ("config", "data", "database")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@with_settings(*_STORE)
@with_json_flag
def backup(loaded: "LoadedSettings", *, directory: Path, as_json: bool) -> None:
    """Copy the database and all files into the new DIRECTORY, also while a server writes.

    Settings files and the variables of the service are not part of it.
    """
    import asyncio

    from understudy.store import data_directory
    from understudy.store.backups import write_backup
    from understudy.store.usage_journal import fold_directory

    settings = loaded.settings
    _require_sqlite(settings.database)
    data_directory.check(settings.data)
    has_blobs = settings.blobs.kind == "directory"
    asyncio.run(fold_directory(settings.data))
    manifest = write_backup(settings.data, directory, has_blobs=has_blobs)
    if as_json:
        print_json(asdict(manifest))
        return
    size = manifest.database_bytes + manifest.blob_bytes
    click.echo(f"Copied the database and {manifest.blobs} files, {size / 1e6:.1f} MB, to {directory}.")
    if not has_blobs:
        click.echo("The contents of files are in the bucket, and not part of the backup.", err=True)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@with_settings(*_STORE)
def restore(loaded: "LoadedSettings", *, directory: Path) -> None:
    """Make the backup in DIRECTORY the data directory; no server may run on it.

    The previous data directory is moved aside.
    """
    from understudy.store.backups import restore_backup

    settings = loaded.settings
    _require_sqlite(settings.database)
    previous = restore_backup(directory, settings.data)
    click.echo(f"Restored {directory} to {settings.data}.")
    if previous is not None:
        click.echo(f"The previous data directory is {previous}; delete it once the server works.")


def _require_sqlite(database: str | None) -> None:
    if database is not None:
        raise click.UsageError(
            "This works for SQLite. For PostgreSQL use pg_dump, then copy the directory or bucket of the files:"
            " see the guide on backups."
        )

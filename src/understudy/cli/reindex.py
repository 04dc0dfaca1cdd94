"""`understudy reindex`: indexes vector stores again after a change of the embedder. Works beside a running server."""

import sys
from typing import TYPE_CHECKING

import click

from understudy.cli.options import STORE, with_settings

if TYPE_CHECKING:
    from understudy.engine.reindex import Reindexer
    from understudy.settings import LoadedSettings, Settings
    from understudy.store.ingestion import IndexedStore


@click.command()
@click.option("--store", "store_id", metavar="ID", help="Only this vector store, whatever its embedder.")
@with_settings(*STORE)
def reindex(loaded: "LoadedSettings", *, store_id: str | None) -> None:
    """Index vector stores again whose embedder is not the configured one.

    Files become searchable one by one. Restart servers with the changed settings first; they share the work.
    """
    import asyncio

    if asyncio.run(_reindex(loaded.settings, store_id)):
        raise click.ClickException("Some files could not be indexed: see their `last_error`.")


async def _reindex(settings: "Settings", store_id: str | None) -> int:
    """Returns the number of files that failed."""
    from understudy.app import reindexing

    async with reindexing(settings) as work:
        stores = await work.stores(store_id)
        if not stores:
            click.echo(f"Every vector store is indexed with {work.embedder!r} already.")
            return 0
        await work.check()
        return sum([await _reindex_store(work, store, whole=store_id is not None) for store in stores])


async def _reindex_store(work: "Reindexer", store: "IndexedStore", *, whole: bool) -> int:
    click.echo(f"{store.id}: {store.files} files, from {store.embedder or 'none'!r} to {work.embedder!r}")
    failed = 0
    async for progress in work.run(store, whole=whole):
        failed = progress.failed
        line = f"{store.id}: {progress.done} of {progress.files} files, {failed} failed"
        _print_progress(line, last=progress.done == progress.files)
    return failed


def _print_progress(line: str, *, last: bool) -> None:
    """One line that is updated in a terminal; elsewhere only the last one is printed."""
    if sys.stdout.isatty():
        click.echo(f"\r{line}", nl=last)
    elif last:
        click.echo(line)

"""Indexing by a command, with the few parts that it needs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from understudy.app.building import build_ingestion, build_models_and_prices
from understudy.app.roles import Role
from understudy.app.storage import start_parts
from understudy.blobs import open_blobs
from understudy.broker.memory import MemoryBroker
from understudy.clock import SystemClock
from understudy.engine.blob_location import require_location
from understudy.engine.reindex import Reindexer
from understudy.settings import Settings
from understudy.store import data_directory, open_existing_store


@asynccontextmanager
async def reindexing(settings: Settings) -> AsyncIterator[Reindexer]:
    """Indexing without a server, or beside one, which shares the work. Raises StoreError."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await open_existing_store(
            settings.data, settings.database, clock=clock, is_pooled=settings.postgres.is_pooled
        )
        stack.push_async_callback(store.close)
        room = _local_directory(stack, settings)
        blobs = await open_blobs(settings.blobs, room)
        stack.push_async_callback(blobs.close)
        await require_location(store, blobs)
        models, _, accounting = build_models_and_prices(stack, settings, store, clock)
        # A spool of its own, since a server clears the shared one.
        spool = Path(stack.enter_context(TemporaryDirectory(prefix="spool-", dir=room)))
        index, ingestion, _ = build_ingestion(
            stack, settings, store, blobs, models, accounting, clock, MemoryBroker(), Role(), spool
        )
        await start_parts(stack, [ingestion])
        yield Reindexer(store, index, ingestion)


def _local_directory(stack: AsyncExitStack, settings: Settings) -> Path:
    """The data directory, or a temporary one if blobs are in a bucket. Raises StoreError."""
    if settings.data.is_dir():
        return settings.data
    if settings.blobs.kind == "directory":
        raise data_directory.missing_directory_error(settings.data)
    return Path(stack.enter_context(TemporaryDirectory(prefix="understudy-")))

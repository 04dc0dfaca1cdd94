"""Opens what a node stores: its database, registered as a node of it, and the contents of files."""

import asyncio
import math
import os
import socket
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from understudy import __version__
from understudy.app.roles import Role
from understudy.blobs import Blobs, open_blobs
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.blob_location import claim_location, require_location
from understudy.engine.nodes import NodeRegistration
from understudy.errors import SettingsError
from understudy.looper import BackgroundPart
from understudy.settings import MEMORY_BROKER, Settings
from understudy.store import Store, open_store
from understudy.store.lock import identify_lock
from understudy.store.nodes import Node


@dataclass(frozen=True, slots=True)
class LocationCheck:
    """Checks the location of the blobs again, after the parts that acquire a lease.

    Of two servers that start at once with different directories, one fails here.
    """

    store: Store
    blobs: Blobs
    location_id: str

    async def start(self) -> None:
        """Raises StoreError."""
        await require_location(self.store, self.blobs, self.location_id)

    async def stop(self) -> None:
        pass


async def open_node_store(
    stack: AsyncExitStack, settings: Settings, clock: Clock, role: Role, broker: Broker, superseded: asyncio.Event
) -> tuple[Store, Blobs, str]:
    """The store, its blobs, and the id of their location. Raises StoreError, SettingsError.

    `superseded` is set when a later version has upgraded the database.
    """
    _check_shared_blobs(settings, role)
    store = await open_store(
        settings.data,
        settings.database,
        exclusive=role.process is None,
        clock=clock,
        is_pooled=settings.postgres.is_pooled,
    )
    stack.push_async_callback(store.close)
    await start_parts(stack, [NodeRegistration(store, _new_node(settings, role, broker), superseded.set)])
    await store.usage_journal.sweep()
    if settings.database is None:
        # The directory is locked, so every worker with a lease in it has died.
        await store.workers.retire()
        await store.blobs.drop_holds(math.inf)
    if settings.api_key is not None:
        await store.keys.create(settings.api_key, "from the settings", int(clock.now()))
    blobs = await open_blobs(settings.blobs, settings.data)
    stack.push_async_callback(blobs.close)
    location_id = await claim_location(store, blobs)
    await blobs.sweep()
    return store, blobs, location_id


def _new_node(settings: Settings, role: Role, broker: Broker) -> Node:
    """This process, with an identity of its data directory."""
    place = identify_lock(settings.data)
    return Node(
        id=broker.node_id,
        version=__version__,
        role=role.name,
        host=socket.gethostname(),
        pid=os.getpid(),
        address=role.address or "",
        place=place if role.process is None else f"{place}:{role.process}",
        is_clustered=broker.is_shared,
    )


def _check_shared_blobs(settings: Settings, role: Role) -> None:
    """Raises SettingsError if other nodes would not find the contents of this node's files."""
    blobs = settings.blobs
    if settings.broker != MEMORY_BROKER and blobs.kind == "directory" and not blobs.shared and role.process is None:
        raise SettingsError(
            f"`broker` is set, and files are stored in {str(settings.data / 'blobs')!r}, which other nodes may not see."
            " Set `blobs.kind` to 's3', or mount one directory there on every node and set `blobs.shared` to true."
        )


async def start_parts(stack: AsyncExitStack, parts: Iterable[BackgroundPart]) -> None:
    """Starts the parts in order; the stack stops those that have started, in reverse."""
    for part in parts:
        await part.start()
        stack.push_async_callback(part.stop)

"""The store, opened by commands."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from understudy.errors import NotFound
from understudy.settings import Settings
from understudy.store import Store, open_existing_store
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.projects import DEFAULT_PROJECT, ProjectRecord


async def find_project(store: Store, reference: str) -> ProjectRecord:
    """The project of that name or id; creates the default one. Raises NotFound."""
    matches = [record for record in await store.projects.list() if reference in {record.id, record.name}]
    if not matches and reference == DEFAULT_PROJECT:
        return await store.projects.create(reference, Change(OPERATOR, int(time.time())))
    if not matches:
        raise NotFound(f"Project {reference!r} not found. Run `understudy projects list`.")
    return matches[0]


async def add_key(store: Store, key: str, name: str) -> None:
    """Adds a key to the default project."""
    await store.keys.create(key, name, int(time.time()))


@asynccontextmanager
async def existing_store(settings: Settings) -> AsyncIterator[Store]:
    """The store that a server has created. Raises StoreError that names the missing place."""
    store = await open_existing_store(settings.data, settings.database, is_pooled=settings.postgres.is_pooled)
    try:
        yield store
    finally:
        await store.close()

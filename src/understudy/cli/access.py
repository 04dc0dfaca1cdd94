"""Keys in the store, opened for one command at a time. The store knows how keys are kept; nothing here does."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from understudy import ids
from understudy.settings import Settings
from understudy.store import Store, open_store
from understudy.store.keys import DEFAULT_PROJECT, KeyRecord, ProjectRecord, hint_of


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; this is the one time that `key` itself can be seen."""

    record: KeyRecord
    key: str


async def create_key(settings: Settings, name: str, project: str) -> CreatedKey:
    """Raises NotFound for a project that is not there, unless it is the default one."""
    async with _store(settings) as store:
        return await _created(store, name, project)


async def list_keys(settings: Settings) -> list[tuple[KeyRecord, str]]:
    """Each with the name of its project."""
    async with _store(settings) as store:
        names = {project.id: project.name for project in await store.keys.projects()}
        return [(record, names[record.project_id]) for record in await store.keys.list()]


async def create_project(settings: Settings, name: str) -> ProjectRecord:
    """Raises Conflict where there is one of that name."""
    async with _store(settings) as store:
        return await store.keys.create_project(name, int(time.time()))


async def list_projects(settings: Settings) -> Sequence[ProjectRecord]:
    async with _store(settings) as store:
        return await store.keys.projects()


async def revoke_key(settings: Settings, given: str) -> KeyRecord | None:
    """Revokes by id, by hint or by the key itself; None where not exactly one active key is meant."""
    async with _store(settings) as store:
        meant = [
            record
            for record in await store.keys.list()
            if record.revoked_at is None and (given == record.id or record.hint in {given, hint_of(given)})
        ]
        return await store.keys.revoke(meant[0].id, int(time.time())) if len(meant) == 1 else None


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a server starts with: `first` is the key of a first start, `active` whether any key opens it."""

    first: str | None
    active: bool


async def ready_keys(settings: Settings) -> Keyring:
    """Creates the first key where there never was any; a key of the settings is added by the application itself."""
    async with _store(settings) as store:
        records = await store.keys.list()
        if records or settings.api_key is not None:
            return Keyring(first=None, active=any(record.revoked_at is None for record in records))
        return Keyring(first=(await _created(store, "first start")).key, active=True)


async def _created(store: Store, name: str, project: str = DEFAULT_PROJECT) -> CreatedKey:
    key = ids.api_key()
    return CreatedKey(await store.keys.create(key, name, int(time.time()), project), key)


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    store = await open_store(settings.data, settings.database)
    try:
        yield store
    finally:
        await store.close()

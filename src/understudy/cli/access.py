"""Keys in the store, opened for one command at a time. The store knows how keys are kept; nothing here does."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from understudy import ids
from understudy.errors import NotFound
from understudy.settings import Settings
from understudy.store import Store, open_existing_store
from understudy.store.keys import DEFAULT_PROJECT, KeyRecord, ProjectRecord, hint_of
from understudy.store.ledger import Entry, EntryFilter, EntryType, Period, SpendLimit


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; this is the one time that `key` itself can be seen."""

    record: KeyRecord
    key: str


async def create_key(
    settings: Settings, name: str, project: str, limit: int | None = None, period: Period = "month"
) -> CreatedKey:
    """`limit` is in credits a `period`.

    Raises NotFound for a project that is not there, unless it is the default one.
    """
    async with existing_store(settings) as store:
        created = await add_key(store, ids.api_key(), name, project)
        if limit is not None:
            await store.ledger.set_limit(SpendLimit(created.record.id, limit, period))
        return created


async def list_keys(settings: Settings) -> list[tuple[KeyRecord, str]]:
    """Each with the name of its project."""
    async with existing_store(settings) as store:
        names = {project.id: project.name for project in await store.keys.projects()}
        return [(record, names[record.project_id]) for record in await store.keys.list()]


async def create_project(
    settings: Settings, name: str, limit: int | None = None, period: Period = "month"
) -> ProjectRecord:
    """`limit` is in credits a `period`. Raises Conflict where there is one of that name."""
    async with existing_store(settings) as store:
        made = await store.keys.create_project(name, int(time.time()))
        if limit is not None:
            await store.ledger.set_limit(SpendLimit(made.id, limit, period))
        return made


async def list_projects(settings: Settings) -> Sequence[ProjectRecord]:
    async with existing_store(settings) as store:
        return await store.keys.projects()


async def revoke_key(settings: Settings, given: str) -> KeyRecord | None:
    """Revokes by id, by hint or by the key itself; None where not exactly one active key is meant."""
    async with existing_store(settings) as store:
        meant = [
            record
            for record in await store.keys.list()
            if record.revoked_at is None and (given == record.id or record.hint in {given, hint_of(given)})
        ]
        return await store.keys.revoke(meant[0].id, int(time.time())) if len(meant) == 1 else None


@dataclass(frozen=True, slots=True)
class ProjectFunds:
    """How a project stands, in credits; `spent` is this month's."""

    project_id: str
    name: str
    balance: int
    budgeted: bool
    spent: int
    limit: SpendLimit | None


async def grant_credits(
    settings: Settings, project: str, credits_: int, type_: EntryType, note: str | None
) -> ProjectFunds:
    """Raises NotFound for a project that is not there."""
    async with existing_store(settings) as store:
        found = await _project(store, project)
        await store.ledger.grant(found.id, credits_, type_, int(time.time()), note)
        return await _load_funds(store, found)


async def drop_budget(settings: Settings, project: str) -> bool:
    """False where the project has none."""
    async with existing_store(settings) as store:
        return await store.ledger.remove_budget((await _project(store, project)).id)


async def limit_spending(
    settings: Settings, project: str | None, key: str | None, credits_: int | None, period: Period
) -> str:
    """Limits the project or the key, or takes its limit away; returns its name. Raises NotFound."""
    async with existing_store(settings) as store:
        if project is not None:
            found = await _project(store, project)
            scope, name = found.id, found.name
        else:
            scope = name = await _key_id(store, key or "")
        if credits_ is None:
            await store.ledger.drop_limit(scope)
        else:
            await store.ledger.set_limit(SpendLimit(scope, credits_, period))
        return name


async def list_funds(settings: Settings) -> list[ProjectFunds]:
    async with existing_store(settings) as store:
        return [await _load_funds(store, project) for project in await store.keys.projects()]


async def list_entries(settings: Settings, project: str, last: int) -> list[Entry]:
    """Newest first. Raises NotFound."""
    async with existing_store(settings) as store:
        project_id = (await _project(store, project)).id
        return (await store.ledger.entries(project_id, EntryFilter(), last, None)).entries


async def _project(store: Store, given: str) -> ProjectRecord:
    found = [one for one in await store.keys.projects() if given in {one.id, one.name}]
    if not found and given == DEFAULT_PROJECT:
        return await store.keys.create_project(given, int(time.time()))
    if not found:
        raise NotFound(f"No project is called {given!r}. `understudy projects list` shows those that there are.")
    return found[0]


async def _key_id(store: Store, given: str) -> str:
    meant = [one for one in await store.keys.list() if given == one.id or one.hint in {given, hint_of(given)}]
    if len(meant) != 1:
        raise NotFound("No single key is meant by that; `understudy keys list` shows their ids.")
    return meant[0].id


async def _load_funds(store: Store, project: ProjectRecord) -> ProjectFunds:
    account = await store.ledger.account(project.id)
    spent = await store.ledger.spending(SpendLimit(project.id, 0, "month"), project.id, int(time.time()))
    limit = await store.ledger.limit(project.id)
    return ProjectFunds(project.id, project.name, account.balance, account.budgeted, spent, limit)


async def add_key(store: Store, key: str, name: str, project: str = DEFAULT_PROJECT) -> CreatedKey:
    """Raises NotFound for a project that does not exist, unless it is the default one."""
    return CreatedKey(await store.keys.create(key, name, int(time.time()), project), key)


@asynccontextmanager
async def existing_store(settings: Settings) -> AsyncIterator[Store]:
    """The store that a server has created. Raises StoreError, which names the place, where there is none."""
    store = await open_existing_store(settings.data, settings.database)
    try:
        yield store
    finally:
        await store.close()

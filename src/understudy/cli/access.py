"""Keys, projects and credits, read and written by commands. Each function opens the store and closes it."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from understudy import ids
from understudy.errors import NotFound
from understudy.settings import Settings
from understudy.store import Store, open_existing_store
from understudy.store.admin_keys import AdminKeyRecord
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.charges import Entry, EntryType
from understudy.store.keys import KeyOptions, KeyRecord, hint_of
from understudy.store.ledger import EntryFilter
from understudy.store.projects import DEFAULT_PROJECT, ProjectRecord
from understudy.store.spending import Period, SpendLimit


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key. `key` is available only here: the store has its hash."""

    record: KeyRecord
    key: str


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key may do and spend. `lifetime` is in seconds, `limit` in credits a `period`; None is without an end."""

    name: str
    project: str
    scopes: tuple[str, ...] | None = None
    lifetime: int | None = None
    limit: int | None = None
    period: Period = "month"


async def create_key(settings: Settings, new: NewKey) -> CreatedKey:
    """Raises NotFound for an unknown project, unless it is the default one."""
    async with existing_store(settings) as store:
        change = _change()
        options = KeyOptions(new.scopes, None if new.lifetime is None else change.now + new.lifetime)
        key = ids.api_key()
        record = await store.keys.create(key, new.name, change.now, new.project, options, change)
        if new.limit is not None:
            await store.ledger.set_limit(SpendLimit(record.id, new.limit, new.period))
        return CreatedKey(record, key)


@dataclass(frozen=True, slots=True)
class CreatedAdminKey:
    """A new admin key. `key` is available only here: the store has its hash."""

    record: AdminKeyRecord
    key: str


async def create_admin_key(settings: Settings, name: str, lifetime: int | None) -> CreatedAdminKey:
    """`lifetime` is in seconds; None is without an end."""
    async with existing_store(settings) as store:
        key, change = ids.admin_key(), _change()
        expires_at = None if lifetime is None else change.now + lifetime
        return CreatedAdminKey(await store.admin_keys.create(key, name, expires_at, change), key)


async def rotate_key(settings: Settings, reference: str, overlap: int) -> CreatedKey | None:
    """The key with a new secret; the old one is valid for `overlap` seconds. None if there is not exactly one match."""
    async with existing_store(settings) as store:
        record = await _find_active_key(store, reference)
        if record is None:
            return None
        key = ids.api_key()
        return CreatedKey(await store.keys.rotate(record.project_id, record.id, key, overlap, _change()), key)


async def list_keys(settings: Settings) -> list[tuple[KeyRecord, str]]:
    """All keys, each with the name of its project."""
    async with existing_store(settings) as store:
        names = {project.id: project.name for project in await store.projects.list()}
        return [(record, names[record.project_id]) for record in await store.keys.list()]


async def create_project(
    settings: Settings, name: str, limit: int | None = None, period: Period = "month"
) -> ProjectRecord:
    """`limit` is in credits a `period`. Raises Conflict if a project has that name."""
    async with existing_store(settings) as store:
        created = await store.projects.create(name, _change())
        if limit is not None:
            await store.ledger.set_limit(SpendLimit(created.id, limit, period))
        return created


async def list_projects(settings: Settings) -> Sequence[ProjectRecord]:
    async with existing_store(settings) as store:
        return await store.projects.list()


async def archive_project(settings: Settings, reference: str) -> ProjectRecord:
    """Raises NotFound for an unknown project, InvalidRequest for the default and for an archived one."""
    async with existing_store(settings) as store:
        return await store.projects.archive((await find_project(store, reference)).id, _change())


async def revoke_key(settings: Settings, reference: str) -> KeyRecord | None:
    """Revokes by id, by hint or by the key itself; None if there is not exactly one match."""
    async with existing_store(settings) as store:
        record = await _find_active_key(store, reference)
        return None if record is None else await store.keys.revoke(record.id, int(time.time()))


async def _find_active_key(store: Store, reference: str) -> KeyRecord | None:
    """None if there is not exactly one."""
    hints = {reference, hint_of(reference)}
    matches = [
        record
        for record in await store.keys.list()
        if record.revoked_at is None and (reference == record.id or record.hint in hints)
    ]
    return matches[0] if len(matches) == 1 else None


@dataclass(frozen=True, slots=True)
class ProjectFunds:
    """The balance and the limits of a project in credits; `spent` is this month's."""

    project_id: str
    name: str
    balance: int
    budgeted: bool
    spent: int
    limit: SpendLimit | None


async def grant_credits(
    settings: Settings, project: str, credits_: int, type_: EntryType, note: str | None
) -> ProjectFunds:
    """Raises NotFound for an unknown project."""
    async with existing_store(settings) as store:
        record = await find_project(store, project)
        await store.ledger.grant(record.id, credits_, type_, int(time.time()), note)
        return await _load_funds(store, record)


async def drop_budget(settings: Settings, project: str) -> bool:
    """False if the project has no budget. Raises NotFound."""
    async with existing_store(settings) as store:
        return await store.ledger.remove_budget((await find_project(store, project)).id)


async def limit_spending(
    settings: Settings, project: str | None, key: str | None, credits_: int | None, period: Period
) -> str:
    """Sets or, with `credits_` None, removes the limit of the project or key; returns its name. Raises NotFound."""
    async with existing_store(settings) as store:
        if project is not None:
            record = await find_project(store, project)
            scope, name = record.id, record.name
        else:
            scope = name = await _find_key_id(store, key or "")
        if credits_ is None:
            await store.ledger.drop_limit(scope)
        else:
            await store.ledger.set_limit(SpendLimit(scope, credits_, period))
        return name


async def list_funds(settings: Settings) -> list[ProjectFunds]:
    async with existing_store(settings) as store:
        return [await _load_funds(store, project) for project in await store.projects.list()]


async def list_entries(settings: Settings, project: str, last: int) -> list[Entry]:
    """Newest first. Raises NotFound."""
    async with existing_store(settings) as store:
        project_id = (await find_project(store, project)).id
        return (await store.ledger.entries(project_id, EntryFilter(), last, None)).entries


async def find_project(store: Store, reference: str) -> ProjectRecord:
    matches = [record for record in await store.projects.list() if reference in {record.id, record.name}]
    if not matches and reference == DEFAULT_PROJECT:
        return await store.projects.create(reference, _change())
    if not matches:
        raise NotFound(f"Project {reference!r} not found. Run `understudy projects list`.")
    return matches[0]


async def _find_key_id(store: Store, reference: str) -> str:
    hints = {reference, hint_of(reference)}
    matches = [record for record in await store.keys.list() if reference == record.id or record.hint in hints]
    if len(matches) != 1:
        raise NotFound("Unknown or ambiguous key. Run `understudy keys list`.")
    return matches[0].id


async def _load_funds(store: Store, project: ProjectRecord) -> ProjectFunds:
    account = await store.ledger.account(project.id)
    spent = await store.ledger.spending(SpendLimit(project.id, 0, "month"), project.id, int(time.time()))
    limit = await store.ledger.limit(project.id)
    return ProjectFunds(project.id, project.name, account.balance, account.budgeted, spent, limit)


def _change() -> Change:
    return Change(OPERATOR, int(time.time()))


async def add_key(store: Store, key: str, name: str, project: str = DEFAULT_PROJECT) -> CreatedKey:
    """Raises NotFound for an unknown project, unless it is the default one."""
    return CreatedKey(await store.keys.create(key, name, int(time.time()), project), key)


@asynccontextmanager
async def existing_store(settings: Settings) -> AsyncIterator[Store]:
    """The store that a server has created. Raises StoreError that names the missing place."""
    store = await open_existing_store(settings.data, settings.database, is_pooled=settings.postgres.is_pooled)
    try:
        yield store
    finally:
        await store.close()

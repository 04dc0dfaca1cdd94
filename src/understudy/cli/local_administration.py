"""Administration in the store of this machine, beside a running server or without one."""

import time
from collections.abc import Mapping, Sequence

from understudy import ids
from understudy.cli.access import existing_store, find_project
from understudy.cli.administration import (
    CreatedAdminKey,
    CreatedKey,
    LimitReport,
    LimitScope,
    NewKey,
    ProjectFunds,
    name_scope,
)
from understudy.engine.limits.policy import Owner, Policy
from understudy.errors import NotFound
from understudy.settings import Settings
from understudy.store import Store
from understudy.store.audit_logs import OPERATOR, Change
from understudy.store.charges import Entry, EntryType
from understudy.store.keys import KeyOptions, KeyRecord, hint_of
from understudy.store.ledger import EntryFilter
from understudy.store.limits import UNLIMITED, Metric, describe_change
from understudy.store.projects import ProjectRecord
from understudy.store.spending import Period, SpendLimit


class LocalAdministration:
    """Each method opens the store and closes it; see Administration."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def create_key(self, new: NewKey) -> CreatedKey:
        async with existing_store(self._settings) as store:
            change = _change()
            options = KeyOptions(new.scopes, None if new.lifetime is None else change.now + new.lifetime)
            key = ids.api_key()
            record = await store.keys.create(key, new.name, change.now, new.project, options, change)
            if new.limit is not None:
                limit = SpendLimit(record.id, new.limit, new.period)
                await store.ledger.change_limit(record.project_id, record.id, limit, change)
            return CreatedKey(record, key)

    async def create_admin_key(self, name: str, lifetime: int | None) -> CreatedAdminKey:
        async with existing_store(self._settings) as store:
            key, change = ids.admin_key(), _change()
            expires_at = None if lifetime is None else change.now + lifetime
            return CreatedAdminKey(await store.admin_keys.create(key, name, expires_at, change), key)

    async def list_keys(self) -> list[tuple[KeyRecord, str]]:
        async with existing_store(self._settings) as store:
            names = {project.id: project.name for project in await store.projects.list()}
            return [(record, names[record.project_id]) for record in await store.keys.list()]

    async def rotate_key(self, reference: str, overlap: int) -> CreatedKey | None:
        async with existing_store(self._settings) as store:
            record = await _find_active_key(store, reference)
            if record is None:
                return None
            key = ids.api_key()
            return CreatedKey(await store.keys.rotate(record.project_id, record.id, key, overlap, _change()), key)

    async def revoke_key(self, reference: str) -> KeyRecord | None:
        async with existing_store(self._settings) as store:
            record = await _find_active_key(store, reference)
            return None if record is None else await store.keys.revoke(record.id, int(time.time()))

    async def create_project(self, name: str, limit: int | None, period: Period) -> ProjectRecord:
        async with existing_store(self._settings) as store:
            created = await store.projects.create(name, _change())
            if limit is not None:
                spend_limit = SpendLimit(created.id, limit, period)
                await store.ledger.change_limit(created.id, created.id, spend_limit, _change())
            return created

    async def list_projects(self) -> Sequence[ProjectRecord]:
        async with existing_store(self._settings) as store:
            return await store.projects.list()

    async def archive_project(self, reference: str) -> ProjectRecord:
        async with existing_store(self._settings) as store:
            return await store.projects.archive((await find_project(store, reference)).id, _change())

    async def grant_credits(self, project: str, credits_: int, type_: EntryType, note: str | None) -> ProjectFunds:
        async with existing_store(self._settings) as store:
            record, change = await find_project(store, project), _change()
            await store.ledger.grant(record.id, credits_, type_, change.now, note, change)
            return await _load_funds(store, record)

    async def drop_budget(self, project: str) -> bool:
        async with existing_store(self._settings) as store:
            return await store.ledger.remove_budget((await find_project(store, project)).id, _change())

    async def limit_spending(self, project: str | None, key: str | None, credits_: int | None, period: Period) -> str:
        async with existing_store(self._settings) as store:
            if project is not None:
                record = await find_project(store, project)
                project_id, scope, name = record.id, record.id, record.name
            else:
                found = await _find_key(store, key or "")
                project_id, scope, name = found.project_id, found.id, found.id
            limit = None if credits_ is None else SpendLimit(scope, credits_, period)
            await store.ledger.change_limit(project_id, scope, limit, _change())
            return name

    async def list_funds(self) -> list[ProjectFunds]:
        async with existing_store(self._settings) as store:
            return [await _load_funds(store, project) for project in await store.projects.list()]

    async def load_limits(self, scope: LimitScope) -> LimitReport:
        async with existing_store(self._settings) as store:
            return await self._load_limits(store, scope, *await _find_scope(store, scope))

    async def change_limits(self, scope: LimitScope, amounts: Mapping[Metric, int | None]) -> LimitReport:
        async with existing_store(self._settings) as store:
            project_id, key_id = await _find_scope(store, scope)
            owner, model = key_id or project_id, scope.model or ""
            requested = describe_change(owner, project_id, model, amounts)
            await store.limits.change(requested, _change())
            return await self._load_limits(store, scope, project_id, key_id)

    async def _load_limits(self, store: Store, scope: LimitScope, project_id: str, key_id: str) -> LimitReport:
        rows = await store.limits.list((project_id, key_id))
        policy = Policy(project_id, key_id, self._settings.limits, rows)
        owner: Owner = "key" if key_id else "project" if scope.model is None else "model"
        own: dict[str, int | str | None] = dict.fromkeys(scope.metrics())
        for row in rows:
            if (row.scope, row.model) == (key_id or project_id, scope.model or ""):
                own[row.metric] = "unlimited" if row.amount == UNLIMITED else row.amount
        effective: dict[str, int | None] = {
            metric: policy.amount(owner, metric, (scope.model or "",)) for metric in scope.metrics()
        }
        return LimitReport(name_scope(scope, project_id, key_id), own, effective)

    async def list_entries(self, project: str, last: int) -> list[Entry]:
        async with existing_store(self._settings) as store:
            project_id = (await find_project(store, project)).id
            return (await store.ledger.entries(project_id, EntryFilter(), last, None)).records


async def _find_scope(store: Store, scope: LimitScope) -> tuple[str, str]:
    """The ids of the project, and of the key, if there is one. Raises NotFound."""
    if scope.key is None:
        return (await find_project(store, scope.project)).id, ""
    key = await _find_active_key(store, scope.key)
    if key is None:
        raise NotFound("Unknown or ambiguous key. Run `understudy keys list`.")
    return key.project_id, key.id


async def _find_active_key(store: Store, reference: str) -> KeyRecord | None:
    """None if there is not exactly one."""
    active = [record for record in await _match_keys(store, reference) if record.revoked_at is None]
    return active[0] if len(active) == 1 else None


async def _find_key(store: Store, reference: str) -> KeyRecord:
    """Also a revoked key. Raises NotFound if there is not exactly one."""
    matches = await _match_keys(store, reference)
    if len(matches) != 1:
        raise NotFound("Unknown or ambiguous key. Run `understudy keys list`.")
    return matches[0]


async def _match_keys(store: Store, reference: str) -> list[KeyRecord]:
    """The keys with this id or hint, or of this secret."""
    hints = {reference, hint_of(reference)}
    return [record for record in await store.keys.list() if reference == record.id or record.hint in hints]


async def _load_funds(store: Store, project: ProjectRecord) -> ProjectFunds:
    account = await store.ledger.account(project.id)
    spent = await store.ledger.spending(SpendLimit(project.id, 0, "month"), project.id, int(time.time()))
    limit = await store.ledger.limit(project.id)
    return ProjectFunds(project.id, project.name, account.balance, account.budgeted, spent, limit)


def _change() -> Change:
    return Change(OPERATOR, int(time.time()))

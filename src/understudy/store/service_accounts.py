"""Service accounts: names for programs, which own keys of a project. Deleting one deletes its keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from understudy import ids
from understudy.errors import not_found
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.keys import KeyOptions, KeyRecord, delete_keys_of_account, insert_key
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_page
from understudy.store.projects import check_open, get_project
from understudy.store.sql import compose_sql, sql_parameters

Role = Literal["owner", "member", "none"]


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """`created_at` is in Unix seconds."""

    id: str
    project_id: str
    name: str
    role: Role
    created_at: int


_SELECT = "SELECT id, project_id, name, role, created_at FROM service_accounts"


class ServiceAccounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, name: str, role: Role, key: str | None, change: Change
    ) -> tuple[ServiceAccount, KeyRecord | None]:
        """With `key`, also creates its first key. Raises NotFound, InvalidRequest for an archived project."""
        return await self._database.write(_create_account, project_id, name, role, key, change)

    async def page(self, project_id: str, request: PageRequest) -> RecordPage[ServiceAccount]:
        """Raises NotFound for an unknown project, InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_accounts, project_id, request)

    async def get(self, project_id: str, account_id: str) -> ServiceAccount:
        """Raises NotFound."""
        return await self._database.read(_get_account, project_id, account_id)

    async def change(
        self, project_id: str, account_id: str, name: str | None, role: Role | None, change: Change
    ) -> ServiceAccount:
        """Sets what is not None. Raises NotFound."""
        return await self._database.write(_change_account, project_id, account_id, name, role, change)

    async def create_key(
        self, project_id: str, account_id: str, key: str, name: str, options: KeyOptions, change: Change
    ) -> KeyRecord:
        """Raises NotFound, InvalidRequest for an archived project."""
        return await self._database.write(_create_key, project_id, account_id, key, name, options, change)

    async def delete(self, project_id: str, account_id: str, change: Change) -> None:
        """With its keys. Raises NotFound."""
        await self._database.write(_delete_account, project_id, account_id, change)

    async def find(self, project_id: str, account_ids: Sequence[str]) -> dict[str, ServiceAccount]:
        """The accounts with these ids, by id; deleted ones are absent."""
        return await self._database.read(_find_accounts, project_id, account_ids)


def _create_account(
    project_id: str, name: str, role: Role, key: str | None, change: Change
) -> Transaction[tuple[ServiceAccount, KeyRecord | None]]:
    check_open((yield from get_project(project_id)))
    account = ServiceAccount(ids.service_account(), project_id, name, role, change.now)
    sql = "INSERT INTO service_accounts (id, project_id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)"
    yield sql, (account.id, project_id, name, role, change.now)
    yield from insert_entry(change, "service_account.created", account.id, {"data": {"role": role}}, project_id)
    if key is None:
        return account, None
    options = KeyOptions(service_account_id=account.id)
    return account, (yield from insert_key(key, name, change, project_id, options))


def _page_accounts(project_id: str, request: PageRequest) -> Transaction[RecordPage[ServiceAccount]]:
    yield from get_project(project_id)
    source = PageSource("service_accounts", "project_id = $1", "deleted_at IS NULL", body="name", has_horizon=False)
    page = yield from read_page(source, (project_id,), request)
    accounts = yield from _find_accounts(project_id, [row[0] for row in page.rows])
    return RecordPage([accounts[row[0]] for row in page.rows], page.has_more)


def _find_accounts(project_id: str, account_ids: Sequence[str]) -> Transaction[dict[str, ServiceAccount]]:
    if not account_ids:
        return {}
    scope = compose_sql("WHERE project_id = $1 AND deleted_at IS NULL AND id IN (", sql_parameters(2, len(account_ids)))
    rows = yield compose_sql(_SELECT, scope, ")"), (project_id, *account_ids)
    return {row[0]: ServiceAccount(*row) for row in rows}


def _get_account(project_id: str, account_id: str) -> Transaction[ServiceAccount]:
    account = (yield from _find_accounts(project_id, [account_id])).get(account_id)
    if account is None:
        raise not_found("service account", account_id)
    return account


def _change_account(
    project_id: str, account_id: str, name: str | None, role: Role | None, change: Change
) -> Transaction[ServiceAccount]:
    yield from _get_account(project_id, account_id)
    requested = {member: value for member, value in (("name", name), ("role", role)) if value is not None}
    sql = "UPDATE service_accounts SET name = COALESCE($2, name), role = COALESCE($3, role) WHERE id = $1"
    yield sql, (account_id, name, role)
    yield from insert_entry(change, "service_account.updated", account_id, {"changes_requested": requested}, project_id)
    return (yield from _get_account(project_id, account_id))


def _create_key(
    project_id: str, account_id: str, key: str, name: str, options: KeyOptions, change: Change
) -> Transaction[KeyRecord]:
    yield from _get_account(project_id, account_id)
    return (yield from insert_key(key, name, change, project_id, options))


def _delete_account(project_id: str, account_id: str, change: Change) -> Transaction[None]:
    yield from _get_account(project_id, account_id)
    yield "UPDATE service_accounts SET deleted_at = $2 WHERE id = $1", (account_id, change.now)
    yield from delete_keys_of_account(account_id, change)
    yield from insert_entry(change, "service_account.deleted", account_id, {}, project_id)

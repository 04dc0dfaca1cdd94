"""Admin keys: they administer the organization, and open no project. Stored as keys of projects are: by their hash."""

from dataclasses import dataclass

from understudy import ids
from understudy.errors import not_found
from understudy.store.audit_logs import Change, insert_entry
from understudy.store.database import Database, Transaction
from understudy.store.keys import hint_of
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_records
from understudy.store.principals import Principal, hash_key


@dataclass(frozen=True, slots=True)
class AdminKeyRecord:
    """`hint` is the beginning and the end of the key; times are in Unix seconds."""

    id: str
    name: str
    hint: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None


_SELECT = "SELECT id, name, hint, created_at, expires_at, last_used_at FROM admin_keys"


class AdminKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, key: str, name: str, expires_at: int | None, change: Change) -> AdminKeyRecord:
        return await self._database.write(_insert_key, key, name, expires_at, change)

    async def page(self, request: PageRequest) -> RecordPage[AdminKeyRecord]:
        """The keys that are not deleted. Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_keys, request)

    async def get(self, key_id: str) -> AdminKeyRecord:
        """Raises NotFound, also for a deleted key."""
        return await self._database.read(_get_key, key_id)

    async def authenticate(self, key: str) -> Principal | None:
        """None for an unknown or deleted key; it may have expired."""
        return await self._database.read(_authenticate, hash_key(key))

    async def delete(self, key_id: str, change: Change) -> None:
        """Raises NotFound."""
        await self._database.write(_delete_key, key_id, change)


def _insert_key(key: str, name: str, expires_at: int | None, change: Change) -> Transaction[AdminKeyRecord]:
    record = AdminKeyRecord(ids.key(), name, hint_of(key), change.now, expires_at, None)
    sql = "INSERT INTO admin_keys (id, name, hash, hint, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)"
    yield sql, (record.id, name, hash_key(key), record.hint, change.now, expires_at)
    yield from insert_entry(change, "api_key.created", record.id, {"data": {"scopes": ["api.management.write"]}})
    return record


def _page_keys(request: PageRequest) -> Transaction[RecordPage[AdminKeyRecord]]:
    source = PageSource("admin_keys", "'' = $1", "revoked_at IS NULL", body="name")
    rows, has_more = yield from read_records(_SELECT, source, ("",), request)
    return RecordPage([AdminKeyRecord(*row) for row in rows], has_more)


def _get_key(key_id: str) -> Transaction[AdminKeyRecord]:
    rows = yield _SELECT + " WHERE id = $1 AND revoked_at IS NULL", (key_id,)
    if not rows:
        raise not_found("admin API key", key_id)
    return AdminKeyRecord(*rows[0])


def _authenticate(digest: str) -> Transaction[Principal | None]:
    rows = yield "SELECT id, expires_at FROM admin_keys WHERE hash = $1 AND revoked_at IS NULL", (digest,)
    return Principal("", rows[0][0], expires_at=rows[0][1]) if rows else None


def _delete_key(key_id: str, change: Change) -> Transaction[None]:
    sql = "UPDATE admin_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id"
    if not (yield sql, (key_id, change.now)):
        raise not_found("admin API key", key_id)
    yield from insert_entry(change, "api_key.deleted", key_id, {})

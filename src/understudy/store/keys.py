"""API keys of projects. A key itself is never stored, only its SHA-256; it has 256 random bits.

A rotated key has two secrets until the overlap ends. Deleted keys stay as rows, so that usage keeps their names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import msgspec

from understudy import ids
from understudy.errors import not_found
from understudy.errors.objects import key_ended
from understudy.store.audit_logs import OPERATOR, Change, insert_entry
from understudy.store.database import Database, Row, Transaction
from understudy.store.pages import PageRequest, PageSource, RecordPage, read_records
from understudy.store.principals import (
    KeyUse,
    Principal,
    authenticate_key,
    filter_active_keys,
    hash_key,
    record_key_uses,
)
from understudy.store.projects import DEFAULT_PROJECT, check_open, find_project, get_project


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """`hint` is the beginning and the end of the key, enough to recognise it; times are in Unix seconds.

    `scopes` None is all. `old_expires_at`: the secret before the last rotation is valid until then, and
    `old_last_used_at` is its last use.
    """

    id: str
    project_id: str
    name: str
    hint: str
    created_at: int
    revoked_at: int | None
    scopes: tuple[str, ...] | None = None
    expires_at: int | None = None
    last_used_at: int | None = None
    service_account_id: str | None = None
    old_expires_at: int | None = None
    old_last_used_at: int | None = None


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """What a new key may do, and until when, in Unix seconds; None is everything, and for ever."""

    scopes: tuple[str, ...] | None = None
    expires_at: int | None = None
    service_account_id: str | None = None


class KeyChanges(TypedDict, total=False):
    """The members of a key to set; what is absent keeps its value."""

    scopes: tuple[str, ...] | None
    expires_at: int | None


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        key: str,
        name: str,
        now: int,
        project: str = DEFAULT_PROJECT,
        options: KeyOptions = KeyOptions(),
        change: Change | None = None,
    ) -> KeyRecord:
        """Adds a key to the project of that name or id; idempotent: a known key returns its record.

        Creates the default project if it is missing. Raises NotFound for any other unknown project, InvalidRequest for
        an archived one.
        """
        return await self._database.write(insert_key, key, name, change or Change(OPERATOR, now), project, options)

    async def list(self) -> list[KeyRecord]:
        """All keys, oldest first, revoked ones too."""
        return await self._database.read(_list_keys)

    async def find(self, key_id: str) -> tuple[KeyRecord, str] | None:
        """A key with the name of its project; None for an unknown id."""
        return await self._database.read(_find_key, key_id)

    async def page(self, project_id: str, request: PageRequest) -> RecordPage[KeyRecord]:
        """The keys of a project that are not deleted. Raises InvalidRequest for an unknown cursor."""
        return await self._database.read(_page_keys, project_id, request)

    async def get(self, project_id: str, key_id: str) -> KeyRecord:
        """Raises NotFound, also for a deleted key."""
        return await self._database.read(_get_key, project_id, key_id)

    async def project_of(self, key: str) -> str | None:
        """The project id of a key; None for an unknown or revoked key."""
        principal = await self.authenticate(key)
        return None if principal is None else principal.project_id

    async def authenticate(self, key: str) -> Principal | None:
        """None for an unknown or revoked key, and for one of an archived project; it may have expired."""
        return await self._database.read(authenticate_key, hash_key(key))

    async def active(self, key_ids: Sequence[str], now: int) -> set[str]:
        """The ids among `key_ids` of keys, admin keys too, that are valid, and of users who are signed in."""
        return await self._database.read(filter_active_keys, key_ids, now)

    async def change(self, project_id: str, key_id: str, members: KeyChanges, change: Change) -> KeyRecord:
        """Raises NotFound, InvalidRequest if the key has expired."""
        return await self._database.write(_change_key, project_id, key_id, members, change)

    async def rotate(self, project_id: str, key_id: str, key: str, overlap: int, change: Change) -> KeyRecord:
        """Replaces the secret by `key`; the old one is valid for `overlap` more seconds.

        Raises NotFound, InvalidRequest if the key has expired.
        """
        return await self._database.write(_rotate_key, project_id, key_id, key, overlap, change)

    async def delete(self, project_id: str, key_id: str, change: Change) -> None:
        """Raises NotFound."""
        await self._database.write(_delete_key, project_id, key_id, change)

    async def revoke(self, identifier: str, now: int) -> KeyRecord | None:
        """Revokes the active key with that id or hint; None if there is not exactly one."""
        return await self._database.write(_revoke_key, identifier, Change(OPERATOR, now))

    async def record_uses(self, uses: Mapping[KeyUse, int]) -> None:
        """Stores the time of the last use of each key and admin key, in Unix seconds."""
        if uses:
            await self._database.write(record_key_uses, uses)


def hint_of(key: str) -> str:
    return f"{key[:16]}…{key[-4:]}" if len(key) > 24 else f"{key[:3]}…{key[-2:]}"


def insert_key(key: str, name: str, change: Change, project: str, options: KeyOptions) -> Transaction[KeyRecord]:
    """Raises NotFound for an unknown project, InvalidRequest for an archived one."""
    existing = yield _SELECT + " WHERE hash = $1", (hash_key(key),)
    if existing:
        return _load_record(existing[0])
    project_id = yield from find_project(project, change.now)
    check_open((yield from get_project(project_id)))
    key_id = ids.key()
    sql = (
        "INSERT INTO keys (id, project_id, name, hash, hint, created_at, scopes, expires_at, service_account_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    )
    scopes = None if options.scopes is None else msgspec.json.encode(options.scopes).decode()
    owner = options.service_account_id
    yield (
        sql,
        (key_id, project_id, name, hash_key(key), hint_of(key), change.now, scopes, options.expires_at, owner),
    )
    details = {"data": {"scopes": list(options.scopes or ())}}
    yield from insert_entry(change, "api_key.created", key_id, details, project_id)
    return (yield from _get_key(project_id, key_id))


_SELECT = (
    "SELECT id, project_id, name, hint, created_at, revoked_at, scopes, expires_at, last_used_at, service_account_id,"
    " old_expires_at, old_last_used_at FROM keys"
)
_decode_scopes = msgspec.json.Decoder(tuple[str, ...]).decode


def _load_record(row: Row) -> KeyRecord:
    scopes = None if row[6] is None else _decode_scopes(row[6])
    return KeyRecord(*(*row[:6], scopes, *row[7:]))


def _list_keys() -> Transaction[list[KeyRecord]]:
    rows = yield _SELECT + " ORDER BY seq", ()
    return [_load_record(row) for row in rows]


def _find_key(key_id: str) -> Transaction[tuple[KeyRecord, str] | None]:
    rows = yield _SELECT + " WHERE id = $1", (key_id,)
    if not rows:
        return None
    record = _load_record(rows[0])
    names = yield "SELECT name FROM projects WHERE id = $1", (record.project_id,)
    return record, names[0][0] if names else ""


def _page_keys(project_id: str, request: PageRequest) -> Transaction[RecordPage[KeyRecord]]:
    source = PageSource("keys", "project_id = $1", "revoked_at IS NULL", body="name", has_horizon=False)
    rows, has_more = yield from read_records(_SELECT, source, (project_id,), request)
    return RecordPage([_load_record(row) for row in rows], has_more)


def _get_key(project_id: str, key_id: str) -> Transaction[KeyRecord]:
    rows = yield _SELECT + " WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL", (project_id, key_id)
    if not rows:
        raise not_found("API key", key_id)
    return _load_record(rows[0])


def _lock_key(project_id: str, key_id: str, now: int) -> Transaction[KeyRecord]:
    """Raises NotFound, InvalidRequest if the key has expired."""
    yield "SELECT seq FROM keys WHERE project_id = $1 AND id = $2 FOR UPDATE", (project_id, key_id)
    record = yield from _get_key(project_id, key_id)
    if record.expires_at is not None and record.expires_at <= now:
        raise key_ended(key_id)
    return record


def _change_key(project_id: str, key_id: str, members: KeyChanges, change: Change) -> Transaction[KeyRecord]:
    yield from _lock_key(project_id, key_id, change.now)
    if "scopes" in members:
        scopes = members["scopes"]
        text = None if scopes is None else msgspec.json.encode(scopes).decode()
        yield "UPDATE keys SET scopes = $2 WHERE id = $1", (key_id, text)
    if "expires_at" in members:
        yield "UPDATE keys SET expires_at = $2 WHERE id = $1", (key_id, members["expires_at"])
    requested: dict[str, object] = {**members}
    if "scopes" in members:
        requested["scopes"] = members["scopes"] or []
    yield from insert_entry(change, "api_key.updated", key_id, {"changes_requested": requested}, project_id)
    return (yield from _get_key(project_id, key_id))


def _rotate_key(project_id: str, key_id: str, key: str, overlap: int, change: Change) -> Transaction[KeyRecord]:
    record = yield from _lock_key(project_id, key_id, change.now)
    end = change.now + overlap
    if record.expires_at is not None:
        end = min(end, record.expires_at)
    sql = (
        "UPDATE keys SET old_hash = hash, old_expires_at = $4, old_last_used_at = last_used_at, last_used_at = NULL,"
        " hash = $2, hint = $3 WHERE id = $1"
    )
    yield sql, (key_id, hash_key(key), hint_of(key), end)
    requested = {"rotated": True, "overlap_seconds": overlap}
    yield from insert_entry(change, "api_key.updated", key_id, {"changes_requested": requested}, project_id)
    return (yield from _get_key(project_id, key_id))


def _delete_key(project_id: str, key_id: str, change: Change) -> Transaction[None]:
    sql = "UPDATE keys SET revoked_at = $3 WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id"
    if not (yield sql, (project_id, key_id, change.now)):
        raise not_found("API key", key_id)
    yield from insert_entry(change, "api_key.deleted", key_id, {}, project_id)


def delete_keys_of_account(service_account_id: str, change: Change) -> Transaction[None]:
    """Deletes the keys of a service account."""
    rows = yield (
        "SELECT project_id, id FROM keys WHERE service_account_id = $1 AND revoked_at IS NULL",
        (service_account_id,),
    )
    for project_id, key_id in rows:
        yield from _delete_key(project_id, key_id, change)


def _revoke_key(identifier: str, change: Change) -> Transaction[KeyRecord | None]:
    rows = yield _SELECT + " WHERE (id = $1 OR hint = $1) AND revoked_at IS NULL", (identifier,)
    if len(rows) != 1:
        return None
    record = _load_record(rows[0])
    yield from _delete_key(record.project_id, record.id, change)
    return replace(record, revoked_at=change.now)

"""API keys and the projects they open. A key itself is never stored, only its SHA-256; it has 256 random bits."""

import hashlib
from dataclasses import dataclass

from understudy import ids
from understudy.store.database import Database, Row, Transaction

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """`hint` is the key's beginning and end, enough to recognise it by; times are Unix seconds."""

    id: str
    project_id: str
    name: str
    hint: str
    created_at: int
    revoked_at: int | None


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, key: str, name: str, now: int) -> KeyRecord:
        """Adds a key to the default project; the same key again returns the record it has."""
        return await self._database.write(_create, key, name, now)

    async def list(self) -> list[KeyRecord]:
        """All keys, oldest first, revoked ones too."""
        return await self._database.read(_list)

    async def project_of(self, key: str) -> str | None:
        """The project that a key opens; None for an unknown or revoked key."""
        return await self._database.read(_project_of, hash_key(key))

    async def revoke(self, identifier: str, now: int) -> KeyRecord | None:
        """Revokes by the key's id or hint; None where none such is active."""
        return await self._database.write(_revoke, identifier, now)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def hint_of(key: str) -> str:
    return f"{key[:16]}…{key[-4:]}" if len(key) > 24 else f"{key[:3]}…{key[-2:]}"


def _create(key: str, name: str, now: int) -> Transaction[KeyRecord]:
    known = yield _SELECT + " WHERE hash = $1", (hash_key(key),)
    if known:
        return _record(known[0])
    project_id = yield from _default_project(now)
    record = KeyRecord(ids.key(), project_id, name, hint_of(key), now, None)
    sql = "INSERT INTO keys (id, project_id, name, hash, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
    yield sql, (record.id, project_id, name, hash_key(key), record.hint, now)
    return record


def _default_project(now: int) -> Transaction[str]:
    rows = yield "SELECT id FROM projects WHERE name = $1 ORDER BY seq LIMIT 1", (DEFAULT_PROJECT,)
    if rows:
        return str(rows[0][0])
    project_id = ids.project()
    sql = "INSERT INTO projects (id, name, created_at) VALUES ($1, $2, $3)"
    yield sql, (project_id, DEFAULT_PROJECT, now)
    return project_id


_SELECT = "SELECT id, project_id, name, hint, created_at, revoked_at FROM keys"


def _list() -> Transaction[list[KeyRecord]]:
    rows = yield _SELECT + " ORDER BY seq", ()
    return [_record(row) for row in rows]


def _project_of(digest: str) -> Transaction[str | None]:
    rows = yield "SELECT project_id FROM keys WHERE hash = $1 AND revoked_at IS NULL", (digest,)
    return rows[0][0] if rows else None


def _revoke(identifier: str, now: int) -> Transaction[KeyRecord | None]:
    condition = " WHERE (id = $1 OR hint = $1) AND revoked_at IS NULL"
    rows = yield _SELECT + condition, (identifier,)
    if len(rows) != 1:
        return None
    yield "UPDATE keys SET revoked_at = $1 WHERE id = $2", (now, rows[0][0])
    return _record((*rows[0][:5], now))


def _record(row: Row) -> KeyRecord:
    return KeyRecord(*row)

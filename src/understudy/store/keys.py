"""API keys and the projects they open. A key itself is never stored, only its SHA-256; it has 256 random bits."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from understudy import ids
from understudy.errors.objects import project_exists, project_not_found
from understudy.store.database import Database, Row, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True)
class Principal:
    """The project of an authenticated key, and the key's id."""

    project_id: str
    key_id: str


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """`hint` is the beginning and the end of the key, enough to recognise it; times are in Unix seconds."""

    id: str
    project_id: str
    name: str
    hint: str
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A tenant, whose keys access only its own objects. `keys` counts the active ones."""

    id: str
    name: str
    created_at: int
    keys: int


class Keys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, key: str, name: str, now: int, project: str = DEFAULT_PROJECT) -> KeyRecord:
        """Adds a key to the project of that name or id; idempotent: a known key returns its record.

        Creates the default project if it is missing; raises NotFound for any other unknown project.
        """
        return await self._database.write(_insert_key, key, name, now, project)

    async def list(self) -> list[KeyRecord]:
        """All keys, oldest first, revoked ones too."""
        return await self._database.read(_list_keys)

    async def find(self, key_id: str) -> tuple[KeyRecord, str] | None:
        """A key with the name of its project; None for an unknown id."""
        return await self._database.read(_find_key, key_id)

    async def project_of(self, key: str) -> str | None:
        """The project id of a key; None for an unknown or revoked key."""
        return await self._database.read(_project_of, hash_key(key))

    async def create_project(self, name: str, now: int) -> ProjectRecord:
        """Raises Conflict if a project has that name."""
        return await self._database.write(_create_project, name, now)

    async def projects(self) -> Sequence[ProjectRecord]:
        """All projects, oldest first."""
        return await self._database.read(_list_projects)

    async def authenticate(self, key: str) -> Principal | None:
        """None for an unknown or revoked key."""
        return await self._database.read(_authenticate, hash_key(key))

    async def active(self, key_ids: Sequence[str]) -> set[str]:
        """The ids among `key_ids` of keys that are not revoked."""
        return await self._database.read(_filter_active, key_ids)

    async def revoke(self, identifier: str, now: int) -> KeyRecord | None:
        """Revokes the active key with that id or hint; None if there is not exactly one."""
        return await self._database.write(_revoke_key, identifier, now)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def hint_of(key: str) -> str:
    return f"{key[:16]}…{key[-4:]}" if len(key) > 24 else f"{key[:3]}…{key[-2:]}"


def _insert_key(key: str, name: str, now: int, project: str) -> Transaction[KeyRecord]:
    existing = yield _SELECT + " WHERE hash = $1", (hash_key(key),)
    if existing:
        return _load_record(existing[0])
    project_id = yield from _find_project(project, now)
    record = KeyRecord(ids.key(), project_id, name, hint_of(key), now, None)
    sql = "INSERT INTO keys (id, project_id, name, hash, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
    yield sql, (record.id, project_id, name, hash_key(key), record.hint, now)
    return record


def _find_project(project: str, now: int) -> Transaction[str]:
    rows = yield "SELECT id FROM projects WHERE name = $1 OR id = $1 ORDER BY seq LIMIT 1", (project,)
    if rows:
        return str(rows[0][0])
    if project != DEFAULT_PROJECT:
        raise project_not_found(project)
    return (yield from _insert_project(project, now))[0]


def _create_project(name: str, now: int) -> Transaction[ProjectRecord]:
    # Commands accept an id in place of a name, so a name must not equal an id.
    existing = yield "SELECT 1 FROM projects WHERE id = $1", (name,)
    project_id, inserted = yield from _insert_project(name, now)
    if existing or not inserted:
        raise project_exists(name)
    return ProjectRecord(project_id, name, now, 0)


def _insert_project(name: str, now: int) -> Transaction[tuple[str, bool]]:
    """The project's id, and whether it was created here: another server may create it at the same moment."""
    sql = "INSERT INTO projects (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING RETURNING id"
    inserted = yield sql, (ids.project(), name, now)
    rows = inserted or (yield "SELECT id FROM projects WHERE name = $1", (name,))
    return str(rows[0][0]), bool(inserted)


def _list_projects() -> Transaction[Sequence[ProjectRecord]]:
    active = "SELECT count(*) FROM keys WHERE project_id = projects.id AND revoked_at IS NULL"
    rows = yield compose_sql("SELECT id, name, created_at, (", active, ") FROM projects ORDER BY seq"), ()
    return [ProjectRecord(*row) for row in rows]


_SELECT = "SELECT id, project_id, name, hint, created_at, revoked_at FROM keys"


def _list_keys() -> Transaction[list[KeyRecord]]:
    rows = yield _SELECT + " ORDER BY seq", ()
    return [_load_record(row) for row in rows]


def _find_key(key_id: str) -> Transaction[tuple[KeyRecord, str] | None]:
    sql = compose_sql(
        "SELECT k.id, k.project_id, k.name, k.hint, k.created_at, k.revoked_at, p.name FROM keys AS k",
        "LEFT JOIN projects AS p ON p.id = k.project_id WHERE k.id = $1",
    )
    rows = yield sql, (key_id,)
    return (_load_record(rows[0][:6]), rows[0][6] or "") if rows else None


def _project_of(digest: str) -> Transaction[str | None]:
    rows = yield "SELECT project_id FROM keys WHERE hash = $1 AND revoked_at IS NULL", (digest,)
    return rows[0][0] if rows else None


def _authenticate(digest: str) -> Transaction[Principal | None]:
    rows = yield "SELECT project_id, id FROM keys WHERE hash = $1 AND revoked_at IS NULL", (digest,)
    return Principal(*rows[0]) if rows else None


def _filter_active(key_ids: Sequence[str]) -> Transaction[set[str]]:
    active: set[str] = set()
    for batch in padded_batches(key_ids):
        sql = compose_sql(
            "SELECT id FROM keys WHERE id IN (", sql_parameters(1, len(batch)), ") AND revoked_at IS NULL"
        )
        active.update(row[0] for row in (yield sql, tuple(batch)))
    return active


def _revoke_key(identifier: str, now: int) -> Transaction[KeyRecord | None]:
    condition = " WHERE (id = $1 OR hint = $1) AND revoked_at IS NULL"
    rows = yield _SELECT + condition, (identifier,)
    if len(rows) != 1:
        return None
    yield "UPDATE keys SET revoked_at = $1 WHERE id = $2", (now, rows[0][0])
    return _load_record((*rows[0][:5], now))


def _load_record(row: Row) -> KeyRecord:
    return KeyRecord(*row)

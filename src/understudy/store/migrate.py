"""Brings a database to the schema that this program knows: numbered steps, one tree for both engines.

`NNNN_name.sql` is for both, `NNNN_name.<dialect>.sql` adds statements of one engine. Each number is applied in one
transaction with its entry in `schema_versions`. Migrations are additive, so that servers of earlier versions continue
while a new one migrates. One that begins with the comment `Breaking` waits until those have ended, and a database on
which a later one of these was applied is refused.
"""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from understudy.errors import StoreError
from understudy.store.database import Database, Transaction

logger = logging.getLogger(__name__)
_FILE = re.compile(r"(?P<number>\d{4})_\w+?(\.(?P<dialect>sqlite|postgres))?\.sql")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_BREAKING = re.compile(r"^-- Breaking\b", re.MULTILINE)
_STATEMENT = re.compile(r"(?:\$\$.*?\$\$|\bBEGIN\b.*?\bEND\b|[^;])+", re.DOTALL)
"""Up to a semicolon that is not in the body of a DO block, a function or a trigger."""

_SEQUENCE = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgres": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_FIND_VERSIONS = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'",
    "postgres": "SELECT 1 WHERE to_regclass('schema_versions') IS NOT NULL",
}
_FIRST_WITH_SUPPORT = 43
"""The first migration with which the database records which programs may use it."""

# More than a lease, in all.
_LEASE_CHECKS = 20
_CHECK_SECONDS = 0.5
# Any number, the same in every process: two servers that start at once migrate one after the other.
_POSTGRES_LOCK = "SELECT pg_advisory_xact_lock(7205759403792793)"
# A registered server has applied the migrations that it knows, so it does not know a pending one.
_LIVE_NODES = "SELECT count(*) FROM nodes WHERE seen_at > extract(epoch FROM statement_timestamp()) - 8.0"


@dataclass(frozen=True)
class Migration:
    """With `is_breaking`, programs that do not know it must not use the database any more."""

    number: int
    statements: tuple[str, ...]
    is_breaking: bool = False


async def migrate(database: Database) -> int:
    """Applies pending migrations, and returns the newest number that this program knows.

    Raises StoreError for a newer schema that does not support this program, and where servers of earlier versions run
    that a migration would break.
    """
    migrations = read_migrations(database.dialect)
    if await database.read(_has_versions, database.dialect):
        applied = await database.read(_list_applied)
        if applied.issuperset(migration.number for migration in migrations) and max(applied) == migrations[-1].number:
            # So a start waits for no lock, and needs few round trips.
            return migrations[-1].number
    await database.change_schema(_create_version_table, database.dialect)
    current = await database.read(_current_version)
    newest = migrations[-1].number
    if current > newest and await database.read(_oldest_supported) > newest:
        raise StoreError(
            f"The database has schema {current}, and this version supports schemas up to {newest}: "
            "a newer Understudy wrote it. Start that version, or restore a backup."
        )
    breaking = [migration.number for migration in migrations if migration.is_breaking and migration.number > current]
    if breaking and current and database.dialect == "postgres":
        await _wait_for_earlier_workers(database, breaking[-1])
    started = time.perf_counter()
    for migration in migrations:
        await database.change_schema(_apply_migration, migration, database.dialect)
    if newest > current:
        _log_migration(current, newest, time.perf_counter() - started)
    return newest


def _log_migration(before: int, after: int, seconds: float) -> None:
    message = f"database upgraded from schema {before} to {after}" if before else f"database created, schema {after}"
    fields = {"schema": after, "duration_ms": round(seconds * 1000, 1)}
    logger.info("%s", message, extra={"event": "schema.migrated", "fields": fields})


async def _wait_for_earlier_workers(database: Database, number: int) -> None:
    """Waits for the leases of servers that have ended. Raises StoreError if others renew theirs."""
    for _ in range(_LEASE_CHECKS):
        live = await database.read(_count_earlier_workers, number)
        if not live:
            return
        await asyncio.sleep(_CHECK_SECONDS)
    raise _earlier_servers_error(number, live)


def _earlier_servers_error(number: int, live: int) -> StoreError:
    return StoreError(
        f"Migration {number} needs all servers of earlier versions to be stopped, and {live} of their workers have a"
        " lease. Stop those servers, then start this version."
    )


async def has_schema(database: Database) -> bool:
    """Whether any migration was applied to the database. Changes nothing."""
    return await database.read(_has_schema, database.dialect)


async def is_current(database: Database) -> bool:
    """Whether the database has the schema that this program knows. Changes nothing."""
    if not await has_schema(database):
        return False
    return await database.read(_current_version) >= newest_schema(database.dialect)


def newest_schema(dialect: str) -> int:
    """The number of the newest schema that this program knows."""
    return read_migrations(dialect)[-1].number


@lru_cache(maxsize=2)
def read_migrations(dialect: str) -> tuple[Migration, ...]:
    """The migrations of one dialect, in order. A start needs them several times, so their files are read once."""
    texts: dict[int, list[str]] = {}
    folder = resources.files("understudy.store") / "migrations"
    # Fewer dots first: shared statements come before those of one engine.
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.name.count("."), entry.name)):
        match = _FILE.fullmatch(entry.name)
        if match and match["dialect"] in {None, dialect}:
            texts.setdefault(int(match["number"]), []).append(entry.read_text("utf-8"))
    return tuple(_parse_migration(number, "".join(texts[number]), dialect) for number in sorted(texts))


def _parse_migration(number: int, text: str, dialect: str) -> Migration:
    script = _COMMENT.sub("", text).replace("{sequence}", _SEQUENCE[dialect])
    statements = tuple(part.strip() for part in _STATEMENT.findall(script) if part.strip())
    return Migration(number, statements, bool(_BREAKING.search(text)))


def _create_version_table(dialect: str) -> Transaction[None]:
    if dialect == "postgres":
        yield _POSTGRES_LOCK, ()
    yield "CREATE TABLE IF NOT EXISTS schema_versions (number BIGINT NOT NULL PRIMARY KEY)", ()


def _has_versions(dialect: str) -> Transaction[bool]:
    return bool((yield _FIND_VERSIONS[dialect], ()))


def _list_applied() -> Transaction[set[int]]:
    return {int(row[0]) for row in (yield "SELECT number FROM schema_versions", ())}


def _has_schema(dialect: str) -> Transaction[bool]:
    return (yield from _has_versions(dialect)) and (yield from _current_version()) > 0


def _current_version() -> Transaction[int]:
    rows = yield "SELECT max(number) FROM schema_versions", ()
    return int(rows[0][0] or 0)


def _oldest_supported() -> Transaction[int]:
    rows = yield "SELECT max(oldest) FROM schema_versions", ()
    return int(rows[0][0])


def _count_earlier_workers(number: int) -> Transaction[int]:
    """Workers with a lease whose programs do not know the schema `number`."""
    live = "SELECT count(*) FROM workers WHERE lease_until > extract(epoch FROM statement_timestamp())"
    if (yield from _current_version()) < _FIRST_WITH_SUPPORT:
        rows = yield live, ()
    else:
        rows = yield live + " AND schema < $1", (number,)
    return int(rows[0][0])


def _exclude_earlier_servers(number: int) -> Transaction[None]:
    """From here on no server renews a lease until the transaction ends, and afterwards only those that may.

    A server whose leases have ended renews one before it uses the database again.
    """
    yield "LOCK TABLE workers, nodes IN SHARE MODE", ()
    rows = yield _LIVE_NODES, ()
    live = max(int(rows[0][0]), (yield from _count_earlier_workers(number)))
    if live:
        raise _earlier_servers_error(number, live)


def _apply_migration(migration: Migration, dialect: str) -> Transaction[None]:
    if dialect == "postgres":
        yield _POSTGRES_LOCK, ()
    rows = yield "SELECT 1 FROM schema_versions WHERE number = $1", (migration.number,)
    if rows:
        return
    if migration.is_breaking and migration.number > _FIRST_WITH_SUPPORT and dialect == "postgres":
        yield from _exclude_earlier_servers(migration.number)
    for statement in migration.statements:
        yield statement, ()
    yield "INSERT INTO schema_versions (number) VALUES ($1)", (migration.number,)
    if migration.is_breaking and migration.number > _FIRST_WITH_SUPPORT:
        yield "UPDATE schema_versions SET oldest = $1 WHERE number = $1", (migration.number,)

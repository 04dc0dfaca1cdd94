"""Brings a database to the schema that this program knows: numbered steps, one tree for both engines.

`NNNN_name.sql` is for both, `NNNN_name.<dialect>.sql` adds statements of one engine. Each number is applied in one
transaction with its entry in `schema_versions`; a database with a higher number than ours is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from understudy.errors import StoreError
from understudy.store.database import Database, Transaction

_FILE = re.compile(r"(?P<number>\d{4})_\w+?(\.(?P<dialect>sqlite|postgres))?\.sql")
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)
_STATEMENT = re.compile(r"(?:\$\$.*?\$\$|[^;])+", re.DOTALL)
"""Up to a semicolon that is not in the body of a DO block."""

_SEQUENCE = {
    "sqlite": "INTEGER PRIMARY KEY",
    "postgres": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
}
_FIND_VERSIONS = {
    "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'",
    "postgres": "SELECT 1 WHERE to_regclass('schema_versions') IS NOT NULL",
}
# Any number, the same in every process: two servers that start at once migrate one after the other.
_POSTGRES_LOCK = "SELECT pg_advisory_xact_lock(7205759403792793)"


@dataclass(frozen=True)
class Migration:
    number: int
    statements: tuple[str, ...]


async def migrate(database: Database) -> int:
    """Applies pending migrations and returns the schema's number; raises StoreError for a newer schema."""
    migrations = list(read_migrations(database.dialect))
    await database.write(_create_version_table, database.dialect)
    current = await database.read(_current_version)
    newest = migrations[-1].number
    if current > newest:
        raise StoreError(
            f"The database has schema {current}, and this version supports schemas up to {newest}: "
            "a newer Understudy wrote it. Start that version, or restore a backup."
        )
    for migration in migrations:
        await database.write(_apply_migration, migration, database.dialect)
    return newest


async def has_schema(database: Database) -> bool:
    """Whether any migration was applied to the database. Changes nothing."""
    return await database.read(_has_schema, database.dialect)


async def is_current(database: Database) -> bool:
    """Whether the database has the schema that this program knows. Changes nothing."""
    if not await has_schema(database):
        return False
    newest = max(migration.number for migration in read_migrations(database.dialect))
    return await database.read(_current_version) == newest


def read_migrations(dialect: str) -> Iterator[Migration]:
    """The migrations of one dialect, in order."""
    texts: dict[int, list[str]] = {}
    folder = resources.files("understudy.store") / "migrations"
    # Fewer dots first: shared statements come before those of one engine.
    for entry in sorted(folder.iterdir(), key=lambda entry: (entry.name.count("."), entry.name)):
        match = _FILE.fullmatch(entry.name)
        if match and match["dialect"] in {None, dialect}:
            texts.setdefault(int(match["number"]), []).append(entry.read_text("utf-8"))
    for number in sorted(texts):
        script = _COMMENT.sub("", "".join(texts[number])).replace("{sequence}", _SEQUENCE[dialect])
        yield Migration(number, tuple(part.strip() for part in _STATEMENT.findall(script) if part.strip()))


def _create_version_table(dialect: str) -> Transaction[None]:
    if dialect == "postgres":
        yield _POSTGRES_LOCK, ()
    yield "CREATE TABLE IF NOT EXISTS schema_versions (number BIGINT NOT NULL PRIMARY KEY)", ()


def _has_schema(dialect: str) -> Transaction[bool]:
    tables = yield _FIND_VERSIONS[dialect], ()
    return bool(tables) and (yield from _current_version()) > 0


def _current_version() -> Transaction[int]:
    rows = yield "SELECT max(number) FROM schema_versions", ()
    return int(rows[0][0] or 0)


def _apply_migration(migration: Migration, dialect: str) -> Transaction[None]:
    if dialect == "postgres":
        yield _POSTGRES_LOCK, ()
    rows = yield "SELECT 1 FROM schema_versions WHERE number = $1", (migration.number,)
    if rows:
        return
    for statement in migration.statements:
        yield statement, ()
    yield "INSERT INTO schema_versions (number) VALUES ($1)", (migration.number,)

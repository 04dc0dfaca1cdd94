"""Checks a database for `understudy doctor --deep`: its pages and indexes, its references, and its counters.

Runs beside a server. Each check reads one snapshot, so that changes meanwhile are not findings. Repairs nothing.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

import apsw

from understudy.errors import StoreError
from understudy.store import data_directory
from understudy.store.database import Database, Row, Transaction
from understudy.store.migrate import is_current
from understudy.store.postgres import PostgresDatabase
from understudy.store.sql import compose_sql, sql_parameters
from understudy.store.sqlite import SqliteDatabase

MAX_PROBLEMS: Final = 100
"""Listed of each check."""
_PAGE: Final = 500
_USES: Final = (
    "SELECT blob, count(*) AS uses FROM ("
    "SELECT blob FROM files WHERE body IS NOT NULL AND blob <> ''"
    " UNION ALL SELECT blob FROM upload_parts"
    " UNION ALL SELECT input FROM batches WHERE input IS NOT NULL"
    " UNION ALL SELECT results FROM batches WHERE results IS NOT NULL"
    " UNION ALL SELECT blob FROM generation_blobs"
    " UNION ALL SELECT blob FROM container_uploads"
    " UNION ALL SELECT blob FROM item_images"
    " UNION ALL SELECT input FROM transcriptions WHERE input IS NOT NULL"
    " UNION ALL SELECT input FROM transfers WHERE input IS NOT NULL"
    " UNION ALL SELECT output FROM transfers WHERE output IS NOT NULL"
    ") AS named GROUP BY blob"
)
_WRONG_USES: Final = compose_sql(
    "SELECT blobs.name, blobs.uses, coalesce(counted.uses, 0) FROM blobs LEFT JOIN (",
    _USES,
    ") AS counted ON counted.blob = blobs.name WHERE blobs.uses <> coalesce(counted.uses, 0) LIMIT $1",
)
_UNKNOWN_BLOBS: Final = compose_sql(
    "SELECT counted.blob FROM (",
    _USES,
    ") AS counted WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.name = counted.blob) LIMIT $1",
)
_STATES: Final = ("in_progress", "completed", "failed", "cancelled")
_WRONG_BALANCES: Final = (
    "SELECT balances.project_id, balances.credits, coalesce(entries.credits, 0)"
    " FROM (SELECT project_id, sum(credits) AS credits FROM balances GROUP BY project_id) AS balances"
    " LEFT JOIN (SELECT project_id, sum(credits) AS credits FROM ledger GROUP BY project_id) AS entries"
    " ON entries.project_id = balances.project_id WHERE balances.credits <> coalesce(entries.credits, 0) LIMIT $1"
)
_INVALID_INDEXES: Final = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace"
)
_UNCHECKED_CONSTRAINTS: Final = (
    "SELECT conname FROM pg_constraint WHERE NOT convalidated AND connamespace = current_schema()::regnamespace"
)
_BTREES: Final = (
    "SELECT c.oid::bigint, c.relname FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
    " WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace ORDER BY 2"
)
_CHECKSUM_FAILURES: Final = (
    "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob in use: its name, and the SHA-256 of its bytes in hexadecimal."""

    name: str
    sha256: str


@asynccontextmanager
async def open_for_checks(data: Path, url: str | None, *, is_pooled: bool = False) -> AsyncIterator[Database]:
    """The database as it is, without a migration. Raises StoreError if it is missing or unreachable."""
    if url is None:
        data_directory.check(data)
        database: Database = SqliteDatabase(data / data_directory.DATABASE)
    else:
        database = await PostgresDatabase.connect(url, is_pooled=is_pooled)
    try:
        yield database
    finally:
        await database.close()


async def has_this_schema(database: Database) -> bool:
    """Whether the other checks know the tables."""
    return await is_current(database)


def check_sqlite(data: Path) -> list[str]:
    """What SQLite finds wrong in its pages, indexes, full-text indexes and foreign keys. Raises StoreError."""
    try:
        path = str(data / data_directory.DATABASE)
        with closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(60_000)
            found = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})")]
            broken = [
                f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
    except apsw.Error as error:
        raise StoreError(f"The database cannot be checked: {error}.") from None
    return [text for text in found if text != "ok"] + broken[:MAX_PROBLEMS]


@dataclass(frozen=True, slots=True)
class PostgresCheck:
    """`has_checksums`: PostgreSQL itself finds damaged pages; `has_amcheck`: indexes were compared with tables."""

    problems: list[str]
    has_checksums: bool
    has_amcheck: bool


async def check_postgres(database: Database) -> PostgresCheck:
    """Raises StoreError if the database is unreachable."""
    has_checksums, failures, invalid, unchecked, has_amcheck = await database.read(_examine_postgres)
    problems = [f"{failures} pages had a wrong checksum"] if failures else []
    problems += [f"the index {name} is invalid; run REINDEX" for name in invalid]
    problems += [f"the constraint {name} is not validated" for name in unchecked]
    if has_amcheck:
        for number, name in await database.read(_list_btrees):
            try:
                await database.scan(_check_btree, number)
            except StoreError as error:
                problems.append(f"the index {name}: {error}")
    return PostgresCheck(problems, has_checksums, has_amcheck)


async def check_uses(database: Database) -> list[str]:
    """Blobs whose number of uses is wrong, and rows that name an unknown blob."""
    wrong, unknown = await database.scan(_find_wrong_uses)
    return [
        *(f"{name}: {uses} uses recorded, {counted} rows name it" for name, uses, counted in wrong),
        *(f"{name}: named by a row, and not recorded" for (name,) in unknown),
    ]


async def check_vector_stores(database: Database) -> list[str]:
    """Vector stores whose counts of files or bytes differ from those of their files."""
    size = database.json_member.format(name="usage_bytes")
    sums = [f"sum(CASE WHEN status = '{state}' THEN 1 ELSE 0 END) AS {state}" for state in _STATES]
    names = [*_STATES, "usage_bytes"]
    sql = (
        f"SELECT stores.id, {', '.join(f'stores.{name}, coalesce(files.{name}, 0)' for name in names)}"  # noqa: S608 - only our own names
        f" FROM vector_stores AS stores LEFT JOIN (SELECT store, {', '.join(sums)},"
        f" sum(CAST({size} AS BIGINT)) AS usage_bytes FROM store_files WHERE body IS NOT NULL GROUP BY store) AS files"
        " ON files.store = stores.seq WHERE stores.body IS NOT NULL AND ("
        f"{' OR '.join(f'stores.{name} <> coalesce(files.{name}, 0)' for name in names)}) LIMIT $1"
    )
    problems = []
    for store_id, *numbers in await database.scan(_select, sql):
        pairs = zip(names, numbers[::2], numbers[1::2], strict=True)
        texts = [f"{name} {int(stored)} instead of {int(true)}" for name, stored, true in pairs if stored != true]
        problems.append(f"{store_id}: {', '.join(texts)}")
    return problems


async def check_balances(database: Database) -> list[str]:
    """Projects whose balance is not the sum of their ledger."""
    rows = await database.scan(_select, _WRONG_BALANCES)
    return [f"{project}: balance {int(balance)}, ledger {int(total)} credits" for project, balance, total in rows]


async def list_blobs(database: Database) -> AsyncIterator[NamedBlob]:
    """All blobs in use by name, read page by page."""
    last = ""
    while page := await database.read(_select_page, last):
        for blob in page:
            yield blob
        last = page[-1].name


async def find_unknown(database: Database, names: Sequence[str]) -> set[str]:
    """Those of the names that no row knows: neither in use, nor being written, nor to be erased."""
    return set(names) - await database.read(_find_known, names) if names else set()


async def is_used(database: Database, name: str) -> bool:
    """Whether the blob is in use now."""
    return await database.read(_is_used, name)


def _select(sql: str) -> Transaction[list[Row]]:
    return (yield sql, (MAX_PROBLEMS,))


def _find_wrong_uses() -> Transaction[tuple[list[Row], list[Row]]]:
    wrong = yield _WRONG_USES, (MAX_PROBLEMS,)
    return wrong, (yield _UNKNOWN_BLOBS, (MAX_PROBLEMS,))


def _select_page(after: str) -> Transaction[list[NamedBlob]]:
    sql = "SELECT name, sha256 FROM blobs WHERE name > $1 AND uses > 0 ORDER BY name LIMIT $2"
    return [NamedBlob(*row) for row in (yield sql, (after, _PAGE))]


def _find_known(names: Sequence[str]) -> Transaction[set[str]]:
    places: LiteralString = sql_parameters(1, len(names))
    known = yield compose_sql("SELECT name FROM blobs WHERE name IN (", places, ")"), tuple(names)
    erased = yield compose_sql("SELECT name FROM blob_erasures WHERE name IN (", places, ")"), tuple(names)
    return {str(row[0]) for row in (*known, *erased)}


def _is_used(name: str) -> Transaction[bool]:
    return bool((yield "SELECT 1 FROM blobs WHERE name = $1 AND uses > 0", (name,)))


def _examine_postgres() -> Transaction[tuple[bool, int, list[str], list[str], bool]]:
    checksums = yield "SHOW data_checksums", ()
    failures = yield _CHECKSUM_FAILURES, ()
    invalid = yield _INVALID_INDEXES, ()
    unchecked = yield _UNCHECKED_CONSTRAINTS, ()
    amcheck = yield "SELECT 1 FROM pg_extension WHERE extname = 'amcheck'", ()
    return (
        checksums[0][0] == "on",
        int(failures[0][0]) if failures else 0,
        [str(row[0]) for row in invalid],
        [str(row[0]) for row in unchecked],
        bool(amcheck),
    )


def _list_btrees() -> Transaction[list[tuple[int, str]]]:
    return [(int(row[0]), str(row[1])) for row in (yield _BTREES, ())]


def _check_btree(number: int) -> Transaction[None]:
    yield "SELECT bt_index_check($1::bigint::oid::regclass, true)", (number,)

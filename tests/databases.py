"""Databases of the tests: copies of one that has all migrations, since a copy takes a fraction of their time."""

import asyncio
import functools
import itertools
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from understudy.store import open_store

_FILE = "understudy.sqlite3"


class PostgresDatabases:
    """Databases of one PostgreSQL server, a package `pgserver`'s. None of them sees another one's tables or channels."""

    def __init__(self, server: Any, directory: Path) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._released: list[str] = []
        # The data is temporary, so writes need not reach the disk.
        for setting in ("fsync", "full_page_writes", "wal_init_zero"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        # Tests make deadlocks, and a second for each is a part of the ten that a statement may take.
        server.psql("ALTER SYSTEM SET deadlock_timeout = '100ms'")
        server.psql("SELECT pg_reload_conf()")
        self._empty = self._copy("template1")
        # An extension belongs to one database, and only a superuser may create it.
        self._query(self._empty, "CREATE EXTENSION vector")
        self._migrated = self._copy(self._empty)
        _migrate(directory, self._url(self._migrated))
        self._tables = self._query(self._migrated, _LIST_TABLES)
        self._schema = self._query(self._migrated, _DESCRIBE_SCHEMA)

    def create(self) -> str:
        """The URL of a database with all tables and no rows."""
        return self._url(self._reuse() or self._copy(self._migrated))

    def create_empty(self) -> str:
        """The URL of a database with nothing but the extension."""
        return self._url(self._copy(self._empty))

    def release(self, url: str) -> None:
        """Lets a later `create` reuse what `create` has returned. The servers on it may still have to end."""
        self._released.append(urlsplit(url).path.removeprefix("/"))

    def _reuse(self) -> str | None:
        """A released database, emptied; faster than a copy. One with another schema is dropped."""
        while self._released:
            name = self._released.pop()
            if self._query(name, _EMPTY.replace("{tables}", self._tables) + ";" + _DESCRIBE_SCHEMA) == self._schema:
                return name
            self._server.psql(f"DROP DATABASE {name} WITH (FORCE)")
        return None

    def _copy(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _query(self, name: str, sql: str) -> str:
        """The only value of the last statement."""
        script = f"\\set ON_ERROR_STOP on\n\\connect {name}\n\\pset format unaligned\n\\pset tuples_only on\n{sql};\n"
        return str(self._server.psql(script)).splitlines()[-1]

    def _url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))


_LIST_TABLES = """
SELECT string_agg(quote_literal(relname), ',') FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
_DESCRIBE_SCHEMA = """
SELECT md5(concat(
    (SELECT string_agg(concat_ws(' ', relname, attname, atttypid, attnotnull), ',' ORDER BY relname, attnum)
     FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = 'public'::regnamespace AND attnum > 0),
    (SELECT string_agg(concat_ws(' ', number, oldest), ',' ORDER BY number) FROM schema_versions)))"""
# Sessions of servers that were killed are ended, and tables that vector stores have added are dropped.
_EMPTY = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE
    ours oid[] := ARRAY(SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace);
    names text;
BEGIN
    SELECT string_agg(quote_ident(relname), ',') INTO names FROM pg_class
    WHERE oid = ANY (ours) AND relname NOT IN ({tables});
    IF names IS NOT NULL THEN
        EXECUTE 'DROP TABLE ' || names;
    END IF;
    SELECT string_agg(quote_ident(relname), ',') INTO names FROM pg_class
    WHERE oid = ANY (ours) AND relname <> 'schema_versions' AND pg_relation_size(oid) > 0;
    IF names IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY';
    END IF;
END $$"""


def copy_sqlite(data: Path) -> None:
    """Makes a data directory of `data`, which exists, with a database that has all tables and no rows."""
    shutil.copy2(Path(_sqlite_template().name) / _FILE, data / _FILE)


@functools.cache
def _sqlite_template() -> tempfile.TemporaryDirectory[str]:
    template = tempfile.TemporaryDirectory()
    _migrate(Path(template.name), None)
    return template


def _migrate(directory: Path, url: str | None) -> None:
    async def migrate() -> None:
        await (await open_store(directory, url)).close()

    with ThreadPoolExecutor(1) as thread:  # since a test may have an event loop of its own
        thread.submit(asyncio.run, migrate()).result()

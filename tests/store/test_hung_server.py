"""A PostgreSQL server that hangs: its connections stay open, and no statement ends."""

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from links import Link
from understudy.errors import StoreUnavailable
from understudy.store import connections
from understudy.store import postgres as engine
from understudy.store.postgres import PostgresDatabase


@pytest.fixture
async def linked(postgres, monkeypatch):
    """A database behind a link, with short deadlines, and the link."""
    monkeypatch.setattr(engine, "_SHORT_SECONDS", 0.3)
    monkeypatch.setattr(engine, "_POOL_SIZE", 2)
    monkeypatch.setattr(connections, "_CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(connections, "_ROLLBACK_SECONDS", 0.3)
    (directory,) = parse_qs(urlsplit(postgres).query)["host"]
    with tempfile.TemporaryDirectory() as own, Link.to_socket(directory, Path(own)) as link:
        database = await PostgresDatabase.connect(postgres.replace(directory, own))
        yield database, link
        await database.close()


def run(sql):
    def transaction():
        return (yield sql, ())

    return transaction


async def test_a_short_statement_fails_soon_and_so_does_what_waits_for_a_connection(linked):
    database, link = linked
    link.silence()
    calls = [database.read(run("SELECT 1")) for _ in range(6)]
    calls += [database.write(run("SELECT 1")) for _ in range(6)]
    # One connection after another would take more than three seconds.
    async with asyncio.timeout(3):
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailable}
    link.relay()
    assert await database.read(run("SELECT 1")) == [(1,)]


async def test_a_statement_of_a_live_server_that_takes_too_long_ends_there_and_its_connection_is_used_again(linked):
    database, _ = linked
    backend = await database.read(run("SELECT pg_backend_pid()"))
    for call in (database.read, database.write):
        with pytest.raises(StoreUnavailable):
            await call(run("SELECT pg_sleep(30)"))
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)' AND state <> 'idle'"
    assert await database.write(run(sleeping)) == []
    assert await database.read(run("SELECT pg_backend_pid()")) == backend


@pytest.mark.parametrize("name", ["scan", "write_slowly", "change_schema"])
async def test_what_may_take_long_has_another_limit(linked, name):
    database, _ = linked
    await getattr(database, name)(run("SELECT pg_sleep(0.5)"))

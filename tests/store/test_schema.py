"""Opening a store: its schema is made, brought up to date once, and never touched by a program that is too old."""

import asyncio
import os
import stat
from importlib import resources

import pytest

from store import samples
from store.samples import OURS
from understudy.errors import StoreError
from understudy.store import open_store
from understudy.store.migrate import Migration, _apply, migrate, read_migrations


async def applied(store):
    def numbers():
        rows = yield "SELECT number FROM schema_versions ORDER BY number", ()
        return [row[0] for row in rows]

    return await store.database.read(numbers)


async def test_an_empty_database_gets_every_migration_once(opened):
    given = samples.assistant()
    async with opened() as store:
        known = [migration.number for migration in read_migrations(store.database.dialect)]
        assert await applied(store) == known
        body = await store.assistants.create(OURS, given)
    async with opened() as store:
        assert await applied(store) == known
        assert await migrate(store.database) == known[-1]
        assert await store.assistants.get(OURS, given.id) == body


async def test_stores_that_are_opened_at_once_are_migrated_once(opened):
    async def count():
        async with opened() as store:
            return await applied(store)

    first, *others = await asyncio.gather(*[count() for _ in range(4)])
    assert first
    assert all(other == first for other in others)


async def test_a_newer_schema_is_refused_and_left_as_it_is(opened):
    def newer():
        yield "INSERT INTO schema_versions (number) VALUES (9999)", ()

    async with opened() as store:
        await store.database.write(newer)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"The database has schema 9999, this program knows schemas up to \d+"):
            async with opened():
                pass


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_migrations_have_a_number_each_and_statements(dialect):
    folder = resources.files("understudy.store") / "migrations"
    names = {entry.name.split(".")[0] for entry in folder.iterdir() if entry.name.endswith(".sql")}
    numbers = [migration.number for migration in read_migrations(dialect)]
    assert numbers == sorted(int(name[:4]) for name in names)
    assert all(migration.statements for migration in read_migrations(dialect))


async def test_a_migration_that_fails_leaves_nothing_behind(opened):
    async with opened() as store:
        before = await applied(store)
        broken = Migration(9999, ("CREATE TABLE half (a BIGINT)", "CREATE TABLE broken ("))
        with pytest.raises(StoreError):
            await store.database.write(_apply, broken, store.database.dialect)
        assert await applied(store) == before
        await store.database.write(_apply, Migration(9999, ("CREATE TABLE half (a BIGINT)",)), store.database.dialect)


async def test_the_data_directory_is_its_owners_alone(tmp_path):
    data = tmp_path / "deep" / "data"
    store = await open_store(data, exclusive=True)
    try:
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        with pytest.raises(StoreError, match=f"Another server \\(process {os.getpid()}\\) uses the data directory"):
            await open_store(data, exclusive=True)
    finally:
        await store.close()
    await (await open_store(data, exclusive=True)).close()


async def test_a_second_program_may_work_beside_a_server(tmp_path):
    server = await open_store(tmp_path, exclusive=True)
    beside = await open_store(tmp_path)
    try:
        given = samples.assistant()
        body = await beside.assistants.create(OURS, given)
        assert await server.assistants.get(OURS, given.id) == body
        await server.assistants.delete(OURS, given.id)
    finally:
        await beside.close()
        await server.close()


async def test_what_is_no_database_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "understudy.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match=r"The database .* (failed|cannot be opened): .*not a database"):
        await open_store(tmp_path)


async def test_an_unknown_kind_of_database_is_refused(tmp_path):
    with pytest.raises(StoreError, match="The database 'mysql://x' is not supported"):
        await open_store(tmp_path, "mysql://x")


async def test_a_postgres_that_does_not_answer_is_refused_without_its_password(tmp_path):
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        await open_store(tmp_path, "postgresql://user:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


async def test_a_path_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"The data directory .* cannot be made"):
        await open_store(tmp_path / "file" / "data")

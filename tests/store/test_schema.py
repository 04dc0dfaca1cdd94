"""Opening a store: its schema is made, brought up to date once, and never touched by a program that is too old."""

import asyncio
import os
import re
import stat
import sys
from importlib import resources
from urllib.parse import urlsplit

import asyncpg
import pytest

from store import samples
from store.samples import OURS
from understudy.errors import StoreError, StoreSuperseded
from understudy.store import open_existing_store, open_store, pgvector, postgres_url
from understudy.store.examination import examine_database
from understudy.store.migrate import Migration, _apply_migration, migrate, read_migrations
from understudy.store.nodes import Node


@pytest.fixture(params=["sqlite", "postgres"])
def url(request):
    """None for SQLite, and otherwise a PostgreSQL database; both are empty."""
    return request.getfixturevalue("empty_postgres") if request.param == "postgres" else None


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
        yield "INSERT INTO schema_versions (number, oldest) VALUES (9999, 9999)", ()

    async with opened() as store:
        await store.database.write(newer)
    for _ in range(2):
        with pytest.raises(
            StoreError, match=r"The database has schema 9999, and this version supports schemas up to \d+"
        ):
            async with opened():
                pass


async def test_a_newer_schema_that_supports_this_version_is_used(opened):
    def newer():
        yield "INSERT INTO schema_versions (number) VALUES (9999)", ()

    async with opened() as store:
        await store.database.write(newer)
    async with opened() as store:
        await store.workers.renew_lease("worker", 8.0)


async def test_a_worker_that_a_later_schema_does_not_support_gets_no_lease(opened):
    def newer():
        yield "INSERT INTO schema_versions (number, oldest) VALUES (9999, 9999)", ()

    async with opened() as store:
        await store.workers.renew_lease("worker", 8.0)
        await store.database.write(newer)
        with pytest.raises(StoreError, match="The database was upgraded by a later version"):
            await store.workers.renew_lease("worker", 8.0)


async def test_a_breaking_migration_is_refused_while_earlier_servers_run(opened, url, monkeypatch):
    if url is None:
        pytest.skip("SQLite has one server, which locks its directory")
    # The package has a function of that name.
    migrations = sys.modules["understudy.store.migrate"]
    monkeypatch.setattr(migrations, "_CHECK_SECONDS", 0.0)
    async with opened() as store:
        await store.workers.renew_lease("earlier", 60.0)
    ours = [*read_migrations("postgres"), Migration(9999, ("CREATE TABLE later (a BIGINT)",), is_breaking=True)]
    monkeypatch.setattr(migrations, "read_migrations", lambda _: ours)
    with pytest.raises(StoreError, match="needs all servers of earlier versions to be stopped, and 1 of"):
        async with opened():
            pass
    monkeypatch.undo()
    async with opened() as store:
        await store.workers.retire("earlier")
    monkeypatch.setattr(migrations, "read_migrations", lambda _: ours)
    async with opened():
        pass
    monkeypatch.undo()
    with pytest.raises(StoreError, match="The database has schema 9999"):
        async with opened():
            pass


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_breaking_migration_excludes_servers_that_come_back_while_it_starts(opened, monkeypatch):
    migrations = sys.modules["understudy.store.migrate"]
    ours = [*read_migrations("postgres"), Migration(9999, ("CREATE TABLE later (a BIGINT)",), is_breaking=True)]
    node = Node("node_1", "1.0", "server", "host", 1, "", "place", is_clustered=True)
    async with opened() as store:
        await store.nodes.register(node)
        monkeypatch.setattr(migrations, "read_migrations", lambda _: ours)
        with pytest.raises(StoreError, match="needs all servers of earlier versions to be stopped"):
            await migrate(store.database)
        await store.nodes.retire(node.id)
        assert await migrate(store.database) == 9999
        for use in (store.nodes.register(node), store.nodes.renew(node.id), store.workers.renew_lease("earlier", 8.0)):
            with pytest.raises(StoreSuperseded):
                await use


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_migrations_have_a_number_each_and_statements(dialect):
    folder = resources.files("understudy.store") / "migrations"
    files = [entry.name.split(".") for entry in folder.iterdir() if entry.name.endswith(".sql")]
    names = {parts[0] for parts in files if len(parts) == 2 or parts[1] == dialect}
    numbers = [migration.number for migration in read_migrations(dialect)]
    assert numbers == sorted(int(name[:4]) for name in names)
    assert all(migration.statements for migration in read_migrations(dialect))


async def test_a_migration_that_fails_leaves_nothing_behind(opened):
    async with opened() as store:
        before = await applied(store)
        broken = Migration(9999, ("CREATE TABLE half (a BIGINT)", "CREATE TABLE broken ("))
        with pytest.raises(StoreError):
            await store.database.change_schema(_apply_migration, broken, store.database.dialect)
        assert await applied(store) == before
        await store.database.change_schema(
            _apply_migration, Migration(9999, ("CREATE TABLE half (a BIGINT)",)), store.database.dialect
        )


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


async def test_a_file_that_is_not_a_database_is_refused_with_an_error_message(tmp_path):
    (tmp_path / "understudy.sqlite3").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match=r"The database .* (failed|cannot be opened): .*not a database"):
        await open_store(tmp_path)


async def test_an_unknown_kind_of_database_is_refused(tmp_path):
    with pytest.raises(StoreError, match="Unsupported database URL 'mysql://x'"):
        await open_store(tmp_path, "mysql://x")


async def test_an_unavailable_postgres_is_reported_without_its_password(tmp_path):
    with pytest.raises(
        StoreError, match=r"Cannot connect to the PostgreSQL database 'x' at 127\.0\.0\.1:1: "
    ) as caught:
        await open_store(tmp_path, "postgresql://user:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)
    assert "must be percent-encoded: @ is %40" in str(caught.value)


async def test_a_data_path_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"The data directory .* cannot be created"):
        await open_store(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:pass/word@db.internal:5432/app",
        "postgresql://user:pass#word@db.internal:5432/app",
        "postgresql://user:pass?word@db.internal:5432/app",
        "postgresql://user:p@ss/word@db.internal:5432/app",
        "postgresql://[user:word",
    ],
)
async def test_a_password_that_breaks_its_url_is_hinted_at_and_never_repeated(tmp_path, url):
    with pytest.raises(StoreError, match="must be percent-encoded") as caught:
        await open_existing_store(tmp_path, url)
    assert "malformed" in str(caught.value)
    assert not re.search("pass|word|ss", str(caught.value).replace("a user or password", ""))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://u:p@db:6543/app", "the PostgreSQL database 'app' at db:6543"),
        ("postgresql://u:p%40x@db/app?sslmode=require", "the PostgreSQL database 'app' at db:5432"),
        ("postgresql://u@[::1]:5433/app", "the PostgreSQL database 'app' at [::1]:5433"),
        ("postgresql://u@a:1,b:2/app", "the PostgreSQL database 'app' at a:1,b:2"),
        ("postgresql:///app?host=/run/postgresql&port=5434", "the PostgreSQL database 'app' at /run/postgresql:5434"),
        ("postgres://someone@db", "the PostgreSQL database 'someone' at db:5432"),
    ],
)
def test_a_url_of_postgres_is_named_by_its_place(url, place):
    assert postgres_url.describe(url) == place


async def test_only_a_server_creates_a_data_directory(tmp_path):
    data = tmp_path / "data"
    with pytest.raises(StoreError, match=f"The data directory '{data}' does not exist"):
        await open_existing_store(data)
    assert not data.exists()
    data.mkdir()
    with pytest.raises(StoreError, match=f"'{data}' is not a data directory: it has no understudy.sqlite3"):
        await open_existing_store(data)
    assert list(data.iterdir()) == []
    (data / "understudy.sqlite3").touch()
    with pytest.raises(StoreError, match=f"'{data}' is not a data directory"):
        await open_existing_store(data)
    await (await open_store(data)).close()
    await (await open_existing_store(data)).close()


async def test_only_a_server_creates_tables_in_postgres(tmp_path, empty_postgres):
    with pytest.raises(StoreError, match=r"has no tables of Understudy\. Start the server with it first"):
        await open_existing_store(tmp_path / "data", empty_postgres)
    await (await open_store(tmp_path / "server", empty_postgres)).close()
    await (await open_existing_store(tmp_path / "data", empty_postgres)).close()
    assert not (tmp_path / "data").exists()


async def test_only_the_owner_can_read_the_database_under_any_umask_and_after_an_upgrade(tmp_path):
    before = os.umask(0)
    try:
        store = await open_store(tmp_path)
        await store.assistants.create(OURS, samples.assistant())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        await store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(["understudy.sqlite3", "understudy.sqlite3-wal", "understudy.sqlite3-shm"], 0o600)
    (tmp_path / "understudy.sqlite3").chmod(0o644)
    (tmp_path / "blobs").mkdir(mode=0o755)
    await (await open_store(tmp_path)).close()
    assert stat.S_IMODE((tmp_path / "understudy.sqlite3").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700


async def test_a_role_that_may_not_create_pgvector_gets_the_command_for_a_superuser(tmp_path, postgres):
    connection = await asyncpg.connect(postgres)
    try:
        for sql in ("CREATE DATABASE bare", "CREATE ROLE app LOGIN", "GRANT ALL ON DATABASE bare TO app"):
            await connection.execute(sql)
        await connection.execute("REVOKE CREATE ON DATABASE bare FROM app")
    finally:
        await connection.close()
    parts = urlsplit(postgres)
    host = next(part for part in parts.query.split("&") if part.startswith("host="))
    bare = f"postgresql://{{}}@/bare?{host}"
    found = await examine_database(bare.format("app"))
    assert found.vector_problem == (
        "The extension pgvector, which vector stores need, is not created in the database 'bare', and the role 'app'"
        " may not create it. As a superuser run `CREATE EXTENSION vector` in that database."
    )
    assert not found.has_schema
    assert re.fullmatch(r"PostgreSQL \d+\.\d+, database 'bare' at .+:5432", found.place)
    assert (await examine_database(bare.format("postgres"))).vector_problem is None
    assert (await examine_database(postgres)).vector_problem is None


@pytest.mark.parametrize(
    ("row", "explanation"),
    [
        ((False, None, True, True, "postgres", "app", None), "The PostgreSQL server lacks the extension pgvector"),
        ((True, True, True, True, "postgres", "app", "0.6.2"), "The extension pgvector has the version 0.6.2"),
        ((False, True, True, True, "postgres", "app", "0.5.0"), "The extension pgvector has the version 0.5.0"),
        ((True, True, True, True, "postgres", "app", "0.10.1"), None),
    ],
)
def test_a_missing_or_old_pgvector_is_explained(row, explanation):
    asking = pgvector.problem()
    next(asking)
    with pytest.raises(StopIteration) as stop:
        asking.send([row])
    if explanation is None:
        assert stop.value.value is None
    else:
        assert stop.value.value.startswith(explanation)

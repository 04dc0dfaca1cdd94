"""The directory or bucket of a database's files: found again after restarts and moves, and never mixed up with another."""

import asyncio
import shutil
import sqlite3

import asyncpg
import msgspec
import pytest

from e2e.assistants_client import each_database
from e2e.uploads import upload


def content(server, made):
    return server.client.files.content(made["id"]).read()


def id_file(server):
    return server.data / "blobs" / "store-id"


def assert_refused(server, holder):
    """`server` does not start, and says where the id of the other location is expected."""
    expected = holder.read_text().strip()
    said = server.refusal()
    assert "The files of this database are stored elsewhere" in said
    assert f"the database expects '{expected}'" in said
    assert "Start with the data directory (`--data`) or bucket that the database was used with" in said


@each_database
def test_a_restart_on_the_same_directory_finds_its_files_also_after_a_crash(new_server, database):
    server = new_server(**database).start()
    made = upload(server, b"kept")
    written = id_file(server).read_bytes()
    assert id_file(server).stat().st_mode & 0o777 == 0o600
    for end in (server.stop, server.kill):
        end()
        server.start()
        assert content(server, made) == b"kept"
    assert id_file(server).read_bytes() == written


@pytest.mark.proves("files.location")
def test_a_server_with_another_blob_directory_on_the_same_database_is_refused(new_server, postgres, session_redis):
    cluster = {"database": postgres, "broker": session_redis, "blobs__shared": "true"}
    first, second = new_server(**cluster).start(), new_server(**cluster)
    assert_refused(second, id_file(first))
    made = upload(first, b"kept")
    assert_refused(second, id_file(first))
    first.stop()
    assert_refused(second, id_file(first))
    assert content(first.start(), made) == b"kept"


def test_two_servers_that_share_the_directory_read_each_others_files(new_node):
    first, second = new_node().start(), new_node().start()
    assert content(second, upload(first, b"of the first")) == b"of the first"
    assert content(first, upload(second, b"of the second")) == b"of the second"


def test_a_server_without_any_file_may_begin_again_with_a_fresh_directory(new_server, postgres):
    first, second = new_server(database=postgres).start(), new_server(database=postgres)
    first.stop()
    made = upload(second.start(), b"kept")
    second.stop()
    assert_refused(first, id_file(second))
    assert content(second.start(), made) == b"kept"


@each_database
def test_a_directory_of_an_earlier_version_gets_an_id_at_its_next_start(new_server, database):
    server = new_server(**database).start()
    made = upload(server, b"kept")
    server.stop()
    forget_id(server, database)
    server.start()
    assert content(server, made) == b"kept"
    assert id_file(server).read_text().startswith("blobs_")


def forget_id(server, database):
    """As it was before locations had ids."""
    id_file(server).unlink()
    if database:
        psql(database["database"], "DELETE FROM blob_store")
    else:
        with sqlite3.connect(server.data / "understudy.sqlite3") as connection:
            connection.execute("DELETE FROM blob_store")
        connection.close()


def psql(url, sql):
    async def execute():
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def test_a_data_directory_that_was_moved_or_restored_works(new_server, tmp_path):
    server = new_server().start()
    made = upload(server, b"kept")
    server.stop()
    shutil.copytree(server.data, tmp_path / "backup")
    server.data.rename(tmp_path / "moved")
    server.data = tmp_path / "moved"
    assert content(server.start(), made) == b"kept"
    server.stop()
    server.data = tmp_path / "backup"
    assert content(server.start(), made) == b"kept"


def test_a_copy_of_the_blobs_without_the_store_id_is_accepted(new_server, postgres):
    first, second = new_server(database=postgres).start(), new_server(database=postgres)
    made = [upload(first, f"file {number}".encode()) for number in range(3)]
    first.stop()
    shutil.copytree(first.data / "blobs", second.data / "blobs", ignore=shutil.ignore_patterns("store-id"))
    second.start()
    assert [content(second, one) for one in made] == [b"file 0", b"file 1", b"file 2"]


@each_database
def test_a_start_with_missing_blobs_is_refused_until_the_operator_accepts_the_loss(new_server, database):
    server = new_server(**database).start()
    upload(server, b"lost")
    server.stop()
    written = id_file(server).read_text()
    shutil.rmtree(server.data / "blobs")
    assert f"write '{written.strip()}' into '{id_file(server)}'" in server.refusal()
    id_file(server).write_text(written)
    made = upload(server.start(), b"new")
    assert content(server, made) == b"new"


def test_reindexing_with_another_directory_is_refused_as_well(new_server, postgres):
    first, second = new_server(database=postgres).start(), new_server(database=postgres)
    assert first.url
    second.data.mkdir(mode=0o700)
    assert "The files of this database are stored elsewhere" in second.failure("reindex")


def test_another_bucket_is_refused_and_the_same_one_shared(new_node, buckets):
    def in_bucket(name):
        given = msgspec.structs.asdict(buckets.settings(name))
        return {f"blobs__{key}": value for key, value in given.items() if value is not None}

    own, other = in_bucket("location-own"), in_bucket("location-other")
    first = new_node(**own).start()
    made = upload(first, b"kept")
    said = new_node(**other).refusal()
    assert "the bucket 'location-other' has no id, the database expects 'blobs_" in said
    assert "'s3://location-other/store-id'" in said
    assert content(new_node(**own).start(), made) == b"kept"

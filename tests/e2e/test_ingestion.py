"""Files are indexed even if the server crashes while it indexes them."""

import re

import pytest

from e2e.assistants_client import each_database, slow_on_postgres
from serving import limit_files
from waiting import eventually

# Long enough that a kill comes in between.
LONG = "Chapter {0}. " + "All work and no play makes this a dull text about nothing. " * 4000 + "The word is zebra{0}."


def uploads(client, count):
    return [
        client.files.create(file=(f"{number}.txt", LONG.format(number).encode()), purpose="assistants").id
        for number in range(count)
    ]


def progressed(client, store, least):
    def look():
        found = client.vector_stores.retrieve(store.id)
        return found if found.file_counts.completed >= least else None

    return eventually(look, within=60)


def found_once(client, store, number):
    """Each passage with a file's own word is there, once."""
    found = client.vector_stores.search(store.id, query=f"zebra{number}", max_num_results=50).data
    texts = [one.content[0].text for one in found if f"zebra{number}" in one.content[0].text]
    return len(texts) == 1


@slow_on_postgres
@pytest.mark.proves("vector_stores.crash")
@pytest.mark.parametrize("least", [0, 2])
def test_a_killed_server_resumes_indexing_after_a_restart(new_server, database, least):
    server = new_server(limits__concurrent_indexing=2, **database).start()
    store = server.client.vector_stores.create()
    batch = server.client.vector_stores.file_batches.create(store.id, file_ids=uploads(server.client, 6))
    progressed(server.client, store, least)
    server.kill()
    server.start()
    found = progressed(server.client, store, 6)
    ended = server.client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id)
    assert (ended.status, ended.file_counts.to_dict()) == ("completed", found.file_counts.to_dict())
    assert (found.status, found.file_counts.total, found.file_counts.failed) == ("completed", 6, 0)
    assert found.usage_bytes == sum(one.usage_bytes for one in server.client.vector_stores.files.list(store.id))
    assert len({one.usage_bytes for one in server.client.vector_stores.files.list(store.id)}) == 1
    assert all(found_once(server.client, store, number) for number in range(6))


def limited(server):
    """Starts it on a disk without room."""
    server.prefix = limit_files(3072)
    server.start()
    server.prefix = ()
    return server


def logged(server, said):
    eventually(lambda: re.search(said, server.log.read_text()), within=60)
    assert "Traceback" not in server.log.read_text()


@pytest.mark.proves("vector_stores.full_disk")
def test_a_full_disk_delays_indexing_and_leaves_the_rest_as_it_was(new_server):
    server = limited(new_server())
    client = server.client
    small = client.files.create(file=("small.txt", b"The word is lion."), purpose="assistants")
    store = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(small.id, vector_store_id=store.id, poll_interval_ms=10)
    large = client.files.create(file=("large.txt", LONG.format(7).encode() * 4), purpose="assistants")
    client.vector_stores.files.create(store.id, file_id=large.id)
    logged(server, "not indexed|store unavailable")
    assert client.vector_stores.search(store.id, query="lion").data[0].file_id == small.id
    server.kill()
    server.log.write_text("")
    client = server.start().client
    client.vector_stores.files.create(store.id, file_id=large.id)
    found = progressed(client, store, 2)
    assert (found.status, found.file_counts.total, found.file_counts.failed) == ("completed", 2, 0)
    assert "zebra7" in client.vector_stores.search(store.id, query="zebra7").data[0].content[0].text


def test_a_full_disk_during_extraction_does_not_fail_the_file(new_server):
    server = limited(new_server())
    wide = server.client.files.create(
        file=("wide.txt", "\u00e9\u00e0\u00e8 ".encode("cp1252") * 600_000), purpose="assistants"
    )
    store = server.client.vector_stores.create(file_ids=[wide.id])
    logged(server, "The text of the file cannot be stored: File too large")
    (file,) = server.client.vector_stores.files.list(store.id)
    assert (file.status, file.last_error) == ("in_progress", None)
    assert not list((server.data / "spool").rglob("*.txt"))


@each_database
def test_a_stopped_server_hands_its_files_to_the_next(new_server, database):
    server = new_server(limits__concurrent_indexing=2, **database).start()
    store = server.client.vector_stores.create(file_ids=uploads(server.client, 4))
    server.stop()
    server.start()
    assert progressed(server.client, store, 4).status == "completed"

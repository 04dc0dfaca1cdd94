"""Files are indexed whatever happens to the server that was at it."""

import pytest

from e2e.talk import each_database
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


@each_database
@pytest.mark.proves("vector_stores.crash")
@pytest.mark.parametrize("least", [0, 2])
def test_a_killed_server_goes_on_indexing_after_its_start(new_server, database, least):
    server = new_server(limits__concurrent_indexing=2, **database).start()
    store = server.client.vector_stores.create(file_ids=uploads(server.client, 6))
    progressed(server.client, store, least)
    server.kill()
    server.start()
    found = progressed(server.client, store, 6)
    assert (found.status, found.file_counts.total, found.file_counts.failed) == ("completed", 6, 0)
    assert found.usage_bytes == sum(one.usage_bytes for one in server.client.vector_stores.files.list(store.id))
    assert len({one.usage_bytes for one in server.client.vector_stores.files.list(store.id)}) == 1
    assert all(found_once(server.client, store, number) for number in range(6))


@each_database
def test_a_stopped_server_hands_its_files_to_the_next(new_server, database):
    server = new_server(limits__concurrent_indexing=2, **database).start()
    store = server.client.vector_stores.create(file_ids=uploads(server.client, 4))
    server.stop()
    server.start()
    assert progressed(server.client, store, 4).status == "completed"

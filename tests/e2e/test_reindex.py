"""A change of the embedder: stores indexed by the old one return an error until they are reindexed."""

import json

import openai
import pytest

from e2e.assistants_client import each_database
from envelope import assert_error
from serving import BUILTIN_VECTORS
from upstream import fault, reply
from waiting import eventually

PROVIDER = """
[embeddings]
model = "gone/embedder"

[providers.gone]
base_url = "{url}"
models = ["embedder"]
retries = 0
"""
WORDS = ("harbour", "orchard", "viaduct")


def vectors(request):
    """A provider whose vectors say which of the words a text has."""
    given = request.body["input"]
    data = [
        {"object": "embedding", "index": index, "embedding": [1.0, *(float(word in text) for word in WORDS)]}
        for index, text in enumerate(given)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return reply({"object": "list", "data": data, "model": "embedder", "usage": usage})


def configure(server, text):
    """Other settings, for the next start."""
    server.config.write_text(server.config.read_text().partition("\n[embeddings]")[0] + (text or BUILTIN_VECTORS))


def filled(client):
    files = [
        client.files.create(file=(f"{word}.txt", f"The {word} is old.".encode()), purpose="assistants").id
        for word in WORDS
    ]
    return client.vector_stores.create(file_ids=files)


def settled(client, store):
    def look():
        found = client.vector_stores.retrieve(store.id)
        return found if found.status == "completed" else None

    return eventually(look)


def reindex(server, *arguments, code=0):
    done = server.execute("reindex", *arguments, code=code)
    return done.stdout.splitlines() if code == 0 else done.stderr


@each_database
@pytest.mark.proves("vector_stores.reindex")
@pytest.mark.parametrize("beside", [True, False], ids=["beside a server", "without one"])
@pytest.mark.slow
def test_stores_of_a_removed_embedder_are_reindexed(new_server, upstream, database, beside):
    upstream.always(vectors)
    server = new_server(**database)
    configure(server, PROVIDER.format(url=upstream.url))
    server.start()
    store = filled(server.client)
    assert settled(server.client, store).file_counts.completed == 3
    assert server.client.vector_stores.search(store.id, query="orchard").data[0].filename == "orchard.txt"
    server.stop()
    configure(server, "")
    server.start()
    with pytest.raises(openai.BadRequestError) as refusal:
        server.client.vector_stores.search(store.id, query="orchard")
    assert "The embedder 'gone/embedder' is no longer configured" in str(refusal.value)
    assert "understudy reindex" in str(refusal.value)
    if not beside:
        server.stop()
    first, last = reindex(server)
    assert first == f"{store.id}: 3 files, from 'gone/embedder' to 'builtin'"
    assert last == f"{store.id}: 3 of 3 files, 0 failed"
    assert reindex(server) == ["Every vector store is indexed with 'builtin' already."]
    if not beside:
        server.start()
    found = settled(server.client, store)
    assert found.file_counts.completed == found.file_counts.total == 3
    assert found.usage_bytes == sum(one.usage_bytes for one in server.client.vector_stores.files.list(store.id))
    found = server.client.vector_stores.search(store.id, query="orchard").data
    assert [one.filename for one in found].count("orchard.txt") == 1
    assert found[0].filename == "orchard.txt"


def test_a_single_store_is_reindexed_with_any_embedder(new_server):
    server = new_server().start()
    store = filled(server.client)
    settled(server.client, store)
    assert reindex(server, "--store", store.id)[-1] == f"{store.id}: 3 of 3 files, 0 failed"
    assert "No vector store found with id 'vs_none'" in reindex(server, "--store", "vs_none", code=1)


def test_an_embedder_that_does_not_work_changes_nothing(new_server, upstream):
    server = new_server().start()
    store = filled(server.client)
    settled(server.client, store)
    upstream.always(fault(401, "No such key."))
    configure(server, PROVIDER.format(url=upstream.url))
    assert "No such key." in reindex(server, code=1)
    assert server.client.vector_stores.retrieve(store.id).file_counts.completed == 3


@pytest.mark.proves("vector_stores.embedder_faults")
def test_a_fault_of_the_embedder_that_passes_is_waited_out(new_server, upstream):
    upstream.always(vectors)
    server = new_server()
    configure(server, PROVIDER.format(url=upstream.url))
    server.start()
    file = server.client.files.create(file=("a.txt", b"The harbour is old."), purpose="assistants")
    store = server.client.vector_stores.create()
    upstream.answer(fault(503), fault(503))
    indexed = server.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    assert (indexed.status, indexed.last_error) == ("completed", None)


@pytest.mark.proves("vector_stores.embedder_faults")
def test_a_permanent_error_of_the_embedder_fails_the_file_with_its_message(new_server, upstream):
    upstream.always(fault(401, "No such key."))
    server = new_server()
    configure(server, PROVIDER.format(url=upstream.url))
    server.start()
    file = server.client.files.create(file=("a.txt", b"The harbour is old."), purpose="assistants")
    store = server.client.vector_stores.create()
    failed = server.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    assert (failed.status, failed.last_error.code) == ("failed", "server_error")
    assert "No such key." in failed.last_error.message
    upstream.always(vectors)
    again = server.client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
    assert again.status == "completed"
    upstream.always(fault(503, "Busy."))
    with pytest.raises(openai.InternalServerError) as refusal:
        server.client.vector_stores.search(store.id, query="harbour")
    assert_error(
        refusal.value, 502, json.loads(refusal.value.response.content)["error"]["message"], type="server_error"
    )

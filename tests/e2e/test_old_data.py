"""Data of commit d768569, of which a kill -9 left runs, a response and a batch unfinished: it opens, and all of it ends.

`tests/fixtures/d768569` holds a data directory and a dump of PostgreSQL with its files, and what they hold by its ids.
"""

import json
import sqlite3
import tarfile
from pathlib import Path

import asyncpg
import pytest

from understudy.store.migrate import newest_schema
from upstream import echo, text
from waiting import eventually

FIXTURE = Path(__file__).parents[1] / "fixtures" / "d768569"
LONG = {"limits__run_seconds": 3e9, "limits__batch_seconds": 3e9, "limits__response_seconds": 3e9}


def unpacked(kind, directory):
    directory.mkdir(mode=0o700)
    with tarfile.open(FIXTURE / f"{kind}.tar.xz") as archive:
        archive.extractall(directory, filter="data")
    return json.loads((FIXTURE / f"{kind}.json").read_text())["ids"]


async def restored(dump, url):
    """Executes the dump, which names its schema `fixture`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(dump.read_text().replace("fixture.", "public."))
    finally:
        await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def old(request, new_server):
    """A server on the old data, and the ids there."""
    settings = dict(LONG)
    if request.param == "postgres":
        settings["database"] = request.getfixturevalue("empty_postgres")
    server = new_server(**settings)
    ids = unpacked(request.param, server.data)
    if request.param == "postgres":
        await restored(server.data / "dump.sql", settings["database"])
        (server.data / "dump.sql").unlink()
    return server, ids


def read_schema(database):
    with sqlite3.connect(database) as connection:
        return connection.execute("SELECT max(number) FROM schema_versions").fetchone()[0]


def model(request):
    if any(message["role"] == "tool" for message in request.body["messages"]):
        return text("It is mild.")
    return echo(request)


def run_of(client, ids, name):
    return client.beta.threads.runs.retrieve(ids[name]["run"], thread_id=ids[name]["thread"])


def texts_of(client, thread_id):
    messages = client.beta.threads.messages.list(thread_id, order="asc").data
    return [message.content[0].text.value for message in messages]


async def test_old_data_opens_and_everything_unfinished_in_it_ends(old, upstream):
    server, ids = old
    upstream.always(model)
    client = server.start().client
    assert [read_schema(copy) < newest_schema("sqlite") for copy in server.data.glob("before-schema-*.sqlite3")] == (
        [] if "UNDERSTUDY_DATABASE" in server.environ else [True]
    )
    assistant = client.beta.assistants.retrieve(ids["assistant"])
    assert (assistant.name, assistant.metadata) == ("Fixture", {"made_by": "d768569"})
    assert texts_of(client, ids["completed"]["thread"]) == ["Hello", "You said: Hello"]
    assert client.responses.retrieve(ids["response"]).output_text == "You said: Hello"
    assert len(client.conversations.items.list(ids["conversation"]).data) == 1
    assert client.files.content(ids["file"]).read() == b"The harbour master is called Ottilie."
    assert client.vector_stores.search(ids["store"], query="harbour master").data[0].filename == "notes.txt"

    words = {"hybrid_search": {"embedding_weight": 0, "text_weight": 1}}
    eventually(lambda: client.vector_stores.search(ids["store"], query="harbours", ranking_options=words).data)

    for name, said in (("interrupted", "hang in the middle"), ("queued", "hang, queued")):
        eventually(lambda name=name: run_of(client, ids, name).status == "completed")
        assert texts_of(client, ids[name]["thread"]) == [said, f"You said: {said}"]

    waiting = run_of(client, ids, "requires_action")
    assert waiting.status == "requires_action"
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=waiting.id,
        thread_id=waiting.thread_id,
        tool_outputs=[{"tool_call_id": "call_1", "output": "mild"}],
        poll_interval_ms=20,
    )
    assert run_of(client, ids, "requires_action").status == "completed"
    assert texts_of(client, waiting.thread_id)[-1] == "It is mild."

    eventually(lambda: client.responses.retrieve(ids["background"]).status == "completed")
    assert client.responses.retrieve(ids["background"]).output_text == "You said: hang in the background"

    eventually(lambda: client.batches.retrieve(ids["batch"]).status == "completed")
    batch = client.batches.retrieve(ids["batch"])
    assert (batch.request_counts.completed, batch.request_counts.failed) == (4, 0)
    lines = client.files.content(batch.output_file_id).text.splitlines()
    assert sorted(json.loads(line)["custom_id"] for line in lines) == ["0", "1", "2", "3"]

"""A node that stops hands over what it works on, of every kind, and another one ends all of it."""

import pytest

from e2e.assistants_client import new_thread, reached, texts
from e2e.batching import chat_line, create_batch, results_of, wait_for_batch
from receiver import Receiver
from upstream import Gate, text
from waiting import eventually

pytestmark = pytest.mark.slow


def test_work_of_every_kind_that_a_stopping_node_has_begun_is_ended_by_another_one(new_node, upstream):
    first = new_node(webhooks__allow_private="true").start()
    client, gate = first.client, Gate()
    upstream.always(lambda _: text("Hel", gate, "lo."))
    with Receiver() as receiver:
        types = ["response.completed", "batch.completed"]
        client.webhooks.create(name="hook", url=receiver.url, event_types=types)
        assistant = client.beta.assistants.create(model="gpt-4o")
        thread = new_thread(client, "Hello")
        run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
        response = client.responses.create(model="gpt-4o", input="Hello", background=True)
        batch = create_batch(first, [chat_line(name, "Hello") for name in ("a", "b")])
        upstream.wait_for(4)
        store = client.vector_stores.create()
        files = [client.files.create(file=(f"{n}.txt", b"otter " * 50_000), purpose="assistants") for n in range(4)]
        client.vector_stores.file_batches.create(store.id, file_ids=[file.id for file in files])
        second = new_node(webhooks__allow_private="true").start()
        first.stop()
        gate.open()
        client = second.client
        assert reached(client, run).status == "completed"
        assert texts(client, thread) == ["Hello", "Hello."]
        assert eventually(lambda: client.responses.retrieve(response.id).status == "completed")
        assert client.responses.retrieve(response.id).output_text == "Hello."
        ended = wait_for_batch(second, batch)
        assert set(results_of(second, ended.output_file_id)) == {"a", "b"}
        eventually(lambda: client.vector_stores.retrieve(store.id).file_counts.completed == len(files))
        delivered = {receiver.next().json["data"]["id"] for _ in types}
        assert delivered == {response.id, batch.id}

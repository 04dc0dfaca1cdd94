"""The stream of a project's changes: of its own objects, resumed by id, on any node."""

import json

from e2e.assistants_client import new_thread, on_both, run_of


def read_event(stream):
    """The id, the type and the data of the next event; comments are skipped."""
    fields = {}
    while not fields:
        while line := stream.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields |= {name: value} if name else {}
    return fields["id"], fields["event"], json.loads(fields["data"])


def read_until(stream, last):
    """The types of the events up to the first one of the type `last`, with the data of that one."""
    types = []
    while not types or types[-1] != last:
        _, event_type, event = read_event(stream)
        assert event_type == event["type"] == f"{event['data']['object']}.{event['data']['status']}"
        types.append(event_type)
    return types, event["data"]


@on_both
def test_a_follower_receives_the_changes_of_a_run_in_order(server, client):
    thread = new_thread(client, "Hello")
    assistant = client.beta.assistants.create(model="gpt-4o")
    with server.opened("GET", "/v1/events?types[]=thread.run") as stream:
        _, kind, event = read_event(stream)
        assert (kind, event["type"], event["data"]) == ("ready", "ready", None)
        client.responses.create(model="gpt-4o", input="of another type")
        run = run_of(client, thread, assistant)
        types, data = read_until(stream, "thread.run.completed")
    order = ["thread.run.queued", "thread.run.in_progress", "thread.run.completed"]
    assert types == [one for one in order if one in types]
    assert data == {"object": "thread.run", "id": run.id, "parent_id": thread.id, "status": "completed"}


@on_both
def test_a_follower_receives_responses_batches_and_indexed_files(server, client):
    with server.opened("GET", "/v1/events?types[]=response,batch&types[]=vector_store.file.completed") as stream:
        read_event(stream)
        client.responses.create(model="gpt-4o", input="not stored", store=False)
        response = client.responses.create(model="gpt-4o", input="Hello")
        assert read_until(stream, "response.completed")[1]["id"] == response.id
        store = client.vector_stores.create()
        file = client.files.create(file=("a.txt", b"Some words."), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=10)
        data = read_until(stream, "vector_store.file.completed")[1]
        assert (data["id"], data["parent_id"]) == (file.id, store.id)
        line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o"}}
        lines = client.files.create(file=("b.jsonl", json.dumps(line).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=lines.id, endpoint="/v1/chat/completions", completion_window="24h")
        types, data = read_until(stream, "batch.completed")
        assert (types, data["id"]) == (["batch.validating", "batch.in_progress", "batch.completed"], batch.id)


def test_a_follower_resumes_by_the_id_of_an_event(server, client):
    with server.opened("GET", "/v1/events") as stream:
        ready, _, _ = read_event(stream)
        response = client.responses.create(model="gpt-4o", input="one")
        first, _, _ = read_event(stream)
    missed = client.responses.create(model="gpt-4o", input="two")
    for query, headers in ((f"?starting_after={first}", {}), ("", {"Last-Event-ID": first})):
        with server.opened("GET", f"/v1/events{query}", headers=headers) as stream:
            assert read_event(stream)[:2] == (first, "ready")
            assert read_until(stream, "response.completed")[1]["id"] == response.id
            assert read_until(stream, "response.completed")[1]["id"] == missed.id
    token = ready.partition("-")[0]
    for unknown in ("other-1", f"{token}-999999", "nonsense", f"{token}-x"):
        with server.opened("GET", f"/v1/events?starting_after={unknown}") as stream:
            assert read_event(stream)[1] == "reset", unknown

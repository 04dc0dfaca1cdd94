"""Two servers on one database: a stream of what the other one executes ends with an error, and never as if it were over."""

import json

import pytest

from e2e.assistants_client import new_thread, reached
from upstream import Gate, text
from waiting import eventually


@pytest.fixture
def neighbours(new_server, postgres):
    """Two servers on one database and one directory of files; the first executes one run at a time."""
    first = new_server(database=postgres, limits__concurrent_runs=1).start()
    second = new_server(database=postgres).share_files(first).start()
    return first, second


def names(reply):
    return [line.removeprefix("event: ") for line in reply.body.decode().splitlines() if line.startswith("event: ")]


def numbers(reply):
    data = [line.removeprefix("data: ") for line in reply.body.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(one)["sequence_number"] for one in data]


def assert_cut(reply, said):
    assert reply.status == 200
    assert names(reply)[-1] == "error"
    assert b"[DONE]" not in reply.body
    assert said in reply.body.decode()


def test_events_of_a_run_on_another_server_end_with_an_error_until_it_has_ended(neighbours, upstream):
    first, second = neighbours
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(first.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    path = f"/v1/threads/{run.thread_id}/runs/{run.id}/events"
    cut = second.ask("GET", path)
    assert_cut(cut, "poll the run to get its result")
    assert names(cut)[:3] == ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
    assert_cut(second.ask("GET", path + "?starting_after=1000"), "poll the run to get its result")
    gate.open()
    assert reached(second.client, run).status == "completed"
    assert second.ask("GET", path).body.endswith(b"event: done\ndata: [DONE]\n\n")


def test_a_stream_ends_with_an_error_if_another_server_claims_its_queued_run(neighbours, upstream):
    first, second = neighbours
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    busy, free = new_thread(first.client, "busy"), new_thread(first.client, "free")
    gate = Gate()
    upstream.always(lambda asked: text("Hel", gate, "lo") if asked.said == "busy" else text("Done"))
    first.client.beta.threads.runs.create(busy.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    with first.opened(
        "POST", f"/v1/threads/{free.id}/runs", {"assistant_id": assistant.id, "stream": True}
    ) as response:
        shown = response.read().decode()
    assert "event: error\n" in shown
    assert "[DONE]" not in shown
    run = eventually(lambda: list(second.client.beta.threads.runs.list(free.id)))[0]
    assert reached(second.client, run).status == "completed"
    gate.open()


def test_a_stream_of_a_response_on_another_server_ends_with_an_error_until_it_has_ended(neighbours, upstream):
    first, second = neighbours
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    response = first.client.responses.create(model="gpt-4o", input="Hello", background=True)
    upstream.wait_for(1)
    eventually(lambda: first.client.responses.retrieve(response.id).status == "in_progress")
    path = f"/v1/responses/{response.id}?stream=true"
    cut = second.ask("GET", path)
    assert_cut(cut, "retrieve it to get its result")
    assert names(cut)[:2] == ["response.created", "response.queued"]
    assert numbers(cut) == list(range(len(names(cut))))
    assert numbers(second.ask("GET", path + "&starting_after=7")) == [8]
    gate.open()
    eventually(lambda: second.client.responses.retrieve(response.id).status == "completed")
    whole = second.ask("GET", path)
    assert names(whole)[-1] == "response.completed"

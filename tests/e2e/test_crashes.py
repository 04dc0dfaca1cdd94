"""Crashes at each moment of a run: acknowledged objects survive, and one reply is stored."""

import itertools
import json

import pytest

from e2e.assistants_client import WEATHER, new_thread, outputs_for, reached, run_of, steps_of, texts
from upstream import call, calls, pause, text

PIECES = ("One ", "two ", "three ", "four.")
ANSWER = "".join(PIECES)
PARIS = call("get_weather", call_id="call_a", city="Paris")


def slowly(*pieces):
    """An answer slow enough to be caught at each of its pieces."""
    return text(*itertools.chain(*((piece, pause(0.03)) for piece in pieces)))


def blocks_until(response, count):
    """The first `count` blocks of a stream, as `(name, data)`; fewer where it ends before."""
    seen = []
    while len(seen) < count and (line := response.readline().decode()):
        if line.startswith("event: "):
            seen.append((line.removeprefix("event: ").strip(), json.loads(_data(response))))
            if seen[-1][0] == "thread.run.completed":
                break
    return seen


def _data(response):
    return response.readline().decode().removeprefix("data: ")


def killed_after(server, path, body, count):
    """Starts a streamed run, and kills the server when the client has seen so many blocks of it."""
    with server.opened("POST", path, {**body, "stream": True}) as response:
        seen = blocks_until(response, count)
        server.kill()
    return seen


def still_there(server, seen, thread_id, run_id):
    """Every message and step whose end was streamed can be read; an open one is replaced by one with another id."""
    threads = server.client.beta.threads
    for name, data in seen:
        if name == "thread.message.completed":
            assert threads.messages.retrieve(data["id"], thread_id=thread_id).run_id == run_id
        if name == "thread.run.step.completed":
            assert threads.runs.steps.retrieve(data["id"], thread_id=thread_id, run_id=run_id).run_id == run_id


@pytest.mark.proves("runs.crash")
@pytest.mark.parametrize("count", [1, 3, 4, 6, 8, 10, 12, 14])
def test_a_run_killed_while_it_streams_stores_its_reply_once(new_server, upstream, count):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.always(slowly(*PIECES))
    seen = killed_after(server, f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id}, count)
    server.start()
    run = server.client.beta.threads.runs.retrieve(seen[0][1]["id"], thread_id=thread.id)
    assert reached(server.client, run, within=10).status == "completed"
    assert texts(server.client, thread) == ["Hello", ANSWER]
    assert [step.status for step in steps_of(server.client, run)] == ["completed"]
    still_there(server, seen, thread.id, run.id)
    assert run_of(server.client, thread, assistant).status == "completed"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 10])
def test_a_run_killed_after_its_outputs_were_submitted_does_not_require_them_again(new_server, upstream, count):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Weather?")
    upstream.answer(calls(PARIS))
    run = run_of(server.client, thread, assistant)
    upstream.always(slowly(*PIECES))
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    seen = killed_after(server, path, {"tool_outputs": outputs_for(run)}, count)
    server.start()
    assert reached(server.client, run, within=10).status == "completed"
    assert texts(server.client, thread) == ["Weather?", ANSWER]
    called, spoken = steps_of(server.client, run)
    assert called.step_details.tool_calls[0].function.output == "18 degrees"
    assert (called.status, spoken.status) == ("completed", "completed")
    still_there(server, seen, thread.id, run.id)
    told = [message["role"] for message in upstream.requests[-1].body["messages"]]
    assert told == ["user", "assistant", "tool"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(40))
def test_a_thread_made_with_its_run_is_whole_or_was_never_accepted(new_server, upstream, moment):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    upstream.always(slowly(*PIECES))
    body = {"assistant_id": assistant.id, "thread": {"messages": [{"role": "user", "content": "Hello"}]}}
    seen = killed_after(server, "/v1/threads/runs", body, 1 + moment % 20)
    server.start()
    thread_id = seen[0][1]["id"]
    runs = list(server.client.beta.threads.runs.list(thread_id))
    assert len(runs) == 1
    assert reached(server.client, runs[0], within=10).status == "completed"
    assert texts(server.client, server.client.beta.threads.retrieve(thread_id)) == ["Hello", ANSWER]

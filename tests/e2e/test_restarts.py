"""Stops and crashes: accepted objects survive, runs resume or end, and no reply is stored twice."""

import http.client
import json
import signal
from concurrent.futures import ThreadPoolExecutor, wait

import apsw
import openai
import pytest

from e2e.assistants_client import (
    WEATHER,
    each_database,
    fetch_run,
    new_thread,
    outputs_for,
    reached,
    run_of,
    steps_of,
    texts,
)
from serving import WAIT
from upstream import HANG, Gate, call, calls, stalled, text
from waiting import eventually


def objects(server, thread, run):
    """Everything that can be read of a thread, as bytes."""
    path = f"/v1/threads/{thread.id}"
    below = ("", "/messages", "/runs", f"/runs/{run.id}", f"/runs/{run.id}/steps")
    return [server.ask("GET", path + part).body for part in below]


def said_in(server, run):
    return texts(server.client, server.client.beta.threads.retrieve(run.thread_id))


@each_database
def test_every_object_survives_a_restart(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Hello")
    run = run_of(server.client, thread, assistant)
    before = objects(server, thread, run)
    for end in (server.stop, server.kill):
        end()
        server.start()
        assert objects(server, thread, run) == before
        assert server.client.beta.assistants.retrieve(assistant.id) == assistant


@each_database
def test_a_stop_ends_streams_with_an_error_and_the_run_resumes_after_the_restart(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.answer(text("Hel", HANG), text("Hello again"))
    with server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id, stream=True) as events:
        run = next(event.data for event in events if event.event == "thread.run.created")
        next(event for event in events if event.event == "thread.message.delta")
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(openai.APIError, match="poll the run"):
            next(events)
    server.ended()
    server.start()
    ended = reached(server.client, run)
    assert ended.status == "completed"
    assert texts(server.client, thread) == ["Hello", "Hello again"]
    (step,) = steps_of(server.client, run)
    assert step.status == "completed"
    assert run_of(server.client, thread, assistant).status == "completed"


def test_the_error_that_a_stopping_server_streams_is_a_whole_event(new_server, upstream):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.answer(text("Hel", HANG))
    body = {"assistant_id": assistant.id, "stream": True}
    with server.opened("POST", f"/v1/threads/{thread.id}/runs", body) as response:
        while b"thread.message.delta" not in response.readline():
            pass
        server.process.send_signal(signal.SIGTERM)
        blocks = response.read().decode().rstrip("\n").split("\n\n")
    name, data = blocks[-1].split("\n")
    assert name == "event: error"
    assert list(json.loads(data.removeprefix("data: "))["error"]) == ["message", "type", "param", "code"]
    server.ended()


def test_a_stop_does_not_wait_for_a_chat_stream_forever(new_server, upstream):
    server = new_server(shutdown_seconds=1).start()
    upstream.answer(text("Hel", HANG))
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    with server.opened("POST", "/v1/chat/completions", asked) as response:
        while b"Hel" not in response.readline():
            pass
        server.stop(within=5)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/chat/completions", {"stream": False}, "error"),
        ("/v1/chat/completions", {"stream": True}, "error"),
        ("/v1/messages", {"max_tokens": 10}, "overloaded_error"),
    ],
)
def test_a_stop_answers_requests_that_cannot_end_with_an_error(new_server, upstream, path, body, kind):
    server = new_server(shutdown_seconds=1).start()
    upstream.answer(stalled())
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], **body}
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(server.ask, "POST", path, asked)
        upstream.wait_for(1)
        server.process.send_signal(signal.SIGTERM)
        answer = answered.result(WAIT)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "The server is stopping and cannot finish this request" in answer.json["error"]["message"]
    assert kind in (answer.json["error"]["type"], "error")
    assert answer.headers["x-request-id"]
    server.ended()
    assert server.log.read_text().count("did not end before the stop were cancelled: 1") == 1


def test_a_download_that_a_stop_cuts_off_is_no_fault(new_server):
    server = new_server(shutdown_seconds=1).start()
    size = 64 << 20
    file = server.client.files.create(file=("all.bin", b"x" * size), purpose="user_data")
    with server.opened("GET", f"/v1/files/{file.id}/content") as response:
        received = len(response.read(10))
        server.stop(within=WAIT)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            received += len(response.read())
    assert received < size


def test_a_server_that_is_stopping_still_ends_the_chat_streams_that_can(new_server, upstream):
    server = new_server().start()
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    with server.client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True
    ) as stream:
        parts = (chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content)
        assert next(parts) == "Hel"
        server.process.send_signal(signal.SIGTERM)
        gate.open()
        assert list(parts) == ["lo"]
    server.ended()


@each_database
def test_runs_of_a_killed_server_resume_within_ten_seconds_without_duplicates(new_server, upstream, database):
    server = new_server(**database).start()
    threads, runs = server.client.beta.threads, server.client.beta.threads.runs
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    paris = call("get_weather", call_id="call_a", city="Paris")
    begun = {
        "speak": text("Hel", HANG),
        "call": calls(paris).but(items=(*calls(paris).items[:2], HANG)),
        "wait": calls(paris, usage=(7, 2)),
        "stop": text(HANG),
    }
    upstream.always(lambda asked: begun[asked.said])
    started = {
        said: threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": said}]}
        )
        for said in begun
    }
    for said, event in (("speak", "message.delta"), ("call", "step.delta")):
        attached = server.opened("GET", f"/v1/threads/{started[said].thread_id}/runs/{started[said].id}/events")
        with attached as response:
            while event.encode() not in response.readline():
                pass
    waiting = reached(server.client, started["wait"], "requires_action")
    runs.cancel(started["stop"].id, thread_id=started["stop"].thread_id)
    server.kill()

    later = {"speak": text("Hello", " again"), "call": calls(paris), "wait": text("Mild.", usage=(7, 2))}
    upstream.always(lambda asked: later[asked.said])
    asked_before = len(upstream.requests)
    server.start()
    runs = server.client.beta.threads.runs
    assert runs.retrieve(waiting.id, thread_id=waiting.thread_id) == waiting
    with runs.submit_tool_outputs_stream(
        run_id=waiting.id, thread_id=waiting.thread_id, tool_outputs=outputs_for(waiting)
    ) as events:
        events.until_done()
        assert events.get_final_run().usage.total_tokens == 18
    assert said_in(server, waiting) == ["wait", "Mild."]
    spoken = reached(server.client, started["speak"], within=10)
    assert spoken.status == "completed"
    assert said_in(server, spoken) == ["speak", "Hello again"]
    assert [step.status for step in steps_of(server.client, spoken)] == ["completed"]
    called = reached(server.client, started["call"], "requires_action", within=10)
    assert [one.id for one in called.required_action.submit_tool_outputs.tool_calls] == ["call_a"]
    assert [step.type for step in steps_of(server.client, called)] == ["tool_calls"]
    stopped = reached(server.client, started["stop"], within=10)
    assert stopped.status == "cancelled"
    assert said_in(server, stopped) == ["stop"]
    assert len(upstream.requests) == asked_before + 3


@pytest.mark.slow
def test_runs_of_a_killed_server_are_claimed_by_another_server(new_node, upstream):
    first, second = new_node().start(), new_node().start()
    assistant = first.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    paris = call("get_weather", call_id="call_a", city="Paris")
    begun = {"speak": text("Hel", HANG), "wait": calls(paris), "stop": text(HANG)}
    upstream.always(lambda asked: begun[asked.said])
    started = {
        said: first.client.beta.threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": said}]}
        )
        for said in begun
    }
    waiting = reached(second.client, started["wait"], "requires_action")
    with first.opened("GET", f"/v1/threads/{started['speak'].thread_id}/runs/{started['speak'].id}/events") as response:
        while b"message.delta" not in response.readline():
            pass
    # The neighbour only writes down that it is to be cancelled: whose run it is has to act on it, and dies first.
    stopped = started["stop"]
    first.process.send_signal(signal.SIGSTOP)
    second.client.beta.threads.runs.cancel(stopped.id, thread_id=stopped.thread_id)
    first.kill()

    later = {"speak": text("Hello", " again"), "wait": text("Mild.")}
    upstream.always(lambda asked: later[asked.said])
    ended = second.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=waiting.id, thread_id=waiting.thread_id, tool_outputs=outputs_for(waiting), poll_interval_ms=10
    )
    assert ended.status == "completed"
    assert said_in(second, waiting) == ["wait", "Mild."]
    assert reached(second.client, started["speak"], within=10).status == "completed"
    assert said_in(second, started["speak"]) == ["speak", "Hello again"]
    assert reached(second.client, stopped, within=10).status == "cancelled"
    assert said_in(second, stopped) == ["stop"]


@pytest.mark.slow
def test_a_server_that_lost_its_lease_cannot_change_a_run_claimed_by_another(new_node, upstream):
    first, second = new_node().start(), new_node().start()
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo from the first"))
    run = first.client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    upstream.wait_for(1)
    upstream.answer(text("Hello from the second"))
    first.process.send_signal(signal.SIGSTOP)
    assert reached(second.client, run).status == "completed"
    gate.open()
    first.process.send_signal(signal.SIGCONT)
    # It has heard the whole answer of its own model before it answers this, and stored nothing of it.
    with first.opened("GET", f"/v1/threads/{run.thread_id}/runs/{run.id}/events") as response:
        response.read()
    for server in (first, second):
        assert said_in(server, run) == ["Hello", "Hello from the second"]
        assert fetch_run(server.client, run).status == "completed"
        assert [step.status for step in steps_of(server.client, run)] == ["completed"]


@pytest.mark.slow
def test_a_run_that_kills_its_server_every_time_fails_in_the_end(new_server, upstream):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.always(text("Hel", HANG))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    # Its last checkpoint: the message that it never ends.
    eventually(lambda: steps_of(server.client, run))
    for attempt in range(1, 7):
        upstream.wait_for(attempt)
        server.kill()
        server.start()
    ended = reached(server.client, run)
    assert (ended.status, ended.last_error.code) == ("failed", "server_error")
    assert ended.last_error.message == (
        "The server stopped unexpectedly 6 times while it executed this run, which made no progress in between."
        " Start a new one."
    )
    assert len(upstream.requests) == 6


@pytest.mark.slow
def test_stops_of_the_server_do_not_count_as_interruptions_of_a_run(new_server, upstream):
    server = new_server().start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.always(text(HANG))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    for attempt in range(1, 7):
        upstream.wait_for(attempt)
        server.stop()
        server.start()
    upstream.wait_for(7)
    upstream.always(text("Hello"))
    server.kill()
    server.start()
    assert reached(server.client, run).status == "completed"


@pytest.mark.parametrize("kind", ["run", "response"])
def test_a_client_that_comes_before_a_run_is_executed_again_waits_for_it(new_server, upstream, kind):
    """Here another one takes the only place, for longer than the client needs to ask."""
    server = new_server(limits__concurrent_runs=1).start()
    gates = [Gate(), Gate()]
    upstream.answer(text("Hel", gates[0], "lo"))
    server.client.responses.create(model="gpt-4o", input="Hello", background=True)
    upstream.wait_for(1)
    if kind == "response":
        second = server.client.responses.create(model="gpt-4o", input="Hello", background=True)
        path, after = f"/v1/responses/{second.id}?stream=true", "&starting_after=0"
    else:
        assistant = server.client.beta.assistants.create(model="gpt-4o")
        second = server.client.beta.threads.create_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
        )
        path, after = f"/v1/threads/{second.thread_id}/runs/{second.id}/events", "?starting_after=1"
    server.kill()
    upstream.answer(text("Hel", gates[1], "lo"), text("Hello", " again"))
    server.start()
    upstream.wait_for(2)
    with ThreadPoolExecutor(2) as clients:
        readers = [
            clients.submit(lambda rest=rest: server.ask("GET", path + rest).body.decode()) for rest in ("", after)
        ]
        assert not wait(readers, timeout=0.3).done
        gates[1].open()
        whole, rest = [reader.result() for reader in readers]
    assert "event: error" not in whole + rest
    assert "again" in rest
    assert whole.endswith(rest)


def test_a_second_server_on_the_same_directory_is_refused(new_server):
    server = new_server().start()
    assert refusal(server) == (
        f"Error: Another server (process {server.process.pid}) uses the data directory '{server.data}'. "
        "Stop it, or choose another directory with --data."
    )


def test_a_database_of_a_newer_program_is_refused(new_server):
    server = new_server().start()
    server.stop()
    connection = apsw.Connection(str(server.data / "understudy.sqlite3"))
    connection.execute("INSERT INTO schema_versions (number, oldest) VALUES (9999, 9999)")
    connection.close()
    assert refusal(server).startswith("Error: The database has schema 9999, and this version supports schemas up to ")


def refusal(server):
    """Why the command does not start a server."""
    done = server.execute("serve", "--port", "0", code=1)
    assert done.stdout == ""
    (sentence,) = done.stderr.splitlines()
    return sentence

"""Attaching to a run: at any time, as often as wanted, from any event on."""

import itertools
import json
import re

import pytest

from e2e.assistants_client import WEATHER, each_database, new_thread, on_both, outputs_for, reached, run_of, steps_of
from envelope import assert_error
from serving import parse_events
from upstream import HANG, Gate, call, calls, text


def path_of(run):
    return f"/v1/threads/{run.thread_id}/runs/{run.id}/events"


def told(server, run, query="", headers=None):
    """The stream as `(number, name, data)`; only the last event of those that come together has a number."""
    reply = server.ask("GET", path_of(run) + query, headers=headers)
    assert reply.status == 200, reply.body
    return parse_stream(reply.body.decode())


def parse_stream(body):
    shown = []
    for block in body.removesuffix("\n\n").split("\n\n"):
        number, rest = None, block
        if block.startswith("id: "):
            first, _, rest = block.partition("\n")
            number = int(first.removeprefix("id: "))
        ((name, data),) = parse_events(f"{rest}\n\n".encode())
        shown.append((number, name, data))
    return shown


def plain(events):
    return [(name, data) for _, name, data in events]


def join_deltas(events):
    """The events with neighbouring text deltas as one, since other nodes store fewer of a run that has ended."""
    grouped = []
    for name, group in itertools.groupby(events, lambda event: event[0]):
        if name == "thread.message.delta":
            grouped.append((name, "".join(data["delta"]["content"][0]["text"]["value"] for _, data in group)))
        else:
            grouped += group
    return grouped


@on_both
@pytest.mark.proves("runs.attach")
def test_a_finished_run_is_replayed_as_it_was_streamed(server, client, upstream, assistant, thread):
    upstream.answer(text("Hel", "lo"))
    once = server.events(f"/v1/threads/{thread.id}/runs", {"assistant_id": assistant.id})
    run = client.beta.threads.runs.list(thread.id).data[0]
    for _ in range(2):
        again = told(server, run)
        assert [name for _, name, _ in again if "delta" not in name] == [n for n, _ in once if "delta" not in n]
        assert plain(again)[-2:] == once[-2:]


@on_both
@pytest.mark.proves("runs.attach_after")
def test_a_client_resumes_the_stream_after_any_event_id(server, client, assistant, thread):
    run = run_of(client, thread, assistant)
    whole = told(server, run)
    for place, (number, _, _) in enumerate(whole):
        if number is not None:
            rest = join_deltas(plain(whole[place + 1 :]))
            assert join_deltas(plain(told(server, run, f"?starting_after={number}"))) == rest
            assert join_deltas(plain(told(server, run, headers={"Last-Event-ID": str(number)}))) == rest
    assert plain(told(server, run, "?starting_after=9999")) == [("done", "[DONE]")]


def test_a_client_that_is_ahead_of_a_growing_log_receives_later_events_only(
    server, client, upstream, assistant, thread
):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo", ", ", "world"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with server.opened("GET", path_of(run)) as live:
        number = 0
        while b'"Hel"' not in (line := live.readline()):
            number = int(line.removeprefix(b"id: ")) if line.startswith(b"id: ") else number
        with server.opened("GET", f"{path_of(run)}?starting_after={number + 2}") as ahead:
            gate.open()
            lines = ahead.read().splitlines()
    numbers = [int(line.removeprefix(b"id: ")) for line in lines if line.startswith(b"id: ")]
    assert numbers
    assert min(numbers) > number + 2


@on_both
@pytest.mark.proves("runs.attach")
def test_many_clients_follow_a_run_while_it_streams(server, client, upstream, assistant, thread):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with server.opened("GET", path_of(run)) as first:
        while b"Hel" not in first.readline():
            pass
        with server.opened("GET", path_of(run)) as second:
            while b"Hel" not in second.readline():
                pass
            gate.open()
            rests = [first.read(), second.read()]
    assert all(rest.endswith(b"event: done\ndata: [DONE]\n\n") for rest in rests)
    assert all(b"thread.run.completed" in rest for rest in rests)


@on_both
def test_a_run_that_requires_action_is_streamed_up_to_there_and_resumes_after(
    server, client, upstream, forecaster, thread
):
    upstream.answer(calls(call("get_weather", city="Paris")), text("Mild."))
    run = run_of(client, thread, forecaster)
    first = told(server, run)
    assert [name for _, name, _ in first][-2:] == ["thread.run.requires_action", "done"]
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    rest = told(server, run, f"?starting_after={first[-2][0]}")
    assert [name for _, name, _ in rest][:3] == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
    ]
    assert plain(rest)[-2][0] == "thread.run.completed"


@each_database
@pytest.mark.proves("runs.attach")
def test_a_run_of_an_earlier_process_is_replayed_from_the_database(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.answer(text("Hel", "lo"))
    run = run_of(server.client, thread, assistant)
    before = told(server, run)
    server.stop()
    server.start()
    after = told(server, run)
    assert [name for _, name, _ in after if "delta" not in name] == [n for _, n, _ in before if "delta" not in n]
    assert plain(after)[-2:] == plain(before)[-2:]
    # The numbers of the log are gone with the process, and those of the replay are others.
    for number in (number for number, _, _ in before if number is not None):
        refused = server.ask("GET", f"{path_of(run)}?starting_after={number}")
        assert_error(refused, 400, re.compile(f"Event {number} is not stored.*"), "starting_after")
    for place, (number, _, _) in enumerate(after):
        if number is not None:
            assert told(server, run, f"?starting_after={number}") == after[place + 1 :]


@each_database
def test_a_resumed_run_is_streamed_to_its_end(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    upstream.answer(text("Hel", HANG))
    run = server.client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    upstream.wait_for(1)
    server.stop()
    upstream.answer(text("Hello again"))
    server.start()
    events = plain(told(server, run))
    assert [name for name, _ in events][-2:] == ["thread.run.completed", "done"]
    (message,) = [data for name, data in events if name == "thread.message.completed"]
    assert message["content"][0]["text"]["value"] == "Hello again"


@pytest.mark.slow
@each_database
@pytest.mark.proves("runs.attach")
def test_a_run_resumed_after_a_crash_is_replayed_from_the_start(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Paris")), text("Mi", HANG))
    run = run_of(server.client, thread, assistant)
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    with server.opened("POST", path, {"tool_outputs": outputs_for(run), "stream": True}) as stream:
        while b"thread.message.delta" not in stream.readline():
            pass
        # What a client has read is stored; a stream without numbers may be a moment ahead.
        assert server.client.beta.threads.messages.list(thread.id, run_id=run.id).data
        server.kill()
    upstream.answer(text("Mild."))
    server.start()
    assert reached(server.client, run).status == "completed"
    events = plain(told(server, run))
    assert [name for name, _ in events if "delta" not in name] == [
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.run.requires_action",
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
        "done",
    ]
    created = [data["id"] for name, data in events if name == "thread.message.created"]
    assert len({*created}) == 2
    stored = server.client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert [one.id for one in stored] == created[1:]
    assert len(steps_of(server.client, run)) == 2
    (message,) = [data for name, data in events if name == "thread.message.completed"]
    assert message["content"][0]["text"]["value"] == "Mild."


def open_message_then_kill(server, run, upstream_sends):
    """Follows a run, and kills its server once the client knows its message; the number and the message's id."""
    number, message_id, name = 0, "", ""
    with server.opened("GET", path_of(run)) as response:
        while name != "thread.message.in_progress":
            field, _, value = response.readline().decode().rstrip("\n").partition(": ")
            name = value if field == "event" else name
            number = int(value) if field == "id" else number
            if field == "data" and name == "thread.run.in_progress":
                upstream_sends.open()
        message_id = json.loads(response.readline().decode().removeprefix("data: "))["id"]
        server.kill()
    return number, message_id


def ended_messages(events):
    return [(data["id"], data["status"]) for _, name, data in events if re.match(r"thread.message.(comp|inc)", name)]


def test_a_message_that_was_open_at_a_crash_ends_in_the_resumed_stream(new_server, upstream):
    server, sends = new_server().start(), Gate()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    upstream.answer(text(sends, "Hel", HANG), text("Hello."))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    number, message_id = open_message_then_kill(server, run, sends)
    server.start()
    rest = told(server, run, f"?starting_after={number}")
    ended = ended_messages(rest)
    assert (ended[0], [status for _, status in ended]) == ((message_id, "incomplete"), ["incomplete", "completed"])
    assert min(one for one, _, _ in rest if one is not None) > number
    stored = server.client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert [(one.id, one.status) for one in stored] == ended[1:]


LOOK = calls(call("get_weather", city="Paris, which is in France"), say=("Look: ", "so."))
# What the model sends to the owners that die after the first one, and the event after which each does.
CRASHES = {
    "messages": [(text("Hell", HANG), "message.delta")],
    "a message and calls": [(LOOK.but(items=(*LOOK.items[:-1], HANG)), "run.step.delta")],
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "case", [one if one == "messages" else pytest.param(one, marks=pytest.mark.slow) for one in CRASHES]
)
def test_a_client_that_missed_whole_owners_of_its_run_receives_the_end_of_what_it_has_open(
    new_server, upstream, database, case
):
    check_missed_owners(new_server(**database), upstream, CRASHES[case])


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_client_that_missed_whole_owners_resumes_on_postgresql(new_server, upstream, database):
    check_missed_owners(new_server(**database), upstream, CRASHES["a message and calls"])


def check_missed_owners(server, upstream, crashes):
    """Of several servers that die over a run, each has a client that is gone until the run has ended."""
    sends = Gate()
    server.start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Hello")
    upstream.answer(text(sends, "Hel", HANG), *(answer for answer, _ in crashes), text("Hello."))
    run = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    clients = [read_then_kill(server, run, "message.delta", sends)]
    for _, last in crashes:
        server.start()
        clients.append(read_then_kill(server, run, last))
    server.start()
    assert reached(server.client, run, within=30).status == "completed"
    whole = plain(told(server, run))
    check_objects(whole)
    for seen in clients[:-1]:
        for place, (number, _, _) in enumerate(seen, 1):
            if number is not None:
                rest = plain(told(server, run, f"?starting_after={number}"))
                assert rest == whole[-len(rest) :]
                check_objects([*plain(seen[:place]), *rest])


def read_then_kill(server, run, last, sends=None):
    """Follows a run, and kills its server after the event `last`; the events up to there, as `told` returns them."""
    seen, lines = [], []
    with server.opened("GET", path_of(run)) as response:
        # Without its number, the client has not all frames of the event.
        while not seen or seen[-1][0] is None or not seen[-1][1].endswith(last):
            line = response.readline().decode()
            lines.append(line)
            if line == "\n":
                seen += parse_stream("".join(lines))
                lines.clear()
                if sends is not None and seen[-1][1] == "thread.run.in_progress":
                    sends.open()
        server.kill()
    return seen


def check_objects(events):
    """Each message and step begins once, and then ends once."""
    for kind in ("message", "run.step"):
        opened = [data["id"] for name, data in events if name == f"thread.{kind}.created"]
        over = [
            data["id"] for name, data in events if re.fullmatch(rf"thread\.{kind}\.(comp|inc|canc|fail|exp)\w+", name)
        ]
        assert len({*opened}) == len(opened)
        assert over == opened


@each_database
@pytest.mark.proves("runs.attach")
def test_outputs_submitted_after_a_crash_do_not_hide_earlier_events(new_server, upstream, database):
    server = new_server(**database).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Paris")))
    run = run_of(server.client, thread, assistant)
    before = plain(told(server, run))
    server.kill()
    upstream.answer(text("Mild."))
    server.start()
    server.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    after = plain(told(server, run))
    names = [name for name, _ in before if "delta" not in name][:-1]
    assert [name for name, _ in after if "delta" not in name][: len(names)] == names
    assert [name for name, _ in after][-2:] == ["thread.run.completed", "done"]


@pytest.mark.parametrize("thread_id", [None, "thread_unknown"])
def test_events_of_an_unknown_run_or_thread_are_not_found(server, thread, thread_id):
    reply = server.ask("GET", f"/v1/threads/{thread_id or thread.id}/runs/run_unknown/events")
    noun, identifier = ("thread", thread_id) if thread_id else ("run", "run_unknown")
    assert_error(reply, 404, f"No {noun} found with id '{identifier}'.")

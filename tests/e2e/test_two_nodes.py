"""Runs and responses of a cluster of two nodes: whatever a node executes, clients of the other one follow and change."""

import asyncio
import contextlib
import http.client
import json
import signal

import asyncpg
import pytest
import redis as sync_redis

from e2e.assistants_client import WEATHER, new_thread, outputs_for, reached, texts
from serving import KEY, parse_events
from upstream import HANG, Gate, call, calls, text
from waiting import WITHIN, eventually


@pytest.fixture
def nodes(new_node):
    """Two nodes; only the first one has places for runs until the second one has to take over."""
    return new_node().start(), new_node().start()


def path_of(run):
    return f"/v1/threads/{run.thread_id}/runs/{run.id}/events"


def read_until(response, part):
    lines = []
    while part not in (line := response.readline()):
        assert line, lines
        lines.append(line)
    return b"".join([*lines, line])


def data_of(frames):
    blocks = [block for block in frames.decode().split("\n\n") if block]
    plain = ["\n".join(line for line in block.split("\n") if not line.startswith("id: ")) for block in blocks]
    return list(parse_events("".join(f"{block}\n\n" for block in plain).encode()))


def numbers_of(frames):
    return [int(line.removeprefix("id: ")) for line in frames.decode().split("\n") if line.startswith("id: ")]


def joined(stream):
    """The stream with neighbouring text deltas as one."""
    found = []
    for name, data in stream:
        if name == "thread.message.delta" and found and found[-1][0] == name:
            found[-1][1].append(data["delta"]["content"][0]["text"]["value"])
        elif name == "thread.message.delta":
            found.append((name, [data["delta"]["content"][0]["text"]["value"]]))
        else:
            found.append((name, data))
    return [(name, "".join(data) if name == "thread.message.delta" else data) for name, data in found]


def without_deltas(frames):
    return [(name, data) for name, data in data_of(frames) if not name.endswith(".delta")]


def delta_text(stream):
    return "".join(data["delta"] for data in stream if data["type"] == "response.output_text.delta")


def test_a_run_is_followed_on_the_other_node_live_and_finished_from_any_number(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(second.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", "lo, ", gate, "wor", "ld."))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with second.opened("GET", path_of(run)) as live:
        head = read_until(live, b"lo, ")
        gate.open()
        whole = head + live.read()
    here = first.ask("GET", path_of(run)).body
    assert joined(data_of(whole)) == joined(data_of(here))
    assert numbers_of(whole)[-1] == numbers_of(here)[-1]
    assert texts(second.client, thread) == ["Hello", "Hello, world."]
    for number in numbers_of(whole):
        rest = [node.ask("GET", f"{path_of(run)}?starting_after={number}").body for node in nodes]
        assert joined(data_of(rest[0])) == joined(data_of(rest[1]))


def test_a_stream_continues_where_another_node_claims_the_queued_run(new_node, upstream):
    full, other = new_node(limits__concurrent_runs=1).start(), new_node()
    assistant = full.client.beta.assistants.create(model="gpt-4o")
    busy, free = new_thread(full.client, "busy"), new_thread(full.client, "free")
    gate = Gate()
    upstream.always(lambda asked: text("Hel", gate, "lo") if asked.said == "busy" else text("Done"))
    full.client.beta.threads.runs.create(busy.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    with full.opened("POST", f"/v1/threads/{free.id}/runs", {"assistant_id": assistant.id, "stream": True}) as live:
        other.start()
        names = [name for name, _ in data_of(live.read())]
    assert names[:2] == ["thread.run.created", "thread.run.queued"]
    assert names[-2:] == ["thread.run.completed", "done"]
    gate.open()


def test_outputs_are_submitted_and_a_run_is_cancelled_on_the_other_node(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(first.client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Paris")), calls(call("get_weather", city="Rome")), text("Mi", HANG))
    run = first.client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10
    )
    for node in (second, first):
        assert run.status == "requires_action"
        with node.client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run)
        ) as events:
            for event in events:
                if event.event == "thread.message.delta":
                    break
            if node is second:
                run = second.client.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    with second.opened("GET", path_of(run)) as live:
        head = read_until(live, b'"Mi"')
        second.client.beta.threads.runs.cancel(run.id, thread_id=thread.id)
        names = [name for name, _ in data_of(head + live.read())]
    assert names[-2:] == ["thread.run.cancelled", "done"]
    assert names.count("thread.run.requires_action") == 2
    assert reached(second.client, run).status == "cancelled"


def test_a_background_response_is_streamed_and_cancelled_on_the_other_node(nodes, upstream):
    first, second = nodes
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo."), text("Hel", HANG))
    response = first.client.responses.create(model="gpt-4o", input="Hello", background=True)
    eventually(lambda: first.client.responses.retrieve(response.id).status == "in_progress")
    path = f"/v1/responses/{response.id}?stream=true"
    with second.opened("GET", path) as live:
        head = read_until(live, b'"Hel"')
        gate.open()
        whole = [data for _, data in data_of(head + live.read())]
    assert whole[-1]["type"] == "response.completed"
    assert [data["sequence_number"] for data in whole] == list(range(len(whole)))
    for after in range(len(whole) - 1):
        rest = [data for _, data in data_of(second.ask("GET", f"{path}&starting_after={after}").body)]
        assert all(data["sequence_number"] > after for data in rest)
        assert rest[-1] == whole[-1]
        assert delta_text(rest) == delta_text(whole[after + 1 :])
    other = first.client.responses.create(model="gpt-4o", input="Hello", background=True)
    upstream.wait_for(2)
    assert second.client.responses.cancel(other.id).status == "cancelled"


def erase_stored_events(url, run_id):
    """Puts Redis in the state before the node that executes the run has written its last events."""
    with sync_redis.Redis.from_url(url) as client:
        eventually(lambda: client.unlink(*[key.decode() for key in client.scan_iter(f"*{run_id}*")] or [""]))


def test_the_other_node_has_every_event_before_redis_has_them(nodes, upstream, session_redis):
    first, second = nodes
    upstream.answer(text("Hel", "lo, ", "wor", "ld."))
    asked = {"model": "gpt-4o", "input": "Hello", "background": True, "stream": True}
    whole = [data for _, data in first.events("/v1/responses", asked)]
    response_id = whole[0]["response"]["id"]
    erase_stored_events(session_redis, response_id)
    for after in range(len(whole) - 1):
        path = f"/v1/responses/{response_id}?stream=true&starting_after={after}"
        rest = [data for _, data in data_of(second.ask("GET", path).body)]
        assert delta_text(rest) == delta_text(whole[after + 1 :])
        assert (rest[0]["sequence_number"] > after, rest[-1]) == (True, whole[-1])


def test_the_other_node_has_every_event_of_a_run_that_waits_before_redis_has_them(nodes, upstream, session_redis):
    first = nodes[0]
    assistant = first.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(first.client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Paris")), text("Mi", "ld."))
    run = first.client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10
    )
    for is_waiting in (True, False):
        erase_stored_events(session_redis, run.id)
        whole = first.ask("GET", path_of(run)).body
        for number in numbers_of(whole):
            rest = [node.ask("GET", f"{path_of(run)}?starting_after={number}").body for node in nodes]
            assert joined(data_of(rest[0])) == joined(data_of(rest[1]))
            assert numbers_of(rest[0])[-1:] == numbers_of(rest[1])[-1:]
        if is_waiting:
            first.client.beta.threads.runs.submit_tool_outputs_and_poll(
                run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
            )


def steal(database, run):
    """Makes a worker that does not exist the owner of a run, as one does that claims it and dies."""

    async def update():
        connection = await asyncpg.connect(database)
        await connection.execute("UPDATE runs SET owner = 'worker_gone', epoch = epoch + 1 WHERE id = $1", run.id)
        await connection.close()

    asyncio.run(update())


def test_clients_of_a_node_that_lost_a_run_follow_its_next_owner(nodes, postgres, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(first.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", gate), text("Hello", " again."))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with first.opened("GET", path_of(run)) as live:
        head = read_until(live, b'"Hel"')
        steal(postgres, run)
        reached(second.client, run)
        gate.open()
        stream = data_of(head + live.read())
    assert [name for name, _ in stream][-2:] == ["thread.run.completed", "done"]
    assert [name for name, _ in stream].count("thread.message.incomplete") == 1
    assert texts(first.client, thread) == ["Hello", "Hello again."]
    for node in nodes:
        assert joined(data_of(node.ask("GET", path_of(run)).body)) == joined(stream)


@pytest.mark.slow
def test_clients_of_a_node_that_was_stopped_beyond_its_lease_follow_the_next_owner(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(first.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("Hello", " again."))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with first.opened("GET", path_of(run)) as stale, second.opened("GET", path_of(run)) as remote:
        heads = [read_until(live, b'"Hel"') for live in (stale, remote)]
        first.process.send_signal(signal.SIGSTOP)
        assert reached(second.client, run).status == "completed"
        gate.open()
        first.process.send_signal(signal.SIGCONT)
        streams = [data_of(head + live.read()) for head, live in zip(heads, (stale, remote), strict=True)]
    for stream in streams:
        names = [name for name, _ in stream]
        assert names[-2:] == ["thread.run.completed", "done"]
        assert names.count("thread.message.incomplete") == names.count("thread.message.completed") == 1
        assert joined(stream)[-5] == ("thread.message.delta", "Hello again.")
    assert texts(first.client, thread) == ["Hello", "Hello again."]


def test_a_run_that_waits_has_one_log_on_all_nodes(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(first.client, "Weather?")
    upstream.answer(calls(call("get_weather", city="Paris")), calls(call("get_weather", city="Rome", call_id="call_2")))
    run = first.client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=10
    )
    assert run.status == "requires_action"
    whole, copy = [node.ask("GET", path_of(run)).body for node in nodes]
    assert without_deltas(copy) == without_deltas(whole)
    assert numbers_of(copy)[-1] == numbers_of(whole)[-1]
    second.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=outputs_for(run), poll_interval_ms=10
    )
    longer, copy = [node.ask("GET", path_of(run)).body for node in (second, first)]
    assert without_deltas(longer)[: len(without_deltas(whole)) - 1] == without_deltas(whole)[:-1]
    assert [name for name, _ in data_of(copy)].count("thread.run.requires_action") == 2
    assert without_deltas(copy) == without_deltas(longer)


def test_outputs_wait_on_a_full_node_that_has_an_older_part_of_the_log(new_server, postgres, redis_server, upstream):
    settings = {"database": postgres, "broker": redis_server.url, "blobs__shared": "true"}
    full = new_server(limits__concurrent_runs=1, **settings).start()
    other = new_server(**settings).share_files(full).start()
    assistant = full.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(full.client, "Weather?")
    gate = Gate()
    upstream.answer(*(calls(call("get_weather", city="Rome", call_id=f"call_{number}")) for number in (1, 2)))
    path = {"thread_id": thread.id, "poll_interval_ms": 10}
    run = full.client.beta.threads.runs.create_and_poll(assistant_id=assistant.id, **path)
    run = other.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, tool_outputs=outputs_for(run), **path
    )
    upstream.answer(text("busy", gate), text("Mild."))
    full.client.beta.threads.create_and_run(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hello"}]}
    )
    upstream.wait_for(3)
    run = full.client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, tool_outputs=outputs_for(run), **path
    )
    gate.open()
    assert run.status == "completed"
    streams = [data_of(node.ask("GET", path_of(run)).body) for node in (full, other)]
    assert joined(streams[0])[-1] == joined(streams[1])[-1]
    assert [name for name, _ in streams[0]].count("thread.run.requires_action") == 2


def test_what_is_deleted_on_one_node_is_gone_on_the_other_at_once(nodes, upstream):
    first, second = nodes
    upstream.answer(text("Hel", HANG), text("Hel", HANG))
    response = first.client.responses.create(model="gpt-4o", input="Hello", background=True)
    with second.opened("GET", f"/v1/responses/{response.id}?stream=true") as live:
        read_until(live, b'"Hel"')
        first.client.responses.delete(response.id)
        assert b"event: error" in live.read()
    assert upstream.wait_for(1).gone.wait(WITHIN)
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(first.client, "Hello")
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with first.opened("GET", path_of(run)) as live:
        read_until(live, b'"Hel"')
        second.client.beta.threads.delete(thread.id)
        assert b"event: error" in live.read()
    assert upstream.wait_for(2).gone.wait(WITHIN)


def test_a_follower_on_the_other_node_keeps_following_after_the_owner_was_killed(nodes, upstream):
    first, second = nodes
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(first.client, "Hello")
    upstream.answer(text("Hel", HANG))
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with second.opened("GET", path_of(run)) as live:
        head = read_until(live, b'"Hel"')
        upstream.answer(text("Hello", " again."))
        first.kill()
        whole = head + live.read()
    stream = data_of(whole)
    told, ends = {}, {}
    for name, data in stream:
        if name == "thread.message.delta":
            told[data["id"]] = told.get(data["id"], "") + data["delta"]["content"][0]["text"]["value"]
        if name in {"thread.message.completed", "thread.message.incomplete"}:
            ends[data["id"]] = data["status"]
    assert list(told.values()) == ["Hel", "Hello again."]
    assert list(ends.values()) == ["incomplete", "completed"]
    assert [name for name, _ in stream][-2:] == ["thread.run.completed", "done"]
    assert texts(second.client, thread) == ["Hello", "Hello again."]
    numbers = numbers_of(whole)
    assert numbers == sorted({*numbers})
    assert joined(data_of(second.ask("GET", path_of(run)).body)) == joined(stream)


def test_a_client_that_waits_for_the_first_events_of_a_run_does_not_delay_a_stop(new_server, postgres, redis_server):
    node = new_server(database=postgres, broker=redis_server.url, blobs__shared="true", shutdown_seconds="0.5")
    node.flags = ("--no-jobs",)
    node.start()
    assistant = node.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(node.client, "Hello")
    run = node.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    node.stop()
    node.start()
    with contextlib.closing(http.client.HTTPConnection(node.url[7:-3], timeout=30)) as waiting:
        waiting.request("GET", path_of(run), headers={"Authorization": f"Bearer {KEY}"})
        assert node.client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "queued"
        node.stop()
        reply = waiting.getresponse()
        assert (reply.status, reply.headers["retry-after"]) == (503, "1") or b"event: error" in reply.read()


def test_streams_continue_and_resume_on_every_node_after_redis_was_flushed(
    new_server, postgres, redis_server, upstream
):
    settings = {"database": postgres, "broker": redis_server.url, "blobs__shared": "true"}
    first = new_server(**settings).start()
    second = new_server(**settings).share_files(first).start()
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.answer(text("En", "ded."), text("Hel", "lo, ", gate, "wor", "ld."))
    ended = first.client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hi"}]}, poll_interval_ms=10
    )
    thread = new_thread(first.client, "Hello")
    run = first.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with second.opened("GET", path_of(run)) as live, sync_redis.Redis.from_url(redis_server.url) as client:
        head = read_until(live, b"lo, ")
        client.flushall()
        gate.open()
        whole = head + live.read()
    assert joined(data_of(whole)) == joined(data_of(first.ask("GET", path_of(run)).body))
    for one in (ended, run):
        for number in numbers_of(first.ask("GET", path_of(one)).body):
            rest = [node.ask("GET", f"{path_of(one)}?starting_after={number}").body for node in (first, second)]
            assert joined(data_of(rest[0])) == joined(data_of(rest[1]))
            assert numbers_of(rest[0])[-1:] == numbers_of(rest[1])[-1:]


def test_an_event_number_of_an_ended_run_is_refused_once_redis_and_its_node_are_gone(
    new_server, postgres, redis_server, upstream
):
    settings = {"database": postgres, "broker": redis_server.url, "blobs__shared": "true"}
    first = new_server(**settings).start()
    second = new_server(**settings).share_files(first).start()
    assistant = first.client.beta.assistants.create(model="gpt-4o")
    upstream.answer(text("Hel", "lo."))
    run = first.client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hi"}]}, poll_interval_ms=10
    )
    numbers = numbers_of(first.ask("GET", path_of(run)).body)
    first.kill()
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    for number in numbers:
        reply = second.ask("GET", f"{path_of(run)}?starting_after={number}")
        assert (reply.status, json.loads(reply.body)["error"]["param"]) == (400, "starting_after")
    replay = second.ask("GET", path_of(run)).body
    assert [name for name, _ in data_of(replay)][-2:] == ["thread.run.completed", "done"]
    for number in numbers_of(replay):
        rest = data_of(second.ask("GET", f"{path_of(run)}?starting_after={number}").body)
        assert rest == data_of(replay)[-len(rest) :]

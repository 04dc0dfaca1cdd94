"""Requests that would keep the server busy for everybody: refused before the work, with the limit in the text."""

import json

import openai
import pytest

import upstream as scripted
from e2e.assistants_client import new_thread, outputs_for, reached, user
from envelope import assert_error
from waiting import eventually

BOMB = {
    "type": "object",
    "properties": {"text": {"type": "string", "pattern": "(a{1000}){1000}"}},
    "required": ["text"],
    "additionalProperties": False,
}
REASON = "the `pattern` '(a{1000}){1000}' is unsupported by the rehearsal model."


def too_long(path, limit, length):
    return (
        f"Invalid '{path}': array too long. Expected an array with maximum length {limit},"
        f" but got an array with length {length} instead."
    )


def test_a_chat_is_refused_a_format_that_takes_too_much_work(client):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": BOMB}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="rehearsal", messages=[user("hi")], response_format=wanted)
    assert_error(caught.value, 400, f"Invalid schema for response_format: {REASON}", "response_format")


def test_a_chat_is_refused_a_function_that_takes_too_much_work(client):
    tool = {"type": "function", "function": {"name": "look_up", "parameters": BOMB}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="rehearsal", messages=[user("hi")], tools=[tool], tool_choice="required", stream=True
        )
    assert_error(
        caught.value,
        400,
        f"Invalid schema for function 'look_up': {REASON}",
        "tools",
        "invalid_function_parameters",
    )


def test_a_message_of_anthropics_dialect_is_refused_it_too(server):
    tool = {"name": "look_up", "input_schema": BOMB}
    body = {"model": "rehearsal", "max_tokens": 50, "messages": [user("hi")], "tools": [tool]}
    reply = server.ask("POST", "/v1/messages", {**body, "tool_choice": {"type": "any"}})
    assert (reply.status, reply.json["error"]["type"]) == (400, "invalid_request_error")
    assert reply.json["error"]["message"] == f"Invalid schema for function 'look_up': {REASON}"


def test_a_run_with_such_a_format_fails_with_the_reason(client):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": BOMB}}
    assistant = client.beta.assistants.create(model="rehearsal", response_format=wanted)
    thread = new_thread(client, "hi")
    run = reached(client, client.beta.threads.runs.create(thread.id, assistant_id=assistant.id))
    assert run.status == "failed"
    assert REASON in run.last_error.message


def test_a_provider_is_sent_such_patterns_as_they_came(client, upstream):
    upstream.answer(scripted.text("fine"))
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": BOMB, "strict": True}}
    client.chat.completions.create(model="gpt-4o", messages=[user("hi")], response_format=wanted)
    assert upstream.requests[-1].body["response_format"]["json_schema"]["schema"] == BOMB


@pytest.mark.parametrize("count", [501, 20_000])
def test_a_thread_with_too_many_messages_is_refused_and_not_made(server, count):
    before = server.ask("GET", "/v1/threads?limit=1").json["first_id"]
    reply = server.ask("POST", "/v1/threads", {"messages": [user("hi")] * count})
    assert_error(reply, 400, too_long("messages", 500, count), "messages", "array_above_max_length")
    assert server.ask("GET", "/v1/threads?limit=1").json["first_id"] == before


def test_a_thread_takes_as_many_messages_as_are_allowed(client):
    thread = client.beta.threads.create(messages=[user(f"message {n}") for n in range(500)])
    told = client.beta.threads.messages.list(thread.id, limit=100, order="asc")
    assert [message.content[0].text.value for message in told] == [f"message {n}" for n in range(500)]


def test_the_messages_of_runs_are_counted_as_those_of_threads(server, assistant, thread):
    many = [user("hi")] * 501
    alone = server.ask("POST", f"/v1/threads/{thread.id}/runs", _run(assistant, additional_messages=many))
    whole = server.ask("POST", "/v1/threads/runs", _run(assistant, thread={"messages": many}))
    for reply, path in ((alone, "additional_messages"), (whole, "thread.messages")):
        assert_error(reply, 400, too_long(path, 500, 501), path, "array_above_max_length")


def _run(assistant, **members):
    return {"assistant_id": assistant.id, **members}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"content": [{"type": "text", "text": "hi"}] * 501}, "content"),
        ({"attachments": [{"file_id": "file-1", "tools": [{"type": "file_search"}]}] * 501}, "attachments"),
    ],
)
def test_parts_and_attachments_of_a_message_are_counted(server, thread, members, path):
    reply = server.ask("POST", f"/v1/threads/{thread.id}/messages", {**user("hi"), **members})
    assert_error(reply, 400, too_long(path, 500, 501), path, "array_above_max_length")


def test_outputs_of_tools_are_counted(server, client, upstream, forecaster, thread):
    upstream.answer(scripted.calls(scripted.call("get_weather", city="Oslo")))
    started = client.beta.threads.runs.create(thread.id, assistant_id=forecaster.id)
    run = reached(client, started, "requires_action")
    path = f"/v1/threads/{thread.id}/runs/{run.id}/submit_tool_outputs"
    reply = server.ask("POST", path, {"tool_outputs": outputs_for(run) * 129})
    assert_error(reply, 400, too_long("tool_outputs", 128, 129), "tool_outputs", "array_above_max_length")
    upstream.answer(scripted.text("18 degrees"))
    client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
    assert reached(client, run).status == "completed"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/threads", b'{"messages":[' + b"{}," * 200_000 + b"{}]}"),
        ("/v1/chat/completions", b'{"model":"gpt-4o","messages":[' + b"[]," * 200_000 + b"[]]}"),
        ("/v1/responses", b'{"model":"gpt-4o","input":[' + b"{}," * 200_000 + b"{}]}"),
        ("/openai/deployments/gpt-4o/chat/completions", b'{"messages":[' + b"[]," * 200_000 + b"[]]}"),
    ],
)
def test_a_body_of_countless_arrays_and_objects_is_refused_before_it_is_decoded(server, upstream, path, body):
    asked = len(upstream.requests)
    reply = server.ask("POST", path, body, {"Content-Type": "application/json"})
    message = "Invalid request body: too large. Expected JSON with at most 100000 arrays and objects."
    assert_error(reply, 400, message)
    assert len(upstream.requests) == asked


def test_a_body_of_countless_numbers_is_refused_before_it_is_decoded(server):
    body = b'{"model":"rehearsal","input":[' + b"1," * 300_000 + b"1]}"
    reply = server.ask("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    assert_error(reply, 400, "Invalid request body: too large. Expected JSON with at most 300000 values.")


def test_commas_and_brackets_of_a_long_text_are_no_values(client, upstream):
    text = '[{"a","' + "[{," * 120_000 + ',"' * 200_000
    upstream.answer(scripted.text("read"))
    client.chat.completions.create(model="gpt-4o", messages=[user(text)])
    assert upstream.requests[-1].body["messages"][0]["content"] == text


def test_a_line_of_a_batch_has_the_bounds_of_a_request(server, client):
    body = {"model": "rehearsal", "messages": [user("hi")] * 10_001}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    file = client.files.create(file=("a.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = eventually(lambda: _ended(client, batch.id))
    (found,) = [json.loads(one) for one in client.files.content(ended.error_file_id).text.splitlines()]
    assert found["response"]["body"]["error"]["message"] == too_long("messages", 10_000, 10_001)


def _ended(client, batch_id):
    found = client.batches.retrieve(batch_id)
    return found if found.status == "completed" else None


def test_an_mcp_request_has_its_own_size_limits(server):
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
    large = server.ask("POST", "/mcp", call + b'"' + b"a" * 9_000_000 + b'"}', headers)
    assert (large.status, b"The limit is 1048576 bytes." in large.body) == (413, True)
    wide = server.ask("POST", "/mcp", call + b"[" + b"[]," * 200_000 + b"1]}", headers)
    assert (wide.status, b"Expected JSON with at most 100000 arrays and objects." in wide.body) == (400, True)


@pytest.mark.parametrize(
    "line",
    [
        b'{"custom_id":"a","method":1,"url":"/v1/chat/completions","body":[' + b"[]," * 200_000 + b"[]]}",
        b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":[' + b"[]," * 200_000 + b"[]]}",
    ],
)
def test_a_line_of_a_batch_that_is_to_be_explained_is_counted_first(client, line):
    file = client.files.create(file=("a.jsonl", line), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = eventually(lambda: _failed(client, batch.id))
    (found,) = ended.errors.data
    assert found.message == "Invalid request body: too large. Expected JSON with at most 100000 arrays and objects."
    assert found.line == 1


def _failed(client, batch_id):
    found = client.batches.retrieve(batch_id)
    return found if found.status == "failed" else None

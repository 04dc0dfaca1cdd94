"""Failures around the server: it returns a clear error, loses nothing that it accepted, and recovers."""

import contextlib
import socket

import openai
import pytest

from e2e.assistants_client import WEATHER, fetch_run, new_thread, outputs_for, reached, run_of, texts
from serving import KEY, WAIT, limit_files
from upstream import HANG, Gate, call, calls, text
from waiting import eventually

PARIS = call("get_weather", call_id="call_a", city="Paris")


def test_a_full_disk_returns_503_and_accepted_messages_survive(new_server):
    server = new_server()
    server.prefix = limit_files(4096)
    server.start()
    thread = new_thread(server.client)
    accepted = []
    with pytest.raises(openai.InternalServerError) as refused:
        say_until_refused(server, thread, accepted)
    assert refused.value.status_code == 503
    assert "storage" in refused.value.body["message"]
    assert kept(server, thread) == accepted
    server.kill()
    logged = server.log.read_text()
    assert "failed" in logged
    assert "Traceback" not in logged
    server.log.write_text("")
    server.prefix = ()
    server.start()
    assert kept(server, thread) == accepted
    server.client.beta.threads.messages.create(thread.id, role="user", content="room again")


def say_until_refused(server, thread, accepted):
    for _ in range(100):
        message = server.client.beta.threads.messages.create(thread.id, role="user", content="x" * 100_000)
        accepted.append(message.id)


def kept(server, thread):
    return [message.id for message in server.client.beta.threads.messages.list(thread.id, order="asc", limit=100)]


def test_an_invalid_database_is_refused_in_a_sentence(new_server):
    server = new_server()
    server.data.mkdir()
    (server.data / "understudy.sqlite3").write_bytes(b"not a database" * 1000)
    refusal = server.refusal()
    assert "file is not a database" in refusal
    assert "Traceback" not in refusal


def test_a_client_that_does_not_read_its_stream_does_not_block_others(server, upstream, assistant):
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    upstream.always(text(*["many words "] * 20_000))
    thread = new_thread(server.client, "Hello")
    with socket.create_connection((host, int(port)), timeout=WAIT) as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        body = f'{{"assistant_id": "{assistant.id}", "stream": true}}'
        silent.sendall(
            f"POST /v1/threads/{thread.id}/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        (run,) = eventually(lambda: list(server.client.beta.threads.runs.list(thread.id)))
        assert reached(server.client, run).status == "completed"
    assert texts(server.client, thread)[1] == "many words " * 20_000


def test_idle_connections_do_not_block_other_requests(server, assistant):
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with contextlib.ExitStack() as idle:
        for number in range(400):
            connection = idle.enter_context(socket.create_connection((host, int(port)), timeout=WAIT))
            if number % 2:
                connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost:")
        assert server.client.beta.assistants.retrieve(assistant.id) == assistant


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /v1/models HTTP/1.1\r\nX: " + b"a" * 100_000, b"431"),
        (b"nonsense\r\n\r\n", b"400"),
        ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"400"),
    ],
)
def test_a_malformed_request_head_is_refused_with_an_error_body(server, request_bytes, status):
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as connection:
        connection.sendall(request_bytes)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    assert answer.split(b" ")[1] == status
    assert answer.endswith(b'"type":"invalid_request_error","param":null,"code":null}}')


def test_runs_beyond_the_limit_wait_for_a_place(new_server, upstream):
    server = new_server(limits__concurrent_runs=1).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    gate = Gate()
    upstream.answer(text("first", gate), text("second"))
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    first, second = (
        server.client.beta.threads.create_and_run(assistant_id=assistant.id, thread=body) for _ in range(2)
    )
    upstream.wait_for(1)
    assert fetch_run(server.client, second).status == "queued"
    gate.open()
    assert reached(server.client, first).status == "completed"
    assert reached(server.client, second).status == "completed"


@pytest.mark.parametrize("by", ["header", "setting"])
def test_a_run_on_a_busy_thread_is_queued_if_requested(new_server, upstream, by):
    server = new_server(limits__queue_runs=str(by == "setting").lower()).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    gate = Gate()
    upstream.answer(text("one", gate), text("two"))
    runs = server.client.beta.threads.runs
    first = runs.create(thread.id, assistant_id=assistant.id)
    upstream.wait_for(1)
    gate.open()
    headers = {"x-understudy-queue-run": "true"} if by == "header" else {}
    second = runs.create(thread.id, assistant_id=assistant.id, extra_headers=headers)
    assert reached(server.client, second).status == "completed"
    assert fetch_run(server.client, first).status == "completed"
    assert texts(server.client, thread) == ["Hello", "one", "two"]


def test_outputs_of_an_expired_run_are_refused_and_a_stuck_run_expires(new_server, upstream):
    server = new_server(limits__run_seconds=1).start()
    assistant = server.client.beta.assistants.create(model="gpt-4o", tools=[WEATHER])
    thread = new_thread(server.client, "Weather?")
    upstream.answer(calls(PARIS))
    run = run_of(server.client, thread, assistant)
    assert run.status == "requires_action"
    eventually(lambda: fetch_run(server.client, run).status == "expired")
    with pytest.raises(openai.BadRequestError, match='Runs in status "expired" do not accept tool outputs'):
        server.client.beta.threads.runs.submit_tool_outputs(run.id, thread_id=thread.id, tool_outputs=outputs_for(run))
    upstream.answer(text(HANG))
    stuck = server.client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert reached(server.client, stuck).status == "expired"

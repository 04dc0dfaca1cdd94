"""Responses over WebSocket: turns, lanes, what a connection remembers, and errors."""

import json
import socket as plain_socket
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from e2e.assistants_client import on_both
from e2e.billing import new_key
from serving import KEY
from upstream import Gate, stalled, text

TERMINAL = {"response.completed", "response.failed", "response.incomplete", "error"}


class Socket:
    def __init__(self, server, key=KEY, path="/v1/responses"):
        # The proxy in front of two nodes knows no WebSocket.
        root = getattr(server, "second", server).url.removesuffix("/v1").replace("http", "ws", 1)
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._opening = connect(root + path, additional_headers=headers, open_timeout=20, max_size=None)

    def __enter__(self):
        self.connection = self._opening.__enter__()
        return self

    def __exit__(self, *details):
        self._opening.__exit__(*details)

    def send(self, **members):
        self.connection.send(json.dumps({"type": "response.create", "model": "gpt-4o", **members}))

    def receive(self):
        return json.loads(self.connection.recv(timeout=20))

    def turn(self, **members):
        """The events of one turn."""
        self.send(**members)
        events = [self.receive()]
        while events[-1]["type"] not in TERMINAL:
            events.append(self.receive())
        return events


@pytest.fixture
def socket(server):
    with Socket(server) as opened:
        yield opened


@on_both
def test_a_turn_has_the_events_of_a_stream(server, client):
    with Socket(server) as socket:
        events = socket.turn(input="Hello", stream=True, client_metadata={"a": "b"})
    assert [one["sequence_number"] for one in events] == list(range(len(events)))
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.completed")
    assert not any("stream_id" in one for one in events)
    made = client.responses.retrieve(events[-1]["response"]["id"])
    assert made.output_text == "You said: Hello"


def test_an_unstored_response_is_continued_on_its_connection_only(server, client, upstream, socket):
    first = socket.turn(input="One", store=False)[-1]["response"]["id"]
    with pytest.raises(Exception, match="not found"):
        client.responses.retrieve(first)
    with Socket(server) as other:
        refused = other.turn(input="Two", previous_response_id=first, store=False)[-1]
        assert (refused["type"], refused["status"]) == ("error", 400)
        assert refused["error"]["code"] == "previous_response_not_found"
        assert other.turn(input="Fresh")[-1]["type"] == "response.completed"
    second = socket.turn(input="Two", previous_response_id=first, store=False)[-1]
    assert second["type"] == "response.completed"
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["One", "You said: One", "Two"]
    replaced = socket.turn(input="Again", previous_response_id=first)[-1]
    assert replaced["error"]["code"] == "previous_response_not_found"
    third = socket.turn(input="Three", previous_response_id=second["response"]["id"])[-1]
    assert third["type"] == "response.completed"


def test_a_refused_continuation_is_forgotten(socket):
    first = socket.turn(input="One", store=False)[-1]["response"]["id"]
    output = {"type": "function_call_output", "call_id": "call_none", "output": "1"}
    assert socket.turn(input=[output], previous_response_id=first)[-1]["type"] == "error"
    assert socket.turn(input="Two", previous_response_id=first)[-1]["error"]["code"] == "previous_response_not_found"


# Of the package `websockets`, whose older form the client uses.
@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_the_official_client_connects(server):
    root = getattr(server, "second", server)
    with root.new_client() as client, client.responses.connect() as connection:
        connection.response.create(model="gpt-4o", input="Hello")
        events = []
        for event in connection:
            events.append(event)
            if event.type == "response.completed":
                break
    assert events[0].type == "response.created"
    assert events[-1].response.output[0].content[0].text == "You said: Hello"


def test_lanes_run_at_once_and_name_their_events(socket, upstream):
    socket.send(input="A", stream_id="a.1")
    socket.send(input="B", stream_id="b-2")
    socket.send(input="C", stream_id="a.1")
    ended = []
    while len(ended) < 3:
        event = socket.receive()
        assert event["stream_id"] in {"a.1", "b-2"}
        if event["type"] in TERMINAL:
            ended.append((event["stream_id"], event["response"]["output"][0]["content"][0]["text"]))
    assert [said for lane, said in ended if lane == "a.1"] == ["You said: A", "You said: C"]
    assert ("b-2", "You said: B") in ended


def test_a_warm_up_prepares_the_next_turn_without_a_model_call(socket, upstream):
    warm = socket.turn(input="Context", instructions="Be brief.", generate=False, store=False)
    assert [one["type"] for one in warm] == ["response.created", "response.in_progress", "response.completed"]
    assert warm[-1]["response"]["output"] == []
    assert upstream.requests == []
    done = socket.turn(input="Go", previous_response_id=warm[-1]["response"]["id"], store=False)[-1]
    assert done["type"] == "response.completed"
    assert [one["content"] for one in upstream.requests[-1].body["messages"]] == ["Be brief.", "Context", "Go"]


def test_warm_ups_can_follow_a_response_that_is_not_stored(socket, upstream):
    latest = socket.turn(input="One", store=False)[-1]["response"]["id"]
    for context in ("Two", "Three"):
        warm = socket.turn(input=context, generate=False, previous_response_id=latest, store=False)[-1]
        latest = warm["response"]["id"]
    done = socket.turn(input="Go", previous_response_id=latest, store=False)[-1]
    assert done["type"] == "response.completed"
    sent = [one["content"] for one in upstream.requests[-1].body["messages"]]
    assert sent == ["One", "You said: One", "Two", "Three", "Go"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("no JSON", "invalid_json"),
        ("[1]", "invalid_json"),
        ('{"type": "response.nothing"}', "invalid_value"),
        ('{"type": "response.create", "stream_id": "a b"}', "invalid_stream_id"),
        ('{"type": "response.create", "stream_id": ""}', "invalid_stream_id"),
        ('{"type": "response.create", "model": "gpt-4o", "input": "a", "background": true}', "unsupported_parameter"),
        ('{"type": "response.create", "model": "gpt-4o", "input": "a", "generate": "no"}', "invalid_type"),
        ('{"type": "response.create", "model": "nobody/has-this", "input": "a"}', "model_not_found"),
        ('{"type": "response.create", "model": "gpt-4o"}', "missing_required_parameter"),
        ('{"type": "response.create", "model": "gpt-4o", "previous_response_id": [1]}', "invalid_type"),
        ('{"type": "response.create", "previous_response_id": {"a": 1}, "generate": false}', "invalid_type"),
        pytest.param(f"[{'[],' * 200_000}1]", None, id="values"),
    ],
)
def test_a_fault_is_an_error_event_and_the_connection_stays(socket, sent, code):
    socket.connection.send(sent)
    event = socket.receive()
    assert (event["type"], event["error"]["code"]) == ("error", code)
    assert event["status"] == 400
    assert socket.turn(input="Hello")[-1]["type"] == "response.completed"


def test_at_most_32_lanes_are_named(socket):
    for number in range(33):
        socket.send(input="Hi", stream_id=f"lane-{number}")
    while (event := socket.receive())["type"] != "error":
        pass
    assert event["error"]["code"] == "websocket_stream_limit_reached"
    assert event["stream_id"] == "lane-32"


def test_requests_that_wait_have_a_limit_of_bytes_together(socket, upstream):
    gate = Gate()
    upstream.answer(stalled(gate), stalled(gate))
    for lane in ("a", "b", "c"):
        members = {"type": "response.create", "model": "gpt-4o", "input": "Hi", "stream_id": lane}
        socket.connection.send(json.dumps(members) + " " * 900_000)
    while (event := socket.receive())["type"] != "error":
        pass
    assert (event["stream_id"], event["error"]["code"]) == ("c", "too_many_requests")
    gate.open()
    ended = 0
    while ended < 2:
        ended += socket.receive()["type"] in TERMINAL
    assert socket.turn(input="Hi", stream_id="c")[-1]["type"] == "response.completed"


def test_steering_is_refused(socket):
    socket.connection.send(json.dumps({"type": "response.steer", "previous_response_id": "resp_1", "input": "Stop"}))
    event = socket.receive()
    assert (event["type"], event["error"]["code"]) == ("response.steer.failed", "steering_not_supported")


@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_a_handshake_without_a_valid_key_is_refused_with_the_envelope(server, key):
    with pytest.raises(InvalidStatus) as refused, Socket(server, key):
        pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["type"] == "invalid_request_error"


def test_another_path_is_no_socket(server):
    with pytest.raises(InvalidStatus) as refused, Socket(server, path="/v1/threads"):
        pass
    assert refused.value.response.status_code in {403, 404}


def test_the_error_that_ends_a_stream_has_a_status(server, client, upstream):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("Next"))
    with Socket(server) as socket:
        socket.send(input="Hello", stream_id="a")
        started = socket.receive()
        while socket.receive()["type"] != "response.output_text.delta":
            pass
        client.responses.delete(started["response"]["id"])
        error = socket.receive()
        assert (error["type"], error["status"], error["stream_id"]) == ("error", 500, "a")
        assert error["error"]["type"] == "server_error"
        assert "stopped following this response" in error["error"]["message"]
        gate.open()
        assert socket.turn(input="Hello", stream_id="a")[-1]["type"] == "response.completed"


def test_a_revoked_key_ends_its_turn_with_its_status(server, upstream):
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"))
    key = new_key(server)
    with Socket(server, key=key["key"]) as socket:
        socket.send(input="Hello")
        while socket.receive()["type"] != "response.output_text.delta":
            pass
        server.run("keys", "revoke", key["id"])
        error = socket.receive()
        assert (error["type"], error["status"], error["error"]["code"]) == ("error", 401, "invalid_api_key")
        gate.open()


def test_a_provider_error_fails_the_response(socket, upstream):
    upstream.answer(text().but(status=500, body=b'{"error": {"message": "Down."}}'))
    event = socket.turn(input="Hello")[-1]
    assert event["type"] in {"response.failed", "error"}
    assert "Down." in json.dumps(event)


def test_pongs_are_left_out_while_the_client_does_not_read(server):
    address = urlsplit(server.url)
    head = (
        f"GET /v1/responses HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {KEY}\r\n\r\n"
    )
    # The buffers of the system take some megabytes of pings, which are answered once the client reads.
    pings = (b"\x89\xfd\0\0\0\0" + b"a" * 125) * 200_000
    received = 0
    with plain_socket.socket() as connection:
        connection.settimeout(20)
        for buffer in (plain_socket.SO_RCVBUF, plain_socket.SO_SNDBUF):
            connection.setsockopt(plain_socket.SOL_SOCKET, buffer, 65_536)
        connection.connect((address.hostname, address.port))
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 101")
        connection.sendall(pings + b"\x88\x82\0\0\0\0\x03\xe8")
        while chunk := connection.recv(1 << 20):
            received += len(chunk)
    assert 0 < received < len(pings) // 2

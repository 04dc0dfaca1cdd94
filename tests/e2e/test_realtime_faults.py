"""Realtime sessions with providers, clients and servers that fail: every session ends, says why, and leaves nothing."""

import json
import signal
import socket as plain_socket
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from e2e.realtime_sockets import open_realtime, refusal
from realtime_upstream import begin, end
from waiting import eventually


def test_the_close_code_of_the_provider_reaches_the_client(server, upstream):
    async def close(session):
        await session.send("session.created", session=session.state)
        await session.socket.close(code=4321, message=b"enough")

    upstream.realtime.behave(close)
    with open_realtime(server) as client:
        events, code, reason = client.end()
    assert ([one["type"] for one in events], code, reason) == (["session.created"], 4321, "enough")


def test_the_close_code_of_the_client_reaches_the_provider(server, upstream):
    with open_realtime(server) as client:
        client.receive()
        client.connection.close(code=4000, reason="bye")
    assert upstream.realtime.wait_for(1).wait_closed() == 4000


def test_a_provider_that_is_cut_off_ends_the_session_with_an_error(server, upstream):
    async def cut(session):
        await session.send("session.created", session=session.state)
        session.socket._req.transport.abort()

    upstream.realtime.behave(cut)
    with open_realtime(server) as client:
        events, code, _ = client.end()
    assert [one["type"] for one in events] == ["session.created", "error"]
    assert (events[-1]["error"]["code"], code) == ("upstream_closed", 1011)


def test_a_provider_that_refuses_the_handshake_does_not_blame_the_client(server, upstream):
    upstream.realtime.refusal = (401, {"error": {"message": "Incorrect API key provided: upstream-key."}})
    status, error = refusal(server)
    assert (status, error["code"]) == (502, "upstream_authentication")
    assert "upstream-key" not in error["message"]
    upstream.realtime.refusal = (400, {"error": {"message": "No such mode.", "code": "bad_mode"}})
    assert refusal(server)[1]["message"] == "No such mode."


def test_a_provider_without_the_endpoint_is_not_a_handshake(new_server, upstream):
    upstream.realtime.refusal = (200, {"hello": 1})
    status, error = refusal(new_server().start())
    assert (status, error["code"]) == (502, "upstream_malformed")


def test_a_redirect_does_not_take_the_key_to_another_place(server, upstream):
    upstream.realtime.location = f"{upstream.url}/realtime"
    status, error = refusal(server)
    assert (status, error["code"], upstream.realtime.handshakes) == (502, "upstream_malformed", 1)


def test_errors_of_the_provider_do_not_show_its_key(server, upstream):
    async def fail(session):
        await session.send(
            "error", error={"type": "server_error", "message": "The key upstream-key at 10.1.2.3 is bad."}
        )
        await begin(session)
        failed = {"code": "upstream-key", "message": "The key upstream-key at 10.1.2.3 is bad."}
        await session.send("conversation.item.input_audio_transcription.failed", item_id="item_1", error=failed)
        details = {"type": "failed", "error": {"message": "upstream-key"}}
        await end(session, status="failed", status_details=details)
        await session.receive()

    upstream.realtime.behave(fail)
    with open_realtime(server) as client:
        events = client.until("response.done")
    assert "conversation.item.input_audio_transcription.failed" in [one["type"] for one in events]
    assert "upstream-key" not in json.dumps(events)
    assert "10.1.2.3" not in json.dumps(events)


def test_what_a_provider_sends_beside_events_is_relayed(server, upstream):
    async def babble(session):
        await session.socket.send_str("no json")
        await session.socket.send_str('{"type": 7}')
        await session.socket.send_bytes(b"\x00\xff")
        await session.send("response.done", response=None)
        await session.socket.send_bytes(b'{"type":"response.done","response":{"status":"failed"}}')
        await session.send("response.done", response={"id": "r", "usage": {"input_tokens": "many"}})
        await session.send("session.updated", session=[])
        await session.receive()

    upstream.realtime.behave(babble)
    with open_realtime(server) as client:
        received = [client.connection.recv(timeout=20) for _ in range(7)]
    assert received[:3] == ["no json", '{"type": 7}', b"\x00\xff"]


def test_sessions_of_a_project_are_limited(new_server, upstream):
    server = new_server(realtime__project_sessions=1).start()
    with open_realtime(server) as client:
        client.receive()
        status, error = refusal(server)
        assert (status, error["code"]) == (429, "rate_limit_exceeded")
        assert "realtime.project_sessions" in error["message"]
    eventually(lambda: _opens(server))


def _opens(server):
    try:
        with open_realtime(server) as client:
            return client.receive()
    except Exception:  # noqa: BLE001 - the place of the session before is free in a moment
        return None


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"realtime__session_seconds": 0.3}, "session_expired"), ({"realtime__idle_seconds": 0.3}, "session_idle")],
)
def test_sessions_end_after_their_time(new_server, upstream, settings, code):
    server = new_server(**settings).start()
    with open_realtime(server) as client:
        events, closed, _ = client.end()
    assert (events[-1]["error"]["code"], closed) == (code, 1001)
    assert upstream.realtime.wait_for(1).wait_closed() == 1000


def test_an_event_that_is_too_large_ends_the_session(new_server, upstream):
    server = new_server(realtime__message_bytes=65536).start()
    with open_realtime(server) as client:
        client.receive()
        client.send("input_audio_buffer.append", audio="A" * 70_000)
        events, code, _ = client.end()
    assert (events[-1]["error"]["code"], code) == ("message_too_big", 1009)

    async def flood(session):
        await session.send("response.output_audio.delta", delta="A" * 70_000)
        await session.receive()

    upstream.realtime.behave(flood)
    with open_realtime(server) as client:
        events, code, _ = client.end()
    assert (events[-1]["error"]["code"], code) == ("upstream_closed", 1011)


def test_a_client_that_sends_nothing_of_use_is_disconnected(server, upstream):
    with open_realtime(server) as client:
        for _ in range(100):
            client.connection.send("nothing")
        events, code, _ = client.end()
    assert [one["type"] for one in events].count("error") == 100
    assert code == 1008


def test_many_values_and_deep_nesting_are_refused_at_once(server, upstream):
    with open_realtime(server) as client:
        client.receive()
        for text in (
            '{"type":"a","b":' + "[" * 50_000 + "]" * 50_000 + "}",
            '{"type":"a","b":[' + "[]," * 200_000 + "0]}",
        ):
            client.connection.send(text)
            assert client.receive()["type"] == "error"
        client.say("Hello")


def test_every_url_of_an_event_with_many_is_checked(server, upstream):
    tools = [{"type": "mcp", "server_label": "a", "server_url": "https://example.com/mcp"}] * 5000
    tools.append({"type": "mcp", "server_label": "b", "server_url": "http://10.1.2.3/mcp"})
    with open_realtime(server) as client:
        client.receive()
        client.send("session.update", session={"type": "realtime", "tools": tools})
        error = client.receive()["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "session.tools[5000].server_url")
        client.say("Hello")
    assert "session.update" not in [one["type"] for one in upstream.realtime.wait_for(1).received]


def test_a_flood_of_small_events_lets_others_be_served(server, upstream):
    with open_realtime(server) as client:
        client.receive()
        for number in range(2000):
            client.connection.send(json.dumps({"type": "input_audio_buffer.append", "audio": str(number)}))
        assert server.ask("GET", "/v1/models").status == 200
        session = upstream.realtime.wait_for(1)
        client.send("input_audio_buffer.commit")
        session.wait_for("input_audio_buffer.commit")
    assert [one["audio"] for one in session.received[:2000]] == [str(number) for number in range(2000)]


def test_many_frames_in_one_read_arrive_in_order(server, upstream):
    texts = [json.dumps({"type": "input_audio_buffer.append", "audio": str(number)}) for number in range(8000)]
    frames = b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts)
    with open_realtime(server) as client:
        client.receive()
        client.connection.socket.sendall(frames)
        client.send("input_audio_buffer.commit")
        session = upstream.realtime.wait_for(1)
        session.wait_for("input_audio_buffer.commit")
    assert session.raw[:8000] == texts


def test_what_a_client_sends_before_it_leaves_arrives(server, upstream):
    texts = [json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 20_000}) for _ in range(20)]
    frames = b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts)
    with open_realtime(server) as client:
        client.receive()
        session = upstream.realtime.wait_for(1)
        client.connection.socket.sendall(frames + Frame(Opcode.CLOSE, b"\x0f\xa0").serialize(mask=True))
        assert session.wait_closed() == 4000
    assert session.raw == texts


def test_a_client_that_reads_nothing_stops_the_provider(server, upstream):
    sent = 0

    async def speak(session):
        nonlocal sent
        await session.receive()
        for _ in range(400):
            await session.send("response.output_audio.delta", delta="A" * 200_000)
            sent += 1
        await session.send("response.output_audio.done")
        await session.receive()

    upstream.realtime.behave(speak)
    options = {"max_queue": 1}
    with open_realtime(server, **options) as client:
        client.connection.socket.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_RCVBUF, 65536)
        client.send("response.create")
        # The provider's writes stop by themselves: the buffers between are small.
        stalled = eventually(lambda: _stands_still(lambda: sent))
        assert stalled < 400
        assert len(client.until("response.output_audio.done")) == 401


def _stands_still(count):
    before = count()
    time.sleep(0.3)
    return before if before and count() == before else None


def test_a_stopping_server_ends_sessions_with_an_error(new_server, upstream):
    server = new_server().start()
    with open_realtime(server) as client:
        client.receive()
        server.process.send_signal(signal.SIGTERM)
        events, code, reason = client.end()
    assert (events[-1]["error"]["code"], code, reason) == ("server_stopping", 1001, "server stopping")
    server.ended()
    assert upstream.realtime.wait_for(1).wait_closed() == 1000


def test_a_stopping_server_waits_for_a_response(new_server, upstream):
    async def finish(session):
        await session.receive()
        await begin(session)
        await session.receive()
        await end(session)
        await session.receive()

    upstream.realtime.behave(finish)
    server = new_server(shutdown_seconds=20).start()
    with open_realtime(server) as client:
        client.send("response.create")
        client.until("response.created")
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.log.read_text())
        client.send("input_audio_buffer.clear")
        events, code, _ = client.end()
    assert ([one["type"] for one in events], code) == (["response.done", "error"], 1001)
    server.ended()


def test_a_client_that_vanishes_ends_the_session_at_the_provider(server, upstream):
    with open_realtime(server) as client:
        client.receive()
        client.connection.socket.shutdown(plain_socket.SHUT_RDWR)
        assert upstream.realtime.wait_for(1).wait_closed()
        with pytest.raises(ConnectionClosed):
            client.receive()

"""Client secrets of realtime sessions: what they open, for how long, and how browsers send them."""

import time

import pytest
from websockets.sync.client import connect

from e2e.assistants_client import on_both
from e2e.billing import new_key
from e2e.realtime_sockets import RealtimeClient, open_realtime, refusal, socket_url
from serving import KEY


def make(server, path="client_secrets", key=KEY, **body):
    reply = server.ask("POST", f"/v1/realtime/{path}", body, key=key)
    assert reply.status == 200, reply.json
    return reply.json


def browser(server, *protocols, query="model=gpt-4o"):
    """A connection as a browser makes it, without headers of its own."""
    return connect(
        socket_url(server, f"/v1/realtime?{query}"),
        subprotocols=["realtime", *protocols],
        origin="https://app.example",
        open_timeout=20,
    )


@on_both
def test_a_client_secret_opens_the_session_that_it_was_made_for(server, upstream):
    config = {"type": "realtime", "model": "gpt-4o", "instructions": "Be brief.", "output_modalities": ["text"]}
    made = make(server, session=config)
    assert made["value"].startswith("ek_")
    assert 590 <= made["expires_at"] - time.time() <= 601
    assert made["session"] | config == made["session"]
    assert (made["session"]["object"], made["session"]["id"][:5]) == ("realtime.session", "sess_")
    with open_realtime(server, "", made["value"]) as client:
        created = client.receive()
        assert (created["type"], created["session"]["instructions"]) == ("session.created", "Be brief.")
        client.say("Hello")
    session = upstream.realtime.wait_for(1)
    assert session.query["model"] == "gpt-4o"
    assert (session.received[0]["type"], session.received[0]["session"]) == (
        "session.update",
        {name: value for name, value in config.items() if name != "model"},
    )
    assert session.headers["authorization"] == "Bearer upstream-key"


def test_the_official_client_makes_client_secrets(server, client, upstream):
    made = client.realtime.client_secrets.create(
        expires_after={"anchor": "created_at", "seconds": 10}, session={"type": "realtime", "model": "gpt-4o"}
    )
    assert 8 <= made.expires_at - time.time() <= 11
    assert (made.session.type, made.session.model) == ("realtime", "gpt-4o")
    transcribing = client.realtime.client_secrets.create(
        session={"type": "transcription", "audio": {"input": {"transcription": {"model": "gpt-4o-mini"}}}}
    )
    assert transcribing.session.object == "realtime.transcription_session"
    with open_realtime(server, "intent=transcription&model=gpt-4o-mini", transcribing.value) as opened:
        assert opened.receive()["session"]["type"] == "transcription"


@pytest.mark.parametrize("seconds", [9, 7201])
def test_the_lifetime_has_the_documented_bounds(server, seconds):
    reply = server.ask("POST", "/v1/realtime/client_secrets", {"expires_after": {"seconds": seconds}})
    assert (reply.status, reply.json["error"]["param"]) == (400, "expires_after.seconds")


@pytest.mark.parametrize(
    ("session", "status", "param"),
    [
        ({"type": "other"}, 400, "session.type"),
        ({}, 400, "session.type"),
        ({"type": "realtime", "model": "unknown"}, 404, "model"),
        ({"type": "realtime", "audio": {"input": {"transcription": {"model": "unknown"}}}}, 404, "model"),
        (
            {"type": "realtime", "tools": [{"type": "mcp", "server_url": "http://10.0.0.1/"}]},
            400,
            "tools[0].server_url",
        ),
        ({"type": "realtime", "instructions": "a" * 2**18}, 400, "session"),
    ],
)
def test_a_session_that_could_not_be_opened_gets_no_secret(server, session, status, param):
    reply = server.ask("POST", "/v1/realtime/client_secrets", {"session": session})
    assert (reply.status, reply.json["error"]["param"]) == (status, param)


def test_a_client_secret_opens_nothing_else(server, upstream):
    secret = make(server)["value"]
    for method, path in (("GET", "/v1/models"), ("POST", "/v1/realtime/client_secrets")):
        reply = server.ask(method, path, {} if method == "POST" else None, key=secret)
        assert (reply.status, reply.json["error"]["code"]) == (401, "invalid_api_key")
    with open_realtime(server, key=secret) as client:
        assert client.receive()["type"] == "session.created"
    # What the endpoint has accepted a moment ago is no key elsewhere.
    assert server.ask("GET", "/v1/models", key=secret).status == 401
    bound = make(server, session={"type": "realtime", "model": "gpt-4o"})["value"]
    assert refusal(server, "model=gpt-4o-mini", bound)[1]["param"] == "model"


def test_a_client_secret_and_its_sessions_end_with_its_key(new_server, upstream):
    server = new_server().start()
    key = new_key(server, "--name", "page")
    secret = make(server, key=key["key"])["value"]
    with open_realtime(server, key=secret) as client:
        client.receive()
        server.run("keys", "revoke", key["id"])
        events, code, _ = client.end()
        assert (events[-1]["error"]["code"], code) == ("invalid_api_key", 3000)
    assert "has made this client secret" in refusal(server, key=secret)[1]["message"]
    assert secret.encode() not in b"".join(path.read_bytes() for path in server.data.glob("*.db*"))


def test_a_browser_sends_the_secret_as_a_subprotocol(server, upstream):
    secret = make(server)["value"]
    with browser(server, f"openai-insecure-api-key.{secret}") as connection:
        assert connection.subprotocol == "realtime"
        client = RealtimeClient(connection)
        assert client.receive()["type"] == "session.created"
    assert upstream.realtime.wait_for(1).headers.get("openai-beta") is None


def test_a_browser_reads_why_it_is_refused(server, upstream):
    with browser(server, "openai-insecure-api-key.ek_wrong") as connection:
        events, code, reason = RealtimeClient(connection).end()
    assert (events[0]["type"], events[0]["error"]["code"]) == ("error", "invalid_api_key")
    assert (code, reason) == (3000, "invalid_api_key")
    with browser(server, f"openai-insecure-api-key.{KEY}", query="model=unknown") as connection:
        events, code, reason = RealtimeClient(connection).end()
    assert (events[0]["error"]["code"], code) == ("model_not_found", 1008)


def test_the_forms_of_the_beta_are_for_clients_of_the_beta(server, upstream):
    made = make(server, "sessions", model="gpt-4o", modalities=["text"], voice="alloy")
    assert made["client_secret"]["expires_at"] - time.time() <= 61
    assert (made["object"], made["model"], made["voice"]) == ("realtime.session", "gpt-4o", "alloy")
    secret = made["client_secret"]["value"]
    assert refusal(server, "", secret)[1]["code"] == "api_version_mismatch"
    with browser(server, f"openai-insecure-api-key.{secret}", "openai-beta.realtime-v1", query="") as connection:
        assert RealtimeClient(connection).receive()["session"]["voice"] == "alloy"
    session = upstream.realtime.wait_for(1)
    assert session.headers["openai-beta"] == "realtime=v1"
    assert session.received[0]["session"] == {"modalities": ["text"], "voice": "alloy"}
    general = make(server)["value"]
    assert refusal(server, key=general, headers={"openai-beta": "realtime=v1"})[1]["code"] == "api_version_mismatch"


def test_a_transcription_session_of_the_beta(server, upstream):
    made = make(server, "transcription_sessions", input_audio_transcription={"model": "gpt-4o-mini"})
    assert made["object"] == "realtime.transcription_session"
    secret = made["client_secret"]["value"]
    beta = {"openai-beta": "realtime=v1"}
    with open_realtime(server, "intent=transcription&model=gpt-4o-mini", secret, headers=beta) as client:
        created = client.receive()
        assert created["type"] == "transcription_session.created"
        assert created["session"]["input_audio_transcription"] == {"model": "gpt-4o-mini"}
    assert upstream.realtime.wait_for(1).received[0]["type"] == "transcription_session.update"


def test_a_configuration_that_the_provider_refuses_is_an_error_after_the_new_session(server, upstream):
    async def refuse(session):
        await session.send("session.created", session=session.state)
        event = await session.receive()
        await session.send(
            "error", error={"type": "invalid_request_error", "message": "No.", "event_id": event["event_id"]}
        )
        await session.receive()

    upstream.realtime.behave(refuse)
    secret = make(server, session={"type": "realtime", "voice": "none"})["value"]
    with open_realtime(server, key=secret) as client:
        assert [one["type"] for one in client.until("error")] == ["session.created", "error"]

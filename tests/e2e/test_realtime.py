"""Realtime sessions: events are relayed to the provider of the model and back, and what it reports is charged."""

import asyncio
import time

import openai
import pytest

from e2e.assistants_client import on_both
from e2e.billing import new_key
from e2e.realtime_sockets import open_realtime, refusal, socket_url
from realtime_upstream import begin, end
from serving import KEY
from waiting import eventually

ALIAS = "scripted/gpt-4o"
PRICES = """
[models."gpt-4o"]
input_price = 1.0
cached_input_price = 0.5
output_price = 4.0
audio_input_price = 10.0
cached_audio_input_price = 2.0
audio_output_price = 20.0
"""
# 60 tokens of text of which 20 are cached, 70 of audio of which 10 are cached; 10 of text and 40 of audio put out.
COST = 2 * (40 * 1 + 20 * 0.5 + 60 * 10 + 10 * 2 + 10 * 4 + 40 * 20)


def usage_of(server, path, key, **options):
    """The sum of a member of the usage of a key's project today."""
    query = f"start_time={int(time.time()) - 86_400}&bucket_width=1d"
    buckets = server.ask("GET", f"/v1/organization/usage/{path}?{query}", key=key, **options).json["data"]
    results = [one for bucket in buckets for one in bucket["results"]]
    return results[0] if results else None


def own_key(server, name, *options):
    """A key of a project of its own, whose usage nothing else adds to."""
    server.run("projects", "create", name)
    return new_key(server, "--name", name, "--project", name, *options)["key"]


@on_both
def test_a_turn_is_relayed_both_ways(server, upstream):
    with open_realtime(server) as client:
        assert client.receive()["session"]["model"] == "gpt-4o"
        events = client.say("Hello")
    assert [one["type"] for one in events][:2] == ["conversation.item.added", "response.created"]
    assert "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta") == "You said: Hello "
    session = upstream.realtime.wait_for(1)
    assert (session.path, session.query) == ("/v1/realtime", {"model": "gpt-4o"})
    assert session.headers["authorization"] == "Bearer upstream-key"
    assert session.wait_closed() == 1000


@on_both
def test_responses_and_transcriptions_are_counted(server, upstream):
    key = own_key(server, f"counted {id(upstream)} {time.time_ns()}")
    with open_realtime(server, key=key) as client:
        update = {"audio": {"input": {"transcription": {"model": "gpt-4o-mini"}}}}
        client.send("session.update", session={"type": "realtime"} | update)
        client.until("session.updated")
        client.say("Hello")
        client.send("input_audio_buffer.commit")
        client.until("conversation.item.input_audio_transcription.completed")
    counted = eventually(lambda: usage_of(server, "completions", key))
    names = ("input_tokens", "input_cached_tokens", "input_audio_tokens", "output_tokens", "output_audio_tokens")
    assert [counted[name] for name in names] == [130, 30, 70, 50, 40]
    assert eventually(lambda: usage_of(server, "audio_transcriptions", key))["seconds"] == 3


def test_audio_has_prices_of_its_own_and_survives_a_kill(new_server, upstream):
    server = new_server(PRICES).start()
    server.run("credits", "grant", "1USD")
    with open_realtime(server) as client:
        client.say("Hello")
        server.kill()
    server.start()
    balance = server.ask("GET", "/v1/billing/balance").json["balance"]
    assert 2_000_000 - balance == COST


def test_a_response_that_ends_twice_is_charged_once(new_server, upstream):
    async def end_twice(session):
        for _ in range(2):
            await begin(session)
            await end(session)
            await end(session)
        await session.receive()

    upstream.realtime.behave(end_twice)
    server = new_server(PRICES).start()
    server.run("credits", "grant", "1USD")
    with open_realtime(server) as client:
        for _ in range(4):
            client.until("response.done")
    balance = server.ask("GET", "/v1/billing/balance").json["balance"]
    assert 2_000_000 - balance == 2 * COST


def test_a_session_ends_with_the_last_funds(new_server, upstream):
    server = new_server(PRICES).start()
    server.run("credits", "grant", "1")
    with open_realtime(server) as client:
        assert client.say("Hello")[-1]["response"]["status"] == "completed"
        events, code, reason = client.end()
    assert (events[-1]["error"]["code"], code, reason) == ("insufficient_quota", 1008, "insufficient_quota")
    assert eventually(lambda: refusal(server))[0] == 429


def test_appended_audio_is_relayed_byte_for_byte(server, upstream):
    message = '{ "audio":"AAAA" , "type":"input_audio_buffer.append", "event_id": "e1" }'
    with open_realtime(server) as client:
        client.connection.send(message)
        session = upstream.realtime.wait_for(1)
        session.wait_for("input_audio_buffer.append")
    assert session.raw == [message]


def test_a_member_that_occurs_twice_reaches_the_provider_once(server, upstream):
    with open_realtime(server) as client:
        client.connection.send('{"type":"session.update","audio":"AA","type":"input_audio_buffer.append"}')
        session = upstream.realtime.wait_for(1)
        session.wait_for("input_audio_buffer.append")
    assert session.raw == ['{"type":"input_audio_buffer.append","audio":"AA"}']


def test_models_have_the_ids_of_the_client_here_and_those_of_the_provider_there(server, upstream):
    transcription = {"audio": {"input": {"transcription": {"model": "scripted/gpt-4o-mini"}}}}
    with open_realtime(server, f"model={ALIAS}") as client:
        assert client.receive()["session"]["model"] == ALIAS
        client.send("session.update", session={"type": "realtime", "model": ALIAS} | transcription)
        updated = client.until("session.updated")[-1]["session"]
    session = upstream.realtime.wait_for(1)
    assert session.query["model"] == "gpt-4o"
    sent = session.received[0]["session"]
    assert (sent["model"], sent["audio"]["input"]["transcription"]["model"]) == ("gpt-4o", "gpt-4o-mini")
    assert (updated["model"], updated["audio"]) == (ALIAS, transcription["audio"])


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({"model": "gpt-4o-mini"}, "invalid_value", "session.model"),
        (
            {"audio": {"input": {"transcription": {"model": "none"}}}},
            "model_not_found",
            "session.audio.input.transcription.model",
        ),
        (
            {"input_audio_transcription": {"model": "none"}},
            "model_not_found",
            "session.input_audio_transcription.model",
        ),
        (
            {"tools": [{"type": "mcp", "server_url": "http://127.0.0.1/mcp"}]},
            "invalid_value",
            "session.tools[0].server_url",
        ),
    ],
)
def test_a_session_with_what_it_may_not_have_is_refused(server, upstream, session, code, param):
    with open_realtime(server) as client:
        client.receive()
        client.send("session.update", event_id="mine", session={"type": "realtime"} | session)
        error = client.receive()["error"]
        assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
        client.say("Hello")
    assert [one["type"] for one in upstream.realtime.wait_for(1).received][:1] == ["conversation.item.create"]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("nothing", "invalid_json"),
        ("[1]", "invalid_json"),
        ('{"type": 5}', "invalid_json"),
        ('{"event_id": "a"}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        (b"\x00\x01", "invalid_message"),
    ],
)
def test_what_is_no_event_gets_an_error_and_the_session_continues(server, upstream, sent, code):
    with open_realtime(server) as client:
        client.receive()
        client.connection.send(sent)
        event = client.receive()
        assert (event["type"], event["error"]["type"], event["error"]["code"]) == (
            "error",
            "invalid_request_error",
            code,
        )
        assert event["event_id"].startswith("event_")
        client.say("Hello")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("call_id=rtc_1", 400, "unsupported_parameter"),
        ("", 400, "missing_required_parameter"),
        ("model=unknown", 404, "model_not_found"),
    ],
)
def test_a_handshake_that_cannot_be_served_is_refused(server, upstream, query, status, code):
    refused, error = refusal(server, query)
    assert (refused, error["code"]) == (status, code)


def test_keys_are_checked_before_the_provider_is_called(server, upstream):
    assert refusal(server, key=None)[0] == 401
    assert refusal(server, key="sk-wrong")[1]["code"] == "invalid_api_key"
    reader = new_key(server, "--name", "reader", "--scope", "api.files.read")["key"]
    assert refusal(server, key=reader)[1]["code"] == "missing_scope"
    assert upstream.realtime.sessions == []


def test_the_endpoint_is_for_websockets(server):
    reply = server.ask("GET", "/v1/realtime?model=gpt-4o")
    assert (reply.status, reply.json["error"]["code"]) == (400, "websocket_required")


@pytest.mark.parametrize("path", ["calls", "calls/rtc_1/accept", "calls/rtc_1/hangup", "translations/client_secrets"])
def test_media_and_translations_are_refused_with_the_reason(server, path):
    reply = server.ask("POST", f"/v1/realtime/{path}", {})
    assert (reply.status, reply.json["error"]["code"]) == (404, "unsupported_endpoint")
    assert "not relayed" in reply.json["error"]["message"]


def test_without_a_provider_the_error_names_the_setting(offline_server):
    status, error = refusal(offline_server, "model=gpt-realtime")
    assert (status, error["code"]) == (400, "no_provider")
    assert "[providers.NAME]" in error["message"]


def test_a_transcription_session_names_the_model_of_the_settings(new_server, upstream):
    server = new_server(realtime__transcription_model="gpt-4o-mini").start()
    with open_realtime(server, "intent=transcription") as client:
        client.receive()
        client.send("input_audio_buffer.commit")
        client.until("conversation.item.input_audio_transcription.completed")
    assert upstream.realtime.wait_for(1).query == {"intent": "transcription"}
    counted = server.ask(
        "GET",
        f"/v1/organization/usage/audio_transcriptions?start_time={int(time.time()) - 86_400}"
        "&group_by[]=model&bucket_width=1d",
    ).json["data"]
    assert [one["model"] for bucket in counted for one in bucket["results"]] == ["gpt-4o-mini"]


def test_limits_of_requests_hold_for_each_response(server, upstream):
    admin = server.create_admin_key()
    key = own_key(server, f"limited {time.time_ns()}")
    project = server.ask("GET", "/v1/models", key=key).headers["openai-project"]
    with openai.OpenAI(base_url=server.url, admin_api_key=admin, api_key=KEY, max_retries=0) as organization:
        organization.admin.organization.projects.rate_limits.update_rate_limit(
            "rl-gpt-4o", project_id=project, max_requests_per_1_minute=2
        )
    with open_realtime(server, key=key) as client:
        assert client.say("Hello")[-1]["type"] == "response.done"
        client.send("response.create", event_id="third")
        error = client.until("error")[-1]["error"]
        assert (error["type"], error["code"], error["event_id"]) == ("requests", "rate_limit_exceeded", "third")
        session = upstream.realtime.wait_for(1)
        # A turn of speech makes a response that nobody has requested: it is cancelled.
        session.perform(begin(session, "resp_2"))
        assert client.until("error")[-1]["error"]["code"] == "rate_limit_exceeded"
        assert session.wait_for("response.cancel")["response_id"] == "resp_2"
    assert refusal(server, key=key)[0] == 429


def test_a_project_may_not_use_every_model(server, upstream):
    admin = server.create_admin_key()
    key = own_key(server, f"restricted {time.time_ns()}")
    project = server.ask("GET", "/v1/models", key=key).headers["openai-project"]
    path = f"/v1/organization/projects/{project}/model_permissions"
    assert server.ask("POST", path, {"mode": "allow_list", "model_ids": ["gpt-4o"]}, key=admin).status == 200
    assert refusal(server, "model=gpt-4o-mini", key)[0] == 403
    with open_realtime(server, key=key) as client:
        client.receive()
        client.send("session.update", session={"audio": {"input": {"transcription": {"model": "gpt-4o-mini"}}}})
        assert "does not have access" in client.receive()["error"]["message"]


async def begin_until_cancelled(session):
    await session.receive()
    await begin(session)
    while (await session.receive())["type"] != "response.cancel":
        pass


def test_a_response_is_charged_after_its_client_has_left(server, upstream):
    key = own_key(server, f"left {time.time_ns()}")

    async def answer(session):
        await begin_until_cancelled(session)
        await end(session, status="cancelled")
        await session.receive()

    upstream.realtime.behave(answer)
    with open_realtime(server, key=key) as client:
        client.send("response.create")
        client.until("response.created")
    assert eventually(lambda: usage_of(server, "completions", key))["input_tokens"] == 130


def test_a_response_is_charged_however_much_of_it_its_client_has_left_unread(server, upstream):
    key = own_key(server, f"unread {time.time_ns()}")

    async def answer(session):
        await begin_until_cancelled(session)
        for _ in range(5):
            await asyncio.sleep(0.6)
            await session.send("response.output_audio.delta", delta="AAAA")
        await end(session, status="cancelled")
        await session.receive()

    upstream.realtime.behave(answer)
    with open_realtime(server, key=key) as client:
        client.send("response.create")
        client.until("response.created")
    assert eventually(lambda: usage_of(server, "completions", key))["input_tokens"] == 130


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_official_client_converses(server, upstream, async_client, client):
    with client.realtime.connect(model="gpt-4o") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
        )
        connection.response.create()
        events = []
        for event in connection:
            events.append(event)
            if event.type == "response.done":
                break
    assert (events[0].type, events[1].session.output_modalities) == ("session.created", ["text"])
    assert events[-1].response.usage.output_token_details.audio_tokens == 40
    async with async_client.realtime.connect(model="gpt-4o") as connection:
        assert (await connection.recv()).session.model == "gpt-4o"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_beta_of_the_official_client_converses(server, upstream):
    # It would use TLS for any other URL.
    with (
        server.new_client(websocket_base_url=server.url.replace("http", "ws", 1)) as client,
        client.beta.realtime.connect(model="gpt-4o") as connection,
    ):
        assert connection.recv().type == "session.created"
        connection.session.update(session={"modalities": ["text"]})
        assert connection.recv().type == "session.updated"
    assert upstream.realtime.wait_for(1).headers["openai-beta"] == "realtime=v1"


@pytest.mark.parametrize("path", ["/realtime", "/openai/v1/realtime"])
def test_other_paths_of_the_endpoint(server, upstream, path):
    assert socket_url(server, path).endswith(path)
    with open_realtime(server, path=path) as client:
        assert client.receive()["type"] == "session.created"


def test_azures_form_names_the_deployment(server, upstream):
    with open_realtime(
        server,
        "deployment=gpt-4o&api-version=2025-04-01-preview",
        None,
        path="/openai/realtime",
        headers={"api-key": KEY},
    ) as client:
        assert client.receive()["session"]["model"] == "gpt-4o"

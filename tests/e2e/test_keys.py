"""Keys beside a running server."""

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import openai
import pytest

from e2e.assistants_client import each_database, on_both
from serving import WAIT
from understudy import __version__
from upstream import Gate, stalled, text
from waiting import eventually


@each_database
def test_a_key_works_as_soon_as_it_is_made_and_not_for_long_once_it_is_revoked(new_server, database):
    server = new_server(**database).start()
    made = json.loads(server.run("keys", "create", "--name", "mine", "--json"))
    with server.new_client(api_key=made["key"]) as client:
        mine = client.beta.assistants.create(model="gpt-4o")
        assert server.client.beta.assistants.retrieve(mine.id) == mine
        server.run("keys", "revoke", made["id"])

        def refused():
            try:
                client.models.list()
            except openai.AuthenticationError:
                return True
            return False

        eventually(refused, within=3)
    assert server.client.beta.assistants.retrieve(mine.id) == mine


@on_both
def test_a_session_has_the_project_the_features_and_the_limits(server):
    session = server.ask("GET", "/v1/session").json
    assert (session["object"], session["version"]) == ("session", __version__)
    assert session["project"]["name"] == "default"
    assert session["key"] == server.ask("GET", "/v1/key").json["data"]
    assert session["limits"]["upload_bytes"] >= session["limits"]["file_bytes"] > session["limits"]["body_bytes"]
    assert session["limits"]["import_bytes"] >= session["limits"]["upload_bytes"]
    assert session["features"]["providers"] == {"available": True, "reason": None}
    assert session["features"]["mcp"] == {
        "available": False,
        "reason": "No MCP server is allowed. Set `mcp.allowed`.",
    }
    assert {
        name for name, one in session["features"].items() if one["available"] is False and not one["reason"]
    } == set()
    assert server.ask("GET", "/v1/session", key="sk-unknown").status == 401


@each_database
def test_streams_of_a_revoked_key_end_with_an_error_and_others_continue(new_server, upstream, database):
    server = new_server(**database).start()
    made = json.loads(server.run("keys", "create", "--json"))
    gate = Gate()
    upstream.always(lambda _: text("Hel", gate, "lo"))
    chat = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    response = {"model": "gpt-4o", "input": "Hello"}
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    started = {"assistant_id": assistant.id, "thread": {"messages": [{"role": "user", "content": "Hello"}]}}
    streams = [
        ("/v1/chat/completions", chat),
        ("/v1/messages", {**chat, "max_tokens": 10}),
        ("/v1/responses", {**response, "stream": True}),
        ("/v1/threads/runs", {**started, "stream": True}),
        ("/v1/completions", {"model": "gpt-4o", "prompt": "Hello", "stream": True}),
    ]
    with contextlib.ExitStack() as opened, ThreadPoolExecutor() as pool:
        background = server.ask("POST", "/v1/responses", {**response, "background": True}, key=made["key"]).json
        paths = [("GET", f"/v1/responses/{background['id']}?stream=true", None)]
        paths += [("POST", path, body) for path, body in streams]
        mine = [opened.enter_context(server.opened(*asked, key=made["key"])) for asked in paths]
        others = opened.enter_context(server.opened("POST", "/v1/chat/completions", chat))
        assert [stream.status for stream in (*mine, others)] == [200] * 7
        held = pool.submit(server.ask, "POST", "/v1/responses", response, key=made["key"])
        upstream.wait_for(8)
        server.run("keys", "revoke", made["id"])
        for stream in mine:
            assert_cut(stream.read().decode())
        refused = held.result(WAIT)
        assert (refused.status, refused.json["error"]["code"]) == (401, "invalid_api_key")
        gate.open()
        assert others.read().decode().endswith("data: [DONE]\n\n")


WAITING_REQUESTS = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}]}),
    "stream": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "stream": True}),
    "stored": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello"}], "store": True}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}),
    "completions": ("/v1/completions", {"prompt": "Hello"}),
    "embeddings": ("/v1/embeddings", {"input": "Hello"}),
    "images": ("/v1/images/generations", {"prompt": "Hello"}),
    "speech": ("/v1/audio/speech", {"input": "Hello", "voice": "alloy"}),
}


def test_requests_that_wait_for_a_model_end_when_their_key_is_revoked(server, upstream):
    key = json.loads(server.run("keys", "create", "--json"))
    upstream.always(stalled())
    before = len(upstream.requests)
    with ThreadPoolExecutor(len(WAITING_REQUESTS)) as pool:
        asked = [
            pool.submit(server.ask, "POST", path, {"model": "gpt-4o", **body}, key=key["key"])
            for path, body in WAITING_REQUESTS.values()
        ]
        upstream.wait_for(before + len(asked))
        server.run("keys", "revoke", key["id"])
        for name, one in zip(WAITING_REQUESTS, asked, strict=True):
            reply = one.result(WAIT)
            assert reply.status == 401, name
            assert "was revoked while it was answered" in reply.json["error"]["message"], name


def test_an_answer_that_is_stored_while_its_key_is_revoked_is_complete(new_server, upstream, postgres):
    server = new_server(database=postgres)
    key = json.loads(server.run("keys", "create", "--json"))
    server.start()
    upstream.always(lambda asked: text("Done.") if asked.said == "store" else stalled())

    def chat(said, **members):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": said}], **members}
        return server.ask("POST", "/v1/chat/completions", body, key=key["key"])

    with ThreadPoolExecutor(2) as pool, asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(postgres))
        transaction = connection.transaction()
        runner.run(transaction.start())
        runner.run(connection.execute("LOCK TABLE chat_completions IN EXCLUSIVE MODE"))
        storing = pool.submit(chat, "store", store=True)
        waiters = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'chat_completions'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        eventually(lambda: runner.run(connection.fetchval(waiters)))
        waiting = pool.submit(chat, "wait")
        upstream.wait_for(2)
        server.run("keys", "revoke", key["id"])
        assert waiting.result(WAIT).status == 401
        runner.run(transaction.rollback())
        runner.run(connection.close())
        reply = storing.result(WAIT)
    assert reply.status == 200
    assert server.ask("GET", f"/v1/chat/completions/{reply.json['id']}").status == 200


def assert_cut(body):
    assert "The API key of this request was revoked" in body.split("event: error\n")[-1]
    assert "[DONE]" not in body
    assert "completed" not in body.split("event: ")[-1]


def test_a_key_never_appears_in_stored_data_or_logs(new_server):
    server = new_server(log_level="debug").start()
    made = json.loads(server.run("keys", "create", "--json"))
    with server.new_client(api_key=made["key"]) as client:
        client.models.list()
    with server.new_client(api_key=made["key"] + "x") as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    server.stop()
    kept = [path for path in server.data.rglob("*") if path.is_file()]
    assert kept
    for path in (*kept, server.log):
        assert made["key"][16:].encode() not in path.read_bytes(), path

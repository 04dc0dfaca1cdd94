"""A provider that fails request after request, and works again."""

import pytest

from e2e.assistants_client import new_thread, run_of, user
from serving import Server, serve
from upstream import Upstream, fault, text
from waiting import eventually

SETTINGS = """
[providers.main]
base_url = "{main}"
models = ["shared"]
retries = 0
fallbacks = ["spare"]

[providers.spare]
base_url = "{spare}"
models = ["shared"]
"""


@pytest.fixture
def main():
    with Upstream() as running:
        yield running


@pytest.fixture
def spare():
    with Upstream() as running:
        yield running


@pytest.fixture
def server(main, spare, tmp_path):
    yield from serve(Server(tmp_path, main.url, SETTINGS.format(main=main.url, spare=spare.url)))


def chat(client):
    return client.chat.completions.create(model="shared", messages=[user("Hi")]).choices[0].message.content


def run(client, assistant):
    thread = new_thread(client, "Hi")
    assert run_of(client, thread, assistant).status == "completed"
    return client.beta.threads.messages.list(thread.id).data[0].content[0].text.value


def respond(client):
    return client.responses.create(model="shared", input="Hi").output_text


def test_its_fallback_serves_chat_runs_and_responses_at_once_until_it_works_again(server, main, spare):
    client = server.client
    assistant = client.beta.assistants.create(model="shared")
    admin = server.create_admin_key("circuits")
    main.always(fault(503))
    spare.always(text("Spare"))
    replies = [chat(client), respond(client), run(client, assistant), chat(client), respond(client)]
    assert (set(replies), len(main.requests)) == ({"Spare"}, 5)
    replies = [chat(client), respond(client), run(client, assistant)]
    assert set(replies) == {"Spare"}
    # On a slow machine, one of them may be the request that tries.
    assert len(main.requests) < 8
    listed = server.ask("GET", "/v1/organization/providers", key=admin).json["data"]
    skipped = {one["name"]: one["calls"]["skipped_models"] for one in listed if one["calls"]}
    assert skipped == {"main": ["shared"], "spare": []}
    assert 'understudy_upstream_skipped_models{provider="main"} 1.0' in metrics(server, admin)
    main.always(text("Main"))
    eventually(lambda: chat(client) == "Main", within=60)
    assert [run(client, assistant), respond(client)] == ["Main", "Main"]
    assert 'understudy_upstream_skipped_models{provider="main"} 0.0' in metrics(server, admin)
    changes = [line for line in server.log.read_text().splitlines() if "upstream.circuit" in line]
    assert ["code=open" in line for line in changes] == [True, False]


def test_each_node_reports_the_models_that_another_one_skips(new_server, postgres, session_redis, main, spare):
    config = SETTINGS.format(main=main.url, spare=spare.url)
    cluster = {"database": postgres, "broker": session_redis, "blobs__shared": "true"}
    first = new_server(config, **cluster).start()
    second = new_server(config, **cluster).share_files(first).start()
    main.always(fault(503))
    spare.always(text("Spare"))
    assert {chat(first.client) for _ in range(5)} == {"Spare"}

    def skipped(server):
        listed = server.ask("GET", "/v1/organization/health").json["providers"]
        return {one["name"]: one["skipped_models"] for one in listed}

    assert eventually(lambda: skipped(first).get("main")) == ["shared"]
    # Its own calls are none.
    assert eventually(lambda: skipped(second).get("main")) == ["shared"]
    assert len(main.requests) == 5


def metrics(server, admin):
    reply = server.ask("GET", "/metrics", key=admin)
    assert reply.status == 200
    return reply.body.decode()

"""SIGHUP: providers, models, limits and the level of logs change without a restart."""

import json
import signal

import openai
import pytest

from upstream import Gate, text
from waiting import eventually

MORE = """
[providers.added]
base_url = "{url}"
api_key = "sk-of-the-added-provider"
models = ["added-model"]
"""


def reload(server, log):
    """Sends SIGHUP, and waits for a line in the log that has the text."""
    server.log.write_text("")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: log in server.log.read_text())


def ask(client, model):
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    return reply.choices[0].message.content


def test_a_reload_replaces_providers_models_and_limits_while_open_streams_continue(new_server, upstream):
    server = new_server().start()
    config, client = server.config.read_text(), server.client
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo"), text("from the added one"))
    stream = client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hello"}], stream=True
    )
    upstream.wait_for(1)
    server.config.write_text(
        'log_level = "warning"\nshutdown_seconds = 9\n[embeddings]\nmodel = "builtin"\n[limits]\nbody_bytes = 2000\nconcurrent_runs = 1\nconcurrent_indexing = 1\n'
        + MORE.format(url=upstream.url)
        + '[models."added-model"]\nname = "The Added Model"\n'
    )
    reload(server, "changed settings that need a restart: limits.concurrent_indexing, shutdown_seconds")
    assert ask(client, "added-model") == "from the added one"
    assert upstream.requests[-1].headers["authorization"] == "Bearer sk-of-the-added-provider"
    assert [model.id for model in client.models.list()] == ["added-model", "rehearsal", "rehearsal-embedding"]
    with pytest.raises(openai.NotFoundError):
        ask(client, "gpt-4o")
    with pytest.raises(openai.APIStatusError, match="2000 bytes"):
        client.beta.threads.create(messages=[{"role": "user", "content": "a" * 3000}])
    gate.open()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Hello"
    server.config.write_text(config)
    reload(
        server, "INFO understudy.server: reload: applied limits.body_bytes, limits.concurrent_runs, log_level, models."
    )
    assert ask(client, "gpt-4o")
    key = server.create_admin_key("reader")
    path = "/v1/organization/audit_logs?event_types[]=understudy.settings.reloaded"
    (_, first) = eventually(lambda: len(logs := server.ask("GET", path, key=key).json["data"]) == 2 and logs)
    assert "limits.body_bytes" in first["understudy.settings.reloaded"]["changes_requested"]["settings"]
    assert "sk-of-the-added-provider" not in json.dumps(first)


@pytest.mark.parametrize(
    ("addition", "reason"),
    [
        ("limits = 1\n", "`limits` in the file"),
        ("log_level = \n", "is not valid TOML"),
    ],
)
def test_settings_that_cannot_be_used_change_nothing_and_are_logged(new_server, upstream, addition, reason):
    server = new_server().start()
    server.config.write_text(addition + MORE.format(url=upstream.url))
    reload(server, "reload failed, the settings are unchanged: ")
    eventually(lambda: reason in server.log.read_text())
    server.log.write_text("")
    assert "added-model" not in [model.id for model in server.client.models.list()]


def test_all_processes_and_workers_reload(new_server, postgres, session_redis, upstream):
    cluster = {"database": postgres, "broker": session_redis, "blobs__shared": "true"}
    group = new_server(**cluster)
    group.flags = ("--processes", "2")
    group.start()
    worker = new_server(**cluster).share_files(group).start_worker()
    eventually(lambda: len(group.client.models.list().data) > 1)
    for server in (group, worker):
        server.config.write_text(server.config.read_text() + MORE.format(url=upstream.url))
        server.process.send_signal(signal.SIGHUP)
    line = "reload: applied providers.added"
    eventually(lambda: group.log.read_text().count(line) == 2 and line in worker.log.read_text())

"""Metrics: what a server counts, who may see it, and that each figure is there in the formats of its readers."""

import itertools
import json

import pytest

NUMBERS = itertools.count()


@pytest.fixture
def admin_key(server):
    return json.loads(server.run("keys", "create", "--admin", "--name", "monitoring", "--json"))["key"]


@pytest.fixture
def project_key(server, admin_key):
    project = server.ask("POST", "/v1/organization/projects", {"name": f"measured {next(NUMBERS)}"}, key=admin_key).json
    path = f"/v1/organization/projects/{project['id']}/api_keys"
    return server.ask("POST", path, {"name": "program"}, key=admin_key).json["value"]


def read_history(server, key):
    reply = server.ask("GET", "/v1/organization/health/history", key=key)
    assert reply.status == 200, reply.body
    assert reply.json["object"] == "health.history"
    return reply.json


def count(history, member="requests"):
    return sum(minute[member] for minute in history["minutes"])


def test_the_last_hour_of_a_project_has_its_own_requests_only(server, upstream, admin_key, project_key):
    upstream.answer()
    for _ in range(3):
        assert server.ask("GET", "/v1/assistants", key=project_key).status == 200
    streamed = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    assert server.ask("POST", "/v1/chat/completions", streamed, key=project_key).status == 200
    history = read_history(server, project_key)
    assert history["scope"] == "project"
    assert (count(history), count(history, "errors"), count(history, "limited")) == (4, 0, 0)
    latest = next(minute for minute in reversed(history["minutes"]) if minute["requests"])
    assert 0 < latest["latency_p50_ms"] <= latest["latency_p95_ms"] < 60_000
    assert any(minute["first_delta_p95_ms"] for minute in history["minutes"])
    assert all(minute["oldest_waiting_seconds"] is None for minute in history["minutes"])


def test_the_last_hour_of_the_server_has_the_requests_of_all_keys(server, admin_key, project_key):
    before = count(read_history(server, admin_key))
    assert server.ask("GET", "/v1/assistants", key=project_key).status == 200
    assert server.ask("GET", "/health/live").status == 200
    history = read_history(server, admin_key)
    assert history["scope"] == "server"
    # Two requests, since the first one for the history counts as well; checks of health do not.
    assert count(history) == before + 2
    assert 0 <= history["minutes"][-1]["loop_lag_ms"] < 60_000
    assert 0 < history["minutes"][-1]["seconds"] <= 61

"""Metrics: what a server counts, who may see it, and that each figure is there in the formats of its readers."""

import itertools
import urllib.error

import pytest

from e2e.assistants_client import on_both
from scrapes import parse, read_addresses, scrape
from understudy.engine.metrics.families import FAMILIES, PREFIX
from upstream import fault, text
from waiting import eventually

NUMBERS = itertools.count()


@pytest.fixture
def project(server, admin_key):
    """The path of a project."""
    body = {"name": f"measured {next(NUMBERS)}"}
    made = server.ask("POST", "/v1/organization/projects", body, key=admin_key).json
    return f"/v1/organization/projects/{made['id']}"


@pytest.fixture
def project_key(server, admin_key, project):
    return server.ask("POST", f"{project}/api_keys", {"name": "program"}, key=admin_key).json["value"]


def read_history(server, key):
    reply = server.ask("GET", "/v1/organization/health/history", key=key)
    assert reply.status == 200, reply.body
    assert reply.json["object"] == "health.history"
    return reply.json


def count(history, member="requests"):
    return sum(minute[member] for minute in history["minutes"])


@on_both
def test_the_last_hour_of_a_project_has_its_own_requests_only(server, upstream, admin_key, project_key):
    for _ in range(3):
        assert server.ask("GET", "/v1/assistants", key=project_key).status == 200
    streamed = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    assert server.ask("POST", "/v1/chat/completions", streamed, key=project_key).status == 200
    reads = itertools.count()
    # Each of two nodes has a part of the requests, and finishes them a moment after the response.
    history = eventually(
        lambda: found if count(found := read_history(server, project_key)) == 4 + next(reads) else None
    )
    assert (history["scope"], count(history, "errors"), count(history, "limited")) == ("project", 0, 0)
    latest = next(minute for minute in reversed(history["minutes"]) if minute["requests"])
    assert 0 < latest["latency_p50_ms"] <= latest["latency_p95_ms"] < 60_000
    assert any(minute["first_delta_p95_ms"] for minute in history["minutes"])
    assert all(minute["oldest_waiting_seconds"] is None for minute in history["minutes"])


@on_both
def test_the_last_hour_of_the_server_has_the_requests_of_all_keys(server, admin_key, project_key):
    before = count(read_history(server, admin_key))
    assert server.ask("GET", "/v1/assistants", key=project_key).status == 200
    assert server.ask("GET", "/health/live").status == 200
    # Two requests, since the first one for the history counts as well; checks of health do not.
    reads = itertools.count()
    history = eventually(
        lambda: found if count(found := read_history(server, admin_key)) == before + 2 + next(reads) else None
    )
    assert history["scope"] == "server"
    assert history["node_id"] in history["node_ids"]
    assert len(history["node_ids"]) == (1 if server.directory.name.startswith("sqlite") else 2)
    assert 0 <= history["minutes"][-1]["loop_lag_ms"] < 60_000
    assert 0 < history["minutes"][-1]["seconds"] <= 61


def read_metrics(server, key, **headers):
    reply = server.ask("GET", "/metrics", key=key, **headers)
    assert reply.status == 200, reply.body
    return parse(reply.body.decode())


def test_a_scrape_has_every_metric_of_the_reference(server, admin_key):
    metrics = read_metrics(server, admin_key)
    for family in FAMILIES:
        assert metrics.kinds[PREFIX + family.name] == family.kind, family.name
    assert metrics.value("understudy_store_up") == metrics.value("understudy_broker_up") == 1
    assert metrics.value("understudy_event_loop_lag_seconds_count") > 0
    for name in ("cpu_seconds_total", "start_time_seconds", "resident_memory_bytes", "open_fds", "max_fds"):
        assert metrics.value(f"process_{name}") > 0, name
    assert metrics.labels("understudy_jobs_waiting", "queue") >= {"runs", "batches", "files", "videos", "deliveries"}


def test_what_a_run_does_is_counted_once(server, client, upstream, admin_key):
    before = read_metrics(server, admin_key)
    upstream.answer(fault(500), text("Hello"))
    run = client.beta.threads.create_and_run_poll(
        assistant_id=client.beta.assistants.create(model="gpt-4o").id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
    )
    again = client.beta.threads.runs.create_and_poll(thread_id=run.thread_id, assistant_id=run.assistant_id)
    assert (run.status, again.status) == ("failed", "completed")
    assert server.ask("GET", "/v1/no/such/path").status == 404
    after = read_metrics(server, admin_key)

    def added(name, **labels):
        return after.value(f"understudy_{name}", **labels) - before.value(f"understudy_{name}", **labels)

    assert added("http_requests_total", operation="createThreadAndRun", status="200") == 1
    assert added("http_requests_total", operation="unknown", status="404") == 1
    assert added("runs_total", kind="run", status="failed") == added("runs_total", kind="run", status="completed") == 1
    assert added("run_duration_seconds_count", kind="run") == 2
    assert added("time_to_first_delta_seconds_count", kind="run") == 1
    assert added("jobs_total", queue="runs", outcome="ended") == added("job_wait_seconds_count", queue="runs") == 2
    assert added("upstream_requests_total", outcome="server_error") == 1
    assert added("upstream_requests_total", outcome="ok") == 1
    assert added("upstream_request_duration_seconds_count", streamed="true") == 2
    assert added("tokens_total", model="gpt-4o", type="output") > 0
    assert added("cost_usd_total", model="gpt-4o") > 0
    assert added("store_transaction_seconds_count", kind="commit") > 0
    assert after.value("understudy_jobs_running") == 0


def test_refusals_by_a_rate_limit_are_counted(server, upstream, admin_key, project, project_key):
    limited = server.ask("POST", f"{project}/limits", {"requests_per_minute": 1}, key=admin_key)
    assert limited.status == 200, limited.json
    name, labels = "understudy_rate_limited_total", {"scope": "project", "limit": "requests_per_minute"}
    before = read_metrics(server, admin_key).value(name, **labels)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    statuses = [server.ask("POST", "/v1/chat/completions", body, key=project_key).status for _ in range(3)]
    assert statuses == [200, 429, 429]
    assert read_metrics(server, admin_key).value(name, **labels) == before + 2
    assert count(read_history(server, project_key), "limited") == 2


def test_metrics_need_an_admin_key(server, admin_key, project_key):
    for key in (None, project_key, "sk-unknown-0123456789"):
        assert server.ask("GET", "/metrics", key=key).status == 401
    rejected = read_metrics(server, admin_key)
    assert rejected.labels("understudy_keys_rejected_total", "code") >= {
        "missing_api_key",
        "invalid_api_key",
        "missing_scope",
    }


def test_openmetrics_is_served_where_it_is_accepted(server, admin_key):
    accept = "application/openmetrics-text; version=1.0.0"
    reply = server.ask("GET", "/metrics", key=admin_key, headers={"Accept": accept})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert reply.body.endswith(b"# EOF\n")


def test_a_token_reads_metrics_and_nothing_else_on_the_address_of_its_own(new_server):
    server = new_server(metrics__port=0, metrics__token="token-of-prometheus").start()
    (address,) = read_addresses(server.log)
    assert scrape(address, "token-of-prometheus").value("understudy_store_up") == 1
    # Without a key, and with two keys.
    for headers in ({}, {"token": "token-of-prometheus", "X-Api-Key": "other"}):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            scrape(address, **headers)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        scrape(address.replace("/metrics", "/v1/assistants"), "token-of-prometheus")
    assert server.ask("GET", "/metrics", key="token-of-prometheus").status == 200
    for path in ("/v1/metrics", "/metrics/", "/openai/metrics", "/openai/v1/metrics"):
        assert server.ask("GET", path, key="token-of-prometheus").status in {401, 404}
    assert server.ask("GET", "/v1/assistants", key="token-of-prometheus").status == 401
    assert "token-of-prometheus" not in server.log.read_text()

"""A PostgreSQL server that is gone for a while: requests get 503, and then everything works without a restart."""

import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from e2e.assistants_client import fetch_run, new_thread, texts
from links import Link
from scrapes import read_addresses, scrape
from upstream import Gate, text
from waiting import eventually

REQUESTS = [
    ("POST", "/v1/threads", {}),
    ("GET", "/v1/assistants", None),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "Hello"}),
    ("GET", "/health/ready", None),
]


@pytest.fixture
def linked(postgres):
    """The URL of an empty database behind a link, and the link."""
    (directory,) = parse_qs(urlsplit(postgres).query)["host"]
    with tempfile.TemporaryDirectory() as own, Link.to_socket(directory, Path(own)) as link:
        Path(own).chmod(0o755)
        yield postgres.replace(directory, own), link


def assert_requests_get_503(server):
    for method, path, body in REQUESTS:
        reply = server.ask(method, path, body)
        assert reply.status == 503, (path, reply.body)
        assert int(reply.headers["retry-after"]) > 0
    assert server.ask("GET", "/health/live").status == 200


def assert_metrics_report_the_outage(address):
    metrics = scrape(address)
    assert metrics.value("understudy_store_up") == 0
    assert metrics.value("understudy_http_requests_total", status="503") >= len(REQUESTS)
    assert metrics.value("understudy_store_errors_total") > 0
    assert metrics.value("understudy_build_info", store="postgres") == 1


def assert_each_change_is_logged_once(server):
    eventually(lambda: "database available again" in server.log.read_text())
    logged = server.log.read_text()
    assert "Traceback" not in logged
    assert logged.count("database unavailable: ") == 1, logged
    assert logged.count("database available again") == 1, logged
    server.log.write_text("")


def test_a_stream_survives_a_short_outage_during_which_requests_get_503(linked, new_server, upstream):
    url, link = linked
    server = new_server(database=url, metrics__port=0).start()
    (metrics,) = read_addresses(server.log)
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    thread = new_thread(server.client, "Hello")
    gate = Gate()
    upstream.answer(text("Hel", gate, "lo."))
    body = {"assistant_id": assistant.id, "stream": True}
    with server.opened("POST", f"/v1/threads/{thread.id}/runs", body) as stream:
        while b'"Hel"' not in stream.readline():
            pass
        link.refuse()
        assert_requests_get_503(server)
        assert_metrics_report_the_outage(metrics)
        gate.open()
        while b'"lo."' not in stream.readline():
            pass
        link.relay()
        rest = stream.read()
    assert b"event: thread.run.completed" in rest
    assert rest.endswith(b"event: done\ndata: [DONE]\n\n")
    assert texts(server.client, thread) == ["Hello", "Hello."]
    assert server.ask("GET", "/health/ready").status == 200
    assert_each_change_is_logged_once(server)


@pytest.mark.slow
def test_a_server_of_postgresql_that_hangs_is_noticed_within_seconds_and_used_again(
    postgres_servers, new_server, upstream
):
    postgres = postgres_servers()
    server = new_server(database=postgres.get_uri()).start()
    thread = new_thread(server.client, "Hello")
    process = psutil.Process(postgres.get_pid())
    stopped = [process, *process.children(recursive=True)]
    for one in stopped:
        one.suspend()
    try:
        began = time.monotonic()
        assert_requests_get_503(server)
        # Each of the three requests waits for a statement, or for a connection.
        assert time.monotonic() - began < 50
    finally:
        for one in stopped:
            one.resume()
    eventually(lambda: server.ask("GET", "/health/ready").status == 200)
    upstream.answer(text("Hi."))
    assistant = server.client.beta.assistants.create(model="gpt-4o")
    server.client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=20)
    assert texts(server.client, thread) == ["Hello", "Hi."]
    assert_each_change_is_logged_once(server)


@pytest.mark.slow
def test_all_work_resumes_after_a_minute_without_postgresql(postgres_servers, new_server, upstream):
    postgres = postgres_servers()
    server = new_server(database=postgres.get_uri()).start()
    client = server.client
    assistant = client.beta.assistants.create(model="gpt-4o")
    threads = [new_thread(client, "Hello") for _ in range(3)]
    gate = Gate()
    upstream.always(text("Hel", gate, "lo."))
    runs = [client.beta.threads.runs.create(thread.id, assistant_id=assistant.id) for thread in threads]
    upstream.wait_for(3)
    response = client.responses.create(model="gpt-4o", input="Hello", background=True)
    upstream.wait_for(4)
    postgres.stop()
    until = time.monotonic() + 60
    gate.open()
    while time.monotonic() < until:
        assert_requests_get_503(server)
        time.sleep(1)
    postgres.start()
    eventually(lambda: server.ask("GET", "/health/ready").status == 200)
    eventually(lambda: all(fetch_run(client, run).status == "completed" for run in runs), within=30)
    eventually(lambda: client.responses.retrieve(response.id).status == "completed", within=30)
    assert [texts(client, thread) for thread in threads] == [["Hello", "Hello."]] * 3
    assert client.responses.retrieve(response.id).output_text == "Hello."
    assert_each_change_is_logged_once(server)

"""The log of a real server as JSON: every line is an object with its request, and no key is in any."""

import http.client
import json
import re

import openai
import pytest
from websockets.sync.client import connect

from e2e.assistants_client import new_thread
from serving import KEY, Server, serve
from understudy.logs.line import EVENTS, FIELDS
from upstream import error, fault, text
from waiting import eventually

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WRONG_KEY = "sk-wrong-key-0123456789abcdef"


@pytest.fixture(scope="module")
def json_server(session_upstream, tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("logs"),
        session_upstream.url,
        log_format="json",
        access_log="true",
        trusted_proxies="127.0.0.0/8",
    )
    server.data.mkdir()  # so that the first start creates the database, and logs it
    yield from serve(server)


def lines_of(server):
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def find(server, event, **fields):
    return [line for line in server.logged(event) if fields.items() <= line.items()]


def test_each_request_is_one_line_with_its_ids(json_server):
    headers = {"x-client-request-id": "mine-1", "traceparent": PARENT, "x-forwarded-for": "192.0.2.1, 198.51.100.7"}
    answered = json_server.ask("POST", "/threads", {}, headers)
    json_server.ask("GET", "/no-such-path?token=secret-in-the-query")
    json_server.ask("GET", "/health/live")
    assert eventually(lambda: find(json_server, "request", path="/no-such-path"))[0]["status"] == 404
    (created,) = find(json_server, "request", request_id=answered.headers["x-request-id"])
    ids = {name: created.pop(name) for name in ("time", "duration_ms", "project", "key_id", "message")}
    assert created == {
        "level": "info",
        "event": "request",
        "request_id": answered.headers["x-request-id"],
        "client_request_id": "mine-1",
        "client": "198.51.100.7",
        "trace_id": PARENT[3:35],
        "span_id": PARENT[36:52],
        "operation": "createThread",
        "method": "POST",
        "path": "/threads",
        "status": 200,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", ids["time"])
    assert ids["key_id"].startswith("key_")
    assert not find(json_server, "request", path="/health/live")


def test_the_requests_of_a_websocket_have_the_address_that_its_proxy_states(json_server):
    url = json_server.url.replace("http", "ws", 1) + "/responses"
    headers = {"authorization": f"Bearer {KEY}", "x-forwarded-for": "198.51.100.8"}
    with connect(url, additional_headers=headers, open_timeout=20) as socket:
        socket.send(json.dumps({"type": "response.create", "model": "gpt-4o", "input": 1}))
        assert json.loads(socket.recv(timeout=20))["type"] == "error"
    assert eventually(lambda: find(json_server, "request", operation="createResponse", client="198.51.100.8"))


def test_a_failed_run_is_one_line_and_repeated_faults_of_a_provider_are_counted(new_server, upstream):
    json_server = new_server(log_format="json").start()
    client = json_server.client
    upstream.always(fault(500, message=f"broken for upstream-key at http://10.1.2.3/v1 with {KEY}"))
    assistant = client.beta.assistants.create(model="gpt-4o")
    runs = []
    for _ in range(3):
        thread = new_thread(client, "A very private question")
        run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        assert run.status == "failed"
        runs.append(run)
    json_server.stop()
    failed = {line["run_id"]: line for line in json_server.logged("run.failed")}
    assert sorted(failed) == sorted(run.id for run in runs)
    assert sum(line["event"] == "run.failed" for line in lines_of(json_server) if "event" in line) == 3
    line = failed[runs[0].id]
    assert line["code"] == "server_error"
    assert line["request_id"].startswith("req_")
    counted, first = json_server.logged("upstream.fault")
    assert (first["provider"], first["model"], first["code"]) == ("scripted", "gpt-4o", "server_error")
    assert counted["repeated"] == 2
    written = json_server.log.read_text()
    for secret in ("upstream-key", KEY, "A very private question"):
        assert secret not in written


def test_a_stream_that_breaks_is_one_line_about_its_provider(json_server, upstream):
    upstream.answer(text("A ", "start").but(items=(text("A").items[0], error(message="Broken."))))
    with pytest.raises(openai.APIError):
        list(
            json_server.client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], stream=True
            )
        )
    (line,) = eventually(lambda: find(json_server, "upstream.fault"))
    assert (line["provider"], line["code"], line["error"]) == ("scripted", "server_error", "Broken.")


def test_no_key_is_in_a_debug_log_wherever_a_client_puts_it(new_server, upstream):
    json_server = new_server(log_format="json", access_log="true", log_level="debug").start()
    upstream.always(fault(401, f"Incorrect API key: upstream-key, Bearer {WRONG_KEY}"))
    headers = {"x-client-request-id": WRONG_KEY, "x-api-key": WRONG_KEY, "user-agent": WRONG_KEY}
    assert json_server.ask("GET", f"/threads/{WRONG_KEY}?api_key={WRONG_KEY}", headers=headers, key=None).status == 401
    for _ in range(3):
        json_server.ask("POST", "/threads", {"metadata": {"key": WRONG_KEY}}, key=WRONG_KEY)
    json_server.ask("GET", f"/files/{WRONG_KEY}?key={WRONG_KEY}")
    json_server.ask("POST", "/threads", {"metadata": WRONG_KEY})
    with pytest.raises(openai.APIStatusError):
        json_server.client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": f"My key is {WRONG_KEY}"}]
        )
    with json_server.new_client(api_key=WRONG_KEY) as other, pytest.raises(openai.AuthenticationError):
        other.models.list()
    json_server.ask("GET", "/models", key=None)
    json_server.stop()
    written = json_server.log.read_text()
    for secret in (WRONG_KEY, KEY, "upstream-key"):
        assert secret not in written
    codes = [line["code"] for line in json_server.logged("key.rejected") if "repeated" not in line]
    assert sorted(codes) == ["invalid_api_key", "missing_api_key"]
    assert [line["repeated"] for line in json_server.logged("key.rejected") if "repeated" in line] == [4]


def test_lines_of_the_start_and_of_the_web_server_are_objects_with_documented_fields(json_server):
    host = json_server.url.removeprefix("http://").removesuffix("/v1")
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/v1/models", headers={"host": "a b"})
    connection.getresponse().read()
    connection.close()
    eventually(lambda: find(json_server, "request", status=400))
    lines = lines_of(json_server)
    events = {line.get("event") for line in lines} - {None}
    assert {"schema.migrated", "server.ready", "request"} <= events <= EVENTS.keys()
    assert {name for line in lines for name in line} <= FIELDS


def test_a_start_that_fails_is_one_object(json_server):
    (line,) = map(json.loads, json_server.refusal().splitlines())
    assert (line["level"], line["event"], line["logger"]) == ("critical", "server.failed", "understudy.server")
    assert "uses the data directory" in line["message"]


@pytest.mark.slow
def test_workers_and_each_of_several_processes_log_objects(new_node):
    group, worker = new_node(log_format="json", access_log="true"), new_node(log_format="json")
    group.flags = ("--processes", "2")
    group.start()
    worker.start_worker()
    for _ in range(8):
        assert group.ask("GET", "/v1/models").status == 200
    for server in (group, worker):
        server.stop()
        lines = lines_of(server)
        assert {"server.ready"} <= {line.get("event") for line in lines}
        assert {name for line in lines for name in line} <= FIELDS
    assert len(list(group.logged("request"))) == 8

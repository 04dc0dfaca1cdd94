"""Web pages that call the API from a browser: preflights without a key, and headers on every answer, errors included."""

import json

import pytest

from serving import KEY, Server
from upstream import fault, text

ANY = '[cors]\norigins = ["*"]\n'
NAMED = '[cors]\norigins = ["https://app.example", "http://localhost:5173/"]\n'
PAGE = "https://app.example"
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,openai-beta,x-stainless-arch,x-stainless-lang,"
    "x-stainless-os,x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,x-stainless-timeout",
}
"""What a browser asks before the official client for JavaScript sends its request."""


@pytest.fixture(scope="module")
def module_servers(session_upstream, tmp_path_factory):
    servers = {}
    try:
        for name, config in {"any": ANY, "named": NAMED}.items():
            place = tmp_path_factory.mktemp(f"cors_{name}")
            servers[name] = Server(place, session_upstream.url, config, limits__body_bytes=2048).start()
        yield servers
        for server in servers.values():
            server.stop()
    finally:
        for server in servers.values():
            server.kill()


@pytest.fixture
def any_origin(module_servers):
    return module_servers["any"]


@pytest.fixture
def named(module_servers):
    return module_servers["named"]


def preflight(server, path="/v1/chat/completions", origin=PAGE, **headers):
    return server.ask("OPTIONS", path, headers={"Origin": origin, **ASKED, **headers}, key=None)


def test_a_preflight_of_any_origin_needs_no_key_and_returns_the_allowed_headers(any_origin):
    for path in ("/v1/chat/completions", "/v1/threads/thread_x/runs", "/v1/no/such/path", "/v1/messages"):
        reply = preflight(any_origin, path)
        assert (reply.status, reply.body) == (204, b"")
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["access-control-allow-headers"] == ASKED["Access-Control-Request-Headers"]
        assert {"POST", "DELETE"} < set(reply.headers["access-control-allow-methods"].split(", "))
        assert reply.headers["access-control-max-age"] == "600"
        assert "access-control-allow-credentials" not in reply.headers
        assert "access-control-allow-private-network" not in reply.headers


def test_a_preflight_is_allowed_for_a_configured_origin_only(named):
    private = {"Access-Control-Request-Private-Network": "true"}
    reply = preflight(named, **private)
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert reply.headers["access-control-allow-private-network"] == "true"
    assert "Origin" in reply.headers["vary"]
    assert preflight(named, origin="http://localhost:5173").headers["access-control-allow-origin"]
    for stranger in ("https://evil.example", "https://app.example.evil", "http://app.example", "null"):
        refused = preflight(named, origin=stranger, **private)
        assert refused.status == 204
        assert not [name for name in refused.headers if name.lower().startswith("access-control")]
        assert "Origin" in refused.headers["vary"]


def asked(server, method, path, body=None, key=KEY, origin=PAGE):
    return server.ask(method, path, body, {"Origin": origin}, key)


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("GET", "/v1/models", None, KEY, 200),
        ("GET", "/v1/models", None, None, 401),
        ("GET", "/v1/models", None, "sk-wrong-0123456789", 401),
        ("GET", "/v1/assistants/asst_x", None, KEY, 404),
        ("GET", "/v1/no/such/path", None, KEY, 404),
        ("PUT", "/v1/models", None, KEY, 405),
        ("POST", "/v1/assistants", {"model": 5}, KEY, 400),
        ("POST", "/v1/assistants", {"model": "gpt-4o", "instructions": "x" * 4096}, KEY, 413),
        ("GET", "/health", None, None, 200),
        ("GET", "/openapi.json", None, None, 200),
    ],
)
def test_every_answer_can_be_read_by_the_page_errors_too(any_origin, named, method, path, body, key, status):
    for server, allowed in ((any_origin, "*"), (named, PAGE)):
        reply = asked(server, method, path, body, key)
        assert reply.status == status
        assert reply.headers.get_all("access-control-allow-origin") == [allowed]
        exposed = set(reply.headers["access-control-expose-headers"].split(", "))
        assert {"x-request-id", "openai-processing-ms", "retry-after", "x-ratelimit-remaining-requests"} < exposed
        assert "access-control-allow-credentials" not in reply.headers
        assert ("Origin" in (reply.headers.get_all("vary") or ())) is (server is named)
    stranger = asked(named, method, path, body, key, origin="https://evil.example")
    assert stranger.status == status
    assert "access-control-allow-origin" not in stranger.headers


def test_a_failure_of_the_provider_can_be_read_as_well(any_origin, upstream):
    upstream.answer(fault(500))
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    reply = asked(any_origin, "POST", "/v1/chat/completions", body)
    assert reply.status == 502
    assert reply.headers["access-control-allow-origin"] == "*"


def test_a_stream_can_be_read(any_origin, upstream):
    upstream.answer(text("Hello"))
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    with any_origin.opened("POST", "/v1/chat/completions", body, {"Origin": PAGE}) as response:
        assert response.headers.get_all("access-control-allow-origin") == ["*"]
        assert response.read().decode().endswith("data: [DONE]\n\n")


def test_without_the_setting_no_page_may_read_anything(server):
    assert preflight(server).status == 401
    reply = asked(server, "GET", "/v1/models")
    assert reply.status == 200
    assert not [name for name in reply.headers if name.lower().startswith("access-control")]
    assert "Origin" not in reply.headers["vary"]


def test_a_configured_origin_may_use_mcp(named):
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    headers = {"Accept": "application/json, text/event-stream"}
    allowed = named.ask("POST", "/mcp", body, {**headers, "Origin": PAGE})
    assert allowed.status == 200, allowed.body
    assert json.loads(allowed.body)["result"]["serverInfo"]
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert named.ask("POST", "/mcp", body, {**headers, "Origin": "https://evil.example"}).status == 403


def test_an_invalid_cors_origin_is_refused_at_the_start(new_server):
    said = new_server('[cors]\norigins = ["app.example/page"]\n').refusal(code=2)
    assert "`cors.origins` has 'app.example/page'" in said


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_page_may_read_the_headers_of_limits(session_upstream, any_origin, path):
    admin = any_origin.create_admin_key()
    project = any_origin.ask("POST", "/v1/organization/projects", {"name": f"limited {path}"}, key=admin).json["id"]
    limits = {"requests_per_minute": 100, "tokens_per_minute": 100_000}
    any_origin.ask("POST", f"/v1/organization/projects/{project}/limits", limits, key=admin)
    key = any_origin.ask("POST", f"/v1/organization/projects/{project}/api_keys", {"name": "page"}, key=admin).json
    body = {"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    reply = asked(any_origin, "POST", path, body, key=key["value"])
    counted = {name.lower() for name in reply.headers if "ratelimit" in name.lower()}
    assert len(counted) >= 6
    assert counted <= set(reply.headers["access-control-expose-headers"].split(", "))

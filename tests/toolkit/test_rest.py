"""The REST API of the tools, over bare HTTP: what the official packages do not send, and what is refused."""

import base64
import contextlib
import http.client
import json

import pytest

from serving import KEY, WAIT
from toolkit.seed import TABLE, VERSION
from upstream import HANG, text

BASES = ["/api/v3", "/api/v3.1"]
EXECUTE = "/api/v3/tools/execute/AI_ML_API_CREATE_THREAD"


@pytest.fixture
def ask(server):
    def ask(method, path, body=None, status=200, key=KEY):
        headers = {"x-api-key": key} if key else {}
        reply = server.ask(method, path, body, headers, key=None)
        assert reply.status == status, reply.body
        assert reply.headers["content-type"] == "application/json"
        return reply.json

    return ask


def refused(answer, status, message):
    error = answer["error"]
    assert list(answer) == ["error"]
    assert (error["status"], error["code"]) == (status, status)
    assert message in error["message"]
    assert error["errors"] == [error["message"]]
    assert error["request_id"].startswith("req_")


@pytest.mark.parametrize("base", BASES)
def test_tools_are_listed_in_pages(ask, base):
    seen, cursor, page = [], "", 0
    while cursor is not None:
        answer = ask("GET", f"{base}/tools?limit=8" + (f"&cursor={cursor}" if cursor else ""))
        page += 1
        assert (answer["current_page"], answer["total_pages"], answer["total_items"]) == (page, 4, 30)
        seen += [tool["slug"] for tool in answer["items"]]
        cursor = answer["next_cursor"]
    assert seen == list(TABLE) == ask("GET", f"{base}/tools/enum")


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("search=cancel", ["AI_ML_API_CANCEL_RUN"]),
        ("query=cancel&search=balance", ["AI_ML_API_CANCEL_RUN"]),
        (
            "tool_slugs=AI_ML_API_GET_RUN,ai_ml_api_get_thread,X&query=cancel",
            ["AI_ML_API_GET_RUN", "AI_ML_API_GET_THREAD"],
        ),
        ("toolkit_slug=github", []),
        ("toolkit_slug=github,ai_ml_api&tags=readOnlyHint&tags=important&query=run", ["AI_ML_API_GET_RUN"]),
        ("query=zzzz", []),
    ],
)
def test_tools_are_chosen_by_words_tags_and_slugs(ask, query, slugs):
    found = [tool["slug"] for tool in ask("GET", f"/api/v3/tools?{query}&limit=100")["items"]]
    assert found[: len(slugs)] == slugs
    assert bool(found) is bool(slugs)


def test_a_tool_is_found_by_its_slug_and_version(ask):
    for query in ("", f"?version={VERSION}", "?version=latest", "?toolkit_versions[ai_ml_api]=latest"):
        tool = ask("GET", f"/api/v3/tools/AI_ML_API_GET_RUN{query}")
        assert (tool["slug"], tool["version"], tool["deprecated"]["displayName"]) == (
            "AI_ML_API_GET_RUN",
            VERSION,
            "Get Run",
        )
    refused(
        ask("GET", "/api/v3/tools/AI_ML_API_GET_RUN?version=20200101_00", status=404), 404, "no version '20200101_00'"
    )
    refused(ask("GET", "/api/v3/tools/GET_RUN", status=404), 404, "Did you mean AI_ML_API_GET_RUN")


def test_toolkits_are_described(ask):
    for query in ("", "?search=chat", "?category=artificial-intelligence"):
        assert [one["slug"] for one in ask("GET", f"/api/v3/toolkits{query}")["items"]] == ["AI_ML_API"]
    for query in ("?search=mail", "?category=crm"):
        assert ask("GET", f"/api/v3/toolkits{query}")["total_items"] == 0
    assert ask("GET", "/api/v3/toolkits/ai_ml_api")["meta"]["tools_count"] == 30
    refused(ask("GET", "/api/v3/toolkits/github", status=404), 404, "No toolkit found with slug 'github'.")
    assert ask("POST", "/api/v3/toolkits/multi", {"toolkits": ["github"]})["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"text": "Make a thread."}, 400, "'text' is not supported"),
        (
            {"arguments": {}, "custom_auth_params": {"base_url": "http://x"}},
            400,
            "'custom_auth_params' is not supported",
        ),
        ({"arguments": {}, "version": "1"}, 404, "The toolkit has no version '1'"),
        ({"arguments": [1]}, 400, "Invalid type for 'arguments'"),
        ({"other": 1}, 400, "Unknown parameter: 'other'."),
    ],
)
def test_a_call_that_cannot_be_executed_is_refused(ask, body, status, message):
    refused(ask("POST", EXECUTE, body, status), status, message)


@pytest.mark.proves("toolkit.envelope")
def test_every_refusal_has_the_envelope_of_the_toolkit(ask, server):
    refused(ask("GET", "/api/v3/tools", status=401, key=None), 401, "You didn't provide an API key.")
    refused(ask("GET", "/api/v3.1/tools", status=401, key="sk-wrong-0123456789"), 401, "Incorrect API key provided")
    refused(ask("GET", "/api/v3/nothing", status=404), 404, "Invalid URL (GET /api/v3/nothing)")
    refused(ask("DELETE", "/api/v3/tools", status=405), 405, "Not allowed to DELETE on /api/v3/tools")
    refused(ask("GET", "/api/v3/tools?limit=0", status=400), 400, "limit")
    for cursor in ("x", "MC0x", base64.urlsafe_b64encode(b"1-5000").decode(), "%C3%BC"):
        refused(ask("GET", f"/api/v3/tools?cursor={cursor}", status=400), 400, "Invalid cursor")
    large = server.ask("POST", EXECUTE, b'{"arguments": {"metadata": {"a": "' + b"x" * (2 << 20) + b'"}}}', key=KEY)
    refused(large.json, 413, "The request body is too large.")


def test_a_tool_may_be_executed_without_a_body(ask):
    done = ask("POST", "/api/v3/tools/execute/ai_ml_api_create_thread")
    assert (done["successful"], done["data"]["object"]) == (True, "thread")


@pytest.mark.proves("toolkit.tenants")
def test_a_tool_acts_for_the_key_that_executes_it(new_server):
    server = new_server().start()
    made = server.ask("POST", EXECUTE, {"arguments": {}}).json["data"]
    server.run("projects", "create", "other")
    other = server.run("keys", "create", "--project", "other").strip()
    path = "/api/v3/tools/execute/AI_ML_API_GET_THREAD"
    seen = server.ask("POST", path, {"arguments": {"thread_id": made["id"]}}, key=other).json
    assert (seen["successful"], seen["data"]) == (False, {"status": 404})
    assert server.ask("POST", path, {"arguments": {"thread_id": made["id"]}}).json["successful"]


def test_a_client_that_disconnects_ends_its_stream(server, upstream):
    upstream.answer(text("first", HANG))
    call = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    body = json.dumps({"arguments": call}).encode()
    host = server.url.removeprefix("http://").removesuffix("/v1")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=WAIT)) as connection:
        path, headers = "/api/v3/tools/execute/AI_ML_API_TEXT_CHAT_COMPLETION", {"x-api-key": KEY}
        connection.request("POST", path, body, {**headers, "Content-Type": "application/json"})
        asked = upstream.wait_for(1)
    assert asked.gone.wait(WAIT)


def test_an_assistant_is_created_with_any_model_that_the_server_has(ask, server):
    served = [one["id"] for one in server.ask("GET", "/v1/models").json["data"]]
    (tool,) = ask("GET", "/api/v3/tools?tool_slugs=AI_ML_API_CREATE_ASSISTANT")["items"]
    listed = tool["input_parameters"]["properties"]["model"]["enum"]
    assert set(served) <= set(listed)
    assert "openai/gpt-4.1-nano-2025-04-14" in listed
    execute = "/api/v3/tools/execute/AI_ML_API_CREATE_ASSISTANT"
    for model in served:
        made = ask("POST", execute, {"arguments": {"model": model}})
        assert (made["successful"], made["data"]["model"]) == (True, model)
    refused_ = ask("POST", execute, {"arguments": {"model": "no-such-model"}})
    assert not refused_["successful"]
    assert "no-such-model" in refused_["error"]

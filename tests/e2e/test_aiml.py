"""The AI/ML API dialect: its paths, headers and errors, and the cost that it returns."""

import json
import re
from pathlib import Path

import openai
import pytest

from e2e.assistants_client import user
from e2e.billing import PRICES
from envelope import assert_aimlapi_error, assert_error
from serving import KEY, Server, parse_events, serve
from upstream import HANG, error, reply, text

CHAT = {"model": "gpt-4o", "messages": [user("Hello there")]}
SDK = {"HTTP-Referer": "https://example.com", "X-Title": "Example"}
COST = {"usage": {"credits_used": 5600, "usd_spent": 0.0028}}


@pytest.fixture(scope="module")
def priced(session_upstream, tmp_path_factory):
    yield from serve(Server(tmp_path_factory.mktemp("priced"), session_upstream.url, PRICES))


def chunks_of(answered):
    *blocks, done, end = answered.body.decode().split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    return [json.loads(block.removeprefix("data: ")) for block in blocks]


@pytest.mark.proves("aimlapi.paths", "aimlapi.meta")
@pytest.mark.parametrize(
    ("path", "headers"), [("/chat/completions", {}), ("/v2/chat/completions", {}), ("/v1/chat/completions", SDK)]
)
def test_a_completion_returns_its_cost(priced, upstream, path, headers):
    upstream.answer(text("Hi", usage=(1000, 100)))
    answered = priced.ask("POST", path, CHAT, headers)
    assert list(answered.json)[-1] == "meta"
    assert answered.json["meta"] == COST
    assert answered.headers["x-aimlapi-credits-used"] == "5600"


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_the_last_chunk_of_a_stream_returns_the_cost(priced, upstream, options):
    upstream.answer(text("Hel", "lo", usage=(1000, 100)))
    chunks = chunks_of(priced.ask("POST", "/chat/completions", CHAT | {"stream": True} | options))
    assert [chunk["meta"] for chunk in chunks if "meta" in chunk] == [COST]
    assert chunks[-1]["meta"] == COST
    said = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]]
    assert "".join(said) == "Hello"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"]][-1] == "stop"
    assert bool(chunks[-1]["choices"]) is (not options)


def test_an_existing_meta_of_a_completion_is_replaced(priced, upstream):
    message = {"role": "assistant", "content": 'I said "meta".'}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    upstream.answer(reply({"id": "x", "choices": [choice], "usage": usage, "meta": {"usage": {"credits_used": 1}}}))
    answered = priced.ask("POST", "/chat/completions", CHAT)
    assert answered.body.count(b'"meta":') == 1
    assert answered.json["meta"] == COST


def test_clients_of_openai_see_nothing_of_it(priced, upstream):
    for stream in (False, True):
        assert b"meta" not in priced.ask("POST", "/v1/chat/completions", CHAT | {"stream": stream}).body
    for path in ("/v1/threads/thread_x", "/v1/nowhere"):
        assert list(priced.ask("GET", path).json) == ["error"]


def test_the_operator_can_choose_the_dialect_for_everyone(new_server, upstream):
    server = new_server(PRICES, dialect="aimlapi").start()
    upstream.answer(text("Hi", usage=(1000, 100)))
    assert server.ask("POST", "/v1/chat/completions", CHAT).json["meta"] == COST
    message = "No thread found with id 'thread_x'."
    assert_aimlapi_error(server.ask("GET", "/v1/threads/thread_x"), 404, message)
    completion = server.client.chat.completions.create(**CHAT)
    assert completion.choices[0].message.content == "You said: Hello there"


@pytest.mark.proves("aimlapi.errors")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_errors_satisfy_both_families_of_clients(priced, method):
    answered = priced.ask(method, "/threads/thread_x", {} if method == "POST" else None)
    assert_aimlapi_error(answered, 404, "No thread found with id 'thread_x'.")
    assert (answered.json["title"], answered.json["path"]) == ("Not Found", "/threads/thread_x")
    with (
        priced.new_client(base_url=priced.url.removesuffix("/v1")) as client,
        pytest.raises(openai.NotFoundError, match="No thread found with id 'thread_x'"),
    ):
        client.beta.threads.retrieve("thread_x")


def test_other_errors_have_the_same_shape(priced, upstream):
    assert_aimlapi_error(priced.ask("GET", "/models", key=None), 401, re.compile("You didn't provide an API key.*"))
    answered = priced.ask("GET", "/models", key="sk-wrong-0123456789-tail")
    assert_aimlapi_error(answered, 401, re.compile("Incorrect API key.*"), None, "invalid_api_key")
    assert_aimlapi_error(priced.ask("GET", "/v2/nowhere"), 404, "Invalid URL (GET /v2/nowhere)")
    answered = priced.ask("PUT", "/assistants", {})
    hint = "Not allowed to PUT on /assistants (HINT: Perhaps you meant to use a different HTTP method?)"
    assert_aimlapi_error(answered, 405, hint)
    answered = priced.ask("POST", "/chat/completions", {"model": "gpt-4o"})
    missing = ("messages", "missing_required_parameter")
    assert_aimlapi_error(answered, 400, "Missing required parameter: 'messages'.", *missing)
    assert_error(priced.ask("GET", "/v1/threads/thread_x"), 404, "No thread found with id 'thread_x'.")


@pytest.mark.parametrize("end", [error(message="Broken."), HANG])
def test_a_stream_that_breaks_ends_with_an_error(priced, upstream, end):
    upstream.answer(text("Hel", end, finish=None, done=False))
    answered = priced.ask(
        "POST", "/chat/completions", CHAT | {"stream": True, "model": "slow" if end is HANG else "gpt-4o"}
    )
    assert (
        json.loads(answered.body.decode().split("\n\n")[-2].removeprefix("data: "))["error"]["type"] == "server_error"
    )


@pytest.mark.proves("aimlapi.headers")
@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/nowhere", "/v2/billing"])
def test_every_answer_is_named(priced, path):
    names = {priced.ask("GET", path).headers["x-inference-id"] for _ in range(20)}
    assert len(names) == 20
    assert all(re.fullmatch("[A-Za-z0-9_-]{21}", name) for name in names)


@pytest.mark.parametrize("name", ["a", "A-Z.0_9:x", "x" * 128])
def test_the_client_request_id_is_echoed(priced, name):
    for key in (KEY, None):
        headers = priced.ask("GET", "/v1/models", headers={"X-Client-Request-Id": name}, key=key).headers
        assert headers["x-client-request-id"] == name


@pytest.mark.parametrize("name", ["", "x" * 129, "a b", "a/b", "ä", "a,b"])
def test_an_invalid_client_request_id_is_not_echoed(priced, name):
    headers = {"X-Client-Request-Id": name.encode()}
    assert "x-client-request-id" not in priced.ask("GET", "/v1/models", headers=headers).headers


def test_a_streamed_answer_is_named_as_well(priced, upstream):
    answered = priced.ask("POST", "/v1/chat/completions", CHAT | {"stream": True}, {"X-Client-Request-Id": "mine"})
    assert answered.headers["x-client-request-id"] == "mine"
    assert len(answered.headers["x-inference-id"]) == 21
    assert "x-aimlapi-credits-used" not in answered.headers


def test_assistants_work_without_a_version(priced, upstream):
    with priced.new_client(base_url=priced.url.removesuffix("/v1")) as client:
        assistant = client.beta.assistants.create(model="gpt-4o")
        body = {"assistant_id": assistant.id, "thread": {"messages": [user("Hello")]}, "stream": True}
        events = list(parse_events(priced.ask("POST", "/threads/runs", body).body))
        assert events[-1] == ("done", "[DONE]")
        assert client.beta.assistants.delete(assistant.id).deleted


def test_operations_that_are_not_served_get_the_envelope_and_stand_in_the_table(server):
    page = Path(__file__).resolve().parents[2] / "docs" / "reference" / "aimlapi.md"
    rows = page.read_text("utf-8").partition("## Not served")[2]
    refused = "".join(re.findall(r"^\| (`[^|]+)\|", rows, re.MULTILINE))
    listed = re.findall(r"`(GET|POST) (/[^`]+)`", refused)
    assert len(listed) == 10
    assert server.ask("POST", "/v1/keys", {}).status == 405
    listed.remove(("POST", "/v1/keys"))
    for method, path in listed:
        for prefix in ("", "/v1") if not path.startswith(("/v1", "/v2")) else ("",):
            reply = server.ask(method, prefix + path, {} if method == "POST" else None)
            assert (reply.status, reply.json["error"]["type"]) == (404, "invalid_request_error"), path

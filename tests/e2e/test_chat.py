"""Chat completions: the request of the client is sent to the provider, and its reply is returned."""

import json

import openai
import pytest

from e2e.assistants_client import WEATHER, user
from envelope import assert_envelope, assert_error
from upstream import DROP, HANG, Gate, call, calls, error, fault, reply, text

HELLO = [user("Hello there")]


def chunks_of(response):
    """The data of a chat stream, each as JSON but the last."""
    blocks = response.read().decode().split("\n\n")
    assert blocks.pop() == ""
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    return [block.removeprefix("data: ") for block in blocks]


def test_a_completion_returns_the_reply_of_the_provider(client, upstream):
    upstream.answer(text("Hel", "lo", usage=(9, 2)))
    completion = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert completion.choices[0].message.content == "Hello"
    assert (completion.choices[0].finish_reason, completion.usage.total_tokens) == ("stop", 11)
    assert upstream.requests[0].body == {"model": "gpt-4o", "messages": HELLO}
    assert upstream.requests[0].headers["Authorization"] == "Bearer upstream-key"


@pytest.mark.parametrize("stream", [False, True])
def test_every_parameter_is_passed_on_known_or_not(server, upstream, stream):
    extra = {
        "temperature": 0.1,
        "seed": 7,
        "logit_bias": {"50256": -100},
        "tools": [WEATHER],
        "tool_choice": "auto",
        "response_format": {"type": "json_object"},
        "max_completion_tokens": 5,
        "stop": ["a", "b"],
        "user": "Ünïcödé 🚀",
        "vendor_specific": {"deep": [1, 2.5, None, True]},
    }
    reply = server.ask(
        "POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO, "stream": stream, **extra}
    )
    assert reply.status == 200
    body = upstream.requests[0].body
    assert {name: body[name] for name in extra} == extra
    assert body["messages"] == HELLO


def test_a_stream_has_the_providers_chunks_and_an_end(server, upstream):
    upstream.answer(text("Hel", "lo"))
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    with server.opened("POST", "/v1/chat/completions", asked) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        *chunks, last = chunks_of(response)
    assert last == "[DONE]"
    chunks = [json.loads(chunk) for chunk in chunks]
    assert all(chunk["object"] == "chat.completion.chunk" and chunk["choices"] for chunk in chunks)
    assert [chunk["choices"][0]["delta"].get("content") for chunk in chunks] == ["", "Hel", "lo", None]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("wanted", [True, False])
def test_usage_is_streamed_only_if_include_usage_is_set(client, upstream, wanted):
    upstream.answer(text("Hello", usage=(9, 2)))
    options = {"stream_options": {"include_usage": True}} if wanted else {}
    with client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True, **options) as stream:
        chunks = list(stream)
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([11] if wanted else [])
    assert all(chunk.choices for chunk in chunks[:-1])


@pytest.mark.parametrize("wanted", [True, False])
def test_chunks_that_arrive_together_are_relayed_unchanged(server, upstream, wanted):
    texts = ["", *(f"word{number} " for number in range(30)), "ü€", "\\n", "end"]
    data = [_chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}]) for text in texts]
    data.append(_chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    usage = _chunk(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11})
    body = "".join(f"data: {chunk}\n\n" for chunk in [*data, usage, "[DONE]"])
    upstream.answer(reply(body.encode(), content_type="text/event-stream"))
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    options = {"stream_options": {"include_usage": True}} if wanted else {}
    with server.opened("POST", "/v1/chat/completions", asked | options) as response:
        assert chunks_of(response) == [*data, *([usage] if wanted else []), "[DONE]"]


def _chunk(**members):
    return json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", **members}, ensure_ascii=False)


def test_the_helper_of_the_package_reads_a_stream_with_calls(client, upstream):
    upstream.answer(calls(call("get_weather", call_id="call_a", city="Paris"), say=("Let me look.",)))
    with client.chat.completions.stream(model="gpt-4o", messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.content == "Let me look."
    assert [(one.id, one.function.arguments) for one in message.tool_calls] == [("call_a", '{"city": "Paris"}')]


async def test_an_asynchronous_stream_reads_the_same(async_client, upstream):
    upstream.answer(text("Hel", "lo"))
    stream = await async_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
    async with stream:
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "Hello"


def test_chunks_arrive_while_the_model_still_generates(client, upstream):
    gate = Gate()
    upstream.answer(text("first", gate, "second"))
    with client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True) as stream:
        parts = (chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content)
        assert next(parts) == "first"
        gate.open()
        assert list(parts) == ["second"]


def test_a_client_that_disconnects_cancels_its_upstream_request(client, upstream):
    upstream.answer(text("first", HANG))
    with client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True) as stream:
        next(iter(stream))
    assert upstream.requests[0].gone.wait(10)


FAULTS = [
    (fault(400, "Bad.", param="messages", code="x"), 400, "Bad.", "messages", "x", "invalid_request_error"),
    (fault(401, "Key."), 502, "Key.", None, "upstream_authentication", "server_error"),
    (
        fault(404, "No model.", code="model_not_found"),
        404,
        "No model.",
        "model",
        "model_not_found",
        "invalid_request_error",
    ),
    (fault(429, "Slow."), 429, "Slow.", None, "rate_limit_exceeded", "requests"),
    (
        fault(429, "No money.", code="insufficient_quota"),
        429,
        "No money.",
        None,
        "insufficient_quota",
        "insufficient_quota",
    ),
    (fault(500, "Down."), 502, "Down.", None, "upstream_server_error", "server_error"),
    (
        reply(b"<html>", content_type="text/html"),
        502,
        "The upstream returned a body that is not JSON; check its base URL.",
        None,
        "upstream_malformed",
        "server_error",
    ),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("answer", "status", "message", "param", "code", "kind"), FAULTS)
def test_a_fault_before_the_first_chunk_is_an_ordinary_error(
    server, upstream, stream, answer, status, message, param, code, kind
):
    upstream.answer(answer)
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": stream}
    assert_error(server.ask("POST", "/v1/chat/completions", asked), status, message, param, code, kind)


def test_how_long_to_wait_is_handed_on(server, upstream):
    upstream.answer(fault(429, "Slow.", headers={"retry-after": "7"}))
    reply = server.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO})
    assert reply.headers["retry-after"] == "7"


def test_a_silent_provider_is_a_timeout(server, upstream):
    upstream.answer(text(HANG))
    reply = server.ask("POST", "/v1/chat/completions", {"model": "slow", "messages": HELLO})
    message = "Request to provider 'impatient' timed out after 0.3 s without a response."
    assert_error(reply, 504, message, None, "upstream_timeout", "server_error")


@pytest.mark.parametrize("end", [DROP, error(message="Broken.")])
def test_a_fault_in_the_middle_is_an_error_that_the_package_raises(server, client, upstream, end):
    for _ in range(2):
        upstream.answer(text("Hel", end, finish=None, done=False))
    with (
        client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True) as stream,
        pytest.raises(openai.APIError),
    ):
        list(stream)
    asked = {"model": "gpt-4o", "messages": HELLO, "stream": True}
    with server.opened("POST", "/v1/chat/completions", asked) as response:
        last = json.loads(chunks_of(response)[-1])
    code = "upstream_unreachable" if end is DROP else "upstream_server_error"
    assert_envelope(last, last["error"]["message"], None, code, "server_error")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "status", "message", "param", "code"),
    [
        ({"messages": HELLO}, 400, "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
        ({"model": "gpt-4o"}, 400, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
        (
            {"model": "gpt-4o", "messages": []},
            400,
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "messages",
            "empty_array",
        ),
        (
            {"model": "gpt-4o", "messages": ["x"]},
            400,
            "Invalid type for 'messages[0]': expected an object, but got a string instead.",
            "messages[0]",
            "invalid_type",
        ),
        (
            {"model": "gpt-9", "messages": HELLO},
            404,
            (
                "The model 'gpt-9' does not exist or you do not have access to it. Models of this server: 'gpt-4o',"
                " 'gpt-4o-mini', 'org/with/slashes', 'rehearsal', 'slow'."
            ),
            "model",
            "model_not_found",
        ),
    ],
)
def test_a_bad_request_never_reaches_a_provider(server, upstream, stream, body, status, message, param, code):
    reply = server.ask("POST", "/v1/chat/completions", {**body, "stream": stream})
    assert_error(reply, status, message, param, code)
    assert upstream.requests == []

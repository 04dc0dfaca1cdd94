"""Anthropic's Messages API with the official package, in front of providers that speak it and of those that do not."""

import json
import re
import sqlite3

import anthropic
import pytest

from conformance.shapes import assert_shape
from e2e.assistants_client import on_both
from serving import KEY, TLS, WAIT, Server, serve
from upstream import HANG, call, calls, deltas, error, fault, reply, text

QUESTION = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgo="
USAGE = {
    "input_tokens": int,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
    "output_tokens": int,
    "service_tier": "standard",
}
MESSAGE = {
    "id": str,
    "type": "message",
    "role": "assistant",
    "model": "gpt-4o",
    "content": [{"type": "text", "text": "You said: Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}


def client_of(server, **options):
    root = server.url.removesuffix("/v1")
    transport = anthropic.DefaultHttpxClient(verify=TLS)
    defaults = {"base_url": root, "api_key": KEY, "max_retries": 0, "timeout": WAIT, "http_client": transport}
    return anthropic.Anthropic(**{**defaults, **options})


@pytest.fixture
def claude(server):
    with client_of(server) as client:
        yield client


@pytest.fixture(scope="module")
def native(session_upstream, tmp_path_factory):
    """A server whose provider speaks the dialect itself."""
    config = f'[providers.claude]\nkind = "anthropic"\nbase_url = "{session_upstream.root}"\nmodels = ["claude-x"]\n'
    yield from serve(Server(tmp_path_factory.mktemp("native"), session_upstream.url, config + "retries = 0\n"))


def ask(claude, model="gpt-4o", **parameters):
    return claude.messages.create(**{"model": model, "max_tokens": 100, "messages": QUESTION, **parameters})


def streamed(server, **parameters):
    return server.events("/v1/messages", {"model": "gpt-4o", "max_tokens": 9, "messages": QUESTION, **parameters})


def asked(upstream):
    return upstream.requests[-1].body


# -- whole -------------------------------------------------------------------------------------------------------


@pytest.mark.proves("anthropic.shape")
@pytest.mark.parametrize("path", ["/v1/messages", "/messages"])
def test_a_message_has_the_members_of_the_original(server, upstream, path):
    reply = server.ask("POST", path, {"model": "gpt-4o", "max_tokens": 9, "messages": QUESTION})
    assert reply.status == 200
    assert_shape(reply.json, MESSAGE)
    assert reply.headers["request-id"] == reply.headers["x-request-id"]


@on_both
def test_the_key_is_accepted_in_either_header(server, upstream, claude):
    assert ask(claude).content[0].text == "You said: Hello"
    with client_of(server, api_key=None, auth_token=KEY) as bearer:
        assert ask(bearer).content[0].text == "You said: Hello"


@on_both
@pytest.mark.proves("anthropic.request")
def test_a_messages_request_is_translated_to_chat_completions(claude, upstream):
    ask(
        claude,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                    {"type": "text", "text": "Three"},
                    {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [
                            {"type": "text", "text": "18"},
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                            },
                        ],
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                    {"type": "text", "text": "So?"},
                ],
            },
        ],
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        stop_sequences=["END"],
        metadata={"user_id": "someone"},
        extra_body={"top_k": 5, "temperature": 0.5},
    )
    body = asked(upstream)
    function = {"name": "get_weather", "parameters": WEATHER["input_schema"], "description": WEATHER["description"]}
    call_ = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
    assert body == {
        "model": "gpt-4o",
        "temperature": 0.5,
        "max_completion_tokens": 100,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "One\n\nTwo"},
            {
                "role": "assistant",
                "content": "Three",
                "tool_calls": [{"id": "toolu_1", "type": "function", "function": call_}],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "18"},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    {"type": "text", "text": "So?"},
                ],
            },
        ],
        "stop": ["END"],
        "user": "someone",
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "parallel_tool_calls": False,
    }


def test_documents_and_formats_are_translated_to_chat_completions(server, upstream):
    documents = [
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Words"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "More"}]}},
        {"type": "search_result", "source": "https://x", "title": "x", "content": [{"type": "text", "text": "Found"}]},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
    ]
    schema = {"type": "object", "properties": {}}
    body = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": documents}],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}},
    }
    assert server.ask("POST", "/v1/messages", body).status == 200
    sent = asked(upstream)
    *texts, pdf = sent["messages"][0]["content"]
    assert [part["text"] for part in texts] == ["Words", "More", "Found"]
    assert pdf["file"] == {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}
    assert sent["response_format"]["json_schema"]["schema"] == schema
    assert (sent["reasoning_effort"], sent["max_completion_tokens"]) == ("low", 1024)


@on_both
@pytest.mark.proves("anthropic.tools")
def test_calls_and_their_results_go_back_and_forth(claude, upstream):
    upstream.answer(calls(call("get_weather", call_id="call_1", city="Paris"), say=("One moment",)))
    said = ask(claude, tools=[WEATHER])
    assert said.stop_reason == "tool_use"
    assert [block.type for block in said.content] == ["text", "tool_use"]
    assert (said.content[1].id, said.content[1].name, said.content[1].input) == (
        "call_1", "get_weather", {"city": "Paris"},
    )  # fmt: skip
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "18 degrees"}
    ask(
        claude,
        tools=[WEATHER],
        messages=[*QUESTION, {"role": "assistant", "content": said.content}, {"role": "user", "content": [result]}],
    )
    assert [message["role"] for message in asked(upstream)["messages"]] == ["user", "assistant", "tool"]


@on_both
@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_tokens"), ("content_filter", "refusal"), ("stop", "end_turn")]
)
def test_the_end_of_an_answer_has_its_reason(claude, upstream, finish, reason):
    upstream.answer(text("So", finish=finish))
    assert ask(claude).stop_reason == reason


@on_both
def test_the_sequence_that_ended_an_answer_is_named_where_the_provider_names_it(claude, upstream):
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "So"},
        "finish_reason": "stop",
        "stop_reason": "X",
    }
    upstream.answer(reply({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}))
    said = ask(claude, stop_sequences=["X"])
    assert (said.stop_reason, said.stop_sequence) == ("stop_sequence", "X")


@on_both
def test_thinking_of_a_provider_is_returned_only_if_requested(claude, upstream):
    message = {"role": "assistant", "content": "42", "reasoning_content": "6 * 7"}
    whole = {"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    upstream.always(reply(whole))
    thinking = {"type": "enabled", "budget_tokens": 1024}
    assert [block.type for block in ask(claude, thinking=thinking, max_tokens=2000).content] == ["thinking", "text"]
    assert [block.type for block in ask(claude).content] == ["text"]


@on_both
def test_the_embedded_model_answers_too(claude):
    said = ask(claude, "rehearsal", messages=[{"role": "user", "content": "What is 6 * 7?"}])
    assert "42" in said.content[0].text
    assert said.usage.input_tokens > 0
    used = ask(claude, "rehearsal", tools=[WEATHER], messages=[{"role": "user", "content": "The weather in Oslo?"}])
    assert (used.stop_reason, used.content[-1].input) == ("tool_use", {"city": "Oslo"})


# -- streams -----------------------------------------------------------------------------------------------------


@pytest.mark.proves("anthropic.stream")
def test_a_stream_has_the_events_of_the_original(server, upstream):
    upstream.answer(text("Hel", "lo"))
    events = streamed(server)
    start = {**MESSAGE, "content": [], "stop_reason": None}
    counts = {name: kind for name, kind in USAGE.items() if name.endswith("_tokens")}
    expected = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": counts},
        {"type": "message_stop"},
    ]
    assert [name for name, _ in events] == [event["type"] for event in expected]
    assert_shape([data for _, data in events], expected)
    assert events[-2][1]["usage"]["input_tokens"] == 9


@on_both
@pytest.mark.parametrize(("interleaved", "indexed"), [(False, True), (False, False), (True, True)])
def test_streamed_calls_become_consecutive_content_blocks(claude, upstream, interleaved, indexed):
    cities = [call("get_weather", call_id=f"call_{city}", city=city) for city in ("Paris", "Rome")]
    upstream.answer(calls(*cities, say=("Let ", "me see"), interleaved=interleaved, indexed=indexed))
    with claude.messages.stream(model="gpt-4o", max_tokens=9, messages=QUESTION, tools=[WEATHER]) as stream:
        open_blocks = []
        for event in stream:
            if event.type == "content_block_start":
                open_blocks.append(event.index)
            if event.type == "content_block_stop":
                assert open_blocks == list(range(event.index + 1))
        said = stream.get_final_message()
    assert said.content[0].text == "Let me see"
    assert [(block.id, block.input) for block in said.content[1:]] == [
        ("call_Paris", {"city": "Paris"}), ("call_Rome", {"city": "Rome"}),
    ]  # fmt: skip
    assert said.stop_reason == "tool_use"
    assert said.usage.input_tokens == 9


def test_thinking_is_streamed_before_the_text(server, upstream):
    upstream.answer(deltas({"reasoning_content": "6 *"}, {"reasoning_content": " 7"}, {"content": "42"}))
    events = streamed(server, thinking={"type": "adaptive"})
    told = [data["content_block"]["type"] for name, data in events if name == "content_block_start"]
    assert told == ["thinking", "text"]
    thought = [data["delta"] for name, data in events if name == "content_block_delta" and data["index"] == 0]
    assert "".join(delta["thinking"] for delta in thought) == "6 * 7"


@pytest.mark.proves("anthropic.errors")
def test_a_fault_in_the_middle_is_an_event_of_the_dialect(server, upstream):
    upstream.answer(text("Hel", error()))
    name, data = streamed(server)[-1]
    assert name == "error"
    assert_shape(data, {"type": "error", "error": {"type": "api_error", "message": str}, "request_id": str})


def test_a_client_that_disconnects_ends_its_stream(server, upstream):
    upstream.answer(text("Hel", HANG))
    body = {"model": "gpt-4o", "max_tokens": 9, "messages": QUESTION, "stream": True}
    with server.opened("POST", "/v1/messages", body) as response:
        assert b"message_start" in response.readline()
    assert upstream.wait_for(1).gone.wait(WAIT)


# -- providers that speak the dialect ----------------------------------------------------------------------------


@pytest.mark.proves("anthropic.passing")
def test_an_anthropic_provider_gets_the_body_and_its_reply_is_returned_unchanged(native, upstream):
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
            {"type": "text", "text": "Hi", "citations": None},
        ],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
        "container": None,
    }
    upstream.answer(reply(whole))
    body = {
        "model": "claude-x",
        "max_tokens": 2000,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}
        ],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
        "top_k": 3,
    }
    assert native.ask("POST", "/v1/messages", body).json == whole
    assert asked(upstream) == {**body, "stream": False}
    assert "anthropic-beta" not in upstream.requests[-1].headers


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
def test_beta_headers_are_sent_to_an_anthropic_provider(native, upstream, how):
    upstream.always(reply({"input_tokens": 7}) if how == "counted" else text("Hi"))
    asked_for = {"model": "claude-x", "messages": QUESTION, "betas": ["one-2026-01-01", "two-2026-01-01"]}
    with client_of(native) as claude:
        if how == "counted":
            claude.beta.messages.count_tokens(**asked_for)
        elif how == "whole":
            claude.beta.messages.create(**asked_for, max_tokens=9)
        else:
            with claude.beta.messages.stream(**asked_for, max_tokens=9) as stream:
                stream.until_done()
    assert {"one-2026-01-01", "two-2026-01-01"} <= set(upstream.requests[-1].headers["anthropic-beta"].split(","))


def test_a_stream_of_the_dialect_is_passed_on(native, upstream):
    upstream.answer(text("Hel", "lo"))
    with (
        client_of(native) as claude,
        claude.messages.stream(model="claude-x", max_tokens=9, messages=QUESTION) as stream,
    ):
        assert list(stream.text_stream) == ["Hel", "lo"]
        assert stream.get_final_message().usage.input_tokens == 9
    assert upstream.requests[-1].path == "/v1/messages"


def test_an_interrupted_anthropic_stream_ends_with_an_error_event(native, upstream):
    upstream.answer(text("Hel", error()))
    body = {"model": "claude-x", "max_tokens": 9, "messages": QUESTION}
    assert [name for name, _ in native.events("/v1/messages", body)][-1] == "error"


# -- counting ----------------------------------------------------------------------------------------------------


@on_both
@pytest.mark.proves("anthropic.count")
def test_tokens_are_counted_by_the_provider_or_about(native, server, upstream, claude):
    upstream.answer(reply({"input_tokens": 77}))
    with client_of(native) as other:
        assert other.messages.count_tokens(model="claude-x", messages=QUESTION).input_tokens == 77
    assert upstream.requests[-1].path == "/v1/messages/count_tokens"
    short = claude.messages.count_tokens(model="gpt-4o", messages=QUESTION).input_tokens
    long = claude.messages.count_tokens(
        model="gpt-4o", system="Be brief. " * 100, tools=[WEATHER], messages=QUESTION
    ).input_tokens
    assert 0 < short < 20
    assert 300 < long < 600


def test_messages_are_counted_whole_and_streamed(native, server, upstream):
    for asked, model in ((server, "gpt-4o"), (native, "claude-x")):
        body = {"model": model, "max_tokens": 9, "messages": QUESTION}
        before = _used(asked)
        assert "x-aimlapi-credits-used" in asked.ask("POST", "/v1/messages", body).headers
        asked.events("/v1/messages", body)
        assert _used(asked)[len(before) :] == [(model, 9, 3)] * 2


def _used(server):
    server.ask("GET", "/v1/billing/balance")  # waits until usage is in the ledger
    with sqlite3.connect(f"file:{server.data / 'understudy.sqlite3'}?mode=ro", uri=True) as database:
        return database.execute("SELECT model, input_tokens, output_tokens FROM usage ORDER BY rowid").fetchall()


# -- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Missing required parameter: 'model'."),
        ({"model": "gpt-4o"}, "Missing required parameter: 'messages'."),
        ({"model": "gpt-4o", "messages": []}, "minimum length 1"),
        ({"model": "gpt-4o", "messages": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'."),
        ({"model": "gpt-4o", "messages": QUESTION, "max_tokens": 0}, "'max_tokens'"),
        ({"model": "gpt-4o", "messages": QUESTION, "temperature": 1.5}, "'temperature'"),
        ({"model": "gpt-4o", "messages": QUESTION, "tool_choice": {"type": {}}}, "'tool_choice.type'"),
        ({"model": "gpt-4o", "messages": QUESTION, "tool_choice": {"type": "any"}}, "'tool_choice' is only allowed"),
        (
            {"model": "gpt-4o", "messages": QUESTION, "tool_choice": {"type": "tool", "name": "f"}, "tools": []},
            "'tool_choice' is only allowed",
        ),
        (
            {"model": "gpt-4o", "messages": QUESTION, "tools": [{"type": "bash_20250124", "name": "bash"}]},
            "'bash_20250124'",
        ),
        (
            {
                "model": "gpt-4o",
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "x"}}]}
                ],
            },
            "'messages[0].content[0]'",
        ),
        (
            {
                "model": "gpt-4o",
                "messages": [{"role": "assistant", "content": [{"type": "server_tool_use", "id": "x"}]}],
            },
            "'server_tool_use'",
        ),
    ],
)
def test_an_unsupported_messages_request_is_refused(server, body, said):
    refused = server.ask("POST", "/v1/messages", body)
    assert refused.status == 400
    assert_shape(
        refused.json, {"type": "error", "error": {"type": "invalid_request_error", "message": str}, "request_id": str}
    )
    assert said in refused.json["error"]["message"]
    assert refused.json["request_id"] == refused.headers["request-id"]


@on_both
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fault(429), anthropic.RateLimitError),
        (fault(500), anthropic.InternalServerError),
        (fault(400), anthropic.BadRequestError),
    ],
)
def test_a_provider_error_raises_the_packages_own_exception(claude, upstream, answer, kind):
    upstream.answer(answer)
    with pytest.raises(kind) as caught:
        ask(claude)
    assert re.fullmatch("req_[0-9a-f]{32}", caught.value.request_id)


@on_both
def test_strangers_and_unknown_things_get_errors_of_the_dialect(server, claude):
    with (
        client_of(server, api_key="sk-wrong-0123456789") as stranger,
        pytest.raises(anthropic.AuthenticationError) as no,
    ):
        ask(stranger)
    assert no.value.body["error"]["type"] == "authentication_error"
    with pytest.raises(anthropic.NotFoundError) as unknown:
        ask(claude, "claude-9")
    assert unknown.value.body["error"]["type"] == "not_found_error"
    for method, path, status in (("PUT", "/v1/messages", 405), ("GET", "/v1/messages/nothing", 404)):
        refused = server.ask(method, path)
        assert (refused.status, refused.json["type"]) == (status, "error")
    assert "error" in json.loads(server.ask("GET", "/v1/nothing").body)

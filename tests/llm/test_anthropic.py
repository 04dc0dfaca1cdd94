"""The provider for the Messages API, against real sockets and the official package's types."""

import asyncio
import json
from collections.abc import Iterable

import pytest
from anthropic.types import message_create_params
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from llm.reading import BODY, KEY, collect, failure, finish, fragments, said, usage
from understudy.errors import UpstreamError
from understudy.llm.anthropic_request import DEFAULT_MAX_TOKENS, translate
from upstream import DROP, HANG, call, calls, deltas, error, fault, raw, reply, text

REQUEST = TypeAdapter(message_create_params.MessageCreateParamsNonStreaming)
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


def translated(*messages, **parameters):
    """The request, once the official package's types have accepted it (all but the sampling that they have dropped)."""
    messages = messages or ({"role": "user", "content": "Hello"},)
    request = translate({"model": "claude", "messages": list(messages), **parameters})
    typed = {key: value for key, value in request.items() if key not in ("temperature", "top_p")}
    _read(REQUEST.validate_python(typed))
    return request


def _read(validated):
    """Iterables are validated as they are read."""
    if isinstance(validated, dict):
        validated = validated.values()
    if not isinstance(validated, str | bytes) and isinstance(validated, Iterable):
        for member in validated:
            _read(member)


def user(content):
    return {"role": "user", "content": content}


def assistant(content=None, *functions):
    made = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in functions]
    return {"role": "assistant", "content": content, **({"tool_calls": made} if made else {})}


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def blocks(text):
    return [{"type": "text", "text": text}]


class TestMessages:
    def test_of_the_system_and_the_developer_become_the_system_prompt(self):
        request = translated(
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            user("Hello"),
        )
        assert request["system"] == "Be brief.\n\nBe kind."
        assert request["messages"] == [{"role": "user", "content": blocks("Hello")}]

    def test_of_one_role_in_a_row_are_merged_into_one_turn(self):
        request = translated(user("a"), user("b"), assistant("c"), assistant("d"), user("e"))
        assert [(turn["role"], len(turn["content"])) for turn in request["messages"]] == [
            ("user", 2),
            ("assistant", 2),
            ("user", 1),
        ]

    def test_with_tool_calls_and_their_results_become_blocks(self):
        request = translated(
            user("Weather?"),
            assistant("Let me see.", ("call_1", "get_weather", '{"city": "Paris"}'), ("call_2", "get_time", "")),
            result("call_1", "sunny"),
            result("call_2", [{"type": "text", "text": "noon"}]),
            user("Thanks"),
            tools=[TOOL],
        )
        assert request["messages"][1]["content"] == [
            {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "call_2", "name": "get_time", "input": {}},
        ]
        assert request["messages"][2] == {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": blocks("sunny")},
                {"type": "tool_result", "tool_use_id": "call_2", "content": blocks("noon")},
                {"type": "text", "text": "Thanks"},
            ],
        }

    def test_with_arguments_that_are_not_an_object_send_them_wrapped_in_one(self):
        request = translated(user("x"), assistant(None, ("1", "f", "not json"), ("2", "f", "[1]")))
        assert [block["input"] for block in request["messages"][1]["content"]] == [
            {"arguments": "not json"},
            {"arguments": "[1]"},
        ]

    def test_with_ids_of_other_providers_get_ids_that_are_accepted_on_both_sides(self):
        request = translated(user("x"), assistant(None, ("functions.f:0", "f", "{}")), result("functions.f:0", "y"))
        assert request["messages"][1]["content"][0]["id"] == "functions_f_0"
        assert request["messages"][2]["content"][0]["tool_use_id"] == "functions_f_0"

    def test_with_images_and_documents_become_their_sources(self):
        request = translated(
            user(
                [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": PIXEL}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}},
                ]
            )
        )
        assert [block.get("source") for block in request["messages"][0]["content"]] == [
            None,
            {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
            {"type": "url", "url": "https://example.com/a.png"},
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        ]

    def test_without_any_text_are_left_out(self):
        request = translated(user("a"), assistant(""), assistant(None), user("  \n"), user("b"))
        assert request["messages"] == [{"role": "user", "content": blocks("a") + blocks("b")}]

    @pytest.mark.parametrize("messages", [(assistant("Welcome!"),), ({"role": "system", "content": "Be brief."},)])
    def test_that_do_not_begin_with_the_user_get_a_user_turn_first(self, messages):
        assert translated(*messages)["messages"][0]["role"] == "user"

    @pytest.mark.parametrize(
        ("messages", "param"),
        [
            ([user([{"type": "input_audio", "input_audio": {}}])], "messages[0].content[0]"),
            ([user("a"), user([{"type": "file", "file": {"file_id": "file-1"}}])], "messages[1].content[0]"),
            ([{"role": "function", "name": "f", "content": "x"}], "messages[0].role"),
        ],
    )
    def test_that_cannot_be_translated_are_refused_with_their_path(self, messages, param):
        with pytest.raises(UpstreamError) as caught:
            translate({"model": "claude", "messages": messages})
        assert (caught.value.kind, caught.value.param) == ("invalid_request", param)


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "limit"),
        [({}, DEFAULT_MAX_TOKENS), ({"max_tokens": 5}, 5), ({"max_tokens": 5, "max_completion_tokens": 6}, 6)],
    )
    def test_give_a_token_limit_in_every_case(self, parameters, limit):
        assert translated(**parameters)["max_tokens"] == limit

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            ({"temperature": 0.3}, {"temperature": 0.3}),
            ({"temperature": 1.7}, {"temperature": 1}),
            ({"temperature": 0}, {"temperature": 0}),
            ({"temperature": 1}, {}),
            ({"top_p": 0.9}, {"top_p": 0.9}),
            ({"top_p": 1, "temperature": 1}, {}),
            ({"temperature": 0.3, "top_p": 0.9}, {"temperature": 0.3}),
            ({"temperature": None, "top_p": None}, {}),
        ],
    )
    def test_of_sampling_are_brought_into_range_and_sent_one_at_a_time(self, given, sent):
        request = translated(**given)
        assert {key: request[key] for key in ("temperature", "top_p") if key in request} == sent

    @pytest.mark.parametrize(
        ("stop", "sent"), [("END", ["END"]), (["a", "b"], ["a", "b"]), (["\n", ""], None), (None, None)]
    )
    def test_of_stops_are_sent_where_they_are_not_blank(self, stop, sent):
        assert translated(stop=stop).get("stop_sequences") == sent

    def test_of_the_user_become_metadata(self):
        assert translated(user="u-1")["metadata"] == {"user_id": "u-1"}

    @pytest.mark.parametrize(
        ("choice", "parallel", "sent"),
        [
            (None, None, None),
            ("auto", True, None),
            ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
            ("none", False, {"type": "none"}),
            ("required", None, {"type": "any"}),
            ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
            ({"type": "function", "function": {"name": "f"}}, None, {"type": "tool", "name": "f"}),
            ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}, None, {"type": "any"}),
        ],
    )
    def test_of_tool_choice_keep_their_meaning(self, choice, parallel, sent):
        request = translated(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel)
        assert request.get("tool_choice") == sent

    def test_of_tool_choice_are_left_out_without_tools(self):
        assert "tool_choice" not in translated(tools=[], tool_choice="auto")

    def test_of_tools_keep_name_description_schema_and_strictness(self):
        function = {"name": "f", "description": "Does it.", "parameters": {"properties": {"a": {}}}, "strict": True}
        request = translated(tools=[{"type": "function", "function": function}, TOOL | {"function": {"name": "g"}}])
        assert request["tools"] == [
            {
                "name": "f",
                "description": "Does it.",
                "input_schema": {"type": "object", "properties": {"a": {}}},
                "strict": True,
            },
            {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        ]

    @pytest.mark.parametrize(
        ("parameters", "param"),
        [
            ({"n": 2}, "n"),
            ({"tools": [{"type": "custom"}]}, "tools[0].type"),
            ({"moderation": {"model": "m"}}, "moderation"),
        ],
    )
    def test_that_cannot_be_translated_are_refused_with_their_name(self, parameters, param):
        with pytest.raises(UpstreamError) as caught:
            translated(**parameters)
        assert (caught.value.kind, caught.value.param) == ("invalid_request", param)

    def test_of_a_schema_are_sent_natively(self):
        request = translated(response_format=FORMAT)
        assert request["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
        assert "system" not in request

    def test_of_any_json_object_become_an_instruction(self):
        request = translated({"role": "system", "content": "Hi."}, user("x"), response_format={"type": "json_object"})
        assert request["system"].startswith("Hi.\n\nAnswer with one JSON object")

    @pytest.mark.parametrize(
        ("effort", "sent"),
        [
            ("minimal", {"output_config": {"effort": "low"}}),
            ("high", {"output_config": {"effort": "high"}}),
            ("none", {"thinking": {"type": "disabled"}}),
            (None, {}),
        ],
    )
    def test_of_effort_become_effort_or_no_thinking(self, effort, sent):
        request = translated(reasoning_effort=effort)
        assert {key: request[key] for key in ("output_config", "thinking") if key in request} == sent


class TestARequest:
    @pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
    async def test_is_posted_natively(self, upstream, anthropic, suffix):
        await anthropic(base_url=upstream.root + suffix).complete(BODY)
        request = upstream.requests[0]
        assert request.path == "/v1/messages"
        assert request.headers["x-api-key"] == KEY
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert request.body["stream"] is False

    async def test_of_a_version_without_sampling_sends_none(self, upstream, anthropic):
        await anthropic(api_version="2026-10-21").complete({**BODY, "temperature": 0.5})
        assert upstream.requests[0].headers["anthropic-version"] == "2026-10-21"
        assert "temperature" not in upstream.requests[0].body

    @pytest.mark.parametrize(
        ("parameters", "message", "path"),
        [
            ({"temperature": 0.5}, "`temperature` is deprecated for this model.", "temperature"),
            ({"top_p": 0.5}, "top_p: Extra inputs are not permitted", "top_p"),
            ({"reasoning_effort": "low"}, "This model does not support the effort parameter.", "output_config"),
            ({"reasoning_effort": "none"}, "thinking: this model cannot turn it off", "thinking"),
        ],
    )
    async def test_omits_a_parameter_the_model_refused_in_later_requests_too(
        self, upstream, anthropic, parameters, message, path
    ):
        upstream.answer(fault(400, message, type="invalid_request_error"))
        provider = anthropic()
        await collect(provider.stream({**BODY, **parameters}))
        await provider.complete({**BODY, **parameters})
        await provider.complete({**BODY, **parameters, "model": "another"})
        assert [path in request.body for request in upstream.requests] == [True, False, False, True]

    async def test_falls_back_to_an_instruction_where_the_model_has_no_formats(self, upstream, anthropic):
        upstream.answer(fault(400, "output_config: Extra inputs are not permitted", type="invalid_request_error"))
        await anthropic().complete({**BODY, "response_format": FORMAT})
        again = upstream.requests[1].body
        assert "output_config" not in again
        assert json.dumps(SCHEMA, separators=(",", ":")) in again["system"]

    async def test_remembers_nothing_of_a_refusal_that_had_another_reason(self, upstream, anthropic):
        complaint = fault(400, "tools.0.input_schema.properties.temperature: bad", type="invalid_request_error")
        upstream.answer(complaint, complaint)
        provider = anthropic()
        assert (await failure(provider.complete({**BODY, "temperature": 0.5}))).kind == "invalid_request"
        await provider.complete({**BODY, "temperature": 0.5})
        assert upstream.requests[-1].body["temperature"] == 0.5

    async def test_that_cannot_be_translated_is_not_sent(self, upstream, anthropic):
        assert (await failure(anthropic().stream({**BODY, "n": 3}))).kind == "invalid_request"
        assert upstream.requests == []


class TestAWholeAnswer:
    async def test_is_a_chat_completion(self, upstream, anthropic, clock):
        upstream.answer(calls(call("get_weather", city="Paris"), say=("Let me ", "see."), usage=(9, 3)))
        whole = ChatCompletion.model_validate_json(await anthropic().complete({**BODY, "tools": [TOOL]}))
        choice = whole.choices[0]
        assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Let me see.")
        assert choice.message.tool_calls[0].id == "call_1"
        assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Paris"}
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (9, 3, 12)
        assert whole.created == int(clock.now())
        assert whole.id.startswith("chatcmpl-")

    @pytest.mark.parametrize(
        ("reason", "told"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "content_filter"),
            ("pause_turn", "stop"),
            ("heard_of_by_nobody", "stop"),
        ],
    )
    async def test_and_a_stream_end_for_the_same_reason(self, upstream, anthropic, reason, told):
        upstream.answer(text("Hi", finish=reason), text("Hi", finish=reason))
        provider = anthropic()
        assert json.loads(await provider.complete(BODY))["choices"][0]["finish_reason"] == told
        assert finish(await collect(provider.stream(BODY))) == told

    async def test_counts_cached_and_thought_tokens(self, upstream, anthropic):
        counts = {
            "input_tokens": 5,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 300,
            "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 10},
        }
        upstream.answer(reply({"type": "message", "content": [], "stop_reason": "end_turn", "usage": counts}))
        assert json.loads(await anthropic().complete(BODY))["usage"] == {
            "prompt_tokens": 325,
            "completion_tokens": 40,
            "total_tokens": 365,
            "prompt_tokens_details": {"cached_tokens": 300},
            "completion_tokens_details": {"reasoning_tokens": 10},
        }

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"choices": []}'])
    async def test_that_is_not_a_message_is_malformed(self, upstream, anthropic, body):
        upstream.answer(reply(body), reply(body))
        provider = anthropic()
        assert (await failure(provider.complete(BODY))).kind == "malformed"
        assert (await failure(provider.stream(BODY))).kind == "malformed"


class TestAStream:
    async def test_is_converted_to_chat_completion_chunks(self, upstream, anthropic):
        upstream.answer(text("Hel", "lo", usage=(5, 2)))
        chunks = await collect(anthropic().stream(BODY))
        for chunk in chunks:
            ChatCompletionChunk.model_validate(chunk)
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert (said(chunks), finish(chunks)) == ("Hello", "stop")
        assert chunks[-1]["choices"] == []
        assert usage(chunks)["total_tokens"] == 7
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert {chunk["model"] for chunk in chunks} == {"gpt-4o"}

    async def test_numbers_tool_calls_by_their_position_among_the_calls(self, upstream, anthropic):
        upstream.answer(
            calls(call("f", city="Paris"), call("g", call_id="call_2", raw_arguments=""), say=("One moment.",))
        )
        chunks = await collect(anthropic().stream({**BODY, "tools": [TOOL]}))
        opening, *grown = fragments(chunks)
        assert opening == {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "f", "arguments": ""},
        }
        assert "".join(part["function"]["arguments"] for part in grown if part["index"] == 0) == '{"city": "Paris"}'
        assert [part["function"] for part in grown if part["index"] == 1] == [
            {"name": "g", "arguments": ""},
            {"arguments": "{}"},
        ]
        assert finish(chunks) == "tool_calls"

    async def test_omits_thinking_and_unknown_events(self, upstream, anthropic):
        unknown = raw(
            b'event: novelty\ndata: {"type": "novelty"}\n\ndata: 7\n\nevent: ping\ndata: {"type": "ping"}\n\n'
        )
        upstream.answer(text("Hi", unknown, "!"))
        assert said(await collect(anthropic().stream(BODY))) == "Hi!"
        upstream.answer(
            deltas({"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "x"})
        )
        assert said(await collect(anthropic().stream(BODY))) == ""

    async def test_without_its_last_event_is_whole_after_a_stop_reason(self, upstream, anthropic):
        upstream.answer(text("Hi", done=False))
        assert usage(await collect(anthropic().stream(BODY)))["completion_tokens"] == 3

    @pytest.mark.parametrize("answer", [text("Hi", finish=None, done=False), text("Hi", finish=None), text("Hi", DROP)])
    async def test_without_a_stop_reason_has_broken_off(self, upstream, anthropic, answer):
        upstream.answer(answer)
        assert (await failure(anthropic().stream(BODY))).kind == "unreachable"

    async def test_of_events_that_are_not_json_is_malformed(self, upstream, anthropic):
        upstream.answer(text("Hi", raw(b"data: {oops\n\n")))
        assert (await failure(anthropic().stream(BODY))).kind == "malformed"

    async def test_that_arrived_as_one_message_is_converted_to_chunks(self, upstream, anthropic):
        message = {"type": "message", "model": "m", "content": blocks("Hi"), "stop_reason": "end_turn"}
        upstream.answer(reply(message))
        chunks = await collect(anthropic().stream(BODY))
        assert (said(chunks), finish(chunks)) == ("Hi", "stop")

    async def test_closed_by_its_reader_closes_the_connection_at_once(self, upstream, anthropic):
        upstream.answer(text("Hi", HANG))
        stream = anthropic().stream(BODY)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(upstream.requests[0].gone.wait, 10)


class TestAFault:
    @pytest.mark.parametrize(
        ("status", "type_", "kind"),
        [
            (400, "invalid_request_error", "invalid_request"),
            (401, "authentication_error", "authentication"),
            (402, "billing_error", "quota"),
            (403, "permission_error", "authentication"),
            (404, "not_found_error", "model_not_found"),
            (429, "rate_limit_error", "rate_limited"),
            (500, "api_error", "server_error"),
            (504, "timeout_error", "timeout"),
            (529, "overloaded_error", "server_error"),
        ],
    )
    async def test_has_its_kind_before_and_inside_a_stream(self, upstream, anthropic, status, type_, kind):
        upstream.answer(fault(status, "claude-x", type=type_), text("Hi", error(type=type_)))
        provider = anthropic()
        assert (await failure(provider.complete(BODY))).kind == kind
        assert (await failure(provider.stream(BODY))).kind == kind

    async def test_of_an_empty_account_is_a_quota(self, upstream, anthropic):
        message = "Your credit balance is too low to access the Anthropic API."
        upstream.answer(fault(400, message, type="invalid_request_error"))
        assert (await failure(anthropic().complete(BODY))).kind == "quota"

    async def test_never_contains_the_api_key(self, upstream, anthropic):
        upstream.answer(fault(401, f"invalid x-api-key {KEY}"), text("Hi", error(message=KEY)))
        provider = anthropic()
        assert KEY not in (await failure(provider.complete(BODY))).message
        assert KEY not in (await failure(provider.stream(BODY))).message


class TestTheListOfModels:
    async def test_is_read_over_all_its_pages(self, upstream, anthropic):
        pages = [
            {
                "data": [{"id": "claude-a", "created_at": "2025-09-29T00:00:00Z"}],
                "has_more": True,
                "last_id": "claude-a",
            },
            {"data": [{"id": "claude-b", "created_at": "?"}], "has_more": False, "last_id": "claude-b"},
        ]
        upstream.list_with(lambda request: reply(pages["after_id" in request.query]))
        cards = await anthropic().models()
        assert [(card.id, card.created, card.owned_by) for card in cards] == [
            ("claude-a", 1759104000, "anthropic"),
            ("claude-b", 0, "anthropic"),
        ]
        assert upstream.listings[1].query["after_id"] == "claude-a"

    async def test_that_cannot_be_parsed_is_malformed(self, upstream, anthropic):
        upstream.list_with(lambda _: reply(b"<html>"))
        assert (await failure(anthropic().models())).kind == "malformed"


async def test_arguments_that_are_not_an_object_are_sent_wrapped_in_one(upstream, anthropic):
    deep = "[" * 100_000
    for arguments in (deep, "[1]", "no JSON"):
        asked = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        said = [*BODY["messages"], {"role": "assistant", "tool_calls": [asked]}]
        await anthropic().complete({**BODY, "messages": said})
        assert upstream.requests[-1].body["messages"][-1]["content"][-1]["input"] == {"arguments": arguments}

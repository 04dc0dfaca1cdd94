"""The embedded model as a provider: shapes, streams, limits, usage, pace and refusals."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.reading import collect, failure, finish, fragments, said, usage
from llm.rehearsing import WEATHER, body, rehearsal

LONG = body("How do I center a div in CSS?")
CALL = body("What is the weather in Paris?", tools=[WEATHER])
USAGE = {"stream_options": {"include_usage": True}}


class StoppedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only by waiting for it, and then at once."""

    _now = 1000.0

    def time(self):
        return self._now

    def _run_once(self):
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0]._when)
        super()._run_once()


def in_stopped_time(work):
    with asyncio.Runner(loop_factory=StoppedLoop) as runner:
        return runner.run(work)


async def whole(request):
    return json.loads(await rehearsal().complete(request))


class TestAWholeAnswer:
    async def test_is_a_chat_completion(self, clock):
        answer = json.loads(await rehearsal(clock=clock).complete({**LONG, "model": "anything/at-all"}))
        assert list(answer) == [
            "id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint",
        ]  # fmt: skip
        assert answer["id"].startswith("chatcmpl-")
        assert (answer["object"], answer["created"], answer["model"]) == (
            "chat.completion",
            1_700_000_000,
            "anything/at-all",
        )
        [choice] = answer["choices"]
        assert (choice["index"], choice["logprobs"], choice["finish_reason"]) == (0, None, "stop")
        message = choice["message"]
        assert list(message) == ["role", "content", "refusal", "annotations"]
        assert (message["role"], message["refusal"], message["annotations"]) == ("assistant", None, [])

    async def test_with_calls_has_no_content(self):
        [choice] = (await whole(CALL))["choices"]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        [call] = choice["message"]["tool_calls"]
        assert call["id"].startswith("call_")
        assert call["type"] == "function"
        assert call["function"] == {"name": "get_weather", "arguments": '{"location":"Paris"}'}

    async def test_is_the_same_for_the_same_body(self):
        first, second = await whole(LONG), await whole(LONG)
        assert first.pop("id") != second.pop("id")
        assert {**first, "created": 0} == {**second, "created": 0}

    async def test_has_n_choices(self):
        answer = await whole({**LONG, "n": 3})
        assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
        assert answer["usage"]["completion_tokens"] == 3 * (await whole(LONG))["usage"]["completion_tokens"]

    async def test_counts_its_tokens(self):
        counted = (await whole(LONG))["usage"]
        assert counted["total_tokens"] == counted["prompt_tokens"] + counted["completion_tokens"]
        assert counted["prompt_tokens_details"] == {"cached_tokens": 0, "audio_tokens": 0}
        assert counted["completion_tokens_details"]["reasoning_tokens"] == 0
        assert 10 < counted["prompt_tokens"] < 30
        assert 25 < counted["completion_tokens"] < 130


class TestAStream:
    async def test_opens_with_the_role_and_ends_with_the_reason(self):
        chunks = await collect(rehearsal().stream(LONG))
        assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert chunks[-1]["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
        assert all(chunk["object"] == "chat.completion.chunk" and "usage" not in chunk for chunk in chunks)
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert all(list(chunk["choices"][0]["delta"]) == ["content"] for chunk in chunks[1:-1])

    @pytest.mark.parametrize("request_body", [LONG, CALL, {**LONG, "response_format": {"type": "json_object"}}])
    async def test_has_the_same_content_as_the_whole_reply(self, request_body):
        chunks = await collect(rehearsal().stream({**request_body, **USAGE}))
        answer = await whole(request_body)
        [choice] = answer["choices"]
        calls = choice["message"].get("tool_calls", [])
        assert said(chunks) == (choice["message"]["content"] or "")
        assert "".join(part["function"]["arguments"] for part in fragments(chunks)) == "".join(
            call["function"]["arguments"] for call in calls
        )
        assert finish(chunks) == choice["finish_reason"]
        assert usage(chunks) == answer["usage"]

    async def test_opens_each_call_with_its_name_and_then_sends_only_arguments(self):
        request = body("What is the weather in Paris and in Rome?", tools=[WEATHER])
        parts = fragments(await collect(rehearsal().stream(request)))
        openings = [part for part in parts if "id" in part]
        assert [(part["index"], part["function"]) for part in openings] == [
            (0, {"arguments": "", "name": "get_weather"}),
            (1, {"arguments": "", "name": "get_weather"}),
        ]
        assert all(list(part) == ["index", "function"] for part in parts if part not in openings)
        assert all(list(part["function"]) == ["arguments"] for part in parts if part not in openings)

    async def test_has_usage_only_if_include_usage_is_set(self):
        chunks = await collect(rehearsal().stream({**LONG, **USAGE}))
        assert all(chunk["usage"] is None for chunk in chunks[:-1])
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["completion_tokens"] == len(chunks) - 3

    @given(text=st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=60))
    def test_echoes_any_script_unbroken(self, text):
        chunks = asyncio.run(collect(rehearsal().stream(body(f"Reply with exactly: «{text.strip() or 'x'}»"))))
        assert (
            said(chunks)
            == json.loads(asyncio.run(rehearsal().complete(body(f"Reply with exactly: «{text.strip() or 'x'}»"))))[
                "choices"
            ][0]["message"]["content"]
        )

    async def test_survives_half_a_surrogate_pair(self):
        assert said(await collect(rehearsal().stream(body("Reply with exactly: a\ud83d!")))) == "a?!"


class TestALimit:
    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    @pytest.mark.parametrize(
        "request_body", [LONG, CALL, {**LONG, "response_format": {"type": "json_object"}}], ids=["text", "call", "json"]
    )
    async def test_ends_the_answer_at_exactly_that_many_tokens(self, name, request_body):
        full = (await whole(request_body))["usage"]["completion_tokens"]
        for limit in range(1, full):
            chunks = await collect(rehearsal().stream({**request_body, name: limit, **USAGE}))
            assert usage(chunks)["completion_tokens"] == limit
            assert finish(chunks) == "length"

    async def test_that_is_not_reached_changes_nothing(self):
        full = (await whole(LONG))["usage"]["completion_tokens"]
        assert (await whole({**LONG, "max_tokens": full}))["choices"] == (await whole(LONG))["choices"]

    async def test_leaves_the_start_of_the_arguments(self):
        [choice] = (await whole({**CALL, "max_tokens": 3}))["choices"]
        arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
        assert '{"location":"Paris"}'.startswith(arguments)
        assert 0 < len(arguments) < len('{"location":"Paris"}')

    @pytest.mark.parametrize("stop", [" div", ["never said", " div", " in"]])
    async def test_of_a_stop_sequence_ends_the_answer_before_it(self, stop):
        [choice] = (await whole({**LONG, "stop": stop}))["choices"]
        assert choice["message"]["content"].endswith("How do I center a")
        assert choice["finish_reason"] == "stop"


class TestThePace:
    def test_sends_tokens_at_even_intervals(self):
        async def read():
            loop = asyncio.get_running_loop()
            return [loop.time() - 1000 async for _ in rehearsal(20).stream(LONG)]

        times = in_stopped_time(read())
        tokens = times[1:-1]
        assert tokens == pytest.approx([i / 20 for i in range(len(tokens))])

    def test_does_not_drift_behind_a_slow_reader(self):
        async def read():
            loop = asyncio.get_running_loop()
            times = []
            async for _ in rehearsal(20).stream(LONG):
                times.append(loop.time() - 1000)
                await asyncio.sleep(0.2 if len(times) == 5 else 0)
            return times

        tokens = in_stopped_time(read())[1:-1]
        assert tokens[10:] == pytest.approx([i / 20 for i in range(10, len(tokens))])

    def test_of_a_stream_ends_with_its_reader(self):
        async def read():
            task = asyncio.create_task(collect(rehearsal(0.001).stream(LONG)))
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(task, 5)
            return task.cancelled()

        assert in_stopped_time(read())

    def test_does_not_hold_up_a_whole_answer(self):
        async def ask():
            await rehearsal(1).complete(LONG)
            return asyncio.get_running_loop().time()

        assert in_stopped_time(ask()) == 1000


class TestABadBody:
    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"messages": None}, "messages"),
            ({"messages": []}, "messages"),
            ({"messages": "Hello"}, "messages"),
            ({"messages": [{"content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
            ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"n": 0}, "n"),
            ({"stop": 5}, "stop"),
            ({"tools": [{"type": "function"}]}, "tools[0].function"),
            ({"tool_choice": "required"}, "tool_choice"),
            ({"tool_choice": {"type": "function", "function": {"name": "nobody"}}, "tools": [WEATHER]}, "tool_choice"),
            ({"response_format": {"type": "xml"}}, "response_format.type"),
            (
                {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "frob"}}}},
                "response_format",
            ),
        ],
    )
    async def test_is_refused_and_the_parameter_named(self, change, param):
        for attempt in (rehearsal().complete({**LONG, **change}), rehearsal().stream({**LONG, **change})):
            fault = await failure(attempt)
            assert (fault.kind, fault.status, fault.param) == ("invalid_request", 400, param)
            assert fault.message.endswith(".")

    async def test_without_messages_is_refused_with_the_missing_parameter(self):
        assert (
            await failure(rehearsal().complete({"model": "x"}))
        ).message == "Missing required parameter: 'messages'."

    async def test_with_a_schema_that_nothing_satisfies_names_the_function(self):
        tool = {"type": "function", "function": {"name": "odd", "parameters": {"$ref": "#/$defs/none"}}}
        fault = await failure(rehearsal().complete(body("Hi", tools=[tool], tool_choice="required")))
        assert fault.message == "Invalid schema for function 'odd': `$ref` '#/$defs/none' is not found."
        assert fault.code == "invalid_function_parameters"


async def test_it_lists_one_model_and_closes():
    provider = rehearsal()
    [card] = await provider.models()
    assert (card.id, card.owned_by) == ("rehearsal", "understudy")
    await provider.close()

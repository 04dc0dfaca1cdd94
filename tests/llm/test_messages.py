"""Messages translated to chat completions and back, for any input of a client or a provider."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import UpstreamError
from understudy.llm import messages_request, messages_response
from understudy.llm.messages_stream import ToMessagesStream
from understudy.wire.anthropic_messages import CreateMessageParams
from understudy.wire.parsing import parse_object

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
KINDS = st.sampled_from(
    ["text", "image", "document", "search_result", "tool_use", "tool_result", "thinking", "server_tool_use", "x"]
)


def members(**optional):
    return st.fixed_dictionaries({}, optional=optional)


def tagged(kinds, **optional):
    return st.builds(lambda kind, rest: {"type": kind, **rest}, kinds, members(**optional))


def source(blocks):
    kinds = st.sampled_from(["base64", "url", "text", "content", "file", "x"])
    return tagged(kinds, media_type=TEXT, data=TEXT, url=TEXT, content=TEXT | st.lists(blocks, max_size=2))


def block(blocks):
    return tagged(
        KINDS,
        text=TEXT | st.none(),
        source=source(blocks) | TEXT,
        title=TEXT | st.none(),
        id=TEXT,
        name=TEXT,
        input=OBJECT,
        tool_use_id=TEXT,
        content=TEXT | st.none() | st.lists(blocks, max_size=2) | OBJECT,
        cache_control=JSON,
    )


BLOCK = st.recursive(tagged(KINDS, text=TEXT), block, max_leaves=4)
CONTENT = TEXT | st.lists(BLOCK, max_size=3)
ROLES = st.sampled_from(["user", "assistant", "system"])
BODY = st.builds(
    lambda messages, rest: {"model": "m", "messages": messages, **rest},
    st.lists(st.fixed_dictionaries({"role": ROLES, "content": CONTENT}), min_size=1, max_size=3),
    members(
        system=CONTENT | st.none(),
        tools=st.none()
        | st.lists(members(name=TEXT, type=st.none() | TEXT, input_schema=OBJECT | st.none()), max_size=2),
        tool_choice=st.none() | tagged(st.sampled_from(["auto", "any", "tool", "none"]), name=TEXT),
        metadata=st.none() | members(user_id=TEXT | st.none()),
        thinking=st.none() | tagged(st.sampled_from(["enabled", "disabled", "adaptive"])),
        output_config=st.none() | members(effort=TEXT | st.none(), format=OBJECT | st.none()),
        output_format=JSON,
        stop_sequences=st.none() | st.lists(TEXT, max_size=2),
    ),
)


@given(BODY)
def test_any_valid_messages_body_is_translated_or_refused(body):
    plain = parse_object(json.dumps(body).encode(), CreateMessageParams)
    with contextlib.suppress(UpstreamError):
        check_said(messages_request.to_chat(plain))
        assert messages_request.estimate_input_tokens(plain) >= 0


def check_said(chat):
    assert msgspec.json.encode(chat)
    assert chat["max_completion_tokens"] == 1024
    for message in chat["messages"]:
        content = message["content"]
        assert content is None or isinstance(content, str | list)


# -- streams -----------------------------------------------------------------------------------------------------

FRAGMENT = st.fixed_dictionaries(
    {},
    optional={
        "index": st.integers(0, 2) | st.none(),
        "id": TEXT | st.none(),
        "function": members(name=TEXT | st.none(), arguments=TEXT | st.none()),
    },
)
DELTA = members(
    content=TEXT | st.none(),
    refusal=TEXT | st.none(),
    reasoning_content=TEXT | st.none(),
    tool_calls=st.none() | st.lists(FRAGMENT, max_size=3),
)
CHUNK = members(
    model=TEXT,
    choices=st.lists(members(delta=DELTA | st.none(), finish_reason=st.none() | st.sampled_from(["stop", "length"]))),
    usage=st.none() | members(prompt_tokens=st.integers(0, 9), completion_tokens=st.integers(0, 9)),
)


def events_of(chunks, body):
    speaker = ToMessagesStream(body)
    told = [event for chunk in chunks for event in speaker.translate(msgspec.json.encode(chunk))]
    return [*told, *speaker.finish()]


@given(st.lists(CHUNK, min_size=1, max_size=6), st.booleans())
def test_any_chat_stream_is_converted_to_consecutive_content_blocks(chunks, thinks):
    body = {"model": "m", "thinking": {"type": "enabled" if thinks else "disabled"}}
    events = events_of(chunks, body)
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    opened, is_open = -1, False
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                assert not is_open
                opened, is_open = opened + 1, True
            case "content_block_stop":
                assert is_open
                is_open = False
            case "content_block_delta":
                assert is_open
        assert event.get("index", opened) == opened
    assert not is_open


@given(st.lists(CHUNK, min_size=1, max_size=6))
def test_no_word_of_a_stream_is_lost(chunks):
    events = events_of(chunks, {"model": "m"})
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    said = [choice.get("delta") or {} for chunk in chunks for choice in chunk.get("choices", ())[:1]]
    words = "".join((delta.get("content") or "") + (delta.get("refusal") or "") for delta in said)
    assert "".join(delta.get("text", "") for delta in deltas) == words
    arguments = [
        (fragment.get("function") or {}).get("arguments") or ""
        for delta in said
        for fragment in delta.get("tool_calls") or ()
    ]
    told = "".join(delta.get("partial_json", "") for delta in deltas)
    assert sorted(told) == sorted("".join(arguments))


@pytest.mark.parametrize("arguments", ["", "not json", "[1]", '{"a": 1}'])
def test_arguments_that_are_not_an_object_are_preserved(arguments):
    call = {"id": "call_1", "function": {"name": "f", "arguments": arguments}}
    completion = {"model": "m", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "stop"}]}
    message = messages_response.from_chat(msgspec.json.encode(completion), {"model": "m"})
    expected = {"": {}, '{"a": 1}': {"a": 1}}.get(arguments, {"arguments": arguments})
    assert message["content"] == [{"type": "tool_use", "id": "call_1", "name": "f", "input": expected}]
    assert message["stop_reason"] == "tool_use"


def test_a_whole_message_is_replayed_as_an_equal_stream():
    message = {
        "id": "msg_1",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    events = list(messages_response.replay_message(message))
    assert [event["type"] for event in events].count("content_block_delta") == 4
    assert events[0]["message"]["content"] == []
    assert events[-2]["usage"] == {"input_tokens": 1, "output_tokens": 2}

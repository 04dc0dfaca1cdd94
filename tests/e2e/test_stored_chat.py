"""Chat completions that are stored on request: listed, read, changed and deleted by the official package."""

import json

import openai
import pytest

from e2e.assistants_client import WEATHER, on_both, user
from envelope import assert_error
from upstream import DROP, call, calls, deltas, raw, reply, text

HELLO = [user("Hello there")]
STORED_KEYS = [
    "object",
    "id",
    "model",
    "created",
    "request_id",
    "tool_choice",
    "usage",
    "seed",
    "top_p",
    "temperature",
    "presence_penalty",
    "frequency_penalty",
    "system_fingerprint",
    "input_user",
    "service_tier",
    "tools",
    "metadata",
    "choices",
    "response_format",
]


def stored(client, messages=HELLO, **members):
    return client.chat.completions.create(**{"model": "gpt-4o", "messages": messages, "store": True, **members})


def streamed(client, messages=HELLO, **members):
    """The id and the text of a completion that is streamed and stored."""
    with client.chat.completions.create(
        **{"model": "gpt-4o", "messages": messages, "store": True, "stream": True, **members}
    ) as stream:
        chunks = list(stream)
    (completion_id,) = {chunk.id for chunk in chunks}
    return completion_id, "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@on_both
@pytest.mark.proves("chat.stored", "chat.stored_shape")
def test_a_stored_completion_is_read_changed_and_deleted(server, client, upstream):
    upstream.answer(text("Hel", "lo", usage=(9, 2)))
    made = stored(client, metadata={"key": "value"}, temperature=0.5, user="u1")
    assert made.choices[0].message.content == "Hello"
    assert upstream.requests[0].body == {"model": "gpt-4o", "messages": HELLO, "temperature": 0.5, "user": "u1"}
    shown = server.ask("GET", f"/v1/chat/completions/{made.id}").json
    assert list(shown) == STORED_KEYS
    assert shown["usage"] == {"total_tokens": 11, "completion_tokens": 2, "prompt_tokens": 9}
    assert (shown["temperature"], shown["top_p"], shown["input_user"]) == (0.5, 1.0, "u1")
    said = {"content": "Hello", "role": "assistant", "tool_calls": None, "function_call": None}
    assert shown["choices"] == [{"index": 0, "message": said, "finish_reason": "stop", "logprobs": None}]
    changed = client.chat.completions.update(made.id, metadata={"key": "other"})
    assert changed.metadata == client.chat.completions.retrieve(made.id).metadata == {"key": "other"}
    assert client.chat.completions.delete(made.id).to_dict() == {
        "object": "chat.completion.deleted",
        "id": made.id,
        "deleted": True,
    }
    assert made.id not in [one.id for one in client.chat.completions.list()]


@pytest.mark.proves("chat.stored_unknown")
@pytest.mark.parametrize("kept", [True, False])
def test_a_completion_that_is_not_stored_is_not_found(server, client, kept):
    made = stored(client) if kept else client.chat.completions.create(model="gpt-4o", messages=HELLO)
    if kept:
        client.chat.completions.delete(made.id)
    path = f"/v1/chat/completions/{made.id}"
    for method, at, body in (
        ("GET", path, None),
        ("DELETE", path, None),
        ("POST", path, {"metadata": {}}),
        ("GET", f"{path}/messages", None),
    ):
        said = f"Completion {made.id} not found"
        assert_error(server.ask(method, at, body), 404, said, "completion_id", "not_found")


@on_both
@pytest.mark.proves("chat.stored_lists")
def test_stored_completions_are_listed_newest_first_by_model_and_metadata(client):
    tag = {"group": "lists"}
    made = [stored(client, metadata={**tag, "n": str(n)}).id for n in range(4)]
    mini = stored(client, model="gpt-4o-mini", metadata=tag).id
    assert [one.id for one in client.chat.completions.list(metadata=tag)] == [mini, *reversed(made)]
    assert [one.id for one in client.chat.completions.list(metadata=tag, order="asc", limit=2)] == [*made, mini]
    assert [one.id for one in client.chat.completions.list(metadata=tag, model="gpt-4o-mini")] == [mini]
    assert [one.id for one in client.chat.completions.list(metadata={**tag, "n": "2"})] == [made[2]]
    after = client.chat.completions.list(metadata=tag, order="asc", after=made[1], limit=1)
    assert ([one.id for one in after.data], after.has_more) == ([made[2]], True)
    client.chat.completions.update(made[0], metadata={"group": "others"})
    assert made[0] not in [one.id for one in client.chat.completions.list(metadata=tag)]
    assert made[0] in [one.id for one in client.chat.completions.list(model="gpt-4o", metadata={"group": "others"})]


@pytest.mark.proves("chat.stored_messages")
def test_the_messages_of_a_stored_completion_are_listed(server, client):
    look, there = {"type": "text", "text": "Look:"}, {"type": "text", "text": " there"}
    parts = [look, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}, there]
    tool_call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    asked = [
        {"role": "system", "content": "Be brief.", "name": "boss"},
        user(parts),
        {"role": "assistant", "content": None, "tool_calls": [tool_call]},
        {"role": "tool", "content": "done", "tool_call_id": "call_1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    ]
    made = stored(client, asked)
    page = server.ask("GET", f"/v1/chat/completions/{made.id}/messages").json
    ids = [f"{made.id}-{n}" for n in range(5)]
    bare = {"content_parts": None, "name": None, "refusal": None}
    shown = [
        look,
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}},
        there,
    ]
    refused = [{"type": "refusal", "refusal": "No."}]
    assert page == {
        "object": "list",
        "data": [
            {"id": ids[0], "role": "system", "content": "Be brief.", **bare, "name": "boss"},
            {"id": ids[1], "role": "user", "content": "Look: there", **bare, "content_parts": shown},
            {"id": ids[2], "role": "assistant", "content": None, **bare, "tool_calls": [tool_call]},
            {"id": ids[3], "role": "tool", "content": "done", **bare, "tool_call_id": "call_1"},
            {"id": ids[4], "role": "assistant", "content": None, **bare} | {"content_parts": refused, "refusal": "No."},
        ],
        "first_id": ids[0],
        "last_id": ids[4],
        "has_more": False,
    }
    messages = client.chat.completions.messages
    assert [one.id for one in messages.list(made.id, limit=1)] == ids
    assert [one.id for one in messages.list(made.id, order="desc")] == ids[::-1]
    assert messages.list(made.id, after=ids[4], limit=3).to_dict() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
    with pytest.raises(openai.BadRequestError, match="no object with id 'x' in this list"):
        messages.list(made.id, after="x")


@pytest.mark.proves("chat.stored_streams")
def test_a_streamed_completion_is_stored_with_its_full_text(client, upstream):
    upstream.answer(text("Hel", "lo", usage=(9, 2)))
    completion_id, said = streamed(client, metadata={"key": "value"})
    kept = client.chat.completions.retrieve(completion_id)
    assert (kept.choices[0].message.content, kept.choices[0].finish_reason) == (said, "stop")
    assert (kept.usage.total_tokens, kept.metadata) == (11, {"key": "value"})
    assert {"store", "metadata"}.isdisjoint(upstream.requests[0].body)


@pytest.mark.parametrize("indexed", [True, False])
def test_calls_that_were_streamed_are_stored_whole(client, upstream, indexed):
    functions = call("get_weather", call_id="call_a", city="Paris"), call("get_weather", call_id="call_b", city="Rome")
    upstream.answer(calls(*functions, say=("Let me look.",), indexed=indexed, interleaved=indexed))
    completion_id, _ = streamed(client, tools=[WEATHER])
    message = client.chat.completions.retrieve(completion_id).choices[0].message
    assert message.content == "Let me look."
    assert [
        (one.id, one.type, one.function.name, json.loads(one.function.arguments)) for one in message.tool_calls
    ] == [
        ("call_a", "function", "get_weather", {"city": "Paris"}),
        ("call_b", "function", "get_weather", {"city": "Rome"}),
    ]


def test_refusals_and_log_probabilities_that_were_streamed_are_stored(client, upstream):
    def chunk(delta, tokens):
        logprobs = {
            "content": [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []} for token in tokens]
        }
        choices = [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}]
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-4o-2024"}
        return raw(b"data: " + json.dumps({**head, "choices": choices}).encode() + b"\n\n")

    spoken = (chunk({"role": "assistant", "refusal": "I "}, ["I "]), chunk({"refusal": "will not."}, ["will", " not."]))
    upstream.answer(deltas().but(items=spoken, opens=False))
    completion_id, _ = streamed(client, logprobs=True)
    kept = client.chat.completions.retrieve(completion_id)
    assert kept.choices[0].message.refusal == "I will not."
    assert [one.token for one in kept.choices[0].logprobs.content] == ["I ", "will", " not."]
    assert completion_id in [one.id for one in client.chat.completions.list(model="gpt-4o-2024")]


def test_a_stream_that_broke_off_is_not_stored(client, upstream):
    before = [one.id for one in client.chat.completions.list(limit=1).data]
    upstream.answer(text("Hel", DROP, finish=None, done=False))
    with pytest.raises(openai.APIError):
        streamed(client)
    assert [one.id for one in client.chat.completions.list(limit=1).data] == before


def test_a_completion_refused_by_the_provider_is_not_stored(server, client, upstream):
    before = [one.id for one in client.chat.completions.list(limit=1).data]
    upstream.answer(reply({"error": {"message": "Bad."}}, status=400))
    assert (
        server.ask("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": HELLO, "store": True}).status == 400
    )
    assert [one.id for one in client.chat.completions.list(limit=1).data] == before


@pytest.mark.proves("chat.stored_ids")
def test_completions_with_equal_provider_ids_are_stored_under_different_ids(client, upstream):
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    same = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    upstream.answer(reply(same), reply(same))
    first, second = stored(client), stored(client)
    assert first.id != second.id
    assert client.chat.completions.retrieve(first.id).id == first.id


def test_invalid_metadata_is_refused_before_the_provider_is_called(server, upstream):
    body = {"model": "gpt-4o", "messages": HELLO, "store": True, "metadata": {"k": 1}}
    said = "Invalid type for 'metadata.k': expected a string, but got an integer instead."
    assert_error(server.ask("POST", "/v1/chat/completions", body), 400, said, "metadata.k", "invalid_type")
    assert upstream.requests == []


def test_a_stored_completion_survives_a_crash(new_server):
    server = new_server().start()
    made = stored(server.client)
    server.kill()
    server.start()
    assert server.client.chat.completions.retrieve(made.id).choices[0].message.content == "You said: Hello there"

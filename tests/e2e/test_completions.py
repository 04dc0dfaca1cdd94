"""Completions of texts, as they were before there was chat, with the official package."""

import json

import openai
import pytest

from envelope import assert_error
from upstream import DROP, HANG, fault, raw, reply, text


def asked(client, prompt="Once upon", **members):
    return client.completions.create(**{"model": "gpt-4o", "prompt": prompt, **members})


@pytest.mark.proves("completions.whole")
def test_a_prompt_is_completed(server, client, upstream):
    upstream.answer(text(" a", " time", usage=(2, 2)))
    completion = asked(client, temperature=0.5, stop=["."], user="u1")
    assert completion.id.startswith("cmpl-")
    assert (completion.object, completion.choices[0].text) == ("text_completion", " a time")
    assert (completion.choices[0].finish_reason, completion.usage.total_tokens) == ("stop", 4)
    assert upstream.requests[0].body == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Once upon"}],
        "max_tokens": 16,
        "temperature": 0.5,
        "stop": ["."],
        "user": "u1",
    }
    upstream.answer(text("x"))
    asked(client, max_tokens=5, n=2)
    assert (upstream.requests[1].body["max_tokens"], upstream.requests[1].body["n"]) == (5, 2)


@pytest.mark.proves("completions.prompts")
def test_several_prompts_are_answered_in_their_order(client, upstream):
    upstream.answer(text("1", usage=(2, 1)), text("2", usage=(3, 1)))
    completion = asked(client, ["one ", "two "], echo=True)
    assert [(one.index, one.text) for one in completion.choices] == [(0, "one 1"), (1, "two 2")]
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (5, 2)


@pytest.mark.proves("completions.streams")
def test_a_streamed_completion_has_the_same_text(client, upstream):
    upstream.answer(text(" a", " time", usage=(2, 2)), text("!", usage=(1, 1)))
    with asked(client, ["Once", "Ho"], echo=True, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    said = ["", ""]
    for chunk in chunks:
        for choice in chunk.choices:
            said[choice.index] += choice.text
    assert said == ["Once a time", "Ho!"]
    assert len({chunk.id for chunk in chunks}) == 1
    assert [one.index for chunk in chunks for one in chunk.choices if one.finish_reason == "stop"] == [0, 1]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [6]


def test_a_client_that_disconnects_cancels_its_upstream_request(client, upstream):
    upstream.answer(text("first", HANG))
    with asked(client, ["one", "two"], stream=True) as stream:
        next(iter(stream))
    assert upstream.requests[0].gone.wait(10)
    assert len(upstream.requests) == 1


def test_provider_errors_are_returned_as_for_chat_completions(server, client, upstream):
    upstream.answer(fault(400, "Bad.", param="messages", code="x"))
    body = {"model": "gpt-4o", "prompt": "Hi", "stream": True}
    assert_error(server.ask("POST", "/v1/completions", body), 400, "Bad.", "messages", "x")
    upstream.answer(text("Hel", DROP, finish=None, done=False))
    with asked(client, stream=True) as stream, pytest.raises(openai.APIError):
        list(stream)


REFUSED = [
    ({"prompt": [1, 2]}, "Invalid 'prompt': token arrays are not supported. Send strings.", "prompt"),
    ({"prompt": [[1], [2]]}, "Invalid 'prompt': token arrays are not supported. Send strings.", "prompt"),
    ({"suffix": "end"}, "Invalid 'suffix': insertion is not supported. Leave it out.", "suffix"),
    (
        {"logprobs": 1, "echo": True},
        "Invalid 'logprobs': not supported with 'echo'. Leave 'echo' out.",
        "logprobs",
    ),
    ({"best_of": 3}, "Invalid 'best_of': it must not be greater than 'n'.", "best_of"),
]


@pytest.mark.proves("completions.refused")
@pytest.mark.parametrize(("change", "message", "param"), REFUSED)
def test_parameters_without_a_chat_equivalent_are_refused(server, upstream, change, message, param):
    reply = server.ask("POST", "/v1/completions", {"model": "gpt-4o", "prompt": "Hi", **change})
    assert_error(reply, 400, message, param, "unsupported_parameter")
    assert upstream.requests == []


def test_an_invalid_body_is_explained(server):
    said = "Missing required parameter: 'prompt'."
    assert_error(
        server.ask("POST", "/v1/completions", {"model": "gpt-4o"}), 400, said, "prompt", "missing_required_parameter"
    )


def rated(*tokens):
    """Chunks of a provider that says how likely each token was, beside one other."""
    chunks = []
    for token, logprob in tokens:
        top = [{"token": token, "logprob": logprob, "bytes": None}, {"token": "x", "logprob": -5.0, "bytes": None}]
        content = [{"token": token, "logprob": logprob, "bytes": None, "top_logprobs": top}]
        choice = {"index": 0, "delta": {"content": token}, "logprobs": {"content": content}, "finish_reason": None}
        chunks.append(raw(b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"))
    return text(*chunks)


@pytest.mark.proves("completions.logprobs")
@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_come_in_the_form_of_completions(client, upstream, stream):
    tokens = [("Hel", -0.25), ("lo", -0.5)]
    content = [
        {
            "token": token,
            "logprob": rate,
            "bytes": None,
            "top_logprobs": [{"token": "x", "logprob": -5.0, "bytes": None}],
        }
        for token, rate in tokens
    ]
    message = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "message": message, "logprobs": {"content": content}, "finish_reason": "stop"}
    upstream.answer(rated(*tokens) if stream else reply({"id": "c", "choices": [choice]}))
    answered = asked(client, logprobs=1, stream=stream)
    found = [one.choices[0].logprobs for one in (answered if stream else [answered])]
    shown = [one for one in found if one is not None]
    assert [token for one in shown for token in one.tokens] == ["Hel", "lo"]
    assert [rate for one in shown for rate in one.token_logprobs] == [-0.25, -0.5]
    assert [place for one in shown for place in one.text_offset] == [0, 3]
    assert [top for one in shown for top in one.top_logprobs] == [{"Hel": -0.25, "x": -5.0}, {"lo": -0.5, "x": -5.0}]
    assert (upstream.requests[0].body["logprobs"], upstream.requests[0].body["top_logprobs"]) == (True, 1)


def test_log_probabilities_that_the_provider_does_not_have_are_null(client, upstream):
    upstream.answer(text("Hi"))
    assert asked(client, logprobs=0).choices[0].logprobs is None


@pytest.mark.parametrize("stream", [False, True])
def test_the_sum_of_the_tokens_is_computed_if_the_provider_omits_it(client, upstream, stream):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    choice = {"index": 0, "finish_reason": "stop"}
    if stream:
        lines = ({"choices": [{**choice, "delta": {"content": "Hi"}}]}, {"choices": [], "usage": usage})
        data = b"".join(b"data: " + json.dumps({**chunk, **line}).encode() + b"\n\n" for line in lines)
        upstream.answer(reply(data + b"data: [DONE]\n\n", content_type="text/event-stream"))
        *_, last = asked(client, stream=True, stream_options={"include_usage": True})
    else:
        message = {"role": "assistant", "content": "Hi"}
        upstream.answer(reply({**chunk, "choices": [{**choice, "message": message}], "usage": usage}))
        last = asked(client)
    assert last.usage.total_tokens == 7

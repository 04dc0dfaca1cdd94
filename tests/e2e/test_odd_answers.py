"""Providers that send what no provider should: the answer is repaired or refused in a sentence, and nothing else suffers."""

import gzip
import json

import anthropic
import openai
import pytest

from e2e.assistants_client import WEATHER, new_thread, on_both, run_of, texts
from e2e.test_anthropic import client_of
from serving import WAIT, Server, serve
from upstream import Answer, call, calls, pause, raw, reply, text
from waiting import eventually

SAID = [{"role": "user", "content": "Hello"}]
LARGEST = 2**31 - 1

USAGES = [
    (10**23, 3, LARGEST, 3),
    (-5, 3, 0, 3),
    (9.0, 3.7, 9, 3),
    ("9", "3", 9, 3),
    pytest.param(9, 10**400, 9, LARGEST, id="longer than a float"),
]


@pytest.fixture(scope="module")
def providers(session_upstream, tmp_path_factory):
    """A server with the models `m-openai`, `m-azure` and `m-anthropic`, each of a provider of that kind."""
    tables = "".join(
        f'[providers.{kind}]\nkind = "{kind}"\nbase_url = "{url}"\napi_version = "2024-10-21"\n'
        f'models = ["m-{kind}"]\nretries = 0\n'
        for kind, url in (
            ("azure", session_upstream.root),
            ("anthropic", session_upstream.root),
        )
    )
    tables += (
        f'[providers.openai]\nbase_url = "{session_upstream.url}"\nmodels = ["m-openai", "m-embed"]\nretries = 0\n'
        "[limits]\nchat_seconds = 1.5\n"
    )
    yield from serve(Server(tmp_path_factory.mktemp("odd"), session_upstream.url, tables))


KINDS = pytest.mark.parametrize("kind", ["openai", "azure", "anthropic"])


def last_usage(stream):
    return [chunk for chunk in stream if chunk.usage][-1].usage


@on_both
@pytest.mark.parametrize(("prompt", "said", "prompt_tokens", "completion_tokens"), USAGES)
def test_a_run_ends_once_with_whole_counts_for_any_counts_of_the_provider(
    client, upstream, assistant, prompt, said, prompt_tokens, completion_tokens
):
    thread = new_thread(client, "Hello")
    upstream.answer(text("Hi", usage=None).but(items=("Hi", raw(usage_chunk(prompt, said)))))
    run = run_of(client, thread, assistant)
    assert run.status == "completed"
    assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (prompt_tokens, completion_tokens)
    assert texts(client, thread) == ["Hello", "Hi"]
    assert len(upstream.requests) == 1


def usage_chunk(prompt, said):
    usage = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": None}
    return b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"


@pytest.mark.parametrize("usage", [None, {}, [], "many", True, {"prompt_tokens": True}, {"prompt_tokens": {}}])
def test_usage_without_counts_is_estimated(client, upstream, assistant, usage):
    thread = new_thread(client, "Hello")
    upstream.answer(
        Answer(
            items=("Hi", raw(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n")), usage=None
        )
    )
    run = run_of(client, thread, assistant)
    assert run.status == "completed"
    assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens
    assert run.usage.completion_tokens == 1


@pytest.mark.proves("chat.odd_answers")
@KINDS
def test_a_chat_has_whole_counts_for_any_counts_of_the_provider(providers, upstream, kind):
    chat = providers.client.chat.completions
    upstream.answer(text("Hi", usage=(10**23, -4)))
    whole = chat.create(model=f"m-{kind}", messages=SAID)
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (LARGEST, 0)
    assert whole.choices[0].message.content == "Hi"
    upstream.answer(text("Hi", usage=(9.5, 10**23)))
    options = {"include_usage": True}
    usage = last_usage(chat.create(model=f"m-{kind}", messages=SAID, stream=True, stream_options=options))
    assert (usage.prompt_tokens, usage.completion_tokens) == (9, LARGEST)


@KINDS
def test_a_response_has_whole_counts_for_any_counts_of_the_provider(providers, upstream, kind):
    upstream.answer(text("Hi", usage=(10**23, 4.5)))
    response = providers.client.responses.create(model=f"m-{kind}", input="Hello", background=True)
    done = eventually(lambda: over(providers.client.responses.retrieve(response.id)))
    assert (done.status, done.usage.input_tokens, done.usage.output_tokens) == ("completed", LARGEST, 4)
    assert len(upstream.requests) == 1


def over(response):
    return response if response.status not in ("queued", "in_progress") else None


@KINDS
def test_a_message_has_whole_counts_for_any_counts_of_the_provider(providers, upstream, kind):
    with client_of(providers) as claude:
        upstream.answer(text("Hi", usage=(10**23, -4)))
        message = claude.messages.create(model=f"m-{kind}", max_tokens=9, messages=SAID)
        assert (message.usage.input_tokens, message.usage.output_tokens) == (LARGEST, 0)
        upstream.answer(text("Hi", usage=(9, 10**23)))
        with claude.messages.stream(model=f"m-{kind}", max_tokens=9, messages=SAID) as stream:
            assert stream.get_final_message().usage.output_tokens == LARGEST


def test_cached_tokens_are_no_more_than_the_prompt_that_they_are_part_of(server, client, upstream):
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 10**23}}
    chunk = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"
    upstream.always(text("Hi", usage=None).but(items=("Hi", raw(chunk))))
    response = client.responses.create(model="gpt-4o", input="Hello")
    assert (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens) == (9, 9)
    options = {"include_usage": True}
    chat = client.chat.completions.create(model="gpt-4o", messages=SAID, stream=True, stream_options=options)
    assert last_usage(chat).prompt_tokens_details.cached_tokens == 9
    with client_of(server) as claude, claude.messages.stream(model="gpt-4o", max_tokens=9, messages=SAID) as stream:
        counted = stream.get_final_message().usage
    assert (counted.input_tokens, counted.cache_read_input_tokens) == (0, 9)


UNSTORABLE = [
    (b'"a\xff\xfeb"', "a\ufffd\ufffdb"),
    (b'"a\\ud800b"', "a\ufffdb"),
    (b'"a\\u0000b"', "a\ufffdb"),
    (b'"a\x00b"', "a\ufffdb"),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
]


@on_both
@pytest.mark.parametrize(("content", "expected"), UNSTORABLE)
def test_invalid_text_is_replaced_in_runs(client, upstream, assistant, content, expected):
    thread = new_thread(client, "Hello")
    upstream.answer(text(raw(b'data: {"choices": [{"index": 0, "delta": {"content": ' + content + b"}}]}\n\n")))
    assert run_of(client, thread, assistant).status == "completed"
    assert texts(client, thread) == ["Hello", expected]


@pytest.mark.parametrize(("content", "expected"), UNSTORABLE)
def test_invalid_text_is_replaced_in_chats(client, upstream, content, expected):
    message = b'{"role": "assistant", "content": ' + content + b"}"
    upstream.answer(
        reply(b'{"choices": [{"index": 0, "finish_reason": "stop", "message": ' + message + b"}]}"),
        text(raw(b'data: {"choices": [{"index": 0, "delta": {"content": ' + content + b"}}]}\n\n")),
        text(raw(b'data: {"choices": [{"index": 0, "delta": {"content": ' + content + b"}}]}\n\n")),
    )
    create = client.chat.completions.create
    assert create(model="gpt-4o", messages=SAID).choices[0].message.content == expected
    for stored in (False, True):
        chunks = list(create(model="gpt-4o", messages=SAID, stream=True, store=stored))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected


@pytest.mark.parametrize(("content", "expected"), UNSTORABLE)
def test_invalid_text_is_replaced_in_messages_of_their_own_dialect(providers, upstream, content, expected):
    body = b'{"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn", "content": ['
    whole = body + b'{"type": "text", "text": ' + content + b'}], "usage": {"input_tokens": 1, "output_tokens": 1}}'
    upstream.answer(reply(whole), reply(whole))
    with client_of(providers) as claude:
        assert claude.messages.create(model="m-anthropic", max_tokens=9, messages=SAID).content[0].text == expected
    done = providers.client.chat.completions.create(model="m-anthropic", messages=SAID)
    assert done.choices[0].message.content == expected


@KINDS
def test_too_many_calls_in_one_turn_fail_with_a_sentence(providers, upstream, kind):
    client = providers.client
    many = calls(*(call("get_weather", call_id=f"call_{number}", pieces=1, city="Paris") for number in range(5000)))
    upstream.answer(many, many, many)
    tools = {"model": f"m-{kind}", "messages": SAID, "tools": [WEATHER]}
    with pytest.raises(openai.APIStatusError, match="more than 128 tool calls") as refused:
        client.chat.completions.create(**tools)
    assert refused.value.status_code == 502
    with pytest.raises(openai.APIError, match="more than 128 tool calls"):
        list(client.chat.completions.create(**tools, stream=True))
    assistant = client.beta.assistants.create(model=f"m-{kind}", tools=[WEATHER])
    run = run_of(client, new_thread(client, "Hello"), assistant)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert "more than 128 tool calls" in run.last_error.message
    assert len(upstream.requests) == 3


@pytest.mark.parametrize("name", [None, ""])
def test_a_call_without_a_name_fails_the_run(client, upstream, forecaster, thread, name):
    upstream.answer(calls(call(name, city="Paris")))
    run = run_of(client, thread, forecaster)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert "without a name" in run.last_error.message
    assert len(upstream.requests) == 1


def test_128_calls_are_served(client, upstream, forecaster, thread):
    upstream.answer(calls(*(call("get_weather", call_id=f"c{number}", pieces=1, city="x") for number in range(128))))
    run = run_of(client, thread, forecaster)
    assert run.status == "requires_action"
    assert len(run.required_action.submit_tool_outputs.tool_calls) == 128


@pytest.mark.parametrize("indexed", [True, False])
def test_calls_that_share_an_id_or_have_none_get_ids_of_their_own(client, upstream, indexed):
    same = calls(call("a", call_id="x", city="1"), call("b", call_id="x", city="2"), indexed=indexed)
    nameless = calls(call("a", call_id=None, city="1"), call("b", call_id=None, city="2"), indexed=indexed)
    upstream.answer(same if indexed else nameless, same, nameless)
    create = client.chat.completions
    with create.stream(model="gpt-4o", messages=SAID) as stream:
        check_calls(stream.get_final_completion())
    for _ in range(2):
        check_calls(create.create(model="gpt-4o", messages=SAID))


def check_calls(completion):
    found = completion.choices[0].message.tool_calls
    assert [one.function.name for one in found] == ["a", "b"]
    assert [json.loads(one.function.arguments) for one in found] == [{"city": "1"}, {"city": "2"}]
    assert all(one.id for one in found)
    assert len({one.id for one in found}) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_numbers_beside_the_usage_are_those_that_clients_read(server, upstream, stream):
    token = {"token": "Hi", "logprob": float("-inf"), "bytes": [72, 999], "top_logprobs": [{"token": 5}]}
    choice = {"index": "0", "finish_reason": "stop", "logprobs": {"content": [token]}}
    head = {"id": 7, "model": 3.5, "created": 1e300}
    said = {"role": "assistant", "content": "Hi"}
    whole = reply(json.dumps({**head, "choices": [{**choice, "message": said}]}).encode())
    chunk = raw(b"data: " + json.dumps({**head, "choices": [{**choice, "delta": said}]}).encode() + b"\n\n")
    upstream.answer(text(chunk, finish=None, usage=None).but(opens=False) if stream else whole)
    answered = server.ask("POST", "/chat/completions", {"model": "gpt-4o", "messages": SAID, "stream": stream})
    body = answered.body.split(b"\n\n")[0].removeprefix(b"data: ")
    found = json.loads(body, parse_constant=pytest.fail)
    assert (found["id"], found["model"], found["created"]) == ("7", "3.5", 253_402_300_799)
    (shown,) = found["choices"]
    assert shown["index"] == 0
    assert shown["logprobs"]["content"] == [
        {
            "token": "Hi",
            "logprob": -9999.0,
            "bytes": [72, 255],
            "top_logprobs": [{"token": "5", "logprob": -9999.0, "bytes": None}],
        }
    ]


DEEP = b'{"choices": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
BROKEN = [
    (reply(DEEP), "malformed"),
    (reply(b'{"choices": [{"message": {"content": "Hi"'), "malformed"),
    (reply(b'{"choices": [{"message": {"content": 1' + b"0" * 2_000_000 + b"}}]}"), "malformed"),
    (reply(b"<html>Hello</html>", content_type="text/html"), "malformed"),
    (reply(b"", status=307, headers={"location": "http://127.0.0.1:9/"}), "malformed"),
    (reply(gzip.compress(b" " * (70 << 20)), headers={"content-encoding": "gzip"}), "malformed"),
    (reply(b"not gzip", headers={"content-encoding": "gzip"}), "unreachable"),
    (reply({"error": {"message": "x", "code": 10**30, "param": ["x"], "type": {}}}, status=418), "invalid_request"),
    (reply({"error": {"message": 1e300, "code": "9" * 5000}}), "server_error"),
    (reply(b"\xff\xfe{", status=500), "server_error"),
    (reply({}, status=429, headers={"retry-after": "1e300"}), "rate_limited"),
    (reply({}, status=429, headers={"retry-after": "Fri, 31 Dec 0000 23:59:59 GMT"}), "rate_limited"),
]


@KINDS
@pytest.mark.parametrize(("answer", "fault"), BROKEN)
def test_an_invalid_provider_response_is_an_error_in_the_envelope(providers, upstream, kind, answer, fault):
    statuses = {"invalid_request": (400,), "rate_limited": (429,)}
    for stream in (False, True):
        upstream.answer(answer)
        body = {"model": f"m-{kind}", "messages": SAID, "stream": stream}
        answered = providers.ask("POST", "/chat/completions", body)
        assert answered.status in statuses.get(fault, (502, 504))
        assert answered.json["error"]["message"]


ENDLESS = [
    pytest.param(raw(b"data: {not json}\n\n"), id="no JSON in the middle"),
    pytest.param(raw(b"data: " + b"x" * (17 << 20)), id="a line without an end"),
    pytest.param(raw(b"data: " + DEEP + b"\n\n"), id="a deep event"),
]


@KINDS
@pytest.mark.parametrize("noise", ENDLESS)
def test_a_stream_that_breaks_in_its_middle_ends_with_an_error_event(providers, upstream, kind, noise):
    upstream.answer(text("Hi", noise))
    chunks = []
    with pytest.raises(openai.APIError):
        chunks += providers.client.chat.completions.create(model=f"m-{kind}", messages=SAID, stream=True)
    upstream.answer(text("Hi", noise))
    assistant = providers.client.beta.assistants.create(model=f"m-{kind}")
    thread = new_thread(providers.client, "Hello")
    run = run_of(providers.client, thread, assistant)
    assert (run.status, run.last_error.code) == ("failed", "server_error")
    assert texts(providers.client, thread) == ["Hello", "Hi"]


TRICKLE = [part for _ in range(200) for part in ("x", pause(0.05))]


@pytest.mark.proves("chat.deadline")
@KINDS
def test_a_reply_that_never_ends_times_out(providers, upstream, kind):
    client = providers.client
    upstream.always(text(*TRICKLE))
    with pytest.raises(openai.APIError, match="chat_seconds"):
        list(client.chat.completions.create(model=f"m-{kind}", messages=SAID, stream=True))
    assert upstream.requests[0].gone.wait(WAIT)
    with pytest.raises(openai.APIStatusError, match="chat_seconds") as refused:
        client.completions.create(model=f"m-{kind}", prompt="Hello")
    assert refused.value.status_code == 504
    with client_of(providers) as claude, pytest.raises(anthropic.APIStatusError, match="chat_seconds"):
        claude.messages.create(model=f"m-{kind}", max_tokens=9, messages=SAID)
    assistant = client.beta.assistants.create(model=f"m-{kind}")
    upstream.always(text(*TRICKLE[:80]))
    assert run_of(client, new_thread(client, "Hello"), assistant).status == "completed"

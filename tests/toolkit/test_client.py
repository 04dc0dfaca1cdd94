"""The Python package: what it asks of whom and with which key, what it makes of trouble, and how it serves a model."""

import asyncio
import json
import socket
import subprocess
import sys

import anthropic.types
import openai.types.chat
import openai.types.responses
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

import understudy.toolkit
import understudy_toolkit
from serving import KEY, WAIT
from understudy_toolkit import AsyncToolkit, Toolkit
from understudy_toolkit.address import address

THREAD = "AI_ML_API_GET_THREAD"
AT = {"thread_id": "thread_1"}
OURS = {"UNDERSTUDY_BASE_URL": "http://ours:1/v1", "UNDERSTUDY_API_KEY": "ours"}
THEIRS = {"AIML_API_BASE": "https://api.aimlapi.com/v1", "AIML_API_KEY": "theirs"}


@pytest.fixture
async def api():
    """Another API at this address: `api(handler)` returns a toolkit for it."""
    opened = []

    async def start(handler, **options):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(application)
        await server.start_server()
        toolkit = AsyncToolkit(str(server.make_url("/v1/")), "sk-secret", **options)
        opened.extend([toolkit, server])
        return toolkit

    yield start
    for one in opened:
        await one.close()


@pytest.mark.parametrize(
    ("given", "environ", "found"),
    [
        ((None, None), {}, ("http://127.0.0.1:8642", None)),
        ((None, None), OURS, ("http://ours:1", "ours")),
        ((None, None), {**OURS, **THEIRS}, ("http://ours:1", "ours")),
        ((None, None), THEIRS, ("https://api.aimlapi.com", "theirs")),
        ((None, None), {"AIMLAPI_API_BASE": "http://x", "AIMLAPI_API_KEY": "k"}, ("http://x", "k")),
        ((None, None), {"AIML_API_KEY": "theirs"}, ("http://127.0.0.1:8642", None)),
        (("https://api.aimlapi.com", None), {**OURS, "AIML_API_KEY": "theirs"}, ("https://api.aimlapi.com", "theirs")),
        (("https://api.aimlapi.com", None), OURS, ("https://api.aimlapi.com", None)),
        (("https://notaimlapi.com/", None), {**OURS, **THEIRS}, ("https://notaimlapi.com", "ours")),
        (("http://x/base/v1/", "given"), {**OURS, **THEIRS}, ("http://x/base", "given")),
    ],
)
@pytest.mark.proves("toolkit.address")
def test_a_key_is_sent_only_to_its_own_server(given, environ, found):
    there = address(*given, environ)
    assert (there.root, there.key) == found
    assert "ours" not in repr(there).replace("http://ours", "")


@pytest.mark.parametrize("base", ["example.com", "ftp://x", "http://", "http://x/v1?y=1"])
def test_an_invalid_base_url_is_refused_at_once(base):
    with pytest.raises(ValueError, match=r"Invalid base URL .*: it must look like"):
        Toolkit(base)


async def test_the_request_is_the_operations(api):
    seen = []

    async def handler(request):
        seen.append((request.method, request.path_qs, request.headers["Authorization"], await request.text()))
        return web.json_response({"id": "x"})

    toolkit = await api(handler)
    assert await toolkit.execute("AI_ML_API_UPDATE_THREAD", {**AT, "metadata": {"a": "ü"}}) == {
        "data": {"id": "x"},
        "error": None,
        "successful": True,
    }
    await toolkit.execute("ai_ml_api_get_luma_generation", {"ids": "a b,c"})
    bearer = "Bearer sk-secret"
    assert seen == [
        ("POST", "/threads/thread_1", bearer, '{"metadata": {"a": "ü"}}'),
        ("GET", "/luma-ai/generation?ids=a+b,c", bearer, ""),
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 401, "text": '{"message": "Bad key."}'}, "The API answered 401: Bad key."),
        ({"status": 500, "text": "<h1>Oh</h1>"}, "The API answered 500: <h1>Oh</h1>"),
        (
            {"status": 200, "text": "<h1>Oh</h1>", "content_type": "text/html"},
            "200 with text/html; charset=utf-8 that is",
        ),
        (
            {"status": 307, "headers": {"Location": "http://elsewhere.example/"}},
            "The API answered 307: an empty answer",
        ),
    ],
)
@pytest.mark.proves("toolkit.result")
async def test_every_response_is_a_result(api, answer, sentence):
    async def handler(_):
        return web.Response(**answer)

    result = await (await api(handler)).execute(THREAD, AT)
    assert (result["successful"], sentence in result["error"]) == (False, True), result


async def test_a_connection_that_breaks_or_is_refused_is_a_result(api):
    async def handler(request):
        request.transport.close()
        return web.Response()

    result = await (await api(handler)).execute(THREAD, AT)
    assert "closed the connection before its answer was complete." in result["error"]
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    with Toolkit(f"http://127.0.0.1:{port}", "sk-secret") as toolkit:
        refused = toolkit.execute(THREAD, AT)
    assert refused["error"].startswith(
        f"Cannot reach a server at http://127.0.0.1:{port}: connection refused. Start the server with"
    )
    assert "sk-secret" not in json.dumps([result, refused])


async def test_an_api_that_is_silent_is_a_result(api):
    gone = asyncio.Event()

    async def handler(_):
        await gone.wait()
        return web.Response()

    result = await (await api(handler, timeout=0.05)).execute(THREAD, AT)
    assert result["error"].endswith("timed out after 0.05 seconds.")
    gone.set()


async def test_an_endless_response_is_a_result(api, monkeypatch):
    monkeypatch.setattr("understudy_toolkit.client.MAX_RESPONSE_BYTES", 1000)

    async def handler(_):
        return web.Response(text="[" + "1," * 1000 + "1]", content_type="application/json")

    result = await (await api(handler)).execute(THREAD, AT)
    assert result["error"] == "The response is larger than 1000 bytes. Request less at a time."


@given(st.text(max_size=20), st.none() | st.lists(st.integers()) | st.dictionaries(st.text(max_size=5), st.integers()))
def test_no_slug_and_no_arguments_raise(slug, arguments):
    async def ask():
        async with AsyncToolkit("http://127.0.0.1:9", "k") as toolkit:
            return [await toolkit.execute(slug, arguments), await toolkit.execute(THREAD, arguments)]

    assert all(not result["successful"] and result["error"] for result in asyncio.run(ask()))


def test_the_server_has_the_names_of_the_package():
    assert {getattr(understudy.toolkit, name) for name in understudy.toolkit.__all__} == {
        getattr(understudy_toolkit, name) for name in understudy_toolkit.__all__ if name != "__version__"
    }


def test_the_package_does_not_load_the_server_or_a_framework():
    program = (
        "import sys, understudy_toolkit;"
        "from understudy_toolkit.adapters import claude_agent, langchain, llama_index, openai_agents;"
        "print([n for n in sys.modules if n.split('.')[0] in ('starlette', 'uvicorn', 'apsw', 'asyncpg', 'mcp', 'jsonschema',"
        " 'understudy', 'agents', 'claude_agent_sdk', 'langchain_core', 'llama_index')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=WAIT, check=True)
    assert done.stdout == "[]\n"


def test_tools_have_the_forms_that_models_want():
    toolkit = Toolkit()
    (one,) = chosen = toolkit.list(slugs=[THREAD])
    assert toolkit.openai_tools(chosen) == [
        {
            "type": "function",
            "function": {"name": THREAD, "description": one.description, "parameters": one.input_schema},
        }
    ]
    (flat,) = toolkit.openai_response_tools(chosen)
    assert (flat["type"], flat["name"], flat["parameters"], flat["strict"]) == (
        "function",
        THREAD,
        one.input_schema,
        False,
    )
    assert toolkit.anthropic_tools(chosen) == [
        {"name": THREAD, "description": one.description, "input_schema": one.input_schema}
    ]
    assert [len(form()) for form in (toolkit.openai_tools, toolkit.openai_response_tools, toolkit.anthropic_tools)] == [
        30
    ] * 3


CREATE = "AI_ML_API_CREATE_THREAD"
WANTED = '{"metadata": {"a": "b"}}'


def completion(*calls):
    called = [{"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
              for n, (name, arguments) in enumerate(calls)]  # fmt: skip
    message = {"role": "assistant", "content": None, "tool_calls": called or None}
    choices = [{"index": 0, "finish_reason": "tool_calls", "message": message}]
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    return openai.types.chat.ChatCompletion.model_validate(whole)


@pytest.mark.proves("toolkit.calls")
def test_the_calls_of_a_chat_completion_are_executed(server):
    with Toolkit(server.url, KEY) as toolkit:
        answer = completion((CREATE, WANTED), ("get_weather", "{}"), (CREATE, "{"), (CREATE, "[1]"))
        made, other, broken, listed = toolkit.handle(answer)
        assert [one["tool_call_id"] for one in toolkit.handle(answer, skip_others=True)] == [
            "call_0",
            "call_2",
            "call_3",
        ]
        assert toolkit.handle(completion()) == []
        (from_message,) = toolkit.handle(completion((CREATE, "")).choices[0].message)
    assert (made["role"], made["tool_call_id"]) == ("tool", "call_0")
    result = json.loads(made["content"])
    assert (result["successful"], result["data"]["metadata"]) == (True, {"a": "b"})
    assert json.loads(other["content"])["error"].startswith("No tool found with slug 'get_weather'.")
    assert json.loads(broken["content"])["error"].startswith(f"The arguments of {CREATE} are not valid JSON: ")
    assert json.loads(listed["content"])["error"] == f"The arguments of {CREATE} must be an object, not [1]."
    assert json.loads(from_message["content"])["successful"]


@pytest.mark.proves("toolkit.calls")
async def test_the_calls_of_a_response_and_of_a_message_are_executed(server):
    item = {"type": "function_call", "call_id": "call_1", "name": CREATE, "arguments": WANTED}
    response = {"id": "resp_1", "object": "response", "output": [{"type": "reasoning", "id": "r"}, item]}
    blocks = [{"type": "text", "text": "So."}, {"type": "tool_use", "id": "toolu_1", "name": CREATE, "input": {"x": 1}}]
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": blocks,
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    async with AsyncToolkit(server.url, KEY) as toolkit:
        (output,) = await toolkit.handle(response)
        told = await toolkit.handle(anthropic.types.Message.model_validate(message))
        assert await toolkit.handle({**message, "content": blocks[:1]}) == []
        with pytest.raises(TypeError, match="Unsupported type 'int'"):
            await toolkit.handle(3)
    assert (output["type"], output["call_id"]) == ("function_call_output", "call_1")
    assert json.loads(output["output"])["data"]["metadata"] == {"a": "b"}
    (block,) = told[0]["content"]
    assert (told[0]["role"], block["type"], block["tool_use_id"], block["is_error"]) == (
        "user",
        "tool_result",
        "toolu_1",
        True,
    )
    assert json.loads(block["content"])["error"].startswith("Unknown parameter: 'x'.")


def test_a_model_is_handed_the_tools_and_calls_one(client, server):
    """A whole round, with the embedded model as the agent."""
    with Toolkit(server.url, KEY) as toolkit:
        conversation = [{"role": "user", "content": "Create a thread."}]
        ask = {
            "model": "rehearsal",
            "tools": toolkit.openai_tools(toolkit.list(slugs=[CREATE])),
            "tool_choice": {"type": "function", "function": {"name": CREATE}},
        }
        answer = client.chat.completions.create(messages=conversation, **ask)
        told = toolkit.handle(answer)
        assert json.loads(told[0]["content"])["data"]["object"] == "thread"
        conversation += [answer.choices[0].message.model_dump(exclude_none=True), *told]
        ask["tool_choice"] = "auto"
        last = client.chat.completions.create(messages=conversation, **ask).choices[0].message
    assert last.content


def test_a_response_gets_the_tools_and_continues_after_their_calls(client, server):
    with Toolkit(server.url, KEY) as toolkit:
        tools = toolkit.openai_response_tools(toolkit.list(slugs=[CREATE]))
        choice = {"type": "function", "name": CREATE}
        first = client.responses.create(model="rehearsal", input="Create a thread.", tools=tools, tool_choice=choice)
        told = toolkit.handle(first)
        assert json.loads(told[0]["output"])["data"]["object"] == "thread"
        last = client.responses.create(model="rehearsal", previous_response_id=first.id, input=told, tools=tools)
    assert last.output_text

"""Each of the 30 tools, executed in every way, against a server without a provider: its result, and its refusal."""

import json

import httpx2
import pytest
from click.testing import CliRunner
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from e2e.assistants_client import WEATHER
from serving import KEY, WAIT
from toolkit.seed import TABLE
from toolkit.toolkit_objects import CASES, World
from understudy.cli import commands
from understudy_toolkit import AsyncToolkit, Toolkit


@pytest.fixture
def kit_server(offline_server):
    """Without a provider: all tools have to work with the embedded model alone."""
    return offline_server


@pytest.fixture
def world(kit_server):
    return World(kit_server)


async def by_python(server, slug, arguments):
    async with AsyncToolkit(server.url, KEY) as toolkit:
        return await toolkit.execute(slug, arguments)


async def by_rest(server, slug, arguments):
    path = f"/api/v3/tools/execute/{slug}"
    reply = server.ask("POST", path, {"arguments": arguments}, {"x-api-key": KEY}, key=None)
    assert reply.status == 200, reply.body
    assert reply.json.pop("log_id") == reply.headers["x-request-id"]
    return reply.json


async def by_mcp(server, slug, arguments):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=WAIT) as http,
        streamable_http_client(f"{server.url.removesuffix('/v1')}/mcp", http_client=http) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        await session.initialize()
        told = await session.call_tool(slug, arguments)
    (text,) = told.content
    assert json.loads(text.text) == told.structured_content
    assert told.is_error is not told.structured_content["successful"]
    return told.structured_content


async def by_command(server, slug, arguments):
    call = ["tools", "call", slug, "--arguments", json.dumps(arguments), "--base-url", server.url, "--key", KEY]
    done = CliRunner().invoke(commands, call)
    result = json.loads(done.stdout)
    assert done.exit_code == (0 if result["successful"] else 1)
    assert done.stderr == ("" if result["successful"] else f"Error: {result['error']}\n")
    return result


WAYS = {"python": by_python, "rest": by_rest, "mcp": by_mcp, "command": by_command}


def test_no_tool_is_left_out():
    assert len(CASES) == 30
    assert sorted(CASES) == sorted(slug.removeprefix("AI_ML_API_") for slug in TABLE)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.proves("toolkit.python", "toolkit.rest", "toolkit.mcp", "toolkit.command")
async def test_a_tool_is_executed_and_refuses_invalid_arguments(kit_server, world, name, way):
    case, slug = CASES[name], f"AI_ML_API_{name}"
    execute = WAYS[way]
    arguments, check = case.use(world)
    result = await execute(kit_server, slug, arguments)
    assert (result["successful"], result["error"]) == (True, None)
    assert set(result) == {"data", "error", "successful"}
    check(result["data"])
    refused = await execute(kit_server, slug, {**arguments, **case.refused} if case.refused else {"other": 1})
    assert (refused["successful"], refused["data"]) == (False, {})
    assert case.complaint in refused["error"]


async def test_the_sync_toolkit_does_the_same(kit_server):
    with Toolkit(kit_server.url, KEY) as toolkit:
        made = toolkit.execute("AI_ML_API_CREATE_THREAD", {"metadata": {"a": "b"}})
    # It starts again where it was closed, and closes by itself.
    again = toolkit.execute("AI_ML_API_GET_THREAD", {"thread_id": made["data"]["id"]})
    assert (again["successful"], again["data"]["metadata"]) == (True, {"a": "b"})


async def test_a_stream_is_returned_as_one_result(kit_server, world):
    call = {"model": "rehearsal", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    for execute in (by_python, by_rest):
        result = await execute(kit_server, "AI_ML_API_TEXT_CHAT_COMPLETION", call)
        assert (result["successful"], result["error"]) == (True, None)
        pieces = [event["data"]["choices"][0]["delta"].get("content") or "" for event in result["data"]["events"][:-1]]
        assert len("".join(pieces)) > 5
    run = world.waiting_run()
    outputs = {**world.outputs(run), "stream": True}
    result = await by_rest(kit_server, "AI_ML_API_SUBMIT_TOOL_OUTPUTS", outputs)
    names = [event["event"] for event in result["data"]["events"]]
    assert (names[0], names[-1]) == ("thread.run.step.completed", "thread.run.completed")


async def test_another_keys_objects_are_not_found(kit_server, world):
    thread = world.thread()
    for execute in WAYS.values():
        result = await execute(kit_server, "AI_ML_API_GET_THREAD", {"thread_id": thread.id + "x"})
        assert not result["successful"]
        assert result["data"] == {"status": 404}
        assert result["error"] == f"The API answered 404: No thread found with id '{thread.id}x'."


def test_an_agent_creates_an_assistant_and_reads_its_reply(kit_server):
    """What an agent does, with tools alone."""
    with Toolkit(kit_server.url, KEY) as toolkit:

        def do(name, **arguments):
            result = toolkit.execute(f"AI_ML_API_{name}", arguments)
            assert result["successful"], result
            return result["data"]

        assistant = do("CREATE_ASSISTANT", model="rehearsal", tools=[WEATHER], instructions="Be brief.")
        thread = do("CREATE_THREAD", messages=[{"role": "user", "content": "What is the weather in Paris?"}])
        at = {"thread_id": thread["id"]}
        run = do("CREATE_RUN", assistant_id=assistant["id"], tool_choice="get_weather", **at)
        official = kit_server.client.beta.threads.runs
        official.poll(run["id"], thread_id=thread["id"], poll_interval_ms=10)
        run = do("GET_RUN", run_id=run["id"], **at)
        assert run["status"] == "requires_action"
        (called,) = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [{"tool_call_id": called["id"], "output": "18 degrees"}]
        do("SUBMIT_TOOL_OUTPUTS", run_id=run["id"], tool_outputs=outputs, **at)
        official.poll(run["id"], thread_id=thread["id"], poll_interval_ms=10)
        answer = do("LIST_MESSAGES", limit=1, **at)["data"][0]
    assert (answer["role"], answer["run_id"]) == ("assistant", run["id"])
    assert "18 degrees" in answer["content"][0]["text"]["value"]

"""The tools over the Model Context Protocol, with the official client: over HTTP, and by a command that it starts."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import httpx2
import mcp
import pytest
from mcp import ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from e2e.assistants_client import on_both
from serving import KEY, WAIT, serve
from toolkit.seed import TABLE
from understudy import __version__
from understudy_toolkit.catalog import find

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def at(server):
    return f"{server.url.removesuffix('/v1')}/mcp"


@asynccontextmanager
async def over_http(server, key=KEY, query=""):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=WAIT) as http,
        streamable_http_client(at(server) + query, http_client=http) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        yield session


@asynccontextmanager
async def over_stdio(server):
    arguments = ["-m", "understudy", "mcp", "--base-url", server.url, "--key", KEY]
    async with (
        stdio_client(StdioServerParameters(command=sys.executable, args=arguments)) as streams,
        ClientSession(*streams[:2]) as session,
    ):
        yield session


async def test_a_client_requests_a_subset_of_the_tools(server):
    async with asyncio.timeout(WAIT), over_http(server, query="?tools=create_thread,readOnlyHint") as session:
        await session.initialize()
        names = {tool.name for tool in (await session.list_tools()).tools}
        assert names == {"AI_ML_API_CREATE_THREAD"} | {slug for slug in TABLE if "readOnlyHint" in find(slug).tags}
        assert not (await session.call_tool("AI_ML_API_CREATE_THREAD", {})).is_error
        refused = await session.call_tool("AI_ML_API_CREATE_ASSISTANT", {"model": "rehearsal"})
        assert (refused.is_error, "not among those" in refused.content[0].text) == (True, True)


def test_an_unknown_tool_of_a_subset_is_refused_by_name(server):
    refused = server.ask("POST", "/mcp?tools=create_thred", PING, ACCEPT)
    assert refused.status == 400
    assert b"create_thred" in refused.body


@on_both
@pytest.mark.parametrize("transport", [over_http, over_stdio])
@pytest.mark.proves("toolkit.mcp", "toolkit.hints")
async def test_a_client_lists_and_calls_the_tools(server, transport):
    async with asyncio.timeout(WAIT), transport(server) as session:
        opened = await session.initialize()
        assert (opened.server_info.name, opened.server_info.version) == ("understudy", __version__)
        assert "requires_action" in opened.instructions
        models = [one["id"] for one in server.ask("GET", "/v1/models").json["data"]]
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert list(tools) == list(TABLE)
        for slug, tool in tools.items():
            known, hints = find(slug), tool.annotations
            assert (tool.title, tool.description) == (known.name, known.description)
            assert tool.input_schema == known.input_schema_with(models)
            assert tool.output_schema == known.output_schema
            told = {"readOnlyHint": hints.read_only_hint, "destructiveHint": hints.destructive_hint}
            told |= {"idempotentHint": hints.idempotent_hint, "openWorldHint": hints.open_world_hint}
            assert {name for name, holds in told.items() if holds} == {*known.tags} - {"important"}
        made = await session.call_tool("AI_ML_API_CREATE_THREAD", {"metadata": {"a": "b"}})
        assert (made.is_error, made.structured_content["data"]["metadata"]) == (False, {"a": "b"})
        assert json.loads(made.content[0].text) == made.structured_content
        unknown = await session.call_tool("AI_ML_API_NOTHING", {})
        assert unknown.is_error
        assert unknown.structured_content["error"].startswith("No tool found with slug 'AI_ML_API_NOTHING'.")


async def test_the_clients_own_way_of_opening_a_connection_works(server):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}, timeout=WAIT) as http,
        mcp.Client(streamable_http_client(at(server), http_client=http)) as client,
    ):
        assert len((await client.list_tools()).tools) == 30
        made = await client.call_tool("AI_ML_API_CREATE_THREAD", {})
        assert made.structured_content["successful"]


async def test_many_clients_call_at_once(server):
    async def one(number):
        async with over_http(server) as session:
            await session.initialize()
            called = await asyncio.gather(
                *(session.call_tool("AI_ML_API_CREATE_THREAD", {"metadata": {"n": f"{number}-{i}"}}) for i in range(5))
            )
            return [call.structured_content["data"]["metadata"]["n"] for call in called]

    async with asyncio.timeout(WAIT):
        found = await asyncio.gather(*(one(number) for number in range(10)))
    assert found == [[f"{number}-{i}" for i in range(5)] for number in range(10)]


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "http://127.0.0.1:8642", "http://[::1]", "https://agents.example"]
)
def test_pages_of_this_machine_and_of_the_settings_may_use_it(origin_server, origin):
    reply = origin_server.ask("POST", "/mcp", PING, ACCEPT | {"Origin": origin})
    assert (reply.status, reply.json) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://agents.example.evil", "http://localhost.evil", "null", "x"]
)
@pytest.mark.proves("toolkit.origin")
def test_other_pages_are_refused_even_if_their_name_resolves_to_this_machine(origin_server, origin):
    headers = ACCEPT | {"Origin": origin, "Host": origin.rpartition("//")[2]}
    refused = origin_server.ask("POST", "/mcp", PING, headers)
    sentence = f"Web pages of '{origin}' may not use /mcp. Add the origin to `mcp.origins` in the settings."
    assert_rpc_error(refused, 403, sentence)


@pytest.fixture(scope="module")
def origin_server(session_upstream, tmp_path_factory):
    from serving import Server

    yield from serve(
        Server(
            tmp_path_factory.mktemp("origins"),
            session_upstream.url,
            '[mcp]\norigins = ["https://agents.example/"]\n',
            limits__body_bytes=2048,
        )
    )


def test_without_a_key_or_with_a_wrong_one_there_is_no_way_in(origin_server):
    for key, code in ((None, None), ("sk-wrong-0123456789", "invalid_api_key")):
        refused = origin_server.ask("POST", "/mcp", PING, ACCEPT, key=key)
        assert (refused.status, refused.json["error"]["data"]["code"]) == (401, code)
        assert refused.headers["www-authenticate"] == 'Bearer realm="understudy"'


async def test_a_client_without_a_valid_key_returns_the_error_of_this_server(server):
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="Incorrect API key provided"), flatten_subgroups=True):
        async with asyncio.timeout(WAIT), over_http(server, "sk-wrong-0123456789") as session:
            await session.initialize()


def test_input_schemas_have_one_type_each(origin_server):
    def types_of(schema):
        match schema:
            case dict():
                yield from ([schema["type"]] if "type" in schema and "properties" not in schema.get("type", ()) else [])
                for inner in schema.values():
                    yield from types_of(inner)
            case list():
                for inner in schema:
                    yield from types_of(inner)

    for slug in TABLE:
        assert all(isinstance(kind, str | dict) for kind in types_of(find(slug).input_schema)), slug


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_sessions_to_listen_to_or_to_end(origin_server, method):
    refused = origin_server.ask(method, "/mcp", headers=ACCEPT)
    assert refused.headers["allow"] == "POST"
    assert_rpc_error(refused, 405, f"Not allowed to {method} on /mcp: it has no sessions. Use POST.")


def assert_rpc_error(reply, status, message):
    error = reply.json["error"]
    assert (reply.status, reply.json["jsonrpc"], reply.json["id"]) == (status, "2.0", None)
    assert (error["code"], error["message"], error["data"]["status"]) == (-32000, message, status)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"jsonrpc": "2.0"}', 400),
        (json.dumps({**PING, "x": "y" * 4096}).encode(), 413),
    ],
)
def test_an_invalid_message_is_refused_and_the_server_continues(origin_server, body, status):
    assert origin_server.ask("POST", "/mcp", body, ACCEPT).status == status
    assert origin_server.ask("POST", "/mcp", PING, ACCEPT).status == 200

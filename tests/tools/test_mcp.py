"""Remote MCP servers, against a real one: its tools, calls of them, and everything that a server may do wrong."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mcp_server import SECRET, McpProcess
from understudy.settings import McpSettings, WebSearchSettings
from understudy.tools.mcp import McpServer, McpServerError, RemoteServers
from understudy.tools.web import SearchRequest, WebSearchError
from understudy.tools.web.mcp_engine import McpEngine


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp")) as server:
        yield server


@pytest.fixture(scope="module", params=["http", "sse"])
def either(request, tmp_path_factory):
    with McpProcess(tmp_path_factory.mktemp("mcp"), request.param) as server:
        yield server


def remote(*allowed, **settings):
    return RemoteServers(McpSettings(allowed=allowed, **settings))


async def test_tools_are_listed_and_called_over_both_transports(either):
    servers = remote(either.url)
    server = servers.resolve_server(either.url)
    tools = {tool.name: tool for tool in await servers.list_tools(server)}
    assert sorted(tools) == ["fail", "roll", "search_web", "shout", "sleep", "tally"]
    assert (tools["roll"].description, tools["roll"].read_only) == ("Rolls dice, like 2d4+1.", True)
    assert tools["roll"].schema["properties"]["expression"]["type"] == "string"
    assert (await servers.call_tool(server, "roll", {"expression": "1d6"})).text == "rolled 1d6: 7"
    assert {"name": "roll", "expression": "1d6"} in either.calls()


async def test_a_failed_tool_returns_its_reason(running):
    servers = remote(running.url)
    output = await servers.call_tool(servers.resolve_server(running.url), "fail", {"reason": "no dice"})
    assert output.text is None
    assert "no dice" in output.error
    output = await servers.call_tool(servers.resolve_server(running.url), "unknown", {})
    assert output.error is not None


async def test_long_outputs_are_cut(running):
    servers = remote(running.url, output_bytes=1024)
    output = await servers.call_tool(servers.resolve_server(running.url), "shout", {"times": 300})
    assert len(output.text) < 1100
    assert output.text.endswith("[The rest of the output was cut off.]")
    output = await servers.call_tool(servers.resolve_server(running.url), "shout", {"times": 100_000})
    assert output.error is not None


async def test_a_silent_mcp_server_times_out(running):
    servers = remote(running.url, timeout=0.5)
    output = await servers.call_tool(servers.resolve_server(running.url), "sleep", {})
    assert output.error == "The MCP server timed out after 0.5 seconds."


async def test_headers_are_sent_and_their_absence_is_the_servers_business(tmp_path):
    with McpProcess(tmp_path, guarded=True) as guarded:
        servers = remote(guarded.url)
        with pytest.raises(
            McpServerError, match=r"The MCP server could not be used: it answered with the status 401\."
        ):
            await servers.list_tools(servers.resolve_server(guarded.url))
        server = servers.resolve_server(guarded.url, SECRET)
        assert len(await servers.list_tools(server)) == 6
        assert "sesame" not in repr(server)


async def test_an_unreachable_server_is_reported(tmp_path):
    with McpProcess(tmp_path) as gone:
        gone.kill()
        servers = remote(gone.url)
        with pytest.raises(McpServerError, match=r"it could not be connected to"):
            await servers.list_tools(servers.resolve_server(gone.url))
        output = await servers.call_tool(servers.resolve_server(gone.url), "roll", {})
        assert output.error == "The MCP server could not be used: it could not be connected to."


async def test_a_server_that_does_not_speak_mcp_is_reported(session_upstream):
    servers = remote(session_upstream.root)
    with pytest.raises(McpServerError, match="The MCP server could not be used: "):
        await servers.list_tools(servers.resolve_server(f"{session_upstream.root}/v1/models"))


class _CompressedAnswers(BaseHTTPRequestHandler):
    body = gzip.compress(b'{"jsonrpc": "2.0", "id": 1, "result": "' + bytes(64 << 20))

    def log_message(self, *args):
        pass

    def do_POST(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)


async def test_the_size_limit_counts_decompressed_bytes():
    with ThreadingHTTPServer(("127.0.0.1", 0), _CompressedAnswers) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/mcp"
        servers = remote(url)
        with pytest.raises(McpServerError, match="its answer was too large"):
            await servers.list_tools(servers.resolve_server(url))
        server.shutdown()


async def test_names_that_resolve_to_private_addresses_are_not_connected_to(running):
    servers = remote("*")
    url = running.url.replace("http://127.0.0.1", "https://0x7f.1")
    server = servers.resolve_server(url)
    assert not server.private
    with pytest.raises(McpServerError, match="its address is private, and the operator has not named it"):
        await servers.list_tools(server)
    with pytest.raises(McpServerError, match="its address is private"):
        await servers.list_tools(McpServer(running.url))


ALLOWED = [
    ("https://a.example/mcp", "https://a.example/mcp", True),
    ("https://a.example/mcp", "https://a.example/mcp/", True),
    ("https://a.example/mcp", "https://A.example:443/mcp/x?y=1", True),
    ("https://a.example", "https://a.example/anything", True),
    ("https://a.example/mcp", "https://a.example/mcp2", False),
    ("https://a.example/mcp", "http://a.example/mcp", False),
    ("https://a.example/mcp", "https://a.example.evil.example/mcp", False),
    ("https://a.example/mcp", "https://a.example@evil.example/mcp", False),
    ("https://a.example/mcp", "https://a.example:8443/mcp", False),
    ("https://a.example/mcp", "https://a.example/mcp/../admin", False),
    ("https://a.example/mcp", "https://a.example/mcp/%2e%2e/admin", False),
    ("https://a.example/mcp", "https://a.example/mcp/..%2fadmin", False),
    ("*", "https://b.example/mcp", True),
    ("*", "http://b.example/mcp", False),
    ("*", "file:///etc/passwd", False),
    ("*", "https://", False),
]


@pytest.mark.parametrize(("entry", "url", "covered"), ALLOWED)
def test_only_servers_that_the_operator_allows_are_called(entry, url, covered):
    servers = remote(entry)
    assert servers.is_allowed(url) == covered
    if not covered:
        with pytest.raises(McpServerError, match="is not allowed"):
            servers.resolve_server(url)
    assert not remote().is_allowed(url)


async def test_a_search_tool_is_the_engine_of_web_search(running):
    servers = RemoteServers(McpSettings())
    engine = McpEngine(WebSearchSettings(provider="mcp", url=running.url), servers)
    found = await engine.search(SearchRequest("engines", 3))
    assert {"name": "search_web", "query": "engines", "max_results": 3} in running.calls()
    assert [(one.url, one.title, one.text) for one in found] == [("https://mcp.example/a", "A", "About engines")]
    missing = McpEngine(WebSearchSettings(provider="mcp", url=running.url, tool="nothing"), servers)
    with pytest.raises(WebSearchError, match="has no tool named 'nothing'"):
        await missing.search(SearchRequest("engines", 3))

"""A real MCP server in a process of its own, whose tools tests call.

    with McpProcess() as server:          # or McpProcess("sse") for the older transport
        server.url                        # its address
        server.calls()                    # the calls so far, with name and arguments

Run as a program it is that server; `guarded` requires the header `x-secret: open sesame`.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

WAIT = 20.0
SECRET = {"x-secret": "open sesame"}


class McpProcess:
    def __init__(self, directory: Path, kind: str = "http", *, guarded: bool = False) -> None:
        self._log = directory / f"calls-{kind}-{guarded}"
        self._kind = kind
        self._guarded = guarded

    def __enter__(self) -> Self:
        self._log.write_text("")
        command = [sys.executable, __file__, self._kind, str(self._log), "guarded" if self._guarded else "open"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines: queue.Queue[str] = queue.Queue()
        stdout = self._process.stdout
        assert stdout is not None
        self._stdout = stdout
        threading.Thread(target=lambda: lines.put(self._stdout.readline()), daemon=True).start()
        line = lines.get(timeout=WAIT)
        assert line, "the MCP server did not start"
        self.url = line.strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(WAIT)
        self._stdout.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(WAIT)

    def calls(self) -> list[Any]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


def main(kind: str, log: str, guard: str) -> None:  # noqa: C901 - one program, with each of its tools
    import socket

    import uvicorn
    from mcp.server.mcpserver import Context, MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp_types import CallToolResult, ToolAnnotations

    server = MCPServer("dice")

    def note(name: str, **arguments: Any) -> None:
        with Path(log).open("a") as file:
            file.write(json.dumps({"name": name, **arguments}) + "\n")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def roll(expression: str, context: Context) -> str:
        """Rolls dice, like 2d4+1."""
        meta: Any = context.request_context.meta or {}
        note("roll", expression=expression, **{name: meta[name] for name in ("traceparent",) if name in meta})
        return f"rolled {expression}: 7"

    @server.tool()
    def fail(reason: str) -> str:
        """Fails."""
        note("fail", reason=reason)
        raise ToolError(reason)

    @server.tool()
    def shout(times: int) -> str:
        """Says much."""
        return "loud " * times

    @server.tool()
    async def sleep() -> str:
        """Does not come back."""
        import asyncio

        note("sleep")
        await asyncio.sleep(600)
        return "late"

    @server.tool()
    def search_web(query: str, max_results: int = 5) -> str:
        """Searches the web."""
        note("search_web", query=query, max_results=max_results)
        return json.dumps([{"url": "https://mcp.example/a", "title": "A", "content": "About <b>engines</b>"}])

    @server.tool()
    def tally(bare: bool) -> CallToolResult:
        """Counts. Its result is structured content alone; `bare`: without the member `content`, as some servers do."""
        return CallToolResult(content=[], structured_content={"total": 36, "bare": bare})

    inner = server.sse_app() if kind == "sse" else server.streamable_http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if guard == "guarded" and scope["type"] == "http":
            headers = dict(scope["headers"])
            if headers.get(b"x-secret") != SECRET["x-secret"].encode():
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b"no"})
                return

        async def without_content(message: Any) -> None:
            body = message.get("body", b"")
            if b'"bare":true' in body:
                message["body"] = body.replace(b'"content":[],', b" " * 13)
            await send(message)

        await inner(scope, receive, without_content)

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(app, log_level="critical", lifespan="on")

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            sys.stdout.write(f"http://127.0.0.1:{port}/{'sse' if kind == 'sse' else 'mcp'}\n")
            sys.stdout.flush()

    with contextlib.suppress(KeyboardInterrupt):
        Announcing(config).run([listening])
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

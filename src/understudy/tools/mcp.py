"""Remote MCP servers: the allowlist, the listing of tools, and tool calls. Knows no run.

Connects only to servers that the operator allows. The client package is large, so it is imported on first use, in a
thread.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, Literal, Protocol, cast
from urllib.parse import urlsplit

from understudy.settings import McpSettings
from understudy.wire.items import McpCallItem

ANY_SERVER: Final = "*"
_PORTS: Final = {"http": 80, "https": 443}


class McpServerError(Exception):
    """A server failed; the text is a sentence without addresses and headers.

    `status` is the server's HTTP status; 424 (Failed Dependency) without one.
    """

    def __init__(self, message: str, status: int = 424) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class McpServer:
    """The URL and headers of a server; headers are secret.

    `private`: it may be in a private network, since the operator listed it.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: bool = False


@dataclass(frozen=True, slots=True)
class McpTool:
    """`schema` is the JSON schema of the arguments; `read_only` whether the server marks the tool as read-only."""

    name: str
    description: str | None
    schema: dict[str, Any]
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class McpOutput:
    """The result of a call: its text, or the reason in `error`.

    `kind` names what failed: the tool, the MCP protocol, or HTTP; the latter two have a `code`.
    """

    text: str | None = None
    error: str | None = None
    kind: Literal["mcp_tool_execution_error", "mcp_protocol_error", "http_error"] = "mcp_tool_execution_error"
    code: int = 0

    @property
    def error_object(self) -> dict[str, Any] | None:
        """The error as an object of the Responses API."""
        if self.error is None or self.kind == "mcp_tool_execution_error":
            return execution_error(self.error)
        return {"type": self.kind, "code": self.code, "message": self.error}


def execution_error(message: str | None) -> dict[str, Any] | None:
    """The error of a failed tool as an object of the Responses API; None without a message."""
    if message is None:
        return None
    return {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": message}]}


class _Client(Protocol):
    async def list_tools(self, server: McpServer, limits: McpSettings) -> list[McpTool]: ...

    async def call_tool(
        self, server: McpServer, name: str, arguments: dict[str, Any], limits: McpSettings
    ) -> McpOutput: ...


class RemoteServers:
    """The allowlist and limits of the settings for remote servers."""

    def __init__(self, settings: McpSettings) -> None:
        self._settings = settings
        self._client: _Client | None = None

    def is_allowed(self, url: str) -> bool:
        return any(_matches_entry(entry, url) for entry in self._settings.allowed)

    def resolve_server(self, url: str, headers: Mapping[str, str] | None = None) -> McpServer:
        """Raises McpServerError if the operator has not allowed the URL."""
        if not self.is_allowed(url):
            raise McpServerError(
                f"The MCP server {url!r} is not allowed. The operator allows servers with `mcp.allowed`."
            )
        named = any(_matches_entry(entry, url) for entry in self._settings.allowed if entry != ANY_SERVER)
        return McpServer(url, headers or {}, private=named)

    async def list_tools(self, server: McpServer) -> Sequence[McpTool]:
        """Raises McpServerError."""
        return await (await self._load_client()).list_tools(server, self._settings)

    async def call_tool(self, server: McpServer, name: str, arguments: dict[str, Any]) -> McpOutput:
        """A failure becomes the output's error: the model reads it and may continue."""
        return await (await self._load_client()).call_tool(server, name, arguments, self._settings)

    async def _load_client(self) -> _Client:
        if self._client is None:
            # The import takes most of a second, which would block the event loop.
            module = await asyncio.to_thread(import_module, "understudy.tools.mcp_client")
            self._client = cast("_Client", module)
        return self._client


def render_output(item: McpCallItem) -> str:
    """The tool result for the model."""
    return item.output if item.output is not None else f"Error: {item.error}"


def is_server_url(url: str) -> bool:
    """Whether it is an http or https URL without user info and without path traversal."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises for a malformed port
    except ValueError:
        return False
    steps = {".", ".."} & set(parts.path.lower().replace("%2e", ".").replace("%2f", "/").replace("\\", "/").split("/"))
    clean = url.isprintable() and " " not in url and not parts.fragment and parts.username is None
    return parts.scheme in _PORTS and bool(host) and clean and not steps


def _matches_entry(entry: str, url: str) -> bool:
    """Whether `url` equals the entry or is below it; `*` matches every https URL."""
    if not is_server_url(url):
        return False
    parts = urlsplit(url)
    if entry == ANY_SERVER:
        return parts.scheme == "https"
    named = urlsplit(entry)
    if (parts.scheme, parts.hostname, _effective_port(parts)) != (named.scheme, named.hostname, _effective_port(named)):
        return False
    base = named.path.rstrip("/")
    return parts.path.rstrip("/") == base or parts.path.startswith(f"{base}/")


def _effective_port(parts: Any) -> int:
    return int(parts.port or _PORTS[parts.scheme])

"""`/mcp`: the tools over the Model Context Protocol's streamable HTTP, without sessions, with JSON responses.

The protocol's package is imported for the first client, since most servers have no MCP clients.
"""

import asyncio
import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.types import Message, Receive, Scope, Send

from understudy import __version__
from understudy.api.errors import error_response
from understudy.api.internal_call import call
from understudy.api.open_streams import OpenStreams
from understudy.api.requests import decode_body
from understudy.errors import (
    ApiError,
    BodyTooLarge,
    InvalidRequest,
    MethodNotAllowed,
    PermissionDenied,
    SettingsError,
)
from understudy.settings import Settings, is_loopback
from understudy.wire import error_texts, json_size
from understudy_toolkit.catalog import (
    InvalidArguments,
    Result,
    Tool,
    UnknownTool,
    build_call,
    failed_result,
    find,
    subset,
)

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
# Tool calls are decoded on the event loop.
_MAX_BODY_BYTES = 8 * 1024 * 1024


class McpEndpoint:
    """The endpoint as an ASGI application; delegates to the application's McpServer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = scope["app"].state.parts
        mcp: McpServer = parts.mcp
        streams: OpenStreams = parts.streams
        scope["state"]["operation"] = "mcp"
        with streams.waiting(scope["state"]["key_id"]):
            await mcp.handle(scope, receive, send)


class McpServer:
    def __init__(self, settings: Settings) -> None:
        origins = {*settings.mcp.origins, *settings.cors.origins} - {"*"}
        self._offered = _offered_by_settings(settings)
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._limits = settings.limits
        self._body_bytes = min(settings.limits.body_bytes, _MAX_BODY_BYTES)
        self._starting = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._new_manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._find_refusal(scope)
        if refusal is not None:
            await error_response(refusal, "mcp")(scope, receive, send)
            return
        try:
            scope["state"]["mcp_tools"] = _requested_tools(scope, self._offered)
            body = await self._read_body(receive)
        except ApiError as error:
            await error_response(error, "mcp")(scope, receive, send)
            return
        manager = self._new_manager or await self._start_manager()
        await manager.handle_request(scope, _replay_body(body, receive), send)

    async def _read_body(self, receive: Receive) -> bytes:
        """Reads the body, which the protocol's package decodes. Raises BodyTooLarge and InvalidRequest."""
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._body_bytes:
                raise BodyTooLarge(f"The request body is too large. The limit is {self._body_bytes} bytes.")
        raw = bytes(body)
        limit = await decode_body(raw, json_size.find_excess, raw, self._limits.json_values)
        if limit is not None:
            raise InvalidRequest(error_texts.too_many_values(limit).message)
        return raw

    async def close(self) -> None:
        self._stopping.set()
        if self._running is not None:
            await self._running

    def _find_refusal(self, scope: Scope) -> MethodNotAllowed | PermissionDenied | None:
        if scope["method"] != "POST":
            return MethodNotAllowed(
                f"Not allowed to {scope['method']} on {PATH}: it has no sessions. Use POST.",
                headers={"allow": "POST"},
            )
        origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)
        if origin is not None and not self._is_trusted(origin):
            return PermissionDenied(
                f"Web pages of {origin!r} may not use {PATH}. Add the origin to `mcp.origins` in the settings."
            )
        return None

    def _is_trusted(self, origin: str) -> bool:
        """Whether the origin is local or in the settings. This prevents DNS rebinding."""
        if origin.lower() in self._origins:
            return True
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            return False
        return host is not None and is_loopback(host)

    async def _start_manager(self) -> "StreamableHTTPSessionManager":
        async with self._starting:
            if self._new_manager is None:
                manager = await asyncio.to_thread(_new_manager, self._body_bytes)
                entered = asyncio.Event()
                self._running = asyncio.create_task(self._run_manager(manager, entered), name="mcp")
                await entered.wait()
                if self._running.done():
                    self._running.result()
                self._new_manager = manager
            return self._new_manager

    async def _run_manager(self, manager: "StreamableHTTPSessionManager", entered: asyncio.Event) -> None:
        """Runs the manager in a task of its own, since its task group belongs to the task that enters it."""
        try:
            async with manager.run():
                entered.set()
                await self._stopping.wait()
        finally:
            entered.set()


def _replay_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` that delivers a body that was already read."""
    ahead: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return ahead.pop() if ahead else await receive()

    return next_message


def _new_manager(body_bytes: int) -> "StreamableHTTPSessionManager":
    module = importlib.import_module("mcp.server.streamable_http_manager")
    server = importlib.import_module("understudy_toolkit.catalog.mcp_server").serve(
        _execute_tool, _list_models, _list_tools, __version__
    )
    manager: StreamableHTTPSessionManager = module.StreamableHTTPSessionManager(
        server, json_response=True, stateless=True, max_request_body_size=body_bytes
    )
    return manager


def _offered_by_settings(settings: Settings) -> list[Tool]:
    try:
        return subset(settings.mcp.served_tools)
    except UnknownTool as unknown:
        raise SettingsError(f"Invalid `mcp.served_tools`: {unknown}") from None


def _requested_tools(scope: Scope, offered: list[Tool]) -> list[Tool]:
    """Those of the query's `tools` that the settings offer. Raises InvalidRequest for an unknown one."""
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    names = [name.strip() for key, value in query if key == "tools" for name in value.split(",") if name.strip()]
    try:
        requested = subset(names)
    except UnknownTool as unknown:
        raise InvalidRequest(str(unknown), param="tools", code="invalid_value") from None
    return [tool for tool in requested if tool in offered]


def _list_tools(context: Any) -> list[Tool]:
    tools: list[Tool] = context.request.scope["state"]["mcp_tools"]
    return tools


async def _list_models(context: Any) -> list[str]:
    return [card.id for card in await context.request.scope["app"].state.parts.models.list()]


async def _execute_tool(context: Any, slug: str, arguments: dict[str, Any]) -> Result:
    try:
        return await call(context.request.scope, build_call(find(slug), arguments))
    except (UnknownTool, InvalidArguments) as refusal:
        return failed_result(str(refusal))

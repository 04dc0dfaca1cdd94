"""The MCP client: one connection for each listing and each call, bounded in time and size. Loaded by `tools/mcp.py`.

A connection lives inside the call that it serves: its tasks could otherwise fail into whatever a run is doing.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import httpx2
import mcp_types as types
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from opentelemetry import context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from pydantic import ValidationError

from understudy import correlation
from understudy.net import outbound
from understudy.redaction import redact
from understudy.settings import McpSettings
from understudy.tools.mcp import McpOutput, McpServer, McpServerError, McpTool

T = TypeVar("T")
_TRUNCATION_NOTE: Final = "\n[The rest of the output was cut off.]"
# What a server sends beyond its answers: headers, and framing that is thrown away.
_TRANSPORT_OVERHEAD: Final = 4
# They belong to one connection, never to the message in it.
_CONNECTION_HEADERS: Final = frozenset(
    {"host", "connection", "accept-encoding", "content-encoding", "content-length", "transfer-encoding"}
)

_MAX_QUOTE: Final = 200
# They write URLs and whatever a server sends, tracebacks included, into the log of an operator who has no part in it.
for _name in ("mcp", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


async def list_tools(server: McpServer, limits: McpSettings) -> list[McpTool]:
    """Raises McpServerError."""

    async def listing(client: Client) -> list[McpTool]:
        found: list[McpTool] = []
        cursor = None
        while len(found) < limits.tools:
            page = await client.list_tools(cursor=cursor)
            found += [_to_mcp_tool(tool) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found[: limits.tools]

    return await _run_connected(server, limits, listing)


async def call_tool(server: McpServer, name: str, arguments: dict[str, Any], limits: McpSettings) -> McpOutput:
    async def call(client: Client) -> McpOutput:
        try:
            with _trace_call(server):
                return _to_mcp_output(await _call_tool(client, name, arguments), limits.output_bytes)
        except MCPError as error:
            message = _truncate(
                f"The tool failed: {redact(error.error.message) if server.private else error.error.message}",
                limits.output_bytes,
            )
            return McpOutput(error=message, kind="mcp_protocol_error", code=error.error.code)

    try:
        return await _run_connected(server, limits, call)
    except McpServerError as failed:
        return McpOutput(error=str(failed), kind="http_error", code=failed.status)


async def _run_connected(server: McpServer, limits: McpSettings, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """Does the work over the transport of the server: streamable HTTP, or the older one of events."""
    over_events, over_http = _over_events, _over_http
    transports = [over_events, over_http] if server.url.rstrip("/").endswith("/sse") else [over_http, over_events]
    failed: BaseException | None = None
    try:
        async with asyncio.timeout(limits.timeout):
            for transport in transports:
                try:
                    async with transport(server, limits) as client:
                        return await work(client)
                except Exception as error:  # noqa: BLE001 - whatever it is, the server could not be used
                    failed = _first_cause(error)
                    if not _may_use_other_transport(failed):
                        break
    except TimeoutError:
        raise McpServerError(f"The MCP server timed out after {limits.timeout:g} seconds.") from None
    status = failed.response.status_code if isinstance(failed, httpx2.HTTPStatusError) else 424
    raise McpServerError(f"The MCP server could not be used: {_describe_failure(failed)}.", status) from None


@asynccontextmanager
async def _over_http(server: McpServer, limits: McpSettings) -> AsyncIterator[Client]:
    async with _http(server, limits) as http:
        transport = streamable_http_client(server.url, http_client=http, max_sse_event_size=_max_response_bytes(limits))
        async with Client(transport) as client:
            yield client


@asynccontextmanager
async def _over_events(server: McpServer, limits: McpSettings) -> AsyncIterator[Client]:
    def factory(
        headers: dict[str, str] | None = None,  # noqa: ARG001 - they are the connection's own
        timeout: httpx2.Timeout | None = None,  # noqa: ARG001 - likewise
        auth: httpx2.Auth | None = None,  # noqa: ARG001 - likewise
    ) -> httpx2.AsyncClient:
        return _http(server, limits)

    async with Client(sse_client(server.url, httpx_client_factory=factory), mode="legacy") as client:
        yield client


@contextmanager
def _trace_call(server: McpServer) -> Iterator[None]:
    """The package sends the current context of OpenTelemetry as `_meta.traceparent`; not to servers of others."""
    position = correlation.trace.get() if server.private else None
    if position is None:
        yield
        return
    flags = TraceFlags(TraceFlags.SAMPLED if position.sampled else TraceFlags.DEFAULT)
    known = SpanContext(int(position.trace_id, 16), int(position.span_id, 16), is_remote=True, trace_flags=flags)
    token = context.attach(set_span_in_context(NonRecordingSpan(known)))
    try:
        yield
    finally:
        context.detach(token)


def _http(server: McpServer, limits: McpSettings) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        headers={**(correlation.trace_headers() if server.private else {}), **server.headers},
        timeout=limits.timeout,
        transport=_OutboundTransport(private=server.private, limit=_max_response_bytes(limits)),
        trust_env=False,
    )


def _max_response_bytes(limits: McpSettings) -> int:
    return limits.output_bytes * _TRANSPORT_OVERHEAD


class _OutboundTransport(httpx2.AsyncBaseTransport):
    """Carries the package's requests over `net.outbound`, which checks the address of each connection."""

    def __init__(self, *, private: bool, limit: int) -> None:
        self._client = outbound.Client(allow_private=private, private_setting="mcp.allowed")
        self._limit = limit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name not in _CONNECTION_HEADERS}
        body = await request.aread() or None
        response = await self._client.request(request.method, str(request.url), headers=headers, body=body)
        # The body arrives decoded: its encoding and length were those of the connection.
        return httpx2.Response(
            response.status,
            headers=[header for header in response.headers if header[0].lower() not in _CONNECTION_HEADERS],
            stream=_LimitedStream(response, self._limit),
        )

    async def aclose(self) -> None:
        await self._client.close()


class _LimitedStream(httpx2.AsyncByteStream):
    def __init__(self, response: outbound.Response, limit: int) -> None:
        self._response = response
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.iter_bytes(self._limit):
                yield chunk
        except outbound.OutboundError as error:
            raise httpx2.ReadError(str(error)) from None

    async def aclose(self) -> None:
        self._response.close()


_FAILURE_TEXTS: Final[dict[outbound.FailureKind, str]] = {
    "private_address": "its address is private, and the operator has not named it in `mcp.allowed`",
    "host_not_found": "its host name was not found",
    "tls": "it could not be connected to",
    "connect": "it could not be connected to",
}
_BROKEN_TEXT: Final = "the connection broke off, or its answer was too large"


# -- what a server says ------------------------------------------------------------------------------------------


def _to_mcp_tool(tool: types.Tool) -> McpTool:
    read_only = bool(tool.annotations and tool.annotations.read_only_hint)
    return McpTool(tool.name, tool.description, dict(tool.input_schema), read_only)


async def _call_tool(client: Client, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    """The result, also of a server that leaves out `content` beside `structuredContent`, which the package refuses."""
    try:
        return await client.call_tool(name, arguments)
    except ValidationError as error:
        # Only the error still has the result: for an absent member its input is the object that lacks it.
        for fault in error.errors(include_url=False):
            if fault["type"] == "missing" and fault["loc"][-1:] == ("content",) and isinstance(fault["input"], dict):
                return types.CallToolResult.model_validate({**fault["input"], "content": []}, by_name=False)
        raise


def _to_mcp_output(result: types.CallToolResult, most: int) -> McpOutput:
    text = "\n".join(_block_text(block) for block in result.content)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    text = _truncate(text, most)
    return McpOutput(error=text or "The tool failed.") if result.is_error else McpOutput(text=text)


def _block_text(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent():
            return block.text
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            return resource.text
        case types.ResourceLink():
            return f"[{block.name}: {block.uri}]"
        case types.ImageContent() | types.AudioContent():
            return f"[{block.mime_type}, not displayable]"
        case _:
            return f"[{block.type}, not displayable]"


def _truncate(text: str, most: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= most else encoded[:most].decode("utf-8", "ignore") + _TRUNCATION_NOTE


# -- what goes wrong ---------------------------------------------------------------------------------------------


def _first_cause(error: BaseException) -> BaseException:
    """The first error of a nested exception group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _may_use_other_transport(error: BaseException) -> bool:
    """Whether the server may support the other transport: it refused this one, but is reachable."""
    if isinstance(error, httpx2.HTTPStatusError):
        return error.response.status_code in {400, 404, 405, 406, 415}
    return isinstance(error, MCPError | httpx2.SSEError)


def _describe_failure(error: BaseException | None) -> str:
    """An error text without addresses and without the request."""
    if isinstance(error, httpx2.HTTPStatusError):
        return f"it answered with the status {error.response.status_code}"
    if isinstance(error, MCPError):
        return f"it returned the error {redact(error.error.message)[:_MAX_QUOTE]!r}"
    if isinstance(error, outbound.OutboundError):
        return _FAILURE_TEXTS.get(error.kind, _BROKEN_TEXT)
    return _BROKEN_TEXT if isinstance(error, httpx2.TransportError) else "it does not speak MCP"

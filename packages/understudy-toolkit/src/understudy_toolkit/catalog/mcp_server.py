"""The tools as a server of the Model Context Protocol, for any transport. Imported with the first MCP client only.

Names are slugs. A result has structured content and its JSON text, as the protocol recommends for older clients.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from understudy_toolkit.catalog.result import Result, failed_result
from understudy_toolkit.catalog.table import AI_ML_API
from understudy_toolkit.catalog.tool import Tool

Context = ServerRequestContext[Any, Any]
Execute = Callable[[Context, str, dict[str, Any]], Awaitable[Result]]
ListModels = Callable[[Context], Awaitable[Sequence[str]]]
ListTools = Callable[[Context], Sequence[Tool]]

_INSTRUCTIONS = (
    "To get an answer of an assistant: create an assistant and a thread, add a message, create a run, get the run"
    " until its status is completed, and list the messages. A run that requires_action waits"
    " for the outputs of its tool calls."
)


def serve(execute: Execute, list_models: ListModels, offered: ListTools, version: str) -> Server[Any]:
    """`execute` receives the transport's request context, the slug and the arguments.

    `list_models` returns the names of the server's models, `offered` the tools of the client. None of them raises.
    """

    async def list_tools(context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        models = await list_models(context)
        return types.ListToolsResult(tools=[_to_mcp_tool(tool, models) for tool in offered(context)])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if _is_withheld(offered(context), params.name):
            refusal = failed_result(f"The tool {params.name} is not among those of this connection; see `tools`.")
            return _to_call_result(refusal)
        return _to_call_result(await execute(context, params.name, params.arguments or {}))

    return Server(
        "understudy",
        version=version,
        title="Understudy",
        instructions=_INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _is_withheld(offered: Sequence[Tool], slug: str) -> bool:
    """Whether the slug is that of a tool which is not offered; unknown slugs are left to the call."""
    return slug.upper() in AI_ML_API.by_slug and all(tool.slug != slug.upper() for tool in offered)


def _to_mcp_tool(tool: Tool, models: Sequence[str]) -> types.Tool:
    return types.Tool(
        name=tool.slug,
        title=tool.name,
        description=tool.description,
        input_schema=tool.input_schema_with(models),
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            title=tool.name,
            read_only_hint=tool.read_only,
            destructive_hint=tool.destructive,
            idempotent_hint=tool.idempotent,
            open_world_hint=tool.calls_model,
        ),
    )


def _to_call_result(result: Result) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=json.dumps(result, ensure_ascii=False))],
        structured_content=dict(result),
        is_error=not result["successful"],
    )

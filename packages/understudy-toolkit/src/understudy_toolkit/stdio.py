"""The tools as an MCP server on standard input and output, in front of an API over HTTP."""

from collections.abc import Sequence
from typing import Any

from mcp.server.stdio import stdio_server

from understudy_toolkit import __version__
from understudy_toolkit.catalog import Result, subset
from understudy_toolkit.catalog.mcp_server import Context, serve
from understudy_toolkit.client import AsyncToolkit


async def run(base_url: str | None, api_key: str | None, tools: Sequence[str] = ()) -> None:
    """Until the input ends. Raises ValueError for a malformed base URL or key, UnknownTool for a name in `tools`."""
    offered = subset(tools)
    async with AsyncToolkit(base_url, api_key) as toolkit:

        async def execute(_: Context, slug: str, arguments: dict[str, Any]) -> Result:
            return await toolkit.execute(slug, arguments)

        async def list_models(_: Context) -> list[str]:
            return await toolkit.models()

        server = serve(execute, list_models, lambda _: offered, __version__)
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

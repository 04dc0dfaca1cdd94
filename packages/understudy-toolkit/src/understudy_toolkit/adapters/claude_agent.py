"""Tools of the Claude Agent SDK (`claude-agent-sdk`), as a server within the process."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from understudy_toolkit import __version__
from understudy_toolkit.adapters.execution import AnyToolkit, encode_result, execute
from understudy_toolkit.catalog import Tool

if TYPE_CHECKING:
    from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool

SERVER: Final = "understudy"


def sdk_tools(toolkit: AnyToolkit, tools: Iterable[Tool] | None = None) -> "list[SdkMcpTool[Any]]":
    """All tools by default. Raises ImportError without `claude-agent-sdk`."""
    from claude_agent_sdk import SdkMcpTool  # noqa: PLC0415 - a framework is imported where it is used

    return [
        SdkMcpTool(
            name=tool.slug,
            description=tool.description,
            input_schema=tool.input_schema,
            handler=partial(_handle, toolkit, tool.slug),
        )
        for tool in (toolkit.list() if tools is None else tools)
    ]


def mcp_server(toolkit: AnyToolkit, tools: Iterable[Tool] | None = None) -> "McpSdkServerConfig":
    """For `ClaudeAgentOptions(mcp_servers={"understudy": …})`."""
    from claude_agent_sdk import create_sdk_mcp_server  # noqa: PLC0415 - as above

    return create_sdk_mcp_server(SERVER, __version__, sdk_tools(toolkit, tools))


def allowed_tools(tools: Iterable[Tool]) -> list[str]:
    """For `ClaudeAgentOptions(allowed_tools=…)`, where the server is `mcp_servers["understudy"]`."""
    return [f"mcp__{SERVER}__{tool.slug}" for tool in tools]


async def _handle(toolkit: AnyToolkit, slug: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await execute(toolkit, slug, arguments)
    return {"content": [{"type": "text", "text": encode_result(result)}], "is_error": not result["successful"]}

"""Hosted tools in requests of chat completions and messages, which the model's provider runs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from understudy.api.parts import Parts

# Server tools of Anthropic's Messages API, whose versions have a date after the name.
_EQUIVALENTS: Final = {"web_fetch": "web_search", "code_execution": "code_interpreter"}


async def check_hosted_tools(parts: Parts, project_id: str, body: Mapping[str, Any]) -> None:
    """Raises InvalidRequest for a tool that is disabled for the project."""
    if body.get("tools") or body.get("web_search_options") is not None or body.get("mcp_servers"):
        await parts.limiter.permissions.check_tools(project_id, _list_tools(body))


def _list_tools(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The types of tools with their places in the request."""
    if body.get("web_search_options") is not None:
        yield "web_search", "web_search_options"
    if body.get("mcp_servers"):
        yield "mcp", "mcp_servers"
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str):
            name = next((mine for theirs, mine in _EQUIVALENTS.items() if kind.startswith(f"{theirs}_")), kind)
            yield name, f"tools[{index}]"

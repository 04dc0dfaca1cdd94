"""Which tools of a request the model has to search for before it can call them. Pure.

With `tool_search`, tools with `defer_loading` are hidden: this server searches them, or the client does. Those that the
tool choice names are not: the model has to know them at once.
"""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from understudy.wire.response_tool_choices import AllowedTools, ToolChoice
from understudy.wire.response_tools import (
    CustomTool,
    FunctionTool,
    McpTool,
    NamespaceTool,
    ResponseTool,
    ToolSearchTool,
)


def split_deferred(
    tools: Sequence[ResponseTool], choice: ToolChoice | None
) -> tuple[list[ResponseTool], list[dict[str, Any]]]:
    """The tools that the model is offered, and the declarations that this server searches."""
    searches = [tool for tool in tools if isinstance(tool, ToolSearchTool)]
    if not searches:
        return [*tools], []
    named = _named(choice)
    offered: list[ResponseTool] = []
    deferred: list[ResponseTool] = []
    for tool in tools:
        now, later = _split_tool(tool, named)
        offered += now
        deferred += later
    # What a client searches, it returns itself.
    is_ours = any(search.execution != "client" for search in searches)
    return offered, [msgspec.to_builtins(tool) for tool in deferred] if is_ours else []


def deferred_servers(tools: Sequence[ResponseTool], choice: ToolChoice | None) -> list[str]:
    """The labels of the remote servers whose tools this server searches; a client cannot return any of those."""
    if not any(isinstance(tool, ToolSearchTool) and tool.execution != "client" for tool in tools):
        return []
    named: set[str] = set()
    if choice is not None and not isinstance(choice, str):
        entries = choice.tools if isinstance(choice, AllowedTools) else [msgspec.to_builtins(choice)]
        named = {str(entry.get("server_label")) for entry in entries if entry.get("type") == "mcp"}
    servers = [tool for tool in tools if isinstance(tool, McpTool) and tool.defer_loading is True]
    return [tool.server_label for tool in servers if tool.server_label not in named]


def _split_tool(tool: ResponseTool, named: Collection[str]) -> tuple[list[ResponseTool], list[ResponseTool]]:
    match tool:
        case NamespaceTool(name=name) if name not in named:
            parts = [[one for one in tool.tools if _is_deferred(one, named) is later] for later in (False, True)]
            now, later = ([msgspec.structs.replace(tool, tools=part)] if part else [] for part in parts)
            return [*now], [*later]
        case FunctionTool() | CustomTool() if _is_deferred(tool, named):
            return [], [tool]
        case _:
            return [tool], []


def _is_deferred(tool: FunctionTool | CustomTool, named: Collection[str]) -> bool:
    return tool.defer_loading is True and tool.name not in named


def _named(choice: ToolChoice | None) -> set[str]:
    """The names of the functions, custom tools and namespaces that a tool choice requires."""
    if choice is None or isinstance(choice, str):
        return set()
    entries = choice.tools if isinstance(choice, AllowedTools) else [msgspec.to_builtins(choice)]
    return {str(entry["name"]) for entry in entries if entry.get("type") != "mcp" and entry.get("name")}

"""The tools and the tool choice of a model turn, as functions of a chat completions request. Pure."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from understudy.engine.client_tools import OfferedTools, offer_tools
from understudy.engine.run.spec import RunSpec
from understudy.engine.tools.base import OfferedFunction
from understudy.errors import InvalidRequest
from understudy.llm.provider import ChatBody
from understudy.store.run_state import ClientTool
from understudy.wire import error_texts
from understudy.wire.response_tools import McpTool, ResponseTool
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    ToolChoiceCode,
    ToolChoiceFileSearch,
    ToolChoiceFunction,
)

_TOOL_TYPES: Final[dict[str, type]] = {
    "file_search": AssistantToolsFileSearch,
    "code_interpreter": AssistantToolsCode,
}


def offer_found(found: Sequence[ResponseTool], body: ChatBody, spec: RunSpec) -> OfferedTools:
    """What is offered of the tools that the conversation has brought with it."""
    taken = {tool["function"]["name"] for tool in body.get("tools", ())}
    plain = [tool.function.name for tool in spec.tools if isinstance(tool, AssistantToolsFunction)]
    client = spec.client_tools
    offered = {*client.values(), *(ClientTool("function", name) for name in plain if name not in client)}
    return offer_tools(found, {*taken, *plain}, offered)


def loaded_keys(found: Sequence[ResponseTool]) -> set[str]:
    """The keys of the remote tools that searches have loaded."""
    return {
        f"{tool.server_label}/{name}"
        for tool in found
        if isinstance(tool, McpTool) and isinstance(tool.allowed_tools, list)
        for name in tool.allowed_tools
    }


def add_tools(
    body: ChatBody,
    spec: RunSpec,
    offered: Sequence[OfferedFunction],
    *,
    forced: bool,
    tool_calls: int,
    found: Sequence[AssistantToolsFunction] = (),
) -> None:
    """`tool_choice` binds the first turn only; a model that is forced to call can never answer.

    `found` are tools that the conversation has brought with it; `tool_calls` is the number of calls so far.
    """
    tools = _render_tools(spec, offered, found)
    if spec.allowed is not None:
        tools = _filter_tools(tools, spec.allowed, offered)
    if forced and spec.forced:
        tools = _filter_tools(tools, [spec.forced], offered)
        if not tools:
            server, _, name = spec.forced.partition("/")
            raise InvalidRequest(error_texts.tool_choice_not_found(name or server), param="tool_choice")
    if not tools:
        return
    body["tools"] = tools
    if spec.max_tool_calls is not None and tool_calls >= spec.max_tool_calls:
        body["tool_choice"] = "none"
        return
    if spec.tool_choice == "none" or (forced and spec.tool_choice != "auto"):
        body["tool_choice"] = _tool_choice(spec, offered)
    if not spec.parallel_tool_calls:
        body["parallel_tool_calls"] = False


def _render_tools(
    spec: RunSpec, offered: Sequence[OfferedFunction], found: Sequence[AssistantToolsFunction]
) -> list[dict[str, Any]]:
    """This server's tools in the order of the run's, the client's functions, and the tools of remote servers."""
    if not (spec.tools or offered or found):
        return []
    kinds = [type(tool) for tool in spec.tools]
    own = sorted(
        (function for function in offered if function.kind in _TOOL_TYPES),
        key=lambda function: kinds.index(_TOOL_TYPES[function.kind]),
    )
    functions = [tool for tool in (*spec.tools, *found) if isinstance(tool, AssistantToolsFunction)]
    return [
        *(dict(function.definition) for function in own),
        *(_render_function(tool) for tool in functions),
        *(dict(function.definition) for function in offered if function.kind not in _TOOL_TYPES),
    ]


def _filter_tools(
    tools: Sequence[dict[str, Any]], allowed: Sequence[str], offered: Sequence[OfferedFunction]
) -> list[dict[str, Any]]:
    """The tools that these keys name, see `RunSpec.allowed`."""
    names = {*allowed, *(function.name for function in offered if not function.keys.isdisjoint(allowed))}
    return [tool for tool in tools if tool["function"]["name"] in names]


def _tool_choice(spec: RunSpec, offered: Sequence[OfferedFunction]) -> Any:
    choice = spec.tool_choice
    if isinstance(choice, ToolChoiceFileSearch | ToolChoiceCode):
        kind = "file_search" if isinstance(choice, ToolChoiceFileSearch) else "code_interpreter"
        name = next((function.name for function in offered if function.kind == kind), kind)
        return {"type": "function", "function": {"name": name}}
    return msgspec.to_builtins(choice) if isinstance(choice, ToolChoiceFunction) else choice


def _render_function(tool: AssistantToolsFunction) -> dict[str, Any]:
    function = msgspec.to_builtins(tool.function)
    if function["description"] is None:
        del function["description"]
    if not function["strict"]:
        del function["strict"]
    return {"type": "function", "function": function}

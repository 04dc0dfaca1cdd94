"""The tools and the tool choice of a model turn, as functions of a chat completions request. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from understudy.engine.run.client_tools import OfferedTools, offer_tools
from understudy.engine.run.messages import BuiltIn
from understudy.engine.tools.mcp import RemoteFunction
from understudy.errors import InvalidRequest
from understudy.llm.provider import ChatBody
from understudy.store.run_state import ClientTool, Plan
from understudy.tools import code_interpreter, file_search
from understudy.wire import error_texts
from understudy.wire.response_tools import ResponseTool
from understudy.wire.runs import RunObject
from understudy.wire.tools import (
    AssistantToolsCode,
    AssistantToolsFileSearch,
    AssistantToolsFunction,
    ToolChoiceCode,
    ToolChoiceFileSearch,
    ToolChoiceFunction,
)

_NO_PLAN: Final = Plan()


def offer_found(
    found: Sequence[ResponseTool], body: ChatBody, run: RunObject, client: Mapping[str, ClientTool]
) -> OfferedTools:
    """What is offered of the tools that the conversation has brought with it."""
    taken = {tool["function"]["name"] for tool in body.get("tools", ())}
    plain = [tool.function.name for tool in run.tools if isinstance(tool, AssistantToolsFunction)]
    offered = {*client.values(), *(ClientTool("function", name) for name in plain if name not in client)}
    return offer_tools(found, {*taken, *plain}, offered)


def built_in_names(run: RunObject) -> dict[BuiltIn, str]:
    """The names under which the run's built-in tools are offered; a client's function of the same name keeps its."""
    taken = {tool.function.name for tool in run.tools if isinstance(tool, AssistantToolsFunction)}
    kinds: list[BuiltIn] = []
    for tool in run.tools:
        if isinstance(tool, AssistantToolsFileSearch):
            kinds.append("file_search")
        elif isinstance(tool, AssistantToolsCode):
            kinds.append("code_interpreter")
    return {kind: f"built_in_{kind}" if kind in taken else kind for kind in kinds}


def add_tools(
    body: ChatBody,
    run: RunObject,
    names: Mapping[BuiltIn, str],
    files: Sequence[tuple[str, str]],
    remote: Sequence[RemoteFunction],
    *,
    forced: bool,
    plan: Plan | None,
    found: Sequence[AssistantToolsFunction] = (),
) -> None:
    """`tool_choice` binds the first turn only; a model that is forced to call can never answer.

    `found` are tools that the conversation has brought with it.
    """
    plan = plan or _NO_PLAN
    tools = [
        file_search.definition(name) if kind == "file_search" else code_interpreter.definition(name, files)
        for kind, name in names.items()
    ]
    tools += [_render_function(tool) for tool in (*run.tools, *found) if isinstance(tool, AssistantToolsFunction)]
    tools += [one.definition() for one in remote]
    if plan.allowed is not None:
        allowed = _function_names(plan.allowed, names, remote)
        tools = [tool for tool in tools if tool["function"]["name"] in allowed]
    if forced and plan.forced:
        chosen = _function_names([plan.forced], names, remote)
        tools = [tool for tool in tools if tool["function"]["name"] in chosen]
        if not tools:
            server, _, name = plan.forced.partition("/")
            raise InvalidRequest(error_texts.tool_choice_not_found(name or server), param="tool_choice")
    if not tools:
        return
    body["tools"] = tools
    if plan.max_tool_calls is not None and plan.tool_calls >= plan.max_tool_calls:
        body["tool_choice"] = "none"
        return
    if run.tool_choice == "none" or (forced and run.tool_choice != "auto"):
        body["tool_choice"] = _tool_choice(run, names)
    if not run.parallel_tool_calls:
        body["parallel_tool_calls"] = False


def _function_names(allowed: Sequence[str], names: Mapping[BuiltIn, str], remote: Sequence[RemoteFunction]) -> set[str]:
    """The names of the functions that stand for these tools, see `Plan.allowed`."""
    found = {*allowed, *(name for kind, name in names.items() if kind in allowed)}
    for one in remote:
        if f"{one.server_label}/" in allowed or f"{one.server_label}/{one.name}" in allowed:
            found.add(one.function)
    return found


def _tool_choice(run: RunObject, names: Mapping[BuiltIn, str]) -> Any:
    choice = run.tool_choice
    if isinstance(choice, ToolChoiceFileSearch | ToolChoiceCode):
        kind: BuiltIn = "file_search" if isinstance(choice, ToolChoiceFileSearch) else "code_interpreter"
        return {"type": "function", "function": {"name": names.get(kind, kind)}}
    return msgspec.to_builtins(choice) if isinstance(choice, ToolChoiceFunction) else choice


def _render_function(tool: AssistantToolsFunction) -> dict[str, Any]:
    function = msgspec.to_builtins(tool.function)
    if function["description"] is None:
        del function["description"]
    if not function["strict"]:
        del function["strict"]
    return {"type": "function", "function": function}

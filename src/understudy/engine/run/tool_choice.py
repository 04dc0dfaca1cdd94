"""What a tool choice means for the functions that a model is offered, or why it means nothing. Pure.

A choice becomes keys: names of offered functions, `file_search`, `code_interpreter`, and `LABEL/` or `LABEL/NAME` for
all tools or one tool of a remote server.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from understudy.engine.run.client_tools import OfferedTools, offer_tools, provider_name
from understudy.errors import InvalidRequest
from understudy.store.run_state import ClientTool
from understudy.wire import error_texts
from understudy.wire.response_tool_choices import AllowedTools, ChosenCodeInterpreter, ChosenFileSearch, ToolChoice
from understudy.wire.response_tools import HostedTool, McpTool, ResponseTool, type_of
from understudy.wire.tools import (
    AssistantsApiToolChoiceOption,
    AssistantsNamedToolChoiceFunction,
    ToolChoiceCode,
    ToolChoiceFileSearch,
    ToolChoiceFunction,
)

_NAMED_KINDS: Final = frozenset({"function", "custom"})
_COMPUTER_KINDS: Final = frozenset({"computer", "computer_use", "computer_use_preview"})


def check_choice(choice: ToolChoice | None, tools: Sequence[ResponseTool], *, more: bool) -> None:
    """Raises InvalidRequest for a choice of what is not offered, and for one that nothing offered can meet.

    `more`: there may be further functions, which the conversation brings with it.
    """
    if choice is None or choice in ("none", "auto"):
        return
    offer = offer_tools(tools)
    if isinstance(choice, AllowedTools):
        _check_allowed(choice, tools, offer, more=more)
    elif choice == "required":
        if not more and not offer.functions and not _has_built_in(tools):
            raise _invalid_choice(
                "Tool choice 'required' needs a tool in 'tools' that this server or the client can run."
            )
    elif not find_keys(_to_dict(choice), tools, offer) and not (more and _may_be_discovered(_to_dict(choice))):
        raise _not_offered_error(_to_dict(choice), tools)


def _check_allowed(choice: AllowedTools, tools: Sequence[ResponseTool], offer: OfferedTools, *, more: bool) -> None:
    callable_ = False
    for index, entry in enumerate(choice.tools):
        found = bool(find_keys(entry, tools, offer)) or (more and _may_be_discovered(entry))
        if not found and not _is_hosted(entry, tools):
            raise _not_offered_error(entry, tools, f"tool_choice.tools[{index}]")
        callable_ = callable_ or found
    if choice.mode == "required" and not callable_:
        raise _invalid_choice("Tool choice 'required' needs an allowed tool that this server or the client can run.")


def find_keys(entry: Mapping[str, Any], tools: Sequence[ResponseTool], offer: OfferedTools) -> list[str]:
    """The keys of the offered tools that an entry means; empty where there is none."""
    kind, name = entry.get("type"), entry.get("name")
    types = {type_of(tool) for tool in tools}
    match kind:
        case "mcp":
            labels = {tool.server_label for tool in tools if isinstance(tool, McpTool)}
            label = entry.get("server_label")
            return [f"{label}/{name or ''}"] if label in labels else []
        case "file_search" | "code_interpreter":
            return [str(kind)] if kind in types else []
        case "namespace":
            return [key for key, tool in offer.tools.items() if tool.namespace == name]
        case "function" | "custom":
            return _find_named(str(kind), name, entry.get("namespace"), offer)
        case _:
            kinds = _COMPUTER_KINDS if kind in _COMPUTER_KINDS else {kind}
            return [key for key, tool in offer.tools.items() if tool.kind in kinds]


def _find_named(kind: str, name: Any, namespace: Any, offer: OfferedTools) -> list[str]:
    """Without a namespace, a tool that has none goes first."""
    named = [
        (key, tool)
        for key in (one.function.name for one in offer.functions)
        if (tool := offer.tools.get(key) or ClientTool("function", key)).kind == kind and tool.name == name
    ]
    if namespace:
        return [key for key, tool in named if tool.namespace == namespace]
    plain = [key for key, tool in named if not tool.namespace]
    return plain or [key for key, _ in named][:1]


def chat_choice(
    choice: ToolChoice | None, tools: Sequence[ResponseTool], offer: OfferedTools
) -> AssistantsApiToolChoiceOption:
    """The choice as a run has it. What a remote server's tool is forced by, and what is allowed, is not in it."""
    match choice:
        case None | "none" | "auto" | "required":
            return choice or "auto"
        case AllowedTools():
            return choice.mode
        case ChosenFileSearch():
            return ToolChoiceFileSearch()
        case ChosenCodeInterpreter():
            return ToolChoiceCode()
        case _:
            entry = _to_dict(choice)
            if entry["type"] == "mcp":
                return "required"
            keys = find_keys(entry, tools, offer) or [_discoverable_name(entry)]
            return ToolChoiceFunction(AssistantsNamedToolChoiceFunction(keys[0]))


def allowed_keys(choice: AllowedTools, tools: Sequence[ResponseTool], offer: OfferedTools) -> list[str]:
    found: list[str] = []
    for entry in choice.tools:
        found += find_keys(entry, tools, offer) or ([_discoverable_name(entry)] if _may_be_discovered(entry) else [])
    return found


def forced_key(choice: ToolChoice | None, tools: Sequence[ResponseTool], offer: OfferedTools) -> str:
    """The remote server or tool that has to be called; empty where there is none."""
    if choice is None or isinstance(choice, str) or type_of(choice) != "mcp":
        return ""
    return next(iter(find_keys(_to_dict(choice), tools, offer)), "")


def _to_dict(choice: Any) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(choice)
    return made


def _may_be_discovered(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") in _NAMED_KINDS and isinstance(entry.get("name"), str)


def _discoverable_name(entry: Mapping[str, Any]) -> str:
    """The name of a tool that the conversation may bring with it."""
    return provider_name(ClientTool(entry["type"], str(entry["name"]), entry.get("namespace") or ""))


def _is_hosted(entry: Mapping[str, Any], tools: Sequence[ResponseTool]) -> bool:
    """Whether the entry means a tool of the hosted service that is listed: it is allowed, and never called."""
    kind = str(entry.get("type"))
    listed = [type_of(tool) for tool in tools if isinstance(tool, HostedTool)]
    return kind in listed or (kind.startswith("web_search") and any(one.startswith("web_search") for one in listed))


def _has_built_in(tools: Sequence[ResponseTool]) -> bool:
    return any(type_of(tool) in {"file_search", "code_interpreter", "mcp"} for tool in tools)


def _not_offered_error(
    entry: Mapping[str, Any], tools: Sequence[ResponseTool], param: str = "tool_choice"
) -> InvalidRequest:
    name = str(entry.get("name") or entry.get("server_label") or entry.get("type"))
    if _is_hosted(entry, tools):
        return InvalidRequest(
            f"Tool choice {name!r} is not available: the tool runs on the vendor's servers only.",
            param=param,
            code="unsupported_value",
        )
    return InvalidRequest(error_texts.tool_choice_not_found(name), param=param)


def _invalid_choice(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="tool_choice", code="invalid_value")

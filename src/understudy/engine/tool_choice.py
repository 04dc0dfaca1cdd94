"""Validates a tool choice, and resolves it to the offered functions. Pure.

A choice becomes keys: names of offered functions, `file_search`, `code_interpreter`, `web_search`, and `LABEL/` or
`LABEL/NAME` for all tools or one tool of a remote server.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from understudy.engine.client_tools import OfferedTools, offer_tools, provider_name
from understudy.errors import InvalidRequest
from understudy.store.run_state import ClientTool
from understudy.wire import error_texts
from understudy.wire.response_rules import hosted_kind
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


def check_choice(
    choice: ToolChoice | None, tools: Sequence[ResponseTool], *, more: bool, served: Collection[str] = ()
) -> None:
    """Raises InvalidRequest for a choice of an unknown tool, and for `required` without a callable tool.

    `more`: the conversation may add functions. `served` are the hosted tools that this server runs.
    """
    if choice is None or choice in ("none", "auto"):
        return
    offer = offer_tools(tools, served=served)
    if isinstance(choice, AllowedTools):
        _check_allowed(choice, tools, offer, more=more)
    elif choice != "required":
        entry = _to_dict(choice)
        if not _is_callable(entry, tools, offer, more=more):
            raise _not_offered_error(entry, tools)
    elif not (more or offer.functions or offer.hosted or _has_built_in(tools)):
        raise _invalid_choice("Tool choice 'required' needs a tool in 'tools' that this server or the client can run.")


def _check_allowed(choice: AllowedTools, tools: Sequence[ResponseTool], offer: OfferedTools, *, more: bool) -> None:
    any_callable = False
    for index, entry in enumerate(choice.tools):
        is_callable = _is_callable(entry, tools, offer, more=more)
        if not is_callable and not _is_hosted(entry, tools):
            raise _not_offered_error(entry, tools, f"tool_choice.tools[{index}]")
        any_callable = any_callable or is_callable
    if choice.mode == "required" and not any_callable:
        raise _invalid_choice("Tool choice 'required' needs an allowed tool that this server or the client can run.")


def _is_callable(entry: Mapping[str, Any], tools: Sequence[ResponseTool], offer: OfferedTools, *, more: bool) -> bool:
    return bool(find_keys(entry, tools, offer)) or (more and _may_be_discovered(entry))


def find_keys(entry: Mapping[str, Any], tools: Sequence[ResponseTool], offer: OfferedTools) -> list[str]:
    """The keys of the offered tools that match an entry."""
    kind, name = entry.get("type"), entry.get("name")
    match kind:
        case "mcp":
            return _find_server_keys(entry.get("server_label"), name, tools)
        case "file_search" | "code_interpreter":
            return [str(kind)] if any(type_of(tool) == kind for tool in tools) else []
        case str() if (hosted := hosted_kind(kind)) is not None:
            return [hosted] if hosted in offer.hosted else []
        case "namespace":
            return [key for key, tool in offer.tools.items() if tool.namespace == name]
        case "function" | "custom":
            return _find_named(str(kind), name, entry.get("namespace"), offer)
        case _:
            return _find_client_keys(kind, offer)


def _find_server_keys(label: Any, name: Any, tools: Sequence[ResponseTool]) -> list[str]:
    labels = {tool.server_label for tool in tools if isinstance(tool, McpTool)}
    return [f"{label}/{name or ''}"] if label in labels else []


def _find_client_keys(kind: Any, offer: OfferedTools) -> list[str]:
    kinds = _COMPUTER_KINDS if kind in _COMPUTER_KINDS else {kind}
    return [key for key, tool in offer.tools.items() if tool.kind in kinds]


def _find_named(kind: str, name: Any, namespace: Any, offer: OfferedTools) -> list[str]:
    """Without a namespace in the choice, tools without a namespace take precedence."""
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
    """The choice in the form of a run, which has neither remote tools nor allowed tools."""
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
            if entry["type"] == "mcp" or hosted_kind(entry["type"]) in offer.hosted:
                return "required"
            keys = find_keys(entry, tools, offer) or [_discoverable_name(entry)]
            return ToolChoiceFunction(AssistantsNamedToolChoiceFunction(keys[0]))


def allowed_keys(choice: AllowedTools, tools: Sequence[ResponseTool], offer: OfferedTools) -> list[str]:
    keys: list[str] = []
    for entry in choice.tools:
        keys += find_keys(entry, tools, offer) or ([_discoverable_name(entry)] if _may_be_discovered(entry) else [])
    return keys


def forced_key(choice: ToolChoice | None, tools: Sequence[ResponseTool], offer: OfferedTools) -> str:
    """The key of the forced remote server, its tool, or hosted tool; empty without one."""
    if choice is None or isinstance(choice, str):
        return ""
    if type_of(choice) != "mcp" and hosted_kind(type_of(choice)) is None:
        return ""
    return next(iter(find_keys(_to_dict(choice), tools, offer)), "")


def _to_dict(choice: Any) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(choice)
    return made


def _may_be_discovered(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") in _NAMED_KINDS and isinstance(entry.get("name"), str)


def _discoverable_name(entry: Mapping[str, Any]) -> str:
    """The provider name of a tool that the conversation may add."""
    return provider_name(ClientTool(entry["type"], str(entry["name"]), entry.get("namespace") or ""))


def _is_hosted(entry: Mapping[str, Any], tools: Sequence[ResponseTool]) -> bool:
    """Whether the entry matches a listed tool of the hosted service, which is accepted but never called."""
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
            f"Tool choice {name!r} is not available: this server does not run the tool.",
            param=param,
            code="unsupported_value",
        )
    return InvalidRequest(error_texts.tool_choice_not_found(name), param=param)


def _invalid_choice(message: str) -> InvalidRequest:
    return InvalidRequest(message, param="tool_choice", code="invalid_value")

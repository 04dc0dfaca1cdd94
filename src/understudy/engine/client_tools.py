"""Tools that clients run, as functions that any model can be offered, and calls of these as the client's items. Pure.

Providers know functions and nothing else. A shell, a patch tool or a tool of a namespace is offered as a function; what
the model calls comes back as the item that the client's tool has in the Responses API.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.store.run_state import ClientTool
from understudy.tools.code_interpreter import code_of
from understudy.wire.client_items import (
    ApplyPatchCall,
    ClientCall,
    ComputerCall,
    LocalShellAction,
    LocalShellCall,
    PatchOperation,
    ShellAction,
    ShellCall,
    ToolSearchCall,
)
from understudy.wire.response_items import CustomToolCallItem, FunctionCallItem, ItemStatus
from understudy.wire.response_tools import (
    ApplyPatchTool,
    ComputerTool,
    ComputerUsePreviewTool,
    CustomTool,
    FunctionTool,
    Grammar,
    LocalEnvironment,
    LocalShellTool,
    NamespaceTool,
    ResponseTool,
    ShellTool,
    ToolSearchTool,
    type_of,
)
from understudy.wire.tools import AssistantToolsFunction, FunctionObject

_LONGEST_NAME: Final = 64
_UNFIT: Final = re.compile("[^a-zA-Z0-9_-]")
_HASH: Final = 8
STREAMED: Final = frozenset({"function", "custom"})
"""Kinds whose arguments are streamed; the other items are known once the arguments are complete."""

Item = FunctionCallItem | CustomToolCallItem | ClientCall


@dataclass(slots=True)
class Offer:
    """`functions` are what a model is offered; `tools` are the client's tools behind those of another name or kind."""

    functions: list[AssistantToolsFunction] = field(default_factory=list)
    tools: dict[str, ClientTool] = field(default_factory=dict)

    def name_of(self, tool: ClientTool) -> str | None:
        """Under which name the tool is offered."""
        if tool.kind == "function" and not tool.namespace:
            names = (one.function.name for one in self.functions)
            return next((name for name in names if name == tool.name and name not in self.tools), None)
        return next((name for name, one in self.tools.items() if one == tool), None)


def offer_tools(
    tools: Iterable[ResponseTool], taken: Collection[str] = (), offered: Collection[ClientTool] = ()
) -> Offer:
    """The functions for all of the tools that clients run; none has a name that is `taken`.

    A tool that is declared twice, or `offered` already, is left out.
    """
    offer = Offer()
    declared = [one for tool in tools for one in _members(tool)]
    # Functions keep their own names, so they come first.
    declared.sort(key=lambda one: bool(one[0].namespace) or one[0].kind not in STREAMED)
    seen: set[ClientTool] = {*offered}
    names = {*taken}
    for client, function in declared:
        if client in seen:
            continue
        seen.add(client)
        name = _free_name(provider_name(client), names)
        names.add(name)
        function.name = name
        offer.functions.append(AssistantToolsFunction(function))
        if client.kind != "function" or client.namespace or name != client.name:
            offer.tools[name] = client
    return offer


def provider_name(tool: ClientTool) -> str:
    """The name that a tool is offered under where no other one has it: letters, digits, `_` and `-`, at most 64."""
    whole = f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name
    name = _UNFIT.sub("_", whole)
    if len(name) <= _LONGEST_NAME and name == whole:
        return name
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    return f"{name[: _LONGEST_NAME - _HASH - 1]}_{digest}"


def _free_name(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST_NAME - 5]}_{number}"
    return free


# -- from a client's tool to a function --------------------------------------------------------------------------


def _members(tool: ResponseTool) -> list[tuple[ClientTool, FunctionObject]]:
    match tool:
        case FunctionTool() | CustomTool():
            return [_member(tool)]
        case NamespaceTool():
            return [_member(one, tool) for one in tool.tools]
        case ToolSearchTool(execution="client"):
            schema = tool.parameters or _SEARCH_PARAMETERS
            function = FunctionObject("", tool.description or _SEARCH_DESCRIPTION, schema, False)
            return [(ClientTool("tool_search", "tool_search"), function)]
        case ShellTool() | ApplyPatchTool() | LocalShellTool() | ComputerTool() | ComputerUsePreviewTool():
            return [_fixed(tool)]
        case _:
            return []


def _member(tool: FunctionTool | CustomTool, group: NamespaceTool | None = None) -> tuple[ClientTool, FunctionObject]:
    namespace = group.name if group is not None else ""
    description = "\n".join(text for text in (group and group.description, tool.description) if text) or None
    if isinstance(tool, FunctionTool):
        if tool.output_schema:
            schema = msgspec.json.encode(tool.output_schema).decode()
            description = f"{description or ''}\nReturns JSON of this schema: {schema}".lstrip()
        function = FunctionObject("", description, tool.parameters, tool.strict)
        return ClientTool("function", tool.name, namespace), function
    text = {"type": "string", "description": _describe_format(tool)}
    parameters = {"type": "object", "properties": {"input": text}, "required": ["input"]}
    return ClientTool("custom", tool.name, namespace), FunctionObject("", description, parameters, False)


def _describe_format(tool: CustomTool) -> str:
    """A grammar is put into words, since not every provider can hold a model to one."""
    if not isinstance(tool.format, Grammar):
        return "The whole input."
    return f"The whole input, by this {tool.format.syntax} grammar:\n{tool.format.definition}"


def _fixed(tool: ResponseTool) -> tuple[ClientTool, FunctionObject]:
    kind = type_of(tool)
    description, properties, required = _FIXED[kind]
    if isinstance(tool, ComputerUsePreviewTool):
        size = f"{tool.display_width}x{tool.display_height} pixels"
        description = f"{description} It is a {tool.environment} display of {size}."
    if isinstance(tool, ShellTool) and isinstance(tool.environment, LocalEnvironment):
        description += _describe_skills(tool.environment.skills or ())
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return ClientTool(kind, kind), FunctionObject("", description, schema, False)


def _describe_skills(skills: Sequence[Mapping[str, Any]]) -> str:
    """Directories with instructions that the client has for its shell."""
    described = [f"\n- {one.get('name')} ({one.get('path')}): {one.get('description')}" for one in skills]
    return (
        "".join((" Skills, each a directory whose SKILL.md says how to do something:", *described)) if described else ""
    )


_SEARCH_DESCRIPTION: Final = "Searches for further tools. The tools that it finds can be called afterwards."
_SEARCH_PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What the tools should be able to do."}},
    "required": ["query"],
    "additionalProperties": False,
}
_STRINGS: Final = {"type": "array", "items": {"type": "string"}}
_NUMBER: Final = {"type": "integer"}
_DIFF: Final = (
    "For create_file: the file's lines, each with a leading '+'. For update_file: hunks in the V4A format without a"
    " file header; each hunk begins with '@@' and, if needed, the line of the enclosing definition, and its lines begin"
    " with ' ' (unchanged), '-' (removed) or '+' (added). Left out for delete_file."
)
_ACTIONS: Final = "click double_click drag keypress move screenshot scroll type wait"
_COMPUTER: Final = (
    "Acts on a computer's display; the result is a screenshot. Begin with a screenshot.",
    {
        "type": {"type": "string", "enum": _ACTIONS.split()},
        "x": _NUMBER,
        "y": _NUMBER,
        "button": {"type": "string", "enum": ["left", "right", "wheel", "back", "forward"]},
        "scroll_x": _NUMBER,
        "scroll_y": _NUMBER,
        "keys": _STRINGS,
        "text": {"type": "string"},
        "path": {
            "type": "array",
            "items": {"type": "object", "properties": {"x": _NUMBER, "y": _NUMBER}, "required": ["x", "y"]},
        },
    },
    ["type"],
)
_FIXED: Final[dict[str, tuple[str, dict[str, Any], list[str]]]] = {
    "apply_patch": (
        "Creates, updates or deletes one file of the user's.",
        {
            "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
            "path": {"type": "string", "description": "The file's path, relative to the working directory."},
            "diff": {"type": "string", "description": _DIFF},
        },
        ["type", "path"],
    ),
    "shell": (
        "Runs shell commands on the user's machine, and returns what each has written and its exit code.",
        {
            "commands": {**_STRINGS, "description": "The commands, run one after the other."},
            "timeout_ms": {"type": "integer", "description": "Milliseconds until the commands are stopped."},
            "max_output_length": {"type": "integer", "description": "Characters of output that are returned."},
        },
        ["commands"],
    ),
    "local_shell": (
        "Runs one command on the user's machine, and returns what it has written.",
        {
            "command": {**_STRINGS, "description": "The program and its arguments."},
            "env": {"type": "object", "additionalProperties": {"type": "string"}},
            "timeout_ms": {"type": "integer", "description": "Milliseconds until the command is stopped."},
            "working_directory": {"type": "string"},
        },
        ["command"],
    ),
    "computer": _COMPUTER,
    "computer_use_preview": _COMPUTER,
}

# -- from a call to the client's item ----------------------------------------------------------------------------


def new_item_id(tool: ClientTool | None) -> str:
    """The id of the item that a call of the tool becomes; of a plain function's without one."""
    match tool.kind if tool is not None else "function":
        case "custom":
            return ids.custom_tool_call_item()
        case "function":
            return ids.function_call_item()
        case kind:
            return ids.client_call(kind)


def render_call(tool: ClientTool, item_id: str, call_id: str, arguments: str, status: ItemStatus = "completed") -> Item:
    """The item of a call. Arguments that are not what was asked for give an item that the client's tool refuses."""
    namespace = tool.namespace or msgspec.UNSET
    if tool.kind == "function":
        return FunctionCallItem(
            id=item_id, status=status, arguments=arguments, call_id=call_id, name=tool.name, namespace=namespace
        )
    if tool.kind == "custom":
        given = code_of(arguments)
        return CustomToolCallItem(
            id=item_id, status=status, call_id=call_id, input=given, name=tool.name, namespace=namespace
        )
    item: ClientCall = _RENDERERS[tool.kind](_decode_object(arguments), call_id)
    item.id, item.status = item_id, "completed"
    return item


def _decode_object(arguments: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _patch(given: Mapping[str, Any], call_id: str) -> ClientCall:
    kind = given.get("type")
    known: Any = kind if kind in {"create_file", "update_file", "delete_file"} else "update_file"
    operation = PatchOperation(type=known, path=_text(given, "path"))
    if known != "delete_file":
        operation.diff = _text(given, "diff")
    return ApplyPatchCall(call_id=call_id, operation=operation)


def _shell(given: Mapping[str, Any], call_id: str) -> ClientCall:
    action = ShellAction(
        commands=_texts(given.get("commands") or given.get("command")),
        max_output_length=_whole(given.get("max_output_length")),
        timeout_ms=_whole(given.get("timeout_ms")),
    )
    return ShellCall(call_id=call_id, action=action, environment={"type": "local"})


def _local_shell(given: Mapping[str, Any], call_id: str) -> ClientCall:
    env = given.get("env")
    directory = _text(given, "working_directory") or None
    action = LocalShellAction(
        command=_texts(given.get("command")),
        env={str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {},
        timeout_ms=_whole(given.get("timeout_ms")),
        working_directory=directory,
    )
    return LocalShellCall(call_id=call_id, action=action)


def _tool_search(given: Mapping[str, Any], call_id: str) -> ClientCall:
    return ToolSearchCall(call_id=call_id, arguments=dict(given), execution="client")


def _computer(given: Mapping[str, Any], call_id: str) -> ClientCall:
    return ComputerCall(call_id=call_id, actions=[_action(given)])


def _computer_preview(given: Mapping[str, Any], call_id: str) -> ClientCall:
    return ComputerCall(call_id=call_id, action=_action(given))


_ACTION_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "click": ("button", "x", "y"),
    "double_click": ("x", "y"),
    "drag": ("path",),
    "keypress": ("keys",),
    "move": ("x", "y"),
    "scroll": ("scroll_x", "scroll_y", "x", "y"),
    "type": ("text",),
}
_ACTION_DEFAULTS: Final[dict[str, Any]] = {
    "button": "left",
    "x": 0,
    "y": 0,
    "scroll_x": 0,
    "scroll_y": 0,
    "path": [],
    "keys": [],
    "text": "",
}


def _action(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given.get("type") if given.get("type") in _ACTIONS.split() else "screenshot"
    members = _ACTION_MEMBERS.get(str(kind), ())
    return {"type": kind, **{name: given.get(name) or _ACTION_DEFAULTS[name] for name in members}}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list) else []


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_RENDERERS: Final[dict[str, Callable[[Mapping[str, Any], str], ClientCall]]] = {
    "apply_patch": _patch,
    "shell": _shell,
    "local_shell": _local_shell,
    "tool_search": _tool_search,
    "computer": _computer,
    "computer_use_preview": _computer_preview,
}

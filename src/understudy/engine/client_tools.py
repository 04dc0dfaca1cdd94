"""Tools that clients run, as functions that any model can be offered. Pure.

Providers know functions and nothing else. A shell, a patch tool or a tool of a namespace is offered as a function;
`client_calls` renders a call of it as the item that the client's tool has in the Responses API.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from understudy.engine.client_calls import COMPUTER_ACTIONS
from understudy.store.run_state import ClientTool
from understudy.wire.response_rules import hosted_kind
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

_MAX_NAME_LENGTH: Final = 64
_INVALID_NAME_CHARS: Final = re.compile("[^a-zA-Z0-9_-]")
_HASH_LENGTH: Final = 8
STREAMED: Final = frozenset({"function", "custom"})
"""Kinds whose arguments are streamed; the other items are known once the arguments are complete."""


@dataclass(slots=True)
class OfferedTools:
    """`functions` are what a model is offered; `tools` are those of the client under other names or of other kinds.

    `hosted` are the kinds of hosted tools among them that this server runs.
    """

    functions: list[AssistantToolsFunction] = field(default_factory=list)
    tools: dict[str, ClientTool] = field(default_factory=dict)
    hosted: Collection[str] = ()


def offer_tools(
    tools: Iterable[ResponseTool],
    taken: Collection[str] = (),
    offered: Collection[ClientTool] = (),
    served: Collection[str] = (),
) -> OfferedTools:
    """The functions for all of the tools that clients run; none has a name that is `taken`.

    A tool that is declared twice, or `offered` already, is left out. `served` are the hosted tools that this server
    runs.
    """
    tools = list(tools)
    if not tools:
        return OfferedTools()
    kinds = {hosted_kind(type_of(tool)) for tool in tools}
    offer = OfferedTools(hosted=[kind for kind in served if kind in kinds])
    declared = [one for tool in tools for one in _namespace_tools(tool)]
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
    name = _INVALID_NAME_CHARS.sub("_", whole)
    if len(name) <= _MAX_NAME_LENGTH and name == whole:
        return name
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH_LENGTH]
    return f"{name[: _MAX_NAME_LENGTH - _HASH_LENGTH - 1]}_{digest}"


def _free_name(name: str, taken: Collection[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _MAX_NAME_LENGTH - 5]}_{number}"
    return free


def _namespace_tools(tool: ResponseTool) -> list[tuple[ClientTool, FunctionObject]]:
    match tool:
        case FunctionTool() | CustomTool():
            return [_namespace_tool(tool)]
        case NamespaceTool():
            return [_namespace_tool(one, tool) for one in tool.tools]
        case ToolSearchTool(execution="client"):
            schema = tool.parameters or _SEARCH_PARAMETERS
            function = FunctionObject("", tool.description or _SEARCH_DESCRIPTION, schema, False)
            return [(ClientTool("tool_search", "tool_search"), function)]
        case ShellTool() | ApplyPatchTool() | LocalShellTool() | ComputerTool() | ComputerUsePreviewTool():
            return [_predefined_tool(tool)]
        case _:
            return []


def _namespace_tool(
    tool: FunctionTool | CustomTool, group: NamespaceTool | None = None
) -> tuple[ClientTool, FunctionObject]:
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


def _predefined_tool(tool: ResponseTool) -> tuple[ClientTool, FunctionObject]:
    kind = type_of(tool)
    description, properties, required = _PREDEFINED_TOOLS[kind]
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
    return "".join((" Skills, each a directory with instructions in its SKILL.md:", *described)) if described else ""


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
_COMPUTER: Final = (
    "Acts on a computer's display; the result is a screenshot. Begin with a screenshot.",
    {
        "type": {"type": "string", "enum": [*COMPUTER_ACTIONS]},
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
_PREDEFINED_TOOLS: Final[dict[str, tuple[str, dict[str, Any], list[str]]]] = {
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

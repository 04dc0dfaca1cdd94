"""Renders calls of client tools as items of the Responses API. Pure.

`client_tools` offers a function for each client tool; invalid arguments still render as a complete item.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.store.run_state import ClientTool
from understudy.tools.code_interpreter import extract_code
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

Item = FunctionCallItem | CustomToolCallItem | ClientCall
COMPUTER_ACTIONS: Final = ("click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait")


def new_item_id(tool: ClientTool | None) -> str:
    """A new id for the item of a call; without a tool, that of a function call."""
    match tool.kind if tool is not None else "function":
        case "custom":
            return ids.custom_tool_call_item()
        case "function":
            return ids.function_call_item()
        case kind:
            return ids.client_call(kind)


def render_call(tool: ClientTool, item_id: str, call_id: str, arguments: str, status: ItemStatus = "completed") -> Item:
    """The item of a call. Arguments that violate the schema render as an item that the client's tool refuses."""
    namespace = tool.namespace or msgspec.UNSET
    if tool.kind == "function":
        return FunctionCallItem(
            id=item_id, status=status, arguments=arguments, call_id=call_id, name=tool.name, namespace=namespace
        )
    if tool.kind == "custom":
        text = extract_code(arguments)
        return CustomToolCallItem(
            id=item_id, status=status, call_id=call_id, input=text, name=tool.name, namespace=namespace
        )
    item: ClientCall = _RENDERERS[tool.kind](_decode_object(arguments), call_id)
    item.id, item.status = item_id, "completed"
    return item


def _decode_object(arguments: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _render_patch(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    kind = arguments.get("type")
    patch_kind: Any = kind if kind in {"create_file", "update_file", "delete_file"} else "update_file"
    operation = PatchOperation(type=patch_kind, path=_string_member(arguments, "path"))
    if patch_kind != "delete_file":
        operation.diff = _string_member(arguments, "diff")
    return ApplyPatchCall(call_id=call_id, operation=operation)


def _render_shell(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    action = ShellAction(
        commands=_string_list(arguments.get("commands") or arguments.get("command")),
        max_output_length=_integer(arguments.get("max_output_length")),
        timeout_ms=_integer(arguments.get("timeout_ms")),
    )
    return ShellCall(call_id=call_id, action=action, environment={"type": "local"})


def _render_local_shell(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    env = arguments.get("env")
    directory = _string_member(arguments, "working_directory") or None
    action = LocalShellAction(
        command=_string_list(arguments.get("command")),
        env={str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {},
        timeout_ms=_integer(arguments.get("timeout_ms")),
        working_directory=directory,
    )
    return LocalShellCall(call_id=call_id, action=action)


def _render_tool_search(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    return ToolSearchCall(call_id=call_id, arguments=dict(arguments), execution="client")


def _render_computer(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    return ComputerCall(call_id=call_id, actions=[_render_action(arguments)])


def _render_computer_preview(arguments: Mapping[str, Any], call_id: str) -> ClientCall:
    return ComputerCall(call_id=call_id, action=_render_action(arguments))


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


def _render_action(arguments: Mapping[str, Any]) -> dict[str, Any]:
    kind = arguments.get("type") if arguments.get("type") in COMPUTER_ACTIONS else "screenshot"
    members = _ACTION_MEMBERS.get(str(kind), ())
    return {"type": kind, **{name: arguments.get(name) or _ACTION_DEFAULTS[name] for name in members}}


def _string_member(arguments: Mapping[str, Any], name: str) -> str:
    value = arguments.get(name)
    return value if isinstance(value, str) else ""


def _string_list(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list) else []


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_RENDERERS: Final[dict[str, Callable[[Mapping[str, Any], str], ClientCall]]] = {
    "apply_patch": _render_patch,
    "shell": _render_shell,
    "local_shell": _render_local_shell,
    "tool_search": _render_tool_search,
    "computer": _render_computer,
    "computer_use_preview": _render_computer_preview,
}

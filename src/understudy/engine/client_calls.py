"""Calls of functions that stand for tools of clients, as the items that the Responses API has for them. Pure.

`client_tools` offers the functions; arguments that no tool can use still give a complete item.
"""

from collections.abc import Callable, Mapping
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

Item = FunctionCallItem | CustomToolCallItem | ClientCall
COMPUTER_ACTIONS: Final = ("click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait")


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
    """The item of a call. Arguments that do not fit the schema give an item that the client's tool refuses."""
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
        max_output_length=_integer(given.get("max_output_length")),
        timeout_ms=_integer(given.get("timeout_ms")),
    )
    return ShellCall(call_id=call_id, action=action, environment={"type": "local"})


def _local_shell(given: Mapping[str, Any], call_id: str) -> ClientCall:
    env = given.get("env")
    directory = _text(given, "working_directory") or None
    action = LocalShellAction(
        command=_texts(given.get("command")),
        env={str(name): str(value) for name, value in env.items()} if isinstance(env, dict) else {},
        timeout_ms=_integer(given.get("timeout_ms")),
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
    kind = given.get("type") if given.get("type") in COMPUTER_ACTIONS else "screenshot"
    members = _ACTION_MEMBERS.get(str(kind), ())
    return {"type": kind, **{name: given.get(name) or _ACTION_DEFAULTS[name] for name in members}}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, list) else []


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_RENDERERS: Final[dict[str, Callable[[Mapping[str, Any], str], ClientCall]]] = {
    "apply_patch": _patch,
    "shell": _shell,
    "local_shell": _local_shell,
    "tool_search": _tool_search,
    "computer": _computer,
    "computer_use_preview": _computer_preview,
}

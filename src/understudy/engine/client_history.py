"""Stored calls of clients' tools and their outputs, as functions and texts for the model. Pure.

An item in the history may belong to a tool that the request no longer has; the model still sees its call.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from understudy.store.run_state import ClientTool

CALLS: Final = frozenset(
    {
        *("function_call", "custom_tool_call", "apply_patch_call", "shell_call", "local_shell_call"),
        *("tool_search_call", "computer_call"),
    }
)
OUTPUTS: Final = frozenset(
    {
        *("function_call_output", "custom_tool_call_output", "apply_patch_call_output", "shell_call_output"),
        *("local_shell_call_output", "tool_search_output", "computer_call_output"),
    }
)
TOOL_LISTS: Final = frozenset({"tool_search_output", "additional_tools"})
"""Items whose tools can be called from then on."""


def called_tool(kind: str, item: Mapping[str, Any]) -> ClientTool:
    """The tool of a stored call."""
    if kind in {"function_call", "custom_tool_call"}:
        tool_kind = "function" if kind == "function_call" else "custom"
        return ClientTool(tool_kind, item["name"], item.get("namespace") or "")
    name = kind.removesuffix("_call")
    if name == "computer" and item.get("actions") is None:
        name = "computer_use_preview"
    return ClientTool(name, name)


def call_arguments(kind: str, item: Mapping[str, Any]) -> str:
    """The arguments of the function that stands for the tool, as JSON."""
    match kind:
        case "function_call":
            arguments: str = item["arguments"]
            return arguments
        case "custom_tool_call":
            return _encode_json({"input": item["input"]})
        case "apply_patch_call":
            return _encode_json(item["operation"])
        case "tool_search_call":
            return _encode_json(item["arguments"])
        case "computer_call":
            return _encode_json((item.get("actions") or [item.get("action") or {}])[0])
        case _:
            return _encode_json(
                {name: value for name, value in item["action"].items() if value not in (None, {}, "exec")}
            )


def model_call_id(item: Mapping[str, Any]) -> str | None:
    """The id that a call and its output share; None for a search of another server, which needs no output."""
    return item.get("call_id") or item.get("model_call_id")


def output_parts(kind: str, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The output as content parts of the Responses API: `input_text`, `input_image`, `input_file`."""
    render = _OUTPUT_PARSERS.get(kind)
    if render is not None:
        return render(item)
    output = item["output"]
    return [_text_part(output)] if isinstance(output, str) else list(output)


def _patch_output(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_text_part(": ".join(text for text in (item["status"], item.get("output")) if text))]


def _shell_output(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_text_part("\n".join(_command_output(one) for one in item["output"]) or "[no output]")]


def _command_output(one: Mapping[str, Any]) -> str:
    outcome = one["outcome"]
    end = "timed out" if outcome["type"] == "timeout" else f"exit code {outcome.get('exit_code', 0)}"
    written = [one["stdout"], f"[stderr]\n{one['stderr']}" if one["stderr"] else ""]
    return "\n".join([*(text.rstrip("\n") for text in written if text), f"[{end}]"])


def _tool_search_output(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [name for tool in item["tools"] for name in _tool_names(tool)]
    return [_text_part(f"Tools that can be called now: {', '.join(names)}." if names else "No tools were found.")]


def _tool_names(tool: Mapping[str, Any]) -> list[str]:
    """The name of a tool; those of its tools, for a namespace and for a remote server."""
    if tool.get("type") == "namespace":
        return [f"{tool['name']}.{one['name']}" for one in tool["tools"]]
    if tool.get("type") == "mcp":
        return [f"{tool['server_label']}.{name}" for name in tool.get("allowed_tools") or ()]
    return [str(tool.get("name") or tool.get("type"))]


def _screenshot_output(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**item["output"], "type": "input_image"}]


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_OUTPUT_PARSERS: Final[dict[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]]] = {
    "apply_patch_call_output": _patch_output,
    "shell_call_output": _shell_output,
    "tool_search_output": _tool_search_output,
    "computer_call_output": _screenshot_output,
}

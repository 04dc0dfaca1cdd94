"""Tools as models' APIs want them, the calls in models' answers, and what is sent back for them. Sends nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from understudy_toolkit.catalog import AI_ML_API, Result, Tool

Dialect = Literal["chat", "responses", "anthropic"]
Definition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`fault` says what is wrong with arguments that are not an object."""

    id: str
    name: str
    arguments: dict[str, Any]
    fault: str | None = None


def chat(tools: Iterable[Tool]) -> list[Definition]:
    return [
        {
            "type": "function",
            "function": {"name": tool.slug, "description": tool.description, "parameters": tool.input_schema},
        }
        for tool in tools
    ]


def responses(tools: Iterable[Tool]) -> list[Definition]:
    return [
        {
            "type": "function",
            "name": tool.slug,
            "description": tool.description,
            "parameters": tool.input_schema,
            "strict": False,
        }
        for tool in tools
    ]


def anthropic(tools: Iterable[Tool]) -> list[Definition]:
    return [{"name": tool.slug, "description": tool.description, "input_schema": tool.input_schema} for tool in tools]


def is_toolkit_call(call: ToolCall) -> bool:
    return call.name.upper() in AI_ML_API.by_slug


def parse_calls(reply: Any) -> tuple[Dialect, list[ToolCall]]:
    """The tool calls in a model's reply, and its dialect. Raises TypeError for another object."""
    message = _to_mapping(reply)
    if "choices" in message:
        message = message["choices"][0]["message"] if message["choices"] else {"tool_calls": None}
    if "output" in message:
        return "responses", [
            _parse_call(item["call_id"], item["name"], item["arguments"])
            for item in message["output"]
            if item.get("type") == "function_call"
        ]
    content = message.get("content")
    if isinstance(content, list) and "tool_calls" not in message:
        return "anthropic", [
            _parse_call(block["id"], block["name"], block["input"])
            for block in content
            if block.get("type") == "tool_use"
        ]
    functions = [call for call in message.get("tool_calls") or () if call.get("type", "function") == "function"]
    return "chat", [
        _parse_call(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in functions
    ]


def outputs(dialect: Dialect, done: Sequence[tuple[ToolCall, Result]]) -> list[Definition]:
    """The messages or items with the results of the calls, for the model."""
    match dialect:
        case "chat":
            return [
                {"role": "tool", "tool_call_id": call.id, "content": _encode_result(result)} for call, result in done
            ]
        case "responses":
            return [
                {"type": "function_call_output", "call_id": call.id, "output": _encode_result(result)}
                for call, result in done
            ]
        case "anthropic":
            blocks = [
                {
                    "type": "tool_result",
                    "tool_use_id": call.id,
                    "content": _encode_result(result),
                    "is_error": not result["successful"],
                }
                for call, result in done
            ]
            return [{"role": "user", "content": blocks}] if blocks else []
        case _:
            assert_never(dialect)


def _to_mapping(reply: Any) -> Mapping[str, Any]:
    if hasattr(reply, "model_dump"):
        reply = reply.model_dump()
    if not isinstance(reply, Mapping):
        raise TypeError(f"Unsupported type {type(reply).__name__!r}: pass a completion, a response or a message.")
    return reply


def _parse_call(identifier: str, name: str, arguments: Any) -> ToolCall:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            return ToolCall(identifier, name, {}, f"The arguments of {name} are not valid JSON: {error}.")
    if not isinstance(arguments, dict):
        return ToolCall(identifier, name, {}, f"The arguments of {name} must be an object, not {arguments!r}.")
    return ToolCall(identifier, name, arguments)


def _encode_result(result: Result) -> str:
    return json.dumps(result, ensure_ascii=False)

"""The functions by which models call the server's own tools: their definitions, and the arguments of calls."""

from typing import Any, Final

import msgspec

OMITTED_OUTPUT: Final = "What this call returned is not part of the conversation; the messages after it may rest on it."
"""The tool result, for a model, of a call that a client sent without what it returned."""


def define_function(name: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The function definition for chat completions. All `properties`, JSON schemas by name, are required."""
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def decode_arguments(arguments: str) -> dict[str, Any]:
    """The arguments of a call by name; empty unless they are a JSON object."""
    try:
        value = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

"""Parameters of many tools, and the JSON schemas of objects in arguments."""

import json
from typing import Any, Final

from understudy_toolkit.catalog.tool import Parameter, Schema

LONGEST_METADATA_KEY: Final = 64
_PATH_ID: Final = "^[A-Za-z0-9_-][A-Za-z0-9_.:~-]*$"


def _one_of(*kinds: str, **members: str) -> Schema:
    """Several types without an array of types, which some clients do not support."""
    return {"anyOf": [{"type": kind} for kind in kinds], **members}


METADATA: Final[Schema] = {
    "maxProperties": 16,
    "propertyNames": {"maxLength": LONGEST_METADATA_KEY},
    "additionalProperties": {"type": "string", "maxLength": 512},
}
_TOOL: Final[Schema] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["code_interpreter", "file_search", "function"]},
        "file_search": {"type": "object", "description": "Number and ranking of results."},
        "function": {
            "type": "object",
            "description": "For `function`: its name, description, and the JSON schema of its parameters.",
            "properties": {
                "name": {"type": "string"},
                "description": {"type": "string"},
                "parameters": {"type": "object"},
                "strict": _one_of("boolean", "null"),
            },
            "required": ["name"],
        },
    },
    "required": ["type"],
}
TOOLS: Final[Schema] = {"maxItems": 128, "items": _TOOL}
TOOL_RESOURCES: Final[Schema] = {
    "properties": {
        "code_interpreter": {
            "type": "object",
            "properties": {"file_ids": {"type": "array", "items": {"type": "string"}, "maxItems": 20}},
        },
        "file_search": {
            "type": "object",
            "properties": {
                "vector_store_ids": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
                "vector_stores": {"type": "array", "items": {"type": "object"}, "maxItems": 1},
            },
        },
    },
}
ATTACHMENTS: Final[Schema] = {
    "items": {
        "type": "object",
        "properties": {
            "file_id": {"type": "string"},
            "tools": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"type": {"type": "string", "enum": ["code_interpreter", "file_search"]}},
                    "required": ["type"],
                },
            },
        },
    },
}
MESSAGES: Final[Schema] = {
    "items": {
        "type": "object",
        "properties": {
            "role": {"type": "string", "enum": ["user", "assistant"]},
            "content": _one_of("string", "array", description="A text, or a list of parts."),
            "attachments": _one_of("array", "null"),
            "metadata": _one_of("object", "null"),
        },
        "required": ["role", "content"],
    },
}
CHAT_MESSAGES: Final[Schema] = {
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "role": {"type": "string", "enum": ["system", "developer", "user", "assistant", "tool"]},
            "content": _one_of("string", "array", "null", description="A text, or a list of parts."),
        },
        "required": ["role"],
    },
}
TOOL_OUTPUTS: Final[Schema] = {
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"tool_call_id": {"type": "string"}, "output": {"type": "string"}},
        "required": ["tool_call_id", "output"],
    },
}
TRUNCATION: Final[Schema] = {
    "properties": {
        "type": {"type": "string", "enum": ["auto", "last_messages"]},
        "last_messages": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
    },
    "required": ["type"],
}
UNIT: Final[Schema] = {"minimum": 0, "maximum": 1}
TEMPERATURE: Final[Schema] = {"minimum": 0, "maximum": 2}
PENALTY: Final[Schema] = {"minimum": -2, "maximum": 2}
COUNT: Final[Schema] = {"minimum": 1}
EFFORT: Final[Schema] = {"enum": ["low", "medium", "high"]}


def identifier(name: str, description: str) -> Parameter:
    """An id in the path."""
    return Parameter(name, "string", description, required=True, limits={"minLength": 1, "pattern": _PATH_ID})


def metadata(subject: str) -> Parameter:
    return Parameter("metadata", "object", f"Up to 16 string pairs to store with {subject}.", limits=METADATA)


def cursors(noun: str) -> tuple[Parameter, ...]:
    """Cursors and limit of a page."""
    return (
        Parameter("after", "string", f"Returns {noun} after this id: the last one of the previous page."),
        Parameter(
            "limit",
            "integer",
            f"Maximum number of {noun}.",
            limits={"minimum": 1, "maximum": 100, "default": 20},
        ),
        Parameter(
            "order",
            "string",
            "`asc` for oldest first, `desc` (default) for newest first.",
            limits={"enum": ["asc", "desc"]},
        ),
        Parameter("before", "string", f"Returns {noun} before this id: the first one of the next page."),
    )


def response_format(value: Any) -> Any:
    """The object form of a response format, from a name, an object or its JSON."""
    return {"type": value} if value in ("text", "json_object") else _object_in(value)


def tool_choice(value: Any) -> Any:
    """The object form of a tool choice, from a name, an object or its JSON."""
    if value in ("none", "auto", "required"):
        return value
    if value in ("code_interpreter", "file_search"):
        return {"type": value}
    decoded = _object_in(value)
    return decoded if isinstance(decoded, dict) else {"type": "function", "function": {"name": value}}


def _object_in(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, dict) else value

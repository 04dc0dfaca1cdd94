"""Finds the keyword that makes a JSON schema malformed, so that a refusal can name it."""

from typing import Any

_NUMBER = (int, float)
_SCHEMA = (dict, bool)
_SHAPES: dict[str, type | tuple[type, ...]] = {
    "type": (str, list),
    "enum": list,
    "$ref": str,
    "pattern": str,
    "format": str,
    "required": list,
    "dependentRequired": dict,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"), _NUMBER),
    **dict.fromkeys(("minProperties", "maxProperties"), _NUMBER),
}
_ONE = (
    "items",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
)
_SEVERAL = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions")


def malformed_keyword(root: Any) -> str | None:
    """The first keyword whose value has another JSON type than the specification gives it, or None."""
    open_ = [root]
    while open_:
        schema = open_.pop()
        if not isinstance(schema, dict):
            continue
        for key, value in schema.items():
            parts = _parts(key, value)
            if parts is None or not all(isinstance(part, _SCHEMA) for part in parts):
                return str(key)
            open_ += parts
    return None


def _parts(key: str, value: Any) -> list[Any] | None:
    """The schemas inside of a keyword; None where its value has the wrong type."""
    if key in _ONE:
        return [value]
    if key in _SEVERAL:
        return value if isinstance(value, list) else None
    if key in _NAMED:
        return list(value.values()) if isinstance(value, dict) else None
    return [] if isinstance(value, _SHAPES.get(key, object)) else None

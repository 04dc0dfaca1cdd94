"""What `strict` asks of a function's parameters: objects that say they are closed and that require all they name.

Source: the hosted API's answer to a strict function without a schema, and its guide to structured outputs.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from understudy.wire.error_texts import Problem
from understudy.wire.parsing import InvalidBody
from understudy.wire.tools import AssistantTool, AssistantToolsFunction

# Deeper than any schema that a provider takes.
_MAX_DEPTH = 100
# What structured outputs allow: objects inside of each other, and properties together.
_MAX_STRICT_DEPTH = 10
_MAX_STRICT_PROPERTIES = 5000
_UNSUPPORTED = frozenset(
    {
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
        *("propertyNames", "unevaluatedProperties", "minProperties", "maxProperties", "prefixItems", "contains"),
        *("unevaluatedItems", "minContains", "maxContains", "uniqueItems", "default"),
    }
)
_TYPE_KEYWORDS = ("type", "anyOf", "$ref", "enum", "const")
_Context = tuple[str, ...]


def check_strict(tools: Sequence[AssistantTool]) -> None:
    """Raises InvalidBody for the first strict function among `tools` whose schema is not strict."""
    for index, tool in enumerate(tools):
        if isinstance(tool, AssistantToolsFunction) and tool.function.strict:
            check_strict_schema(tool.function.name, tool.function.parameters, f"tools[{index}].function.parameters")


def check_strict_schema(name: str, schema: dict[str, Any] | None, path: str) -> None:
    """Raises InvalidBody where the parameters of the strict function `name` are not strict."""
    fault = next(_find_faults(schema, ()), None)
    if fault is not None:
        raise InvalidBody(_schema_problem(name, fault, path))


def check_strict_format(name: str, schema: dict[str, Any], path: str) -> None:
    """Raises InvalidBody where the schema of the strict text format `name` is not strict."""
    fault = next(_find_faults(schema, ()), None)
    if fault is not None:
        context, reason = fault
        message = f"Invalid schema for response_format '{name}': In context={context}, {reason}"
        raise InvalidBody(Problem(message, path, "invalid_json_schema"))


def is_strict_schema(schema: dict[str, Any] | None) -> bool:
    """Whether a model can be held to the schema: closed objects that require all properties, supported keywords only.

    Source: the guide to structured outputs, section on supported schemas.
    """
    if schema is None or schema.get("type") != "object" or not _is_bounded(schema):
        return False
    return next(_find_faults(schema, ()), None) is None


def _is_bounded(schema: dict[str, Any]) -> bool:
    """Whether no part of the schema is unsupported, too deep or too many; looks at no more than may be."""
    level: list[Any] = [schema]
    left = _MAX_STRICT_PROPERTIES
    for _ in range(_MAX_STRICT_DEPTH + 1):
        if not all(_is_supported(one) for one in level):
            return False
        level = list(islice((inner for one in level for _, inner in _subschemas(one)), left + 1))
        left -= len(level)
        if not level or left < 0:
            break
    return not level


def _is_supported(schema: Any) -> bool:
    if not isinstance(schema, dict) or not any(keyword in schema for keyword in _TYPE_KEYWORDS):
        return False
    return _UNSUPPORTED.isdisjoint(schema) and (schema.get("type") != "array" or isinstance(schema.get("items"), dict))


def _schema_problem(name: str, fault: tuple[_Context, str], path: str) -> Problem:
    context, reason = fault
    message = f"Invalid schema for function '{name}': In context={context}, {reason}"
    return Problem(message, path, "invalid_function_parameters")


def _find_faults(schema: Any, context: _Context) -> Iterator[tuple[_Context, str]]:
    if not isinstance(schema, dict) or len(context) > _MAX_DEPTH:
        return
    if _is_object(schema):
        yield from ((context, reason) for reason in _find_open_objects(schema))
    for path, inner in _subschemas(schema):
        yield from _find_faults(inner, (*context, *path))


def _is_object(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _find_open_objects(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    properties, required = schema.get("properties"), schema.get("required")
    named = properties if isinstance(properties, dict) else {}
    listed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    missing = [name for name in named if name not in listed]
    if missing:
        yield (
            "'required' is required to be supplied and to be an array including every key in properties."
            f" Missing '{missing[0]}'."
        )


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[_Context, Any]]:
    """The schemas inside of one, each with its path there."""
    for keyword in ("properties", "$defs", "definitions"):
        named = schema.get(keyword)
        if isinstance(named, dict):
            yield from (((keyword, name), inner) for name, inner in named.items())
    if "items" in schema:
        yield ("items",), schema["items"]
    options = schema.get("anyOf")
    if isinstance(options, list):
        yield from ((("anyOf", str(index)), inner) for index, inner in enumerate(options))

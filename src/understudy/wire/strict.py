"""What `strict` asks of a function's parameters: objects that say they are closed and that require all they name.

Source: the hosted API's answer to a strict function without a schema, and its guide to structured outputs.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from understudy.wire.problems import InvalidBody
from understudy.wire.tools import AssistantTool, AssistantToolsFunction
from understudy.wire.wording import Problem

# Deeper than any schema that a provider takes.
_DEEPEST = 100
_Context = tuple[str, ...]


def check_strict(tools: Sequence[AssistantTool]) -> None:
    """Raises InvalidBody for the first strict function among `tools` whose schema is not strict."""
    for index, tool in enumerate(tools):
        if isinstance(tool, AssistantToolsFunction) and tool.function.strict:
            check_strict_schema(tool.function.name, tool.function.parameters, f"tools[{index}].function.parameters")


def check_strict_schema(name: str, schema: dict[str, Any] | None, path: str) -> None:
    """Raises InvalidBody where the parameters of the strict function `name` are not strict."""
    fault = next(_faults(schema, ()), None)
    if fault is not None:
        raise InvalidBody(_problem(name, fault, path))


def _problem(name: str, fault: tuple[_Context, str], path: str) -> Problem:
    context, reason = fault
    message = f"Invalid schema for function '{name}': In context={context}, {reason}"
    return Problem(message, path, "invalid_function_parameters")


def _faults(schema: Any, context: _Context) -> Iterator[tuple[_Context, str]]:
    if not isinstance(schema, dict) or len(context) > _DEEPEST:
        return
    if _is_object(schema):
        yield from ((context, reason) for reason in _open_ends(schema))
    for path, inner in _inner(schema):
        yield from _faults(inner, (*context, *path))


def _is_object(schema: dict[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _open_ends(schema: dict[str, Any]) -> Iterator[str]:
    if schema.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false."
    properties, required = schema.get("properties"), schema.get("required")
    named = properties if isinstance(properties, dict) else {}
    missing = [name for name in named if not isinstance(required, list) or name not in required]
    if missing:
        yield (
            "'required' is required to be supplied and to be an array including every key in properties."
            f" Missing '{missing[0]}'."
        )


def _inner(schema: dict[str, Any]) -> Iterator[tuple[_Context, Any]]:
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

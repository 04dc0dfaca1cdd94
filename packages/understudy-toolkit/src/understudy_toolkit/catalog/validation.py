"""Arguments against a tool's schema: each problem as a sentence that names the parameter and says what is allowed.

An optional parameter that is null counts as one that is not given: models that have to fill every parameter send it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from understudy_toolkit.catalog.tool import Parameter, Schema, Tool

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_MAX_VALUE_LENGTH = 80
_TYPE_NOUNS = {
    "null": "null",
    "array": "an array",
    "object": "an object",
    "integer": "an integer",
    "boolean": "a boolean",
}


class InvalidArguments(ValueError):
    """`problems` are sentences, at least one; the text of the error is all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def validate_arguments(tool: Tool, arguments: Any) -> dict[str, Any]:
    """The valid arguments. Raises InvalidArguments."""
    if not isinstance(arguments, dict):
        raise InvalidArguments([f"Arguments must be an object of parameters, not {_abbreviate_value(arguments)}."])
    problems = [*_unknown_names(tool, arguments), *_missing_names(tool, arguments), *_invalid_values(tool, arguments)]
    if problems:
        raise InvalidArguments(problems)
    return {name: value for name, value in arguments.items() if value is not None}


def _unknown_names(tool: Tool, arguments: dict[str, Any]) -> Iterator[str]:
    allowed = ", ".join(f"'{name}'" for name in tool.by_name)
    takes = f"takes {allowed}" if allowed else "takes none"
    for name in arguments:
        if name not in tool.by_name:
            yield f"Unknown parameter: {_abbreviate_value(name)}. {tool.slug} {takes}."


def _missing_names(tool: Tool, arguments: dict[str, Any]) -> Iterator[str]:
    for parameter in tool.parameters:
        if parameter.required and arguments.get(parameter.name) is None:
            yield f"Missing required parameter: '{parameter.name}' ({parameter.kind}). {parameter.description}"


def _invalid_values(tool: Tool, arguments: dict[str, Any]) -> Iterator[str]:
    for name, value in arguments.items():
        parameter = tool.by_name.get(name)
        if parameter is not None and value is not None:
            yield from _problems(parameter, value)


def _problems(parameter: Parameter, value: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - it takes long to import, and lists need none of it

    faults = list(Draft202012Validator(parameter.schema).iter_errors(value))
    if faults and (parameter.also is None or not Draft202012Validator(parameter.also).is_valid(value)):
        yield from dict.fromkeys(_describe_fault(parameter.name, fault) for fault in faults)


def _describe_fault(name: str, fault: "ValidationError") -> str:
    place = name + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.absolute_path)
    reason = _describe_reason(*_merge_types(str(fault.validator), fault.validator_value), fault.instance, fault.schema)
    if "propertyNames" in fault.absolute_schema_path:
        return f"Invalid key {_abbreviate_value(fault.instance)} in '{place}': {reason}"
    return f"Invalid '{place}': {reason}"


def _merge_types(keyword: str, limit: Any) -> tuple[str, Any]:
    """Alternatives of types are one list of types, as sentences say it."""
    if keyword == "anyOf" and all("type" in option for option in limit):
        return "type", [option["type"] for option in limit]
    return keyword, limit


def _describe_reason(keyword: str, limit: Any, value: Any, schema: Schema) -> str:  # noqa: PLR0911 - a sentence for each keyword
    match keyword:
        case "type":
            allowed = " or ".join(
                _TYPE_NOUNS.get(kind, f"a {kind}") for kind in ([limit] if isinstance(limit, str) else limit)
            )
            return f"expected {allowed}, but got {_abbreviate_value(value)}."
        case "enum":
            return f"{_abbreviate_value(value)} is not one of {', '.join(repr(one) for one in limit)}."
        case "minimum" | "maximum":
            return f"{_abbreviate_value(value)} is not {_describe_range(schema)}."
        case "minLength" | "minItems" if limit == 1:
            return "it must not be empty."
        case "minLength" | "maxLength":
            return f"it has {len(value)} characters, and {_describe_bound(keyword)} {limit} are allowed."
        case "minItems" | "maxItems":
            return f"it has {len(value)} items, and {_describe_bound(keyword)} {limit} are allowed."
        case "maxProperties":
            return f"it has {len(value)} members, and at most {limit} are allowed."
        case "pattern":
            return f"{_abbreviate_value(value)} does not match {limit!r}."
        case "required":
            return f"it has no {' and no '.join(repr(name) for name in limit if name not in value)}, which it needs."
        case _:
            return f"{_abbreviate_value(value)} does not fit {keyword} {limit!r}."


def _describe_range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return f"between {low} and {high}"


def _describe_bound(keyword: str) -> str:
    return "at least" if keyword.startswith("min") else "at most"


def _abbreviate_value(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"

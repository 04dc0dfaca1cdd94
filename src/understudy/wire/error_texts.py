"""The hosted API's sentences for a request that it refuses. Knows paths, limits and values, but no type and no body.

A path is dotted and indexed (`tools[0].function.name`); the empty path is the body itself. "A decimal" is expected
and "a decimal number" received: the service words the two sides differently.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# What is quoted back of a text that a client made up; the rest of it helps nobody.
_MAX_QUOTE = 256
_NOUNS: dict[type, str] = {
    str: "a string",
    int: "an integer",
    float: "a decimal number",
    bool: "a boolean",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason to refuse a request, as the error envelope carries it. `param` is None where no member is to blame."""

    message: str
    param: str | None = None
    code: str | None = None


MALFORMED_JSON = Problem(
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library"
    " correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)


def too_deep(limit: int) -> Problem:
    return Problem(
        f"Invalid request body: nested too deeply. Expected JSON with at most {limit} levels of objects and arrays."
    )


def too_many_values(limit: str) -> Problem:
    """`limit` is `at most 300000 values`."""
    return Problem(f"Invalid request body: too large. Expected JSON with {limit}.")


def tool_choice_not_found(name: str) -> str:
    return f"Tool choice '{name}' not found in 'tools' parameter."


def missing(path: str) -> Problem:
    return Problem(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")


def unknown(path: str, similar: Iterable[str]) -> Problem:
    """`similar` are the paths that may have been meant, the likeliest first."""
    names = list(similar)
    hint = f" Did you mean {quoted_list(names, 'or')}?" if names else ""
    return Problem(f"Unknown parameter: '{path}'.{hint}", path, "unknown_parameter")


def wrong_type(path: str, expected: str, value: Any) -> Problem:
    subject = f"'{path}'" if path else "the request body"
    message = f"Invalid type for {subject}: expected {expected}, but got {noun(value)} instead."
    return Problem(message, path or None, "invalid_type")


def not_one_text(path: str) -> Problem:
    """For a field of a form that is a file or one of several."""
    return Problem(f"Invalid type for '{path}': expected one field with a text.", path, "invalid_type")


def invalid_field_name(name: str) -> Problem:
    return Problem(
        f"Invalid name of a form field: {_abbreviate(name)!r}. Expected printable characters without quotes and"
        " backslashes.",
        None,
        "invalid_value",
    )


def unsupported_value(path: str, value: str, supported: Iterable[str]) -> Problem:
    message = f"Invalid value: '{shortened(value)}'. Supported values are: {quoted_list(supported, 'and')}."
    return Problem(message, path, "invalid_value")


def above_maximum(path: str, kind: str, limit: float, value: float) -> Problem:
    """`kind` is `integer` or `decimal`."""
    return Problem(
        f"Invalid '{path}': {kind} above maximum value. Expected a value <= {limit}, but got {value} instead.",
        path,
        f"{kind}_above_max_value",
    )


def below_minimum(path: str, kind: str, limit: float, value: float) -> Problem:
    return Problem(
        f"Invalid '{path}': {kind} below minimum value. Expected a value >= {limit}, but got {value} instead.",
        path,
        f"{kind}_below_min_value",
    )


def too_long(path: str, kind: str, limit: int, length: int) -> Problem:
    """`kind` is `string` or `array`."""
    article = "an" if kind == "array" else "a"
    return Problem(
        f"Invalid '{path}': {kind} too long. Expected {article} {kind} with maximum length {limit},"
        f" but got {article} {kind} with length {length} instead.",
        path,
        f"{kind}_above_max_length",
    )


def empty(path: str, kind: str, limit: int) -> Problem:
    article = "an" if kind == "array" else "a"
    return Problem(
        f"Invalid '{path}': empty {kind}. Expected {article} {kind} with minimum length {limit},"
        f" but got an empty {kind} instead.",
        path,
        f"empty_{kind}",
    )


def pattern_mismatch(path: str, pattern: str) -> Problem:
    return Problem(
        f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '{pattern}'.",
        path,
        "invalid_value",
    )


def too_many_properties(path: str, limit: int, count: int) -> Problem:
    return Problem(
        f"Invalid '{path}': too many properties. Expected an object with at most {limit} properties,"
        f" but got an object with {count} properties instead.",
        path,
        "object_above_max_properties",
    )


def name_too_long(path: str, name: str, limit: int) -> Problem:
    """`path` is that of the object in which `name` is a key."""
    return Problem(
        f"Invalid property name in '{path}': '{_abbreviate(name)}' is too long. Expected a string with maximum length"
        f" {limit}, but got a string with length {len(name)} instead.",
        member(path, name),
        "property_name_above_max_length",
    )


def wrong_prefix(param: str, value: str, prefix: str) -> Problem:
    message = f"Invalid '{param}': '{shortened(value)}'. Expected an ID that begins with '{prefix}'."
    return Problem(message, param, "invalid_value")


def invalid_uuid(param: str, value: str) -> Problem:
    message = f"Invalid '{param}': '{shortened(value)}'. Expected a UUID, as the answer that made the object has it."
    return Problem(message, param, "invalid_value")


def duplicate(param: str) -> Problem:
    return Problem(
        f"Duplicate parameter: '{param}'. You provided multiple values for this parameter, whereas only one is"
        " allowed. If you are trying to provide a list of values, use the array syntax instead e.g."
        f" '{param}[]=<value>'.",
        param,
        "duplicate_parameter",
    )


def from_validation_error(error: Exception) -> Problem:
    """A refusal of msgspec's that has no sentence of its own here, with the path that msgspec names."""
    reason, _, place = str(error).partition(" - at ")
    path = re.sub(r"^.*\$\.?|\[\.\.\.\].*|`$", "", place)
    subject = f"'{path}'" if path else "request body"
    return Problem(f"Invalid {subject}: {reason[:1].lower()}{reason[1:]}.", path or None, "invalid_value")


def member(path: str, name: str) -> str:
    name = shortened(name)
    return f"{path}.{name}" if path else name


def noun(value: Any) -> str:
    return _NOUNS[type(value)]


def quoted_list(values: Iterable[str], conjunction: str) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`."""
    return enumeration([f"'{value}'" for value in values], conjunction)


def enumeration(items: list[str], conjunction: str) -> str:
    *others, last = items
    if len(others) > 1:
        return f"{', '.join(others)}, {conjunction} {last}"
    return f"{others[0]} {conjunction} {last}" if others else last


def shortened(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE else _abbreviate(text)


def _abbreviate(text: str) -> str:
    return f"{text[:3]}...{text[-3:]}"

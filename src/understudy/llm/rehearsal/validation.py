"""Does a value satisfy a JSON schema? The keywords that tool parameters and response formats use.

A keyword that restricts values and is not checked here raises BadSchemaError; annotations pass.

Source: JSON Schema 2020-12, "Core" and "Validation". A schema that is itself malformed raises BadSchemaError.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from understudy.llm.rehearsal import effort, patterns

Schema = dict[str, Any]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_UNSUPPORTED = {
    "$dynamicRef",
    "$recursiveRef",
    "additionalItems",
    "dependencies",
    "dependentSchemas",
    "unevaluatedItems",
}
_APPLICATORS = {"$ref", "allOf", "anyOf", "oneOf", "if"}
_MAX_EFFORT = 200_000
_MAX_DIGITS = 400
_PATTERN_EFFORT = 50
_QUOTED = 200
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63})*")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s<>\"{}|\\^`]{1,2000}")
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)


class BadSchemaError(Exception):
    """The schema is malformed, or nothing can satisfy it."""


def resolve(root: Schema | bool, ref: str) -> Schema | bool:
    """The schema that the JSON pointer `ref` (`#/$defs/node`) names in `root`."""
    effort.spend_steps(1 + len(ref) // 16)
    node: Any = root
    for step in ref.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
        node = node[int(key)] if isinstance(node, list) and key.isdecimal() else _pointer_member(node, key, ref)
    if not ref.startswith("#") or not isinstance(node, (dict, bool)):
        raise BadSchemaError(f"`$ref` {ref!r} leads nowhere")
    return node


def _pointer_member(node: Any, key: str, ref: str) -> Any:
    if not isinstance(node, dict) or key not in node:
        raise BadSchemaError(f"`$ref` {ref!r} leads nowhere")
    return node[key]


def json_equal(left: Any, right: Any) -> bool:
    """Equality as JSON knows it: 1 is 1.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    effort.spend_steps(value_cost(left) if isinstance(left, (str, list, dict)) else 1)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def value_cost(value: Any) -> int:
    """About the steps that it takes to look at a value, without what is inside of its members."""
    return 1 + len(value) // (4 if isinstance(value, str) else 1) if isinstance(value, (str, list, dict)) else 1


def has_type(value: Any, name: str) -> bool:
    if name == "integer":
        return has_type(value, "number") and value == int(value)
    return isinstance(value, _TYPES.get(name, ())) and (name == "boolean" or not isinstance(value, bool))


class SchemaValidator:
    """The rules of one root schema, against which its parts' references are resolved."""

    def __init__(self, root: Schema | bool) -> None:
        self._root = root
        self._open: list[tuple[str, Any]] = []
        self._effort = 0

    def is_valid(self, value: Any, schema: Schema | bool) -> bool:
        if isinstance(schema, bool):
            return schema
        effort.spend_steps(1 + len(schema) // 8)
        self._effort += _PATTERN_EFFORT if "pattern" in schema or "patternProperties" in schema else 1
        if self._effort > _MAX_EFFORT:
            raise BadSchemaError("it is too intricate")
        refuse_unsupported(schema)
        return (
            self._matches_enum(value, schema)
            and self._matches_type(value, schema)
            and self._matches_conditionals(value, schema)
            and self._matches_combiners(value, schema)
        )

    def _matches_enum(self, value: Any, schema: Schema) -> bool:
        names = schema.get("type", ())
        names = [names] if isinstance(names, str) else names
        if names and not any(has_type(value, name) for name in names):
            return False
        if "const" in schema and not json_equal(value, schema["const"]):
            return False
        return "enum" not in schema or any(json_equal(value, option) for option in schema["enum"])

    def _matches_type(self, value: Any, schema: Schema) -> bool:
        match value:
            case str():
                return _matches_string(value, schema)
            case bool() | None:
                return True
            case int() | float():
                return _matches_number(value, schema)
            case list():
                return self._matches_array(value, schema)
            case _:
                return self._matches_object(value, schema)

    def _matches_array(self, value: list[Any], schema: Schema) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if schema.get("uniqueItems") and any(json_equal(a, b) for i, a in enumerate(value) for b in value[:i]):
            return False
        first = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        if not all(map(self.is_valid, value, first)):
            return False
        if not all(self.is_valid(item, rest) for item in value[len(first) :]):
            return False
        return "contains" not in schema or self._contains(value, schema)

    def _contains(self, value: list[Any], schema: Schema) -> bool:
        found = sum(self.is_valid(item, schema["contains"]) for item in value)
        return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", found))

    def _matches_object(self, value: dict[str, Any], schema: Schema) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        if any(name not in value for name in schema.get("required", ())):
            return False
        needed = schema.get("dependentRequired", {})
        if any(name in value and not value.keys() >= set(names) for name, names in needed.items()):
            return False
        names = schema.get("propertyNames", True)
        return all(self.is_valid(name, names) and self._matches_member(name, value[name], schema) for name in value)

    def _matches_member(self, name: str, value: Any, schema: Schema) -> bool:
        parts = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        parts += [part for pattern, part in schema.get("patternProperties", {}).items() if found(pattern, name)]
        return all(self.is_valid(value, part) for part in parts or [unlisted(schema)])

    def _matches_conditionals(self, value: Any, schema: Schema) -> bool:
        if (ref := schema.get("$ref")) is None:
            return True
        if any(name == ref and seen is value for name, seen in self._open):
            return True  # a reference that leads back to itself adds nothing
        self._open.append((ref, value))
        accepted = self.is_valid(value, resolve(self._root, ref))
        self._open.pop()
        return accepted

    def _matches_combiners(self, value: Any, schema: Schema) -> bool:
        accepts: Callable[[Schema | bool], bool] = lambda part: self.is_valid(value, part)  # noqa: E731
        if not all(map(accepts, schema.get("allOf", ()))):
            return False
        if "anyOf" in schema and not any(map(accepts, schema["anyOf"])):
            return False
        if "oneOf" in schema and sum(map(accepts, schema["oneOf"])) != 1:
            return False
        if "not" in schema and accepts(schema["not"]):
            return False
        branch = "then" if "if" in schema and accepts(schema["if"]) else "else"
        return "if" not in schema or accepts(schema.get(branch, True))


def refuse_unsupported(schema: Schema) -> None:
    """Raises BadSchemaError for a keyword that restricts values and that no value is checked against."""
    if not _UNSUPPORTED.isdisjoint(schema):
        raise BadSchemaError(f"`{min(_UNSUPPORTED & schema.keys())}` is unsupported")
    if "unevaluatedProperties" in schema and not _APPLICATORS.isdisjoint(schema):
        raise BadSchemaError(f"`unevaluatedProperties` beside `{min(_APPLICATORS & schema.keys())}` is unsupported")


def unlisted(schema: Schema) -> Any:
    """The schema of a member that neither `properties` nor `patternProperties` name."""
    return schema.get("additionalProperties", schema.get("unevaluatedProperties", True))


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`. Raises BadSchemaError for a pattern that is unsupported or too long."""
    try:
        return patterns.matches(pattern, text)
    except patterns.UnsupportedPatternError:
        raise BadSchemaError(f"the `pattern` {pattern[:_QUOTED]!r} is unsupported") from None
    except patterns.PatternLimitError as error:
        raise BadSchemaError(str(error)) from None


def _matches_string(value: str, schema: Schema) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    if "pattern" in schema and not found(schema["pattern"], value):
        return False
    return has_format(value, schema.get("format", ""))


def _matches_number(value: float, schema: Schema) -> bool:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if (above is not None and value <= above) or (below is not None and value >= below):
        return False
    step = schema.get("multipleOf")
    return step is None or exact_fraction(value) % exact_fraction(step) == 0


def exact_fraction(number: float) -> Fraction:
    """The number as it is written, so that 0.3 is a multiple of 0.1. Raises BadSchemaError for one of many digits."""
    written = str(number)
    if len(written) > _MAX_DIGITS:
        raise BadSchemaError(f"a number has more than {_MAX_DIGITS} digits")
    return Fraction(written)


def has_format(value: str, name: str) -> bool:
    """Whether `value` has the format; a format that is not known passes."""
    try:
        return _FORMATS[name](value) if name in _FORMATS else True
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    return len(value) == 10 and bool(dt.date.fromisoformat(value))


def _is_date_time(value: str) -> bool:
    return value[10:11] in {"T", "t", " "} and _is_date(value[:10]) and bool(_TIME.fullmatch(value[11:]))


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _is_date,
    "date-time": _is_date_time,
    "time": lambda value: bool(_TIME.fullmatch(value)),
    "email": lambda value: bool(_EMAIL.fullmatch(value)),
    "uri": lambda value: bool(_URI.fullmatch(value)),
    "url": lambda value: bool(_URI.fullmatch(value)),
    "uuid": lambda value: bool(_UUID.fullmatch(value)),
    "hostname": lambda value: bool(_HOST.fullmatch(value)),
    "ipv4": lambda value: bool(ipaddress.IPv4Address(value)),
    "ipv6": lambda value: bool(ipaddress.IPv6Address(value)),
}

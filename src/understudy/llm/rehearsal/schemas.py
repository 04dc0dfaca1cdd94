"""JSON schemas as clients send them: checks for plain keywords, resolves references, validates by `jsonschema`.

Values are built for plain keywords only, and validated for all of them; those whose work cannot be bounded are refused.
Source: JSON Schema 2020-12, "Core" and "Validation". `jsonschema` is imported late: it is slow to import.
"""

import urllib.parse
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from understudy.llm.rehearsal.effort import spend_steps
from understudy.llm.rehearsal.patterns import PatternError, matches_pattern

Schema = dict[str, Any]

_SUBSCHEMA: Final = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_SUBSCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMA_MAPS: Final = ("properties", "$defs", "definitions", "dependentSchemas")
_VALUE_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(_SUBSCHEMA, (dict, bool)),
    **dict.fromkeys(("enum", "required", *_SUBSCHEMA_LISTS), list),
    **dict.fromkeys(_SUBSCHEMA_MAPS, dict),
    **dict.fromkeys(("$ref", "pattern", "format"), str),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), (int, float)),
    "type": (str, list),
    "uniqueItems": bool,
}
_UNSUPPORTED: Final = frozenset(
    {"$dynamicRef", "$recursiveRef", "patternProperties", "unevaluatedItems", "unevaluatedProperties"}
)
_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_MAX_REFERENCE_LENGTH: Final = 1_000
_KEYWORD_STEPS: Final = 10
_MAX_RECURSION: Final = 3  # how often one reference is followed inside itself
_LOWER_BOUNDS: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER_BOUNDS: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
ANNOTATIONS: Final = frozenset({"title", "description", "default", "examples", "$defs", "definitions", "$schema"})

ReferencePath = tuple[str, ...]


class SchemaError(Exception):
    """The schema is malformed or unsupported, or no value satisfies it; the text is the reason."""


def check_schema(root: Schema | bool) -> None:
    """Raises SchemaError for the first keyword that is malformed or unsupported."""
    pending: list[Any] = [root]
    while pending:
        schema = pending.pop()
        if not isinstance(schema, dict):
            continue
        spend_steps(1 + len(schema))
        if "$id" in schema and schema is not root:
            raise SchemaError("`$id` is unsupported by the rehearsal model")
        for keyword, value in schema.items():
            pending += _check_keyword(root, keyword, value)


def _check_keyword(root: Schema | bool, keyword: str, value: Any) -> list[Any]:
    """The schemas inside of the keyword."""
    inner = list(_list_subschemas(keyword, value))
    if keyword in _UNSUPPORTED:
        raise SchemaError(f"`{keyword}` is unsupported by the rehearsal model")
    is_shaped = isinstance(value, _VALUE_TYPES.get(keyword, object))
    if not is_shaped or not all(isinstance(part, (dict, bool)) for part in inner):
        raise SchemaError(f"`{keyword}` is malformed")
    if keyword == "type" and not _TYPES.issuperset([value] if isinstance(value, str) else value):
        raise SchemaError(f"{value!r} is not a `type`")
    if keyword == "$ref":
        resolve_reference(root, str(value))
    return inner


def _list_subschemas(keyword: str, value: Any) -> Iterable[Any]:
    if keyword in _SUBSCHEMA:
        return [value]
    if keyword in _SUBSCHEMA_LISTS and isinstance(value, list):
        return value
    return value.values() if keyword in _SUBSCHEMA_MAPS and isinstance(value, dict) else ()


def resolve_reference(root: Schema | bool, reference: str) -> Schema | bool:
    """The schema that the JSON pointer `reference` (`#/$defs/node`) names in `root`. Raises SchemaError."""
    if f"{reference}/"[:2] != "#/" or len(reference) > _MAX_REFERENCE_LENGTH:
        raise SchemaError(f"`$ref` {reference[:200]!r} is unsupported: only references within the schema are resolved")
    node: Any = root
    for step in urllib.parse.unquote(reference[1:]).split("/")[1:]:
        spend_steps(1)
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    if not isinstance(node, (dict, bool)):
        raise SchemaError(f"`$ref` {reference[:200]!r} is not found")
    return node


def build_validator(root: Schema | bool) -> Any:
    """A validator of `jsonschema` for `root`, whose work is counted. Never fetches a reference."""
    from referencing import Registry  # noqa: PLC0415 - see above

    validator_class, format_checker = _load_jsonschema()
    return validator_class(root, registry=Registry(), format_checker=format_checker)


@cache
def _load_jsonschema() -> tuple[Any, Any]:
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - see above
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    def check_pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterable[Any]:
        if isinstance(instance, str) and not _is_match(pattern, instance):
            yield ValidationError("the text does not match the pattern")

    checks = {**Draft202012Validator.VALIDATORS, "pattern": check_pattern}
    counted = {keyword: _count_steps(check) for keyword, check in checks.items()}
    return validators.extend(Draft202012Validator, counted), Draft202012Validator.FORMAT_CHECKER


def _count_steps(check: Callable[..., Any]) -> Callable[..., Any]:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        size = len(instance) if isinstance(instance, (list, dict)) else 0
        pairs = size * size // 8 if check.__name__ == "uniqueItems" else 0
        spend_steps(_KEYWORD_STEPS + size + pairs + (len(value) if isinstance(value, (list, dict)) else 0))
        return check(validator, value, instance, schema)

    return run


def _is_match(pattern: str, text: str) -> bool:
    try:
        return matches_pattern(pattern, text)
    except PatternError as error:
        raise SchemaError(str(error)) from None


def flatten(root: Schema | bool, schema: Schema | bool, path: ReferencePath) -> tuple[Schema, ReferencePath]:
    """The schema without `$ref` and `allOf`, and `path` with the references that were followed.

    Raises SchemaError for what no value satisfies, and for references that never end.
    """
    if isinstance(schema, bool):
        if not schema:
            raise SchemaError("nothing satisfies the schema false")
        return {}, path
    spend_steps(1 + len(schema) + len(path))
    flat = {keyword: value for keyword, value in schema.items() if keyword not in {"$ref", "allOf", "$id"}}
    parts: list[Schema | bool] = list(schema.get("allOf", ()))
    if (reference := schema.get("$ref")) is not None:
        if path.count(reference) >= _MAX_RECURSION:
            raise SchemaError(f"`$ref` {reference!r} never ends")
        path = (*path, reference)
        parts.append(resolve_reference(root, reference))
    for part in parts:
        inner, path = flatten(root, part, path)
        spend_steps(len(flat) + len(inner))
        for keyword, value in inner.items():
            flat[keyword] = _merge(keyword, flat[keyword], value) if keyword in flat else value
    return flat, path


def _merge(keyword: str, left: Any, right: Any) -> Any:
    if keyword == "required":
        return list(dict.fromkeys([*left, *right]))
    if keyword == "properties":
        return left | {name: {"allOf": [left[name], part]} if name in left else part for name, part in right.items()}
    if keyword in _LOWER_BOUNDS or keyword in _UPPER_BOUNDS:
        return max(left, right) if keyword in _LOWER_BOUNDS else min(left, right)
    if left != right and keyword not in ANNOTATIONS:
        raise SchemaError(f"`allOf` with two values of `{keyword[:40]}` is unsupported by the rehearsal model")
    return left


def split_alternatives(flat: Schema) -> list[Schema]:
    """One schema for each option of `anyOf`, `oneOf` or a list of types; empty without a choice."""
    for keyword in ("anyOf", "oneOf"):
        if keyword in flat:
            rest = {other: value for other, value in flat.items() if other != keyword}
            return [{"allOf": [rest, option]} for option in flat[keyword]]
    if isinstance(flat.get("type"), list) and "enum" not in flat and "const" not in flat:
        return [{**flat, "type": name} for name in flat["type"]]
    return []

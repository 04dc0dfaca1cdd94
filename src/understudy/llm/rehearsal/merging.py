"""Turns a schema with `$ref`, `allOf` and alternatives into flat schemas, one for each way to satisfy it."""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

from understudy.llm.rehearsal import effort
from understudy.llm.rehearsal.validation import BadSchemaError, Schema, exact_fraction, json_equal, resolve

_MAX_RECURSION = 3  # how often one reference may be followed inside itself
_COMBINERS = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else")
_CHOICES_KEY = "$choices"

ReferencePath = tuple[str, ...]


class Flattener:
    def __init__(self, root: Schema | bool) -> None:
        self._root = root

    def flatten(self, schema: Schema | bool, trail: ReferencePath) -> tuple[Schema, ReferencePath]:
        """The schema with its references and `allOf` merged in, and the trail with the references that were followed.

        Alternatives stay open for `branches`.
        """
        if isinstance(schema, bool):
            if not schema:
                raise BadSchemaError("nothing satisfies the schema false")
            return {}, trail
        effort.spend_steps(1 + len(schema) + len(trail))
        parts = [{key: value for key, value in schema.items() if key not in _COMBINERS} | _normalize_choices(schema)]
        if (ref := schema.get("$ref")) is not None:
            if trail.count(ref) >= _MAX_RECURSION:
                raise BadSchemaError(f"`$ref` {ref!r} never ends")
            trail = (*trail, ref)
            part, trail = self.flatten(resolve(self._root, ref), trail)
            parts.append(part)
        for member in schema.get("allOf", ()):
            part, trail = self.flatten(member, trail)
            parts.append(part)
        return reduce(_merge, parts), trail

    @staticmethod
    def branches(flat: Schema) -> list[Schema]:
        """One schema for each alternative; none where there is nothing to choose."""
        if choices := flat.get(_CHOICES_KEY):
            rest = {key: value for key, value in flat.items() if key != _CHOICES_KEY}
            others = [{"anyOf": options} for options in choices[1:]]
            return [{"allOf": [rest, option, *others]} for option in choices[0]]
        if isinstance(names := flat.get("type"), list):
            return [{**flat, "type": name} for name in names]
        return []


def _normalize_choices(schema: Schema) -> Schema:
    choices = [schema[word] for word in ("anyOf", "oneOf") if word in schema]
    if "if" in schema:
        choices.append([{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)])
    return {_CHOICES_KEY: choices} if choices else {}


def _merge(left: Schema, right: Schema) -> Schema:
    effort.spend_steps(1 + len(left) + len(right))
    merged = dict(left)
    for key, value in right.items():
        merged[key] = _MERGERS.get(key, _take_right)(left[key], value) if key in left else value
    return merged


def _take_right(_: Any, right: Any) -> Any:
    return right


def _intersect_types(left: Any, right: Any) -> Any:
    lefts = [left] if isinstance(left, str) else left
    rights = [right] if isinstance(right, str) else right
    shared = [name for name in lefts if name in rights]
    if "integer" in {*lefts, *rights} and "number" in {*lefts, *rights} and "integer" not in shared:
        shared.append("integer")
    if not shared:
        raise BadSchemaError(f"no value has the `type` {left!r} and {right!r}")
    return shared[0] if len(shared) == 1 else shared


def _intersect_enums(left: list[Any], right: list[Any]) -> list[Any]:
    return [value for value in left if any(json_equal(value, other) for other in right)]


def _merge_properties(left: Schema, right: Schema) -> Schema:
    effort.spend_steps(len(left) + len(right))
    return {**left, **{name: _merge_all_of(left[name], part) if name in left else part for name, part in right.items()}}


def _merge_all_of(left: Any, right: Any) -> Any:
    return {"allOf": [left, right]}


def _common_multiple(left: float, right: float) -> int | float:
    a, b = exact_fraction(left), exact_fraction(right)
    numerator, denominator = math.lcm(a.numerator, b.numerator), math.gcd(a.denominator, b.denominator)
    exact_fraction(numerator)
    return numerator if denominator == 1 else numerator / denominator


def _union(left: list[str], right: list[str]) -> list[str]:
    effort.spend_steps(len(left) + len(right))
    return list(dict.fromkeys([*left, *right]))


def _concatenate(left: list[Any], right: list[Any]) -> list[Any]:
    effort.spend_steps(len(left) + len(right))
    return [*left, *right]


_MERGERS: dict[str, Callable[[Any, Any], Any]] = {
    "type": _intersect_types,
    "enum": _intersect_enums,
    "properties": _merge_properties,
    "patternProperties": _merge_properties,
    "items": _merge_all_of,
    "contains": _merge_all_of,
    "additionalProperties": _merge_all_of,
    "required": _union,
    "multipleOf": _common_multiple,
    "uniqueItems": lambda left, right: left or right,
    _CHOICES_KEY: _concatenate,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}

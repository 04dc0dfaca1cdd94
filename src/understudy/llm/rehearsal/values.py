"""Builds a value that satisfies a JSON schema: from the message where it has one, else the plainest that fits.

Every value is validated (`schemas`) before it is used.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any, Final

from understudy.llm.rehearsal import schemas
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.effort import MAX_STEPS, EffortExceededError, spend_steps
from understudy.llm.rehearsal.patterns import PatternError, write_example
from understudy.llm.rehearsal.schemas import Schema, SchemaError

_MAX_ITEMS: Final = 1_000
_MAX_CANDIDATES: Final = 60
_MAX_SOURCE_CALLS: Final = 400
_SCHEMA_STEPS: Final = 60
_MAX_TEXT_LENGTH: Final = 20_000
_MAX_DIGITS: Final = 400
_FORMATS: Final = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T09:30:00Z",
    "time": "09:30:00Z",
    "duration": "P1D",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
}


def build_value(schema: Schema | bool, source: MessageValues) -> Any:
    """Raises SchemaError where the schema is malformed, unsupported or unsatisfiable."""
    try:
        schemas.check_schema(schema)
        return _ValueBuilder(schema, source).build(schema, _Target())
    except EffortExceededError:
        raise SchemaError(f"it takes more than {MAX_STEPS:,} steps to satisfy") from None
    except RecursionError:
        raise SchemaError("it is nested too deeply") from None
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError) as error:
        raise SchemaError(f"it is malformed: {error}") from error


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a value goes: the property's name, whether it is required, and the references followed to it."""

    name: str = ""
    is_required: bool = True
    path: schemas.ReferencePath = ()

    @property
    def is_recursive(self) -> bool:
        """Inside a reference to itself, where only required members are built so that the value ends."""
        return len(self.path) > len(set(self.path))


class _ValueBuilder:
    def __init__(self, root: Schema | bool, source: MessageValues) -> None:
        self._root = root
        self._validator = schemas.build_validator(root)
        self._source = source
        self._source_calls = 0

    def build(self, schema: Schema | bool, target: _Target) -> Any:
        flat, target = self._flatten(schema, target)
        if alternatives := schemas.split_alternatives(flat):
            return self._build_alternative(flat, alternatives, target)
        return self._choose(flat, target, self._list_plain_values(flat, target))

    def _list_plain_values(self, flat: Schema, target: _Target) -> Iterable[Any]:
        builders: dict[str, Callable[[], Iterable[Any]]] = {
            "const": lambda: [flat["const"]],
            "enum": lambda: list(flat["enum"]),
            "object": lambda: [self._build_object(flat, target)],
            "array": lambda: [self._build_array(flat, target)],
            "null": lambda: [None],
            "boolean": lambda: [False, True],
            "string": lambda: _suggest_texts(flat, target.name),
        }
        return builders.get(_infer_type(flat), lambda: _suggest_numbers(flat))()

    def _flatten(self, schema: Schema | bool, target: _Target) -> tuple[Schema, _Target]:
        spend_steps(_SCHEMA_STEPS)
        flat, path = schemas.flatten(self._root, schema, target.path)
        return flat, replace(target, path=path)

    def _is_valid(self, flat: Schema, value: Any) -> bool:
        return bool(self._validator.evolve(schema=flat).is_valid(value))

    def _build_alternative(self, flat: Schema, alternatives: list[Schema], target: _Target) -> Any:
        """The first alternative that can be satisfied, null before unknown values and inside of recursion."""
        nulls = [part for part in alternatives if self._is_null(part, target)]
        others = [part for part in alternatives if part not in nulls]
        prefers_null = target.is_recursive or not any(self._is_known(part, target) for part in others)
        fault = _unsatisfied(flat)
        for alternative in [*nulls, *others] if prefers_null else [*others, *nulls]:
            try:
                value = self.build(alternative, target)
            except SchemaError as error:
                fault = error
                continue
            if self._is_valid(flat, value):
                return value
        raise fault

    def _is_null(self, part: Schema, target: _Target) -> bool:
        try:
            return self._flatten(part, target)[0].get("type") == "null"
        except SchemaError:
            return False

    def _is_known(self, part: Schema | bool, target: _Target) -> bool:
        """Whether the message has a value for the part, or for a member of it."""
        try:
            flat, target = self._flatten(part, replace(target, is_required=False))
            if target.is_recursive or isinstance(part, bool):
                return False
            members = flat.get("properties", {}).items()
            if any(self._is_known(member, replace(target, name=name)) for name, member in members):
                return True
            if alternatives := schemas.split_alternatives(flat):
                return any(self._is_known(alternative, target) for alternative in alternatives)
            candidates = self._source_lists(flat, target) if "items" in flat else self._source_values(flat, target)
            return any(self._is_valid(flat, value) for value in islice(candidates, _MAX_CANDIDATES))
        except SchemaError:
            return False

    def _source_values(self, flat: Schema, target: _Target) -> Iterable[Any]:
        self._source_calls += 1
        if self._source_calls > _MAX_SOURCE_CALLS:
            return ()
        return self._source.values(target.name, flat, is_required=target.is_required and "default" not in flat)

    def _source_lists(self, flat: Schema, target: _Target) -> Iterator[list[Any]]:
        """The list that the message has, if any."""
        part, target = self._flatten(flat.get("items", True), target)
        candidates = self._source.items(target.name, part, is_required=target.is_required)
        values = [value for value in islice(candidates, _MAX_CANDIDATES) if self._is_valid(part, value)]
        if distinct := [value for at, value in enumerate(values) if value not in values[:at]]:
            yield distinct[: int(flat.get("maxItems", _MAX_ITEMS))]

    def _choose(self, flat: Schema, target: _Target, plain: Iterable[Any]) -> Any:
        """The first valid one of the values of the message, the schema's own default, and the plain values."""
        default = [flat["default"]] if "default" in flat else []
        for candidates in (self._source_values(flat, target), default, plain):
            for value in islice(candidates, _MAX_CANDIDATES):
                if self._is_valid(flat, value):
                    spend_steps(len(str(value)) // 4)
                    self._source.mark_used(value)
                    return value
        raise _unsatisfied(flat)

    def _build_object(self, flat: Schema, target: _Target) -> dict[str, Any]:
        properties: dict[str, Schema | bool] = flat.get("properties", {})
        required = dict.fromkeys(flat.get("required", ()))
        members: dict[str, Any] = {}
        for name, part in properties.items():
            member = _Target(name, name in required, target.path)
            if member.is_required or self._is_known(part, member):
                members[name] = self.build(part, member)
        for name in required:
            if name not in members:
                part = flat.get("additionalProperties", True)
                if part is False:
                    raise _unsatisfied(flat)
                members[name] = self.build(part, _Target(name, path=target.path))
        return members

    def _build_array(self, flat: Schema, target: _Target) -> list[Any]:
        part = flat.get("items", True)
        least, most = int(flat.get("minItems", 0)), min(int(flat.get("maxItems", _MAX_ITEMS)), _MAX_ITEMS)
        if least > most:
            raise SchemaError(f"`minItems` {least} exceeds the limit of {most}")
        values = [] if part is False else next(self._source_lists(flat, target), [])
        for value in values:
            self._source.mark_used(value)
        needs_item = target.is_required and not target.is_recursive and part is not False and most > 0
        while len(values) < max(least, int(needs_item)):
            values.append(self.build(part, replace(target, is_required=True)))
        return values


def _infer_type(flat: Schema) -> str:
    """`const`, `enum`, the schema's type, or the one that its other keywords belong to."""
    implied = {"properties": "object", "required": "object", "additionalProperties": "object", "items": "array"}
    listed: list[Any] = [keyword for keyword in ("const", "enum") if keyword in flat] or [flat.get("type")]
    return str(listed[0] or next((name for keyword, name in implied.items() if keyword in flat), "string"))


def _unsatisfied(flat: Schema) -> SchemaError:
    keywords = [f"`{keyword[:40]}`" for keyword in flat if keyword not in schemas.ANNOTATIONS]
    return SchemaError(f"no value is found that satisfies {', '.join(keywords[:12]) or 'it'}")


def _suggest_texts(flat: Schema, name: str) -> Iterator[str]:
    """Raises SchemaError for lengths and patterns above the limits."""
    least, most = int(flat.get("minLength", 0)), int(flat.get("maxLength", _MAX_TEXT_LENGTH))
    if least > _MAX_TEXT_LENGTH:
        raise SchemaError(f"`minLength` {least} exceeds the limit of {_MAX_TEXT_LENGTH} characters")
    if "pattern" in flat:
        try:
            yield write_example(flat["pattern"], least)
        except PatternError as error:
            raise SchemaError(str(error)) from None
    if flat.get("format") in _FORMATS:
        yield _FORMATS[flat["format"]]
    label = f"example {name.replace('_', ' ')}".strip()
    size = min(most, max(least, len(label)))
    yield (label * (size // len(label) + 1))[:size]


def _suggest_numbers(flat: Schema) -> Iterator[int | float]:
    """Multiples of the step from the bound that is nearest to one step; then fractions between the bounds."""
    lows = [_parse_exact(flat[keyword]) for keyword in ("minimum", "exclusiveMinimum") if keyword in flat]
    highs = [_parse_exact(flat[keyword]) for keyword in ("maximum", "exclusiveMaximum") if keyword in flat]
    step = _parse_exact(flat.get("multipleOf") or 1)
    if flat.get("type") == "integer":
        step *= step.denominator
    first, direction = 1, 1
    if lows and max(lows) > step:
        first = math.ceil(max(lows) / step)
    elif highs and min(highs) < step:
        first, direction = math.floor(min(highs) / step), -1
    yield from (_to_number(step * (first + direction * number)) for number in range(40))
    yield 0
    if lows and highs:
        yield from (_to_number(max(lows) + (min(highs) - max(lows)) * Fraction(part, 8)) for part in range(9))


def _parse_exact(number: float) -> Fraction:
    """The number as it is written, so that 0.3 is a multiple of 0.1."""
    written = str(number)
    if len(written) > _MAX_DIGITS:
        raise SchemaError(f"a number has more than {_MAX_DIGITS} digits")
    return Fraction(written)


def _to_number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)

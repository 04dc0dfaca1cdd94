"""Makes a value that satisfies a JSON schema: from a source of values where it has one, else the plainest that fits.

Every value is checked against the schema (`validation`) before it is taken. Knows no conversation; `Source` does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from understudy.llm.rehearsal import candidates, effort
from understudy.llm.rehearsal.malformed import malformed_keyword
from understudy.llm.rehearsal.merging import Flattener, ReferencePath
from understudy.llm.rehearsal.validation import (
    BadSchemaError,
    Schema,
    SchemaValidator,
    found,
    json_equal,
    unlisted,
    value_cost,
)

_MAX_NODES = 5_000  # parts of schemas that are looked at for one value
_MAX_ITEMS = 1_000
_MAX_CANDIDATES = 60
_MAX_SOURCE_VALUES = 400  # values that are looked for in what the user said; the rest are plain
_MAX_OPTIONS = 1_000  # of an enumeration, those that are looked for in what the user said
_MAX_SALTS = 300
_LISTED, _NAMED = 12, 40  # keywords in a message, and characters of each
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$defs", "definitions", "$choices"})


class ValueSource(Protocol):
    """Where values come from. `name` is the property that asks, "" at the root or inside an unnamed list."""

    def values(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values of the schema's one type for the property, best first; fewer and surer ones where not `needed`."""
        ...

    def items(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values for a list whose items have `schema`, of one type."""
        ...

    def mark_used(self, value: Any) -> None:
        """The value was used and should not be offered again."""
        ...


def make(schema: Schema | bool, source: ValueSource) -> Any:
    """Raises BadSchemaError where the schema is malformed or nothing is found to satisfy it."""
    try:
        return _ValueBuilder(schema, source).value(schema, _Target())
    except effort.EffortExceededError as error:
        raise BadSchemaError(str(error)) from None
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        # The schema is the caller's; a keyword of the wrong type surfaces wherever it is first used.
        keyword = malformed_keyword(schema)
        raise BadSchemaError(f"`{keyword}` is malformed" if keyword else f"it is malformed: {error}") from error


@dataclass(frozen=True, slots=True)
class _Target:
    """What a value is for: the property's name, whether it must be there, and the references followed to it."""

    name: str = ""
    needed: bool = True
    trail: ReferencePath = ()

    @property
    def is_repeated(self) -> bool:
        """Inside a reference to itself, where only what is required is made, so that it comes to an end."""
        return len(self.trail) > len(set(self.trail))


class _ValueBuilder:
    def __init__(self, root: Schema | bool, source: ValueSource) -> None:
        self._rules = SchemaValidator(root)
        self._flattener = Flattener(root)
        self._source = source
        self._nodes = 0
        self._asked = 0
        self._salt = 0  # asks for the n-th fitting value instead of the first, where a list wants different ones

    def value(self, schema: Schema | bool, place: _Target) -> Any:
        flat, place = self._flatten(schema, place)
        options = [flat["const"]] if "const" in flat else flat.get("enum")
        if options is not None:
            return self._first_valid(
                schema, flat, self._source_then_plain(options, {**flat, "enum": options[:_MAX_OPTIONS]}, place)
            )
        if branches := self._flattener.branches(flat):
            return self._try_branch(schema, branches, place)
        return self._build_typed(schema, flat, place)

    def _flatten(self, schema: Schema | bool, place: _Target) -> tuple[Schema, _Target]:
        self._nodes += 1
        effort.spend_steps(50)
        if self._nodes > _MAX_NODES:
            raise BadSchemaError("it is too large")
        flat, trail = self._flattener.flatten(schema, place.trail)
        return flat, replace(place, trail=trail)

    def _try_branch(self, schema: Schema | bool, branches: list[Schema], place: _Target) -> Any:
        fault = BadSchemaError("none of its alternatives can be satisfied")
        for branch in self._order_branches(branches, place):
            try:
                value = self.value(branch, place)
            except BadSchemaError as error:
                fault = error
                continue
            if self._rules.is_valid(value, schema):
                return value
        raise fault

    def _order_branches(self, branches: list[Schema], place: _Target) -> list[Schema]:
        """Null goes first where nothing is known of the value, and wherever a reference repeats itself."""
        empty = [self._is_null(branch, place) for branch in branches]
        nulls = [branch for branch, is_null in zip(branches, empty, strict=True) if is_null]
        others = [branch for branch, is_null in zip(branches, empty, strict=True) if not is_null]
        if nulls and (place.is_repeated or not any(self._is_known(branch, place) for branch in others)):
            return nulls + others
        turn = self._salt % max(1, len(others))
        return others[turn:] + others[:turn] + nulls

    def _is_null(self, branch: Schema, place: _Target) -> bool:
        try:
            flat, _ = self._flatten(branch, place)
        except BadSchemaError:
            return False
        return flat.get("type") == "null" or flat.get("const", "") is None

    def _is_known(self, part: Schema | bool, place: _Target) -> bool:
        """Whether the source has a value for the part; one with members is known by any of them."""
        try:
            flat, place = self._flatten(part, place)
            if place.is_repeated or isinstance(part, bool):
                return False
            if "properties" in flat:
                return any(
                    self._is_known(member, replace(place, name=name)) for name, member in flat["properties"].items()
                )
            if isinstance(flat.get("items"), dict):
                return any(
                    True for _ in self._source.items(place.name, self._plain_value(flat["items"], place), needed=False)
                )
            if branches := self._flattener.branches(flat):
                return any(self._is_known(branch, place) for branch in branches)
            said = self._source_values(flat, replace(place, needed=False))
            return any(self._rules.is_valid(value, part) for value in islice(said, _MAX_CANDIDATES))
        except BadSchemaError:
            return False

    def _build_typed(self, schema: Schema | bool, flat: Schema, place: _Target) -> Any:
        match _infer_type(flat):
            case "object":
                return self._require_valid(schema, flat, self._build_object(flat, place))
            case "array":
                return self._require_valid(schema, flat, self._build_array(flat, place))
            case "null":
                return self._require_valid(schema, flat, None)
            case "boolean":
                return self._first_valid(schema, flat, self._source_then_plain((False, True), flat, place))
            case "string":
                return self._first_valid(
                    schema, flat, self._source_then_plain(candidates.strings(flat, place.name), flat, place)
                )
            case "integer" | "number":
                return self._first_valid(schema, flat, self._source_then_plain(candidates.numbers(flat), flat, place))
            case unknown:
                raise BadSchemaError(f"{unknown!r} is not a `type`")

    def _source_then_plain(self, plain: Iterable[Any], flat: Schema, place: _Target) -> Iterator[Any]:
        """What the user said, the schema's own default and examples, and then plain values."""
        if not self._salt:
            yield from self._source_values(flat, place)
            yield from [flat["default"]] if "default" in flat else []
            yield from flat.get("examples", ())
        yield from plain

    def _source_values(self, flat: Schema, place: _Target) -> Iterable[Any]:
        self._asked += 1
        return self._source.values(place.name, flat, place.needed) if self._asked <= _MAX_SOURCE_VALUES else ()

    def _first_valid(self, schema: Schema | bool, flat: Schema, offered: Iterator[Any]) -> Any:
        """The first value that fits, or with a salt the one so many places later, going round where they are few."""
        fitting = (
            value for value in islice(offered, _MAX_CANDIDATES + self._salt) if self._rules.is_valid(value, schema)
        )
        picked = list(islice(fitting, self._salt + 1))
        if not picked:
            raise _unsatisfied(schema, flat)
        value = picked[self._salt % len(picked)]
        effort.spend_steps(_value_cost(value))
        self._source.mark_used(value)
        return value

    def _require_valid(self, schema: Schema | bool, flat: Schema, value: Any) -> Any:
        if not self._rules.is_valid(value, schema):
            raise _unsatisfied(schema, flat)
        return value

    def _build_object(self, flat: Schema, place: _Target) -> dict[str, Any]:
        properties: dict[str, Schema | bool] = flat.get("properties", {})
        required = dict.fromkeys(_required_names(flat))
        made = {}
        for name, part in properties.items():
            member = _Target(name, name in required, place.trail)
            if member.needed or self._is_known(part, member):
                made[name] = self.value(part, member)
        least = flat.get("minProperties", 0)
        if least > _MAX_ITEMS:
            raise BadSchemaError(f"`minProperties` {least} asks for too many properties: the limit is {_MAX_ITEMS}")
        spare = [*properties, *(f"key{number}" for number in range(1, least + 1))]
        for name in dict.fromkeys([*required, *spare]):
            if name not in made and (name in required or len(made) < least):
                part = properties.get(name, _additional_schema(flat, name))
                if part is False:
                    raise _unsatisfied(flat, flat)
                made[name] = self.value(part, _Target(name, needed=True, trail=place.trail))
        return made

    def _build_array(self, flat: Schema, place: _Target) -> list[Any]:
        first, rest = flat.get("prefixItems", []), flat.get("items", True)
        least, most = flat.get("minItems", 0), min(flat.get("maxItems", _MAX_ITEMS), _MAX_ITEMS)
        if least > most:
            raise BadSchemaError(f"`minItems` {least} asks for too many items: the most is {most}")
        made = [self.value(part, place) for part in first]
        if not first and rest is not False and not self._salt:
            made.extend(self._source_items(flat, place, most))
        if "contains" in flat:
            self._extend_array(made, flat, flat["contains"], len(made) + flat.get("minContains", 1), place)
        wanted = place.needed and not first and not place.is_repeated and rest is not False
        self._extend_array(made, flat, rest, max(least, min(most, int(wanted))), place)
        return made[:most]

    def _source_items(self, flat: Schema, place: _Target, most: int) -> list[Any]:
        part = flat.get("items", True)
        taken: list[Any] = []
        said = self._source.items(place.name, self._plain_value(part, place), place.needed)
        for value in islice(said, _MAX_CANDIDATES):
            repeated = flat.get("uniqueItems") and any(json_equal(value, other) for other in taken)
            if len(taken) < most and not repeated and self._rules.is_valid(value, part):
                taken.append(value)
        for value in taken:
            self._source.mark_used(value)
        return taken

    def _plain_value(self, part: Schema | bool, place: _Target) -> Schema:
        """The schema with its references followed and one type: the first that is not null."""
        flat, place = self._flatten(part, place)
        while branches := self._flattener.branches(flat):
            branch = next((branch for branch in branches if not self._is_null(branch, place)), branches[0])
            flat, place = self._flatten(branch, place)
        return flat

    def _extend_array(self, made: list[Any], flat: Schema, part: Schema | bool, enough: int, place: _Target) -> None:
        """Adds items up to `enough`, each another one where the list wants them unique."""
        outer = self._salt
        for salt in range(outer, outer + _MAX_SALTS + enough):
            if len(made) >= enough:
                break
            self._salt = salt
            value = self.value(part, replace(place, needed=True))
            if not flat.get("uniqueItems") or not any(json_equal(value, other) for other in made):
                made.append(value)
        self._salt = outer


def _unsatisfied(schema: Schema | bool, flat: Schema) -> BadSchemaError:
    """Names the keywords of the schema that restrict values, of which some exclude the others or are too narrow."""
    written = {} if isinstance(schema, bool) else schema
    keywords = [key for key in dict.fromkeys([*flat, *written]) if key not in _ANNOTATIONS]
    listed = ", ".join(f"`{key[:_NAMED]}`" for key in keywords[:_LISTED])
    return BadSchemaError(f"no value is found that satisfies {listed}")


def _value_cost(value: Any) -> int:
    """The steps that a value costs with all that is inside of it: what a schema repeats is an answer of any length."""
    size, open_ = 0, [value]
    while open_:
        inner = open_.pop()
        size += value_cost(inner)
        if isinstance(inner, (list, dict)):
            open_ += inner if isinstance(inner, list) else inner.values()
    return size


def _infer_type(flat: Schema) -> str:
    """The schema's type, or the one that its other keywords speak of."""
    if "type" in flat:
        return str(flat["type"])
    signs = {
        "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
        "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    return next((name for name, keywords in signs.items() if any(word in flat for word in keywords)), "string")


def _required_names(flat: Schema) -> list[str]:
    """What is required, and what that requires in turn."""
    required = list(dict.fromkeys(flat.get("required", ())))
    needs = flat.get("dependentRequired", {})
    for name in required:
        required.extend(other for other in needs.get(name, ()) if other not in required)
    return required


def _additional_schema(flat: Schema, name: str) -> Any:
    """The schema of a member that `properties` does not name."""
    for pattern, part in flat.get("patternProperties", {}).items():
        if found(pattern, name):
            return part
    return unlisted(flat)

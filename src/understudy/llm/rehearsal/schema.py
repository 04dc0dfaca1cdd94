"""Makes a value that satisfies a JSON schema: from a source of values where it has one, else the plainest that fits.

Every value is checked against the schema (`validation`) before it is taken. Knows no conversation; `Source` does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol

from understudy.llm.rehearsal import candidates, effort
from understudy.llm.rehearsal.malformed import malformed_keyword
from understudy.llm.rehearsal.merging import Flattener, Trail
from understudy.llm.rehearsal.validation import BadSchemaError, Rules, Schema, found, same, unlisted, weight

_NODES = 5_000  # parts of schemas that are looked at for one value
_ITEMS = 1_000
_CANDIDATES = 60
_ASKED = 400  # values that are looked for in what the user said; the rest are plain
_OPTIONS = 1_000  # of an enumeration, those that are looked for in what the user said
_SALTS = 300
_LISTED, _NAMED = 12, 40  # keywords in a message, and characters of each
_ANNOTATIONS = frozenset({"title", "description", "default", "examples", "$defs", "definitions", "$choices"})


class Source(Protocol):
    """Where values come from. `name` is the property that asks, "" at the root or inside an unnamed list."""

    def values(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values of the schema's one type for the property, best first; fewer and surer ones where not `needed`."""
        ...

    def items(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values for a list whose items have `schema`, of one type."""
        ...

    def took(self, value: Any) -> None:
        """The value was used and should not be offered again."""
        ...


def make(schema: Schema | bool, source: Source) -> Any:
    """Raises BadSchemaError where the schema is malformed or nothing is found to satisfy it."""
    try:
        return _Maker(schema, source).value(schema, _Place())
    except effort.EffortExceededError as error:
        raise BadSchemaError(str(error)) from None
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        # The schema is the caller's; a keyword of the wrong type surfaces wherever it is first used.
        keyword = malformed_keyword(schema)
        raise BadSchemaError(f"`{keyword}` is malformed" if keyword else f"it is malformed: {error}") from error


@dataclass(frozen=True, slots=True)
class _Place:
    """What a value is for: the property's name, whether it must be there, and the references followed to it."""

    name: str = ""
    needed: bool = True
    trail: Trail = ()

    @property
    def is_repeated(self) -> bool:
        """Inside a reference to itself, where only what is required is made, so that it comes to an end."""
        return len(self.trail) > len(set(self.trail))


class _Maker:
    def __init__(self, root: Schema | bool, source: Source) -> None:
        self._rules = Rules(root)
        self._flattener = Flattener(root)
        self._source = source
        self._nodes = 0
        self._asked = 0
        self._salt = 0  # asks for the n-th fitting value instead of the first, where a list wants different ones

    def value(self, schema: Schema | bool, place: _Place) -> Any:
        flat, place = self._flat(schema, place)
        options = [flat["const"]] if "const" in flat else flat.get("enum")
        if options is not None:
            return self._pick(schema, flat, self._said_or(options, {**flat, "enum": options[:_OPTIONS]}, place))
        if branches := self._flattener.branches(flat):
            return self._branch(schema, branches, place)
        return self._typed(schema, flat, place)

    def _flat(self, schema: Schema | bool, place: _Place) -> tuple[Schema, _Place]:
        self._nodes += 1
        effort.spend(50)
        if self._nodes > _NODES:
            raise BadSchemaError("it is too large")
        flat, trail = self._flattener.flatten(schema, place.trail)
        return flat, replace(place, trail=trail)

    def _branch(self, schema: Schema | bool, branches: list[Schema], place: _Place) -> Any:
        fault = BadSchemaError("none of its alternatives can be satisfied")
        for branch in self._ordered(branches, place):
            try:
                value = self.value(branch, place)
            except BadSchemaError as error:
                fault = error
                continue
            if self._rules.accept(value, schema):
                return value
        raise fault

    def _ordered(self, branches: list[Schema], place: _Place) -> list[Schema]:
        """Null goes first where nothing is known of the value, and wherever a reference repeats itself."""
        empty = [self._is_null(branch, place) for branch in branches]
        nulls = [branch for branch, is_null in zip(branches, empty, strict=True) if is_null]
        others = [branch for branch, is_null in zip(branches, empty, strict=True) if not is_null]
        if nulls and (place.is_repeated or not any(self._is_known(branch, place) for branch in others)):
            return nulls + others
        turn = self._salt % max(1, len(others))
        return others[turn:] + others[:turn] + nulls

    def _is_null(self, branch: Schema, place: _Place) -> bool:
        try:
            flat, _ = self._flat(branch, place)
        except BadSchemaError:
            return False
        return flat.get("type") == "null" or flat.get("const", "") is None

    def _is_known(self, part: Schema | bool, place: _Place) -> bool:
        """Whether the source has a value for the part; one with members is known by any of them."""
        try:
            flat, place = self._flat(part, place)
            if place.is_repeated or isinstance(part, bool):
                return False
            if "properties" in flat:
                return any(
                    self._is_known(member, replace(place, name=name)) for name, member in flat["properties"].items()
                )
            if isinstance(flat.get("items"), dict):
                return any(
                    True for _ in self._source.items(place.name, self._plain(flat["items"], place), needed=False)
                )
            if branches := self._flattener.branches(flat):
                return any(self._is_known(branch, place) for branch in branches)
            said = self._said(flat, replace(place, needed=False))
            return any(self._rules.accept(value, part) for value in islice(said, _CANDIDATES))
        except BadSchemaError:
            return False

    def _typed(self, schema: Schema | bool, flat: Schema, place: _Place) -> Any:
        match _type(flat):
            case "object":
                return self._checked(schema, flat, self._object(flat, place))
            case "array":
                return self._checked(schema, flat, self._array(flat, place))
            case "null":
                return self._checked(schema, flat, None)
            case "boolean":
                return self._pick(schema, flat, self._said_or((False, True), flat, place))
            case "string":
                return self._pick(schema, flat, self._said_or(candidates.strings(flat, place.name), flat, place))
            case "integer" | "number":
                return self._pick(schema, flat, self._said_or(candidates.numbers(flat), flat, place))
            case unknown:
                raise BadSchemaError(f"{unknown!r} is not a `type`")

    def _said_or(self, plain: Iterable[Any], flat: Schema, place: _Place) -> Iterator[Any]:
        """What the user said, the schema's own default and examples, and then plain values."""
        if not self._salt:
            yield from self._said(flat, place)
            yield from [flat["default"]] if "default" in flat else []
            yield from flat.get("examples", ())
        yield from plain

    def _said(self, flat: Schema, place: _Place) -> Iterable[Any]:
        self._asked += 1
        return self._source.values(place.name, flat, place.needed) if self._asked <= _ASKED else ()

    def _pick(self, schema: Schema | bool, flat: Schema, offered: Iterator[Any]) -> Any:
        """The first value that fits, or with a salt the one so many places later, going round where they are few."""
        fitting = (value for value in islice(offered, _CANDIDATES + self._salt) if self._rules.accept(value, schema))
        picked = list(islice(fitting, self._salt + 1))
        if not picked:
            raise _unsatisfied(schema, flat)
        value = picked[self._salt % len(picked)]
        effort.spend(_size(value))
        self._source.took(value)
        return value

    def _checked(self, schema: Schema | bool, flat: Schema, value: Any) -> Any:
        if not self._rules.accept(value, schema):
            raise _unsatisfied(schema, flat)
        return value

    def _object(self, flat: Schema, place: _Place) -> dict[str, Any]:
        properties: dict[str, Schema | bool] = flat.get("properties", {})
        required = dict.fromkeys(_closure(flat))
        made = {}
        for name, part in properties.items():
            member = _Place(name, name in required, place.trail)
            if member.needed or self._is_known(part, member):
                made[name] = self.value(part, member)
        least = flat.get("minProperties", 0)
        if least > _ITEMS:
            raise BadSchemaError(f"`minProperties` {least} asks for too many properties: the limit is {_ITEMS}")
        spare = [*properties, *(f"key{number}" for number in range(1, least + 1))]
        for name in dict.fromkeys([*required, *spare]):
            if name not in made and (name in required or len(made) < least):
                part = properties.get(name, _unlisted(flat, name))
                if part is False:
                    raise _unsatisfied(flat, flat)
                made[name] = self.value(part, _Place(name, needed=True, trail=place.trail))
        return made

    def _array(self, flat: Schema, place: _Place) -> list[Any]:
        first, rest = flat.get("prefixItems", []), flat.get("items", True)
        least, most = flat.get("minItems", 0), min(flat.get("maxItems", _ITEMS), _ITEMS)
        if least > most:
            raise BadSchemaError(f"`minItems` {least} asks for too many items: the most is {most}")
        made = [self.value(part, place) for part in first]
        if not first and rest is not False and not self._salt:
            made.extend(self._said_items(flat, place, most))
        if "contains" in flat:
            self._extend(made, flat, flat["contains"], len(made) + flat.get("minContains", 1), place)
        wanted = place.needed and not first and not place.is_repeated and rest is not False
        self._extend(made, flat, rest, max(least, min(most, int(wanted))), place)
        return made[:most]

    def _said_items(self, flat: Schema, place: _Place, most: int) -> list[Any]:
        part = flat.get("items", True)
        taken: list[Any] = []
        said = self._source.items(place.name, self._plain(part, place), place.needed)
        for value in islice(said, _CANDIDATES):
            repeated = flat.get("uniqueItems") and any(same(value, other) for other in taken)
            if len(taken) < most and not repeated and self._rules.accept(value, part):
                taken.append(value)
        for value in taken:
            self._source.took(value)
        return taken

    def _plain(self, part: Schema | bool, place: _Place) -> Schema:
        """The schema with its references followed and one type: the first that is not null."""
        flat, place = self._flat(part, place)
        while branches := self._flattener.branches(flat):
            branch = next((branch for branch in branches if not self._is_null(branch, place)), branches[0])
            flat, place = self._flat(branch, place)
        return flat

    def _extend(self, made: list[Any], flat: Schema, part: Schema | bool, enough: int, place: _Place) -> None:
        """Adds items up to `enough`, each another one where the list wants them unique."""
        outer = self._salt
        for salt in range(outer, outer + _SALTS + enough):
            if len(made) >= enough:
                break
            self._salt = salt
            value = self.value(part, replace(place, needed=True))
            if not flat.get("uniqueItems") or not any(same(value, other) for other in made):
                made.append(value)
        self._salt = outer


def _unsatisfied(schema: Schema | bool, flat: Schema) -> BadSchemaError:
    """Names the keywords of the schema that restrict values, of which some exclude the others or are too narrow."""
    written = {} if isinstance(schema, bool) else schema
    keywords = [key for key in dict.fromkeys([*flat, *written]) if key not in _ANNOTATIONS]
    listed = ", ".join(f"`{key[:_NAMED]}`" for key in keywords[:_LISTED])
    return BadSchemaError(f"no value is found that satisfies {listed}")


def _size(value: Any) -> int:
    """The steps that a value costs with all that is inside of it: what a schema repeats is an answer of any length."""
    size, open_ = 0, [value]
    while open_:
        inner = open_.pop()
        size += weight(inner)
        if isinstance(inner, (list, dict)):
            open_ += inner if isinstance(inner, list) else inner.values()
    return size


def _type(flat: Schema) -> str:
    """The schema's type, or the one that its other keywords speak of."""
    if "type" in flat:
        return str(flat["type"])
    signs = {
        "object": ("properties", "required", "additionalProperties", "minProperties", "patternProperties"),
        "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    return next((name for name, keywords in signs.items() if any(word in flat for word in keywords)), "string")


def _closure(flat: Schema) -> list[str]:
    """What is required, and what that requires in turn."""
    required = list(dict.fromkeys(flat.get("required", ())))
    needs = flat.get("dependentRequired", {})
    for name in required:
        required.extend(other for other in needs.get(name, ()) if other not in required)
    return required


def _unlisted(flat: Schema, name: str) -> Any:
    """The schema of a member that `properties` does not name."""
    for pattern, part in flat.get("patternProperties", {}).items():
        if found(pattern, name):
            return part
    return unlisted(flat)

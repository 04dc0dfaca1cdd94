"""Makes a value that satisfies a JSON schema: from a source of values where it has one, else the plainest that fits.

Every value is checked against the schema (`validation`) before it is taken. Knows no conversation; `Source` does.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice
from typing import Any, Protocol

from understudy.llm.rehearsal import patterns
from understudy.llm.rehearsal.merging import Flattener
from understudy.llm.rehearsal.validation import BadSchemaError, Rules, Schema, exact, has_type, same

_NODES = 3_000  # values made for one schema
_ITEMS = 1_000
_CHARACTERS = 20_000
_CANDIDATES = 60
_SALTS = 300

_FORMAT_EXAMPLES = {
    "date": ("2026-01-15", "2026-02-20", "2026-03-25"),
    "date-time": ("2026-01-15T09:30:00Z", "2026-02-20T14:00:00Z"),
    "time": ("09:30:00Z", "14:00:00Z"),
    "duration": ("P1D", "PT1H"),
    "email": ("someone@example.com", "someone.else@example.com"),
    "idn-email": ("someone@example.com",),
    "hostname": ("example.com", "www.example.com"),
    "idn-hostname": ("example.com",),
    "ipv4": ("192.0.2.1", "192.0.2.2"),
    "ipv6": ("2001:db8::1", "2001:db8::2"),
    "uri": ("https://example.com/", "https://example.com/2"),
    "url": ("https://example.com/", "https://example.com/2"),
    "uri-reference": ("https://example.com/",),
    "iri": ("https://example.com/",),
    "iri-reference": ("https://example.com/",),
    "uri-template": ("https://example.com/{id}",),
    "uuid": ("123e4567-e89b-42d3-a456-426614174000", "223e4567-e89b-42d3-a456-426614174000"),
    "json-pointer": ("/example",),
    "relative-json-pointer": ("0",),
    "regex": (".*",),
}


class Source(Protocol):
    """Where values come from. `name` is the property that asks, "" at the root or inside an unnamed list."""

    def values(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values of the schema's one type for the property, best first; fewer and surer ones where not `needed`."""
        ...

    def items(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        """Values for a list whose items have `schema`."""
        ...

    def took(self, value: Any) -> None:
        """The value was used and should not be offered again."""
        ...


def make(schema: Schema | bool, source: Source) -> Any:
    """Raises BadSchemaError where the schema is malformed or nothing is found to satisfy it."""
    try:
        return _Maker(schema, source).value(schema, "", needed=True, trail=())
    except (TypeError, ValueError, AttributeError, KeyError, RecursionError) as error:
        # The schema is the caller's; a keyword of the wrong type surfaces wherever it is first used.
        raise BadSchemaError(f"it is malformed: {error}") from error


class _Maker:
    def __init__(self, root: Schema | bool, source: Source) -> None:
        self._rules = Rules(root)
        self._flattener = Flattener(root)
        self._source = source
        self._nodes = 0
        self._salt = 0  # asks for the n-th fitting value instead of the first, where a list wants different ones

    def value(self, schema: Schema | bool, name: str, *, needed: bool, trail: tuple[str, ...]) -> Any:
        """`trail` holds the references that are being followed: inside a repeated one only what is required is made."""
        self._nodes += 1
        if self._nodes > _NODES:
            raise BadSchemaError("it is too large")
        flat, trail = self._flattener.flatten(schema, trail)
        fixed = [flat["const"]] if "const" in flat else flat.get("enum")
        if fixed is not None:
            return self._pick(schema, self._chosen(fixed, name, flat, needed))
        if branches := self._flattener.branches(flat):
            return self._branch(schema, branches, name, needed, trail)
        return self._typed(schema, flat, name, needed, trail)

    def _chosen(self, fixed: list[Any], name: str, flat: Schema, needed: bool) -> Iterator[Any]:
        if len(fixed) > 1 and not self._salt:
            yield from self._source.values(name, {**flat, "enum": fixed}, needed)
        if "default" in flat and not self._salt:
            yield flat["default"]
        yield from fixed

    def _branch(
        self, schema: Schema | bool, branches: list[Schema], name: str, needed: bool, trail: tuple[str, ...]
    ) -> Any:
        faults = [BadSchemaError("none of its alternatives can be satisfied")]
        for branch in self._ordered(branches, name, len(trail) > len(set(trail))):
            try:
                value = self.value(branch, name, needed=needed, trail=trail)
            except BadSchemaError as fault:
                faults.append(fault)
                continue
            if self._rules.accept(value, schema):
                return value
        raise faults[-1]

    def _ordered(self, branches: list[Schema], name: str, lean: bool) -> list[Schema]:
        """Null goes first where nothing is known of the value, and wherever a reference repeats itself."""
        nulls = [branch for branch in branches if branch.get("type") == "null"]
        others = [branch for branch in branches if branch.get("type") != "null"]
        known = not lean and any(self._is_known(branch, name) for branch in others)
        if nulls and not known:
            return nulls + others
        if self._salt:
            others = others[self._salt % len(others) :] + others[: self._salt % len(others)]
        return others + nulls

    def _is_known(self, branch: Schema, name: str) -> bool:
        """Whether the source has a value for the branch; one with members is tried by its members."""
        flat, _ = self._flattener.flatten(branch, ())
        if flat.get("properties"):
            return any(self._is_known(part, key) for key, part in flat["properties"].items() if part is not True)
        if isinstance(flat.get("items"), dict):
            return any(True for _ in self._source.items(name, self._plain(flat["items"]), needed=False))
        found = self._source.values(name, flat, needed=False)
        return any(self._rules.accept(value, branch) for value in islice(found, _CANDIDATES))

    def _typed(self, schema: Schema | bool, flat: Schema, name: str, needed: bool, trail: tuple[str, ...]) -> Any:
        match _type(flat):
            case "object":
                return self._checked(schema, self._object(flat, trail))
            case "array":
                return self._checked(schema, self._array(flat, name, needed, trail))
            case "null":
                return None
            case "boolean":
                return self._pick(schema, self._scalars(flat, name, needed, iter((False, True))))
            case "string":
                return self._pick(schema, self._scalars(flat, name, needed, _strings(flat, name)))
            case "integer" | "number":
                return self._pick(schema, self._scalars(flat, name, needed, _numbers(flat)))
            case unknown:
                raise BadSchemaError(f"{unknown!r} is not a type")

    def _scalars(self, flat: Schema, name: str, needed: bool, plain: Iterator[Any]) -> Iterator[Any]:
        if not self._salt:
            yield from self._source.values(name, flat, needed)
            yield from [flat["default"]] if "default" in flat else []
            yield from flat.get("examples", ())
        yield from plain

    def _pick(self, schema: Schema | bool, candidates: Iterator[Any]) -> Any:
        """The first candidate that fits, or with a salt the one so many places later, or the last there is."""
        fitting = (value for value in islice(candidates, _CANDIDATES + self._salt) if self._rules.accept(value, schema))
        found = list(islice(fitting, self._salt + 1))
        if not found:
            raise BadSchemaError("no value is found that fits all its rules")
        self._source.took(found[-1])
        return found[-1]

    def _checked(self, schema: Schema | bool, value: Any) -> Any:
        if not self._rules.accept(value, schema):
            raise BadSchemaError("no value is found that fits all its rules")
        return value

    def _object(self, flat: Schema, trail: tuple[str, ...]) -> dict[str, Any]:
        properties: dict[str, Schema | bool] = flat.get("properties", {})
        required = _closure(flat)
        made = {}
        for name, part in properties.items():
            if name in required or (len(trail) == len(set(trail)) and self._is_offered(part, name)):
                made[name] = self.value(part, name, needed=name in required, trail=trail)
        for name in required:
            if name not in properties:
                made[name] = self.value(self._unlisted(flat, name), name, needed=True, trail=trail)
        self._reach_least(made, flat, trail)
        return made

    def _is_offered(self, part: Schema | bool, name: str) -> bool:
        try:
            return not isinstance(part, bool) and self._is_known(part, name)
        except BadSchemaError:
            return False

    def _reach_least(self, made: dict[str, Any], flat: Schema, trail: tuple[str, ...]) -> None:
        """Adds members up to `minProperties`."""
        least = flat.get("minProperties", 0)
        if least > _ITEMS:
            raise BadSchemaError("it asks for too many properties")
        spare = [*flat.get("properties", {}), *(f"key{number}" for number in range(1, least + 1))]
        for name in spare:
            if len(made) >= least:
                return
            if name not in made:
                part = flat.get("properties", {}).get(name, self._unlisted(flat, name))
                made[name] = self.value(part, name, needed=True, trail=trail)

    @staticmethod
    def _unlisted(flat: Schema, name: str) -> Schema | bool:
        """The schema of a member that `properties` does not name."""
        for pattern, part in flat.get("patternProperties", {}).items():
            if patterns.matches(pattern, name):
                return part  # type: ignore[no-any-return]
        return flat.get("additionalProperties", True)  # type: ignore[no-any-return]

    def _array(self, flat: Schema, name: str, needed: bool, trail: tuple[str, ...]) -> list[Any]:
        first, rest = flat.get("prefixItems", []), flat.get("items", True)
        made = [self.value(part, name, needed=needed, trail=trail) for part in first]
        least, most = flat.get("minItems", 0), min(flat.get("maxItems", _ITEMS), _ITEMS)
        if least > most:
            raise BadSchemaError("it asks for too many items")
        if not first and rest is not False and not self._salt:
            made.extend(self._offered_items(flat, name, needed, most))
        lean = len(trail) > len(set(trail))
        enough = max(least, 1 if needed and not first and not lean and rest is not False and most else 0)
        if "contains" in flat:
            self._add_distinct(made, flat, flat["contains"], len(made) + flat.get("minContains", 1), name, trail)
        self._add_distinct(made, flat, rest, enough, name, trail)
        return made[: max(most, least)]

    def _offered_items(self, flat: Schema, name: str, needed: bool, most: int) -> list[Any]:
        part = flat.get("items", True)
        taken: list[Any] = []
        for value in islice(self._source.items(name, self._plain(part), needed), _CANDIDATES):
            repeated = flat.get("uniqueItems") and any(same(value, other) for other in taken)
            if len(taken) < most and not repeated and self._rules.accept(value, part):
                taken.append(value)
        for value in taken:
            self._source.took(value)
        return taken

    def _plain(self, part: Schema | bool) -> Schema:
        """The schema with its references followed and one type: the first that is not null."""
        flat, trail = self._flattener.flatten(part, ())
        while branches := self._flattener.branches(flat):
            branch = next((branch for branch in branches if branch.get("type") != "null"), branches[0])
            flat, trail = self._flattener.flatten(branch, trail)
        return flat

    def _add_distinct(
        self, made: list[Any], flat: Schema, part: Schema | bool, enough: int, name: str, trail: tuple[str, ...]
    ) -> None:
        """Adds items up to `enough`, each another one where the list wants them unique."""
        outer = self._salt
        for salt in range(outer, outer + _SALTS + enough):
            if len(made) >= enough:
                break
            self._salt = salt
            value = self.value(part, name, needed=True, trail=trail)
            if not flat.get("uniqueItems") or not any(same(value, other) for other in made):
                made.append(value)
        self._salt = outer


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


def _strings(flat: Schema, name: str) -> Iterator[str]:
    least, most = flat.get("minLength", 0), flat.get("maxLength", _CHARACTERS)
    if least > _CHARACTERS:
        raise BadSchemaError("it asks for too long a text")
    if "pattern" in flat:
        yield from _patterned(flat["pattern"], least)
    yield from _FORMAT_EXAMPLES.get(flat.get("format", ""), ())
    yield from _padded_formats(flat.get("format", ""), least)
    label = f"example {name.replace('_', ' ')}".strip()
    for number in range(1, _ITEMS):
        ending = "" if number == 1 else f" {number}"
        padded = (label * (least // len(label) + 1)) if least > len(label) else label
        room = min(most, max(least, len(label) + len(ending)))
        yield padded[: max(0, room - len(ending))] + ending if len(ending) <= room else ending[-room:] if room else ""


def _patterned(pattern: str, least: int) -> Iterator[str]:
    try:
        shortest = patterns.example(pattern)
        for extra in (0, 1, 2, max(0, least - len(shortest)), least):
            yield patterns.example(pattern, extra=extra)
        for salt in range(1, _SALTS):
            yield patterns.example(pattern, salt, max(0, least - len(shortest)))
    except patterns.UnsupportedPatternError:
        return


def _padded_formats(name: str, least: int) -> Iterator[str]:
    if name in {"email", "idn-email"}:
        yield "a" * max(1, least - 4) + "@b.c"
        yield "a@b.c"
    if name in {"uri", "url", "iri", "uri-reference"}:
        yield "https://example.com/" + "a" * max(0, least - 20)
        yield "a:b"


def _numbers(flat: Schema) -> Iterator[int | float]:
    """Candidates near the bounds, on the grid of `multipleOf`, the plainest first."""
    low, high = _bounds(flat)
    step = exact(flat["multipleOf"]) if flat.get("multipleOf") else None
    whole = flat.get("type") == "integer"
    if whole or step is None:
        grid = step or Fraction(1)
        grid = grid * grid.denominator if whole else grid
        yield from map(_plain, _on_grid(grid, low, high))
    if step is not None and not whole:
        # Validators divide floats; prefer a multiple whose quotient comes out whole there too.
        near = list(map(_plain, _on_grid(step, low, high)))
        yield from sorted(near, key=lambda value: not (value / float(step)).is_integer())
    elif low is not None and high is not None:
        yield from (_plain(low + (high - low) * Fraction(part, 8)) for part in range(9))


def _on_grid(step: Fraction, low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    """Multiples of `step` within the bounds: from one step upwards, or from the bound that is nearest to it."""
    first, direction = 1, 1
    if low is not None and low > step:
        first = math.ceil(low / step)
    elif high is not None and high < step:
        first, direction = math.floor(high / step), -1
    for number in range(_ITEMS):
        value = step * (first + direction * number)
        if (low is not None and value < low) or (high is not None and value > high):
            break
        yield value
    if low is None or low <= 0:
        yield Fraction(0)


def _bounds(flat: Schema) -> tuple[Fraction | None, Fraction | None]:
    lows = [exact(flat[word]) for word in ("minimum", "exclusiveMinimum") if has_type(flat.get(word), "number")]
    highs = [exact(flat[word]) for word in ("maximum", "exclusiveMaximum") if has_type(flat.get(word), "number")]
    return max(lows, default=None), min(highs, default=None)


def _plain(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)

"""The plain values that a schema for a text or a number admits, where nobody has said one. The plainest come first.

They are candidates: near the bounds, in the format, after the pattern. Whether one fits is judged elsewhere.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

from understudy.llm.rehearsal import patterns
from understudy.llm.rehearsal.validation import BadSchemaError, Schema, exact_fraction, has_type

_MAX_CHARACTERS = 20_000
_MAX_VARIANTS = 300
_MAX_MULTIPLES = 1_000

_FORMATS: dict[str, Callable[[int], str]] = {
    "date": lambda n: f"2026-{1 + n // 28 % 12:02}-{1 + (14 + n) % 28:02}",
    "date-time": lambda n: f"2026-{1 + n // 28 % 12:02}-{1 + (14 + n) % 28:02}T09:30:00Z",
    "time": lambda n: f"{9 + n // 60 % 15:02}:{(30 + n) % 60:02}:00Z",
    "duration": lambda n: f"P{n + 1}D",
    "hostname": lambda n: f"example{n + 1 if n else ''}.com",
    "ipv4": lambda n: f"192.0.{2 + n // 250}.{1 + n % 250}",
    "ipv6": lambda n: f"2001:db8::{n + 1:x}",
    "uuid": lambda n: f"{0x123E4567 + n:08x}-e89b-42d3-a456-426614174000",
    "json-pointer": lambda n: f"/example{n + 1 if n else ''}",
    "relative-json-pointer": str,
    "regex": lambda n: "." * n + ".*",
    "uri-template": lambda n: f"https://example.com/{n or ''}{{id}}",
    **dict.fromkeys(("email", "idn-email"), lambda n: f"someone{n + 1 if n else ''}@example.com"),
    **dict.fromkeys(
        ("uri", "url", "iri", "uri-reference", "iri-reference"), lambda n: f"https://example.com/{n or ''}"
    ),
}


def strings(flat: Schema, name: str) -> Iterator[str]:
    least, most = flat.get("minLength", 0), flat.get("maxLength", _MAX_CHARACTERS)
    if least > _MAX_CHARACTERS:
        raise BadSchemaError(f"`minLength` {least} asks for too long a text: the limit is {_MAX_CHARACTERS}")
    if "pattern" in flat:
        yield from _pattern_candidates(flat["pattern"], least)
    yield from _format_candidates(flat.get("format", ""), least)
    label = f"example {name.replace('_', ' ')}".strip()
    for number in range(1, _MAX_MULTIPLES):
        yield _fit_length(label, "" if number == 1 else f" {number}", least, most)


def _fit_length(label: str, ending: str, least: int, most: int) -> str:
    """The label, repeated or cut so that it has between `least` and `most` characters together with its ending."""
    room = min(most, max(least, len(label) + len(ending)))
    if len(ending) > room:
        return ending[len(ending) - room :]
    repeated = label * (room // len(label) + 1) if room > len(label) + len(ending) else label
    return repeated[: room - len(ending)] + ending


def _pattern_candidates(pattern: str, least: int) -> Iterator[str]:
    try:
        shortest = patterns.example(pattern)
        missing = max(0, least - len(shortest))
        for extra in (0, 1, 2, missing, least):
            yield patterns.example(pattern, extra=extra)
        for salt in (patterns.MIXED_SALT, *range(1, _MAX_VARIANTS)):
            yield patterns.example(pattern, salt, missing)
    except patterns.UnsupportedPatternError:
        return
    except patterns.PatternLimitError as error:
        raise BadSchemaError(str(error)) from None


def _format_candidates(name: str, least: int) -> Iterator[str]:
    if name not in _FORMATS:
        return
    yield _FORMATS[name](0)
    if name in {"email", "idn-email"}:
        yield from ("a" * max(1, least - 4) + "@b.c", "a@b.c")
    if name in {"uri", "url", "iri", "uri-reference", "iri-reference"}:
        yield from ("https://example.com/" + "a" * max(1, least - 20), "a:b")
    yield from map(_FORMATS[name], range(1, _MAX_VARIANTS))


def numbers(flat: Schema) -> Iterator[int | float]:
    """Candidates near the bounds, on the grid of `multipleOf`, the plainest first."""
    low, high = _bounds(flat)
    step = exact_fraction(flat["multipleOf"]) if flat.get("multipleOf") else None
    whole = flat.get("type") == "integer"
    if whole or step is None:
        grid = step or Fraction(1)
        grid = grid * grid.denominator if whole else grid
        yield from map(_to_number, _multiples(grid, low, high))
    if step is not None and not whole:
        # Validators divide floats; prefer a multiple whose quotient comes out whole there too.
        near = list(map(_to_number, _multiples(step, low, high)))
        yield from sorted(near, key=lambda value: not (value / float(step)).is_integer())
    elif low is not None and high is not None:
        yield from (_to_number(low + (high - low) * Fraction(part, 8)) for part in range(9))


def _multiples(step: Fraction, low: Fraction | None, high: Fraction | None) -> Iterator[Fraction]:
    """Multiples of `step` within the bounds: from one step upwards, or from the bound that is nearest to it."""
    first, direction = 1, 1
    if low is not None and low > step:
        first = math.ceil(low / step)
    elif high is not None and high < step:
        first, direction = math.floor(high / step), -1
    for number in range(_MAX_MULTIPLES):
        value = step * (first + direction * number)
        if (low is not None and value < low) or (high is not None and value > high):
            break
        yield value
    if low is None or low <= 0:
        yield Fraction(0)


def _bounds(flat: Schema) -> tuple[Fraction | None, Fraction | None]:
    lows = [
        exact_fraction(flat[word]) for word in ("minimum", "exclusiveMinimum") if has_type(flat.get(word), "number")
    ]
    highs = [
        exact_fraction(flat[word]) for word in ("maximum", "exclusiveMaximum") if has_type(flat.get(word), "number")
    ]
    return max(lows, default=None), min(highs, default=None)


def _to_number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)

"""The plain values that a schema for a text or a number admits, where nobody has said one. The plainest come first.

They are candidates: near the bounds, in the format, after the pattern. Whether one fits is judged elsewhere.
"""

import math
from collections.abc import Iterator
from fractions import Fraction

from understudy.llm.rehearsal import patterns
from understudy.llm.rehearsal.validation import BadSchemaError, Schema, exact, has_type

_CHARACTERS = 20_000
_VARIANTS = 300
_MULTIPLES = 1_000

_FORMATS = {
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


def strings(flat: Schema, name: str) -> Iterator[str]:
    least, most = flat.get("minLength", 0), flat.get("maxLength", _CHARACTERS)
    if least > _CHARACTERS:
        raise BadSchemaError("it asks for too long a text")
    if "pattern" in flat:
        yield from _patterned(flat["pattern"], least)
    yield from _FORMATS.get(flat.get("format", ""), ())
    yield from _padded_formats(flat.get("format", ""), least)
    label = f"example {name.replace('_', ' ')}".strip()
    for number in range(1, _MULTIPLES):
        ending = "" if number == 1 else f" {number}"
        padded = (label * (least // len(label) + 1)) if least > len(label) else label
        room = min(most, max(least, len(label) + len(ending)))
        yield padded[: max(0, room - len(ending))] + ending if len(ending) <= room else ending[-room:] if room else ""


def _patterned(pattern: str, least: int) -> Iterator[str]:
    try:
        shortest = patterns.example(pattern)
        missing = max(0, least - len(shortest))
        for extra in (0, 1, 2, missing, least):
            yield patterns.example(pattern, extra=extra)
        for salt in (patterns.MIXED, *range(1, _VARIANTS)):
            yield patterns.example(pattern, salt, missing)
    except patterns.UnsupportedPatternError:
        return


def _padded_formats(name: str, least: int) -> Iterator[str]:
    if name in {"email", "idn-email"}:
        yield "a" * max(1, least - 4) + "@b.c"
        yield "a@b.c"
    if name in {"uri", "url", "iri", "uri-reference"}:
        yield "https://example.com/" + "a" * max(0, least - 20)
        yield "a:b"


def numbers(flat: Schema) -> Iterator[int | float]:
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
    for number in range(_MULTIPLES):
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

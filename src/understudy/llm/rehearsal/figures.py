"""Programs that draw with matplotlib: curves of formulas, charts of numbers that the message gives, plain shapes."""

import re
from collections.abc import Callable, Sequence

from understudy.llm.rehearsal import formulas, listing
from understudy.llm.rehearsal.formulas import Formula
from understudy.llm.rehearsal.script import Script

_DRAWN = re.compile(
    r"\b(?:plot|plots|plotting|draw|drawing|graph|graphs|sketch|visuali[sz]e|histogram|charts?|figure"
    r"|(?:bar|pie|line|scatter)[ -]?(?:chart|plot|graph))\b",
    re.IGNORECASE,
)
_END = r"[-\u2212]?\s?[\d.]*\s?\*?(?:pi|\u03c0)?"
_BOUNDS = re.compile(
    rf"\b(?:from|between|for|in|on|over|with|range)\b[^\d\-\u2212\u03c0p\n]{{0,24}}?(?P<low>{_END})\s*"
    rf"(?:to|and|,|\.\.+|<=?\s*[a-z]\s*<=?|\u2264\s*[a-z]\s*\u2264|until)\s*(?P<high>{_END})(?![\w(])",
    re.IGNORECASE,
)
_SAVED = re.compile(r"\b([\w-]{1,60}\.(?:png|jpe?g|svg|pdf))\b", re.IGNORECASE)
_TITLE = re.compile(
    r"\b(?:titled|title(?:d)?(?: it)?|called)[: ]+[\"'\u201c]([^\"'\u201d\n]{1,100})[\"'\u201d]", re.IGNORECASE
)
_KIND = re.compile(r"\b(bar|pie|line|scatter|histogram)\b", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"\b(?:a|an|any|some|simple|example|sample|random)\s+(?:\w+\s+){0,2}(?:plot|chart|graph|figure|curve)\b"
    r"|\bplot something\b",
    re.IGNORECASE,
)
_FILE = re.compile(r"\b(?:csv|xlsx?|excel|spreadsheet|dataset|data ?set|data|file|table|column)s?\b", re.IGNORECASE)
_SHAPES = {
    "circle": """angle = np.linspace(0, 2 * np.pi, 200)
plt.fill(np.cos(angle), np.sin(angle), alpha=0.6)""",
    "square": "plt.fill([0, 1, 1, 0], [0, 0, 1, 1], alpha=0.6)",
    "triangle": "plt.fill([0, 1, 0.5], [0, 0, 0.87], alpha=0.6)",
    "star": """angle = np.pi / 2 + np.arange(10) * np.pi / 5
radius = np.where(np.arange(10) % 2, 0.4, 1.0)
plt.fill(radius * np.cos(angle), radius * np.sin(angle), alpha=0.6)""",
    "heart": """angle = np.linspace(0, 2 * np.pi, 400)
height = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
plt.fill(16 * np.sin(angle) ** 3, height, color='red', alpha=0.6)""",
    "spiral": """angle = np.linspace(0, 6 * np.pi, 600)
plt.plot(angle * np.cos(angle), angle * np.sin(angle))""",
}
_SHAPE = re.compile(rf"\b({'|'.join(_SHAPES)})s?\b", re.IGNORECASE)
_CHARTS = {
    "pie": "plt.pie(values, labels=labels, autopct='%1.1f%%')",
    "line": "plt.plot(labels, values, marker='o')",
    "scatter": "plt.scatter(labels, values)",
}
_BAR = "plt.bar(labels, values)"
_FROM_ZERO = frozenset({"log", "ln", "sqrt", "log10", "log2"})
_PLOTTING = "import matplotlib.pyplot as plt"
_NUMBERS = "import numpy as np"
_SIZE = "plt.figure(figsize=(8, 5))"
_MOST_CURVES = 4

_TABLED = """import math

low, high = {low}, {high}
for step in range(11):
    {variable} = low + (high - low) * step / 10
    print(f'{{{variable}:.4g}}', f'{{{curve}:.4g}}')"""


def drawn(text: str) -> Script | None:
    """A program, None where nothing is to be drawn that can be drawn from the text alone."""
    if not _DRAWN.search(text):
        return None
    return next((script for draw in _DRAWINGS if (script := draw(text)) is not None), None)


def _curves(text: str) -> Script | None:
    found = [f for f in formulas.find(_BOUNDS.sub(" ; ", text)) if f.is_curve and (f.calculates or f.is_equation)]
    return _curved(text, found[:_MOST_CURVES]) if found else None


def _example(text: str) -> Script | None:
    return _curved("", formulas.find("sin(x)")) if _EXAMPLE.search(text) and not _FILE.search(text) else None


def _curved(text: str, curves: Sequence[Formula]) -> Script:
    variable = next(part for part in curves[0].parts[-1] if part in curves[0].variables)
    curves = [curve for curve in curves if variable in curve.parts[-1]]
    low, high = _range(text, curves)
    lines = [_PLOTTING, _NUMBERS, "", f"{variable} = np.linspace({low}, {high}, 500)", _SIZE]
    lines += [f"plt.plot({variable}, {curve.numpy()}, label={curve.said!r})" for curve in curves]
    lines += _framed(_title(text) or ", ".join(curve.said for curve in curves), variable, "y")
    lines += ["plt.legend()"] if len(curves) > 1 else []
    low, high = low.replace("np.", "math."), high.replace("np.", "math.")
    simpler = _TABLED.format(low=low, high=high, variable=variable, curve=curves[0].math())
    return Script("\n".join([*lines, *_shown(text)]), simpler)


def _range(text: str, curves: Sequence[Formula]) -> tuple[str, str]:
    for match in _BOUNDS.finditer(text):
        low, high = _bound(match["low"]), _bound(match["high"])
        if low and high:
            return low, high
    return ("0.01", "10") if any(_FROM_ZERO & {*curve.parts[-1]} for curve in curves) else ("-10", "10")


def _bound(text: str) -> str | None:
    found = formulas.find(text)
    return found[0].numpy() if len(found) == 1 and not found[0].variables else None


def _points(text: str) -> Script | None:
    found = listing.points(text)
    return _chart(text, [x for x, _ in found], [y for _, y in found], _kind(text, "scatter")) if found else None


def _labelled(text: str) -> Script | None:
    found = listing.pairs(text)
    return _chart(text, [label for label, _ in found], [n for _, n in found], _kind(text, "bar")) if found else None


def _chart(text: str, labels: Sequence[str | int | float], values: Sequence[int | float], kind: str) -> Script:
    lines = [_PLOTTING, "", f"labels = {labels!r}", f"values = {values!r}", _SIZE, _CHARTS.get(kind, _BAR)]
    title = _title(text) or f"{kind.capitalize()} chart"
    lines += [f"plt.title({title!r})"] if kind == "pie" else _framed(title, *_axes(labels))
    simpler = f"for label, value in zip({labels!r}, {values!r}):\n    print(label, value)"
    return Script("\n".join([*lines, *_shown(text)]), simpler)


def _axes(labels: Sequence[str | int | float]) -> tuple[str, str]:
    return ("Category", "Value") if all(isinstance(label, str) for label in labels) else ("x", "y")


def _numbers(text: str) -> Script | None:
    numbers, kind = listing.numbers(text), _kind(text, "line")
    if not numbers:
        return None
    if kind != "histogram":
        return _chart(text, [*range(1, len(numbers) + 1)], numbers, kind)
    lines = [_PLOTTING, "", f"values = {numbers!r}", _SIZE, "plt.hist(values, bins='auto', edgecolor='white')"]
    lines += _framed(_title(text) or "Histogram", "Value", "Count")
    return Script("\n".join([*lines, *_shown(text)]), f"print({numbers!r})")


def _shape(text: str) -> Script | None:
    match = _SHAPE.search(text)
    if match is None:
        return None
    name = match[1].lower()
    lines = [_PLOTTING, _NUMBERS, "", "plt.figure(figsize=(5, 5))", _SHAPES[name]]
    lines += [f"plt.title({name.capitalize()!r})", "plt.axis('equal')"]
    return Script("\n".join([*lines, *_shown(text)]))


_DRAWINGS: tuple[Callable[[str], Script | None], ...] = (_curves, _points, _labelled, _numbers, _shape, _example)


def _kind(text: str, usual: str) -> str:
    match = _KIND.search(text)
    return match[1].lower() if match else usual


def _framed(title: str, x: str, y: str) -> list[str]:
    return [f"plt.title({title!r})", f"plt.xlabel({x!r})", f"plt.ylabel({y!r})", "plt.grid(True)"]


def _title(text: str) -> str | None:
    match = _TITLE.search(text)
    return match[1].strip() if match else None


def _shown(text: str) -> list[str]:
    """Saves the figure where a file is named, and shows it."""
    match = _SAVED.search(text)
    saved = [f"plt.savefig({f'/mnt/data/{match[1]}'!r})"] if match else []
    return [*saved, "plt.show()"]

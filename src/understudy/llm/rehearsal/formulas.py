"""Finds mathematical expressions in a text, and writes them as Python. Works nothing out.

An expression is rebuilt from known tokens only, so that nothing else of a text gets into a program.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from understudy.llm.rehearsal.words import listed

_SIGNS = {
    "\u2212": "-",
    "\u2013": "-",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u00f7": "/",
    "\u03c0": "pi",
    "\u221a": "sqrt",
    "\u00b2": "^2",
    "\u00b3": "^3",
    "\u03b8": "t",
}
_PYTHON = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
_FUNCTIONS = frozenset(_PYTHON) | listed(
    "sin cos tan asin acos atan sinh cosh tanh exp sqrt log log10 log2 abs floor ceil"
)
_VARIABLES = "xyztuvn"
_NUMPY = {"asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan"}
_SYMPY = {"abs": "sympy.Abs", "ceil": "sympy.ceiling", "e": "sympy.E"}
_MATH = {"abs": "abs"}
_NAMES = "|".join(sorted([*_FUNCTIONS, "pi"], key=len, reverse=True))
_TOKEN = re.compile(
    r"(?P<number>\d{1,30}(?:\.\d{1,20})?|\.\d{1,20})"
    rf"|(?P<name>(?:{_NAMES})(?![A-Za-z_])|(?:{_NAMES})(?=\())"
    rf"|(?P<variable>[{_VARIABLES}](?![A-Za-z'\u2019]))"
    r"|(?P<e>(?<![A-Za-z])e(?=\s*(?:\^|\*\*)))"
    r"|(?P<sign>\*\*|[-+*/^()=!])|(?P<space>[ \t]+)"
)
_PRODUCT = re.compile(rf"(?<![A-Za-z])[{_VARIABLES}]{{2,3}}(?![A-Za-z])(?=\s*[-+*/^=)]|\s*$)")
_WORDS: list[tuple[re.Pattern[str], str]] = [
    (re.compile(r"\b(?:the )?square root of\b", re.IGNORECASE), "sqrt "),
    (re.compile(r"\bto the power of\b", re.IGNORECASE), "^"),
    (re.compile(r"\bto the (\d{1,3})(?:th|rd|nd|st) power\b", re.IGNORECASE), r"^\1"),
    (re.compile(r"\b(?:multiplied by|times)\b", re.IGNORECASE), "*"),
    (re.compile(r"\bdivided by\b", re.IGNORECASE), "/"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b", re.IGNORECASE), "-"),
    (re.compile(r"\s{1,3}squared\b", re.IGNORECASE), "^2"),
    (re.compile(r"\s{1,3}cubed\b", re.IGNORECASE), "^3"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
]
_LONGEST = 300
_MOST = 8
_LARGEST_POWER = 10_000
_LARGEST_FACTORIAL = 5_000
_MOST_POWERS = 6
_PARENTHESES = 30
_NEVER_FIRST = frozenset({"*", "/", "^", "**", "=", ")", "!"})
_NEVER_LAST = frozenset({"+", "-", "*", "/", "^", "**", "=", "("})
_OPENING = frozenset({"(", "**", " + ", " - ", " * ", " / "})


@dataclass(frozen=True, slots=True)
class Formula:
    """`said` is how it was written; an equation has both of its sides in `parts`."""

    said: str
    parts: tuple[tuple[str, ...], ...]

    @property
    def variables(self) -> list[str]:
        found = (token for part in self.parts for token in part if len(token) == 1 and token in _VARIABLES)
        return list(dict.fromkeys(found))

    @property
    def is_equation(self) -> bool:
        return len(self.parts) == 2

    @property
    def calculates(self) -> bool:
        """Whether there is anything to work out, and not just a number."""
        return any(len(part) > 2 or "!" in part for part in self.parts)

    @property
    def is_curve(self) -> bool:
        """Whether its last side can be drawn over one variable."""
        return "!" not in self.parts[-1] and len({*self.parts[-1]} & {*_VARIABLES}) == 1

    def numpy(self, side: int = -1) -> str:
        return _written(self.parts[side], "np.", _NUMPY)

    def math(self, side: int = -1) -> str:
        return _written(self.parts[side], "math.", _MATH)

    def sympy(self, side: int = -1) -> str:
        return _written(self.parts[side], "sympy.", _SYMPY)


def find(text: str) -> list[Formula]:
    """The formulas of the text in their order, a single number or variable among them."""
    for pattern, sign in _WORDS:
        text = pattern.sub(sign, text)
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = _PRODUCT.sub(lambda match: "*".join(match[0]), text)
    found = (_formula(run) for run in _runs(text))
    return [formula for formula in found if formula is not None][:_MOST]


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Tokens that stand together."""
    run: list[re.Match[str]] = []
    at = 0
    while at < len(text):
        match = None if not run and _is_inside_word(text, at) else _TOKEN.match(text, at)
        if match is not None:
            run.append(match)
            at = match.end()
            continue
        if run:
            yield run
        run = []
        at += 1
        while at < len(text) and text[at].isalpha() and text[at - 1].isalpha():
            at += 1
    if run:
        yield run


def _is_inside_word(text: str, at: int) -> bool:
    return at > 0 and text[at].isalnum() and (text[at - 1].isalpha() or text[at - 1] == "_")


def _formula(run: list[re.Match[str]]) -> Formula | None:
    run = _trimmed(run)
    parts = [match[0] for match in run if match.lastgroup != "space"]
    said = "".join(match[0] for match in run)
    if not parts or len(said) > _LONGEST or parts.count("(") > _PARENTHESES or parts.count("=") > 1:
        return None
    sides = [parts[: parts.index("=")], parts[parts.index("=") + 1 :]] if "=" in parts else [parts]
    joined = tuple(tuple(_joined(side)) for side in sides)
    return Formula(said, joined) if all(map(_is_sound, joined)) else None


def _trimmed(run: list[re.Match[str]]) -> list[re.Match[str]]:
    """Without signs that join nothing, and parentheses that were opened before."""
    run = list(run)
    while run and (run[0].lastgroup == "space" or run[0][0] in _NEVER_FIRST):
        run.pop(0)
    opened = sum(match[0] == "(" for match in run)
    closed = sum(match[0] == ")" for match in run)
    while run and (
        run[-1].lastgroup == "space" or run[-1][0] in _NEVER_LAST or (run[-1][0] == ")" and closed > opened)
    ):
        closed -= run.pop()[0] == ")"
    return run


def _joined(parts: list[str]) -> Iterator[str]:
    """With the products that are only implied, and parentheses around what functions take."""
    applied = _applied(["**" if part == "^" else part for part in parts])
    for left, right in pairwise([*applied, ""]):
        yield left
        ends = (left[0].isalnum() or left[0] in ").!") and left not in _FUNCTIONS
        if ends and right and (right[0].isalnum() or right[0] in "(."):
            yield "*"


def _applied(parts: list[str]) -> list[str]:
    """ "sin 2x" as "sin(2x)"."""
    done: list[str] = []
    at = 0
    while at < len(parts):
        done.append(parts[at])
        at += 1
        if done[-1] in _FUNCTIONS and at < len(parts) and parts[at] != "(":
            end = at
            while end < len(parts) and (parts[end][0].isdigit() or parts[end] in {*_VARIABLES, "pi"}):
                end += 1
            done += ["(", *parts[at:end], ")"]
            at = end
    return done


def _is_sound(side: tuple[str, ...]) -> bool:
    """Whether it is an expression, and one that can be worked out in good time."""
    if ("(", ")") in pairwise(side) or not _is_small(side):
        return False
    try:
        ast.parse(_written(side, "math.", _MATH), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _is_small(side: tuple[str, ...]) -> bool:
    """No "9^9^9", no powers of factorials, no large ones."""
    pairs = [*pairwise(side)]
    powers = [right for left, right in pairs if left == "**"]
    factorials = [left for left, right in pairs if right == "!"]
    if not all(number.isdigit() and int(number) <= _LARGEST_FACTORIAL for number in factorials):
        return False
    if any(float(power) > _LARGEST_POWER for power in powers if power[0].isdigit()):
        return False
    is_number = not {*side} & {*_VARIABLES}
    nested = len(powers) > 1 and (("**", "**") in zip(side, side[2:], strict=False) or (is_number and "(" in side))
    return not nested and len(powers) <= _MOST_POWERS and not (factorials and powers)


def _written(side: tuple[str, ...], module: str, names: dict[str, str]) -> str:
    said: list[str] = []
    for part in side:
        if part == "!":
            said[-1] = f"{module}factorial({said[-1]})"
        elif part in "+-*/" and said and said[-1] not in _OPENING:
            said.append(f" {part} ")
        else:
            said.append(_part(part, module, names))
    return "".join(said)


def _part(part: str, module: str, names: dict[str, str]) -> str:
    if part in _FUNCTIONS:
        name = _PYTHON.get(part, part)
        return names.get(name, f"{module}{name}")
    if part in {"pi", "e"}:
        return names.get(part, f"{module}{part}")
    return (part.lstrip("0") or "0") if part.isdigit() else part

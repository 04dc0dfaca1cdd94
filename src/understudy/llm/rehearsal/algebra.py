"""Programs for sympy: equations, integrals, derivatives, limits, and expressions in another form."""

import re
from collections.abc import Callable

from understudy.llm.rehearsal import arithmetic, formulas
from understudy.llm.rehearsal.formulas import Formula
from understudy.llm.rehearsal.script import Script

_SOLVED = re.compile(r"\b(?:solve|solving|roots? of|zeros? of|solutions?)\b", re.IGNORECASE)
_INTEGRATED = re.compile(r"\b(?:integrate|integral|antiderivative|area under)\b", re.IGNORECASE)
_DERIVED = re.compile(r"\b(?:differentiate|derivative|derive)\b", re.IGNORECASE)
_SECOND = re.compile(r"\bsecond derivative\b|\btwice\b", re.IGNORECASE)
_LIMIT = re.compile(
    r"\blimit\b.{1,200}?\bas (?P<variable>[a-z])\s*(?:->|\u2192|approaches|goes to|tends to)\s*(?P<to>-?\s*\S{1,20})",
    re.IGNORECASE,
)
_CHANGED = re.compile(r"\b(simplify|factor(?:i[sz]e)?|expand)\b", re.IGNORECASE)
_BOUNDS = re.compile(
    r"\b(?:from|between)\s+(?P<low>\S{1,20})\s+(?:to|and)\s+(?P<high>\S{1,20}?)[?!,;]*(?:\.?\s|\.?$)", re.IGNORECASE
)
_INFINITE = re.compile(r"(?P<sign>-?)\s*(?:infinity|inf|oo|\u221e)\W*$", re.IGNORECASE)
_MOST_UNKNOWNS = 4

_SOLUTION = """import sympy

{listed} = sympy.symbols({names!r})
solutions = sympy.solve({equations}, {listed}, dict=True)
for solution in solutions:
    print(', '.join(f'{{name}} = {{value}}' for name, value in solution.items()))
if not solutions:
    print('There is no solution.')"""


def treated(text: str) -> Script | None:
    """A program, None where the text asks for no algebra, or has no formula for it."""
    found = [formula for formula in formulas.find(_BOUNDS.sub(" ", text)) if formula.variables]
    if _SOLVED.search(text):
        return _solved(text, found)
    whole = [formula for formula in found if not formula.is_equation or formula.parts[0] == ("y",)]
    if not whole:
        return None
    formula = max(whole, key=lambda formula: len(formula.parts[-1]))
    written = next((code for treat in _TREATMENTS if (code := treat(text, formula)) is not None), None)
    return None if written is None else Script(_over(formula, f"print({written})"))


def _solved(text: str, found: list[Formula]) -> Script | None:
    equations = [formula for formula in found if formula.is_equation] or found[:1]
    unknowns = list(dict.fromkeys(name for formula in equations for name in formula.variables))
    if not 1 <= len(unknowns) <= _MOST_UNKNOWNS:
        return None
    sides = [f"sympy.Eq({e.sympy(0)}, {e.sympy(1) if e.is_equation else 0})" for e in equations]
    written = sides[0] if len(sides) == 1 else f"[{', '.join(sides)}]"
    simple = arithmetic.find(text, asked=False) if len(equations) == 1 else None
    code = _SOLUTION.format(listed=", ".join(unknowns), names=" ".join(unknowns), equations=written)
    return Script(code, simple.python if simple else None)


def _limit(text: str, formula: Formula) -> str | None:
    match = _LIMIT.search(text)
    to = _bound(match["to"]) if match else None
    if match is None or to is None or match["variable"].lower() not in formula.variables:
        return None
    return f"sympy.limit({formula.sympy()}, {match['variable'].lower()}, {to})"


def _integrated(text: str, formula: Formula) -> str | None:
    if not _INTEGRATED.search(text):
        return None
    match = _BOUNDS.search(text)
    low, high = (_bound(match["low"]), _bound(match["high"])) if match else (None, None)
    over = _variable(formula)
    within = over if low is None or high is None else f"({over}, {low}, {high})"
    return f"sympy.integrate({formula.sympy()}, {within})"


def _derived(text: str, formula: Formula) -> str | None:
    if not _DERIVED.search(text):
        return None
    return f"sympy.diff({formula.sympy()}, {_variable(formula)}{', 2' if _SECOND.search(text) else ''})"


def _changed(text: str, formula: Formula) -> str | None:
    match = _CHANGED.search(text)
    if match is None:
        return None
    return f"sympy.{ {'f': 'factor', 'e': 'expand'}.get(match[1][0].lower(), 'simplify') }({formula.sympy()})"


_TREATMENTS: tuple[Callable[[str, Formula], str | None], ...] = (_limit, _integrated, _derived, _changed)


def _bound(text: str) -> str | None:
    if match := _INFINITE.match(text):
        return f"{match['sign']}sympy.oo"
    found = formulas.find(text)
    return found[0].sympy() if len(found) == 1 and not found[0].variables else None


def _variable(formula: Formula) -> str:
    """What the last side is a function of."""
    return next((part for part in formula.parts[-1] if part in formula.variables), "x")


def _over(formula: Formula, code: str) -> str:
    names = [name for name in formula.variables if name in formula.parts[-1]]
    return f"import sympy\n\n{', '.join(names)} = sympy.symbols({' '.join(names)!r})\n{code}"

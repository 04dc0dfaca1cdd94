"""Finds one arithmetic expression in a text and evaluates it exactly. Executes nothing: it walks the syntax tree."""

import ast
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final, NamedTuple

_CUE = re.compile(r"\b(?:what(?:'s| is| are)|how much|calculate|compute|evaluate|equals?)\b|=", re.IGNORECASE)
_WORD_OPERATORS: Final = [
    (re.compile(r"https?://\S{1,500}|\b\d{1,4}[-/:]\d{1,2}[-/:]\d{1,4}\b|\b\d{1,4}-\d{1,4}(?= [a-z])"), " ; "),
    (re.compile(r"(?<=\d) ?(?:%|percent) of\b", re.IGNORECASE), " / 100 *"),
    (re.compile(r"\b(?:multiplied by|times)\b|[\u00d7\u22c5\u00b7]|(?<=\d) ?x ?(?=\d)", re.IGNORECASE), "*"),
    (re.compile(r"\bdivided by\b|\u00f7", re.IGNORECASE), "/"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b|\u2212", re.IGNORECASE), "-"),
    (re.compile(r"\bto the power of\b|\^"), "**"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
]
_EXPRESSION = re.compile(r"[\d(-][\d.+*/%() \t-]{1,300}")
_OPERATORS: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, power: base ** _check_power(base, power),
}
_MAX_BITS: Final = 4_000


class Calculation(NamedTuple):
    """`expression` is valid Python; a `value` that is not exact has 12 digits."""

    expression: str
    value: int | float
    is_exact: bool


def find_calculation(text: str, *, needs_cue: bool = True) -> Calculation | None:
    """The first expression of the text. With `needs_cue` only where the text asks for it or is nothing else."""
    plain = text
    for pattern, sign in _WORD_OPERATORS:
        plain = pattern.sub(sign, plain)
    for match in _EXPRESSION.finditer(plain):
        expression = match[0].strip(" \t.")
        has_cue = not needs_cue or _CUE.search(text) or len(expression) >= len(plain.strip(" ?!.=\n"))
        if has_cue and (calculation := _calculate(expression)) is not None:
            return calculation
    return None


def _calculate(expression: str) -> Calculation | None:
    try:
        body = ast.parse(expression, mode="eval").body
        if not isinstance(body, ast.BinOp):
            return None
        value = _evaluate(body)
        rounded = int(value) if value.denominator == 1 else float(f"{float(value):.12g}")
        str(rounded)  # Raises ValueError above the interpreter's limit of digits.
        return Calculation(expression, rounded, Fraction(str(rounded)) == value)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(str(value))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
    raise ValueError(ast.dump(node))


def _check_power(base: Fraction, power: Fraction) -> int:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if power.denominator != 1 or abs(power) * size > _MAX_BITS:
        raise ValueError(power)
    return int(power)

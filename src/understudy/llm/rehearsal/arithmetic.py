"""Finds simple arithmetic or a linear equation in a text and works it out exactly. Evaluates nothing else."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

_CUE = re.compile(
    r"\b(?:what(?:'s| is| are)|how much|calculate|compute|evaluate|solve|work out|add up|result of|equals?)\b|=",
    re.IGNORECASE,
)
_NOT_ARITHMETIC = re.compile(
    r"https?://\S{1,500}|\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2}:\d{2}\b"
    r"|\b\d{1,4}[-\u2013]\d{1,4}(?= (?!equals|times|plus|minus|is)[a-z]{1,20}s\b)"  # "2-3 days"
)
_WORD_OPERATORS = [
    (
        re.compile(r"\b(?:the )?(?:square root of|sqrt) ?\(? ?(\d{1,12})\)?", re.IGNORECASE),
        lambda m: _square_root(m[1]),
    ),
    (re.compile(r"(?<![\d.])(\d{1,15}(?:\.\d{1,9})?) ?(?:%|percent) of\b", re.IGNORECASE), lambda m: f"{m[1]} / 100 *"),
    (
        re.compile(r"\b(?:multiplied by|times)\b|[\u00d7\u22c5\u00b7]|(?<=\d) ?x ?(?=\d)", re.IGNORECASE),
        lambda _: "*",
    ),
    (re.compile(r"\b(?:divided by|over)\b|\u00f7", re.IGNORECASE), lambda _: "/"),
    (re.compile(r"\bplus\b", re.IGNORECASE), lambda _: "+"),
    (re.compile(r"\bminus\b|[\u2212\u2013]", re.IGNORECASE), lambda _: "-"),
    (re.compile(r"\bto the power of\b|\*\*", re.IGNORECASE), lambda _: "^"),
    (re.compile(r"\b(?:modulo|mod)\b", re.IGNORECASE), lambda _: "%"),
    (re.compile(r" squared\b", re.IGNORECASE), lambda _: "^2"),
    (re.compile(r" cubed\b", re.IGNORECASE), lambda _: "^3"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), lambda _: ""),
]
_EXPRESSION = re.compile(r"(?:\d{1,30}(?:\.\d{1,20})?[xyzn]?\b|\b[xyzn]\b|[-+*/^%()=]|[ \t])+")
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([xyzn])|([-+*/^%()]))")
_IMPLICIT_PRODUCT = re.compile(r"(?<=[\d)])\s*(?=\()")
_MAX_LENGTH = 300
_MAX_DIGITS = 60
_MAX_BITS = 4_000
_MAX_NESTING = 30


@dataclass(frozen=True, slots=True)
class Calculation:
    """`statement` is the expression with its value; `python` prints the same."""

    expression: str
    value: str
    statement: str
    python: str


class _NotAnExpressionError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _LinearExpression:
    """slope * variable + constant."""

    slope: Fraction
    constant: Fraction


def find(text: str, *, asked: bool = True) -> Calculation | None:
    """The first calculation in `text`. With `asked`, only where the text asks for it or is nothing else."""
    plain = _replace_word_operators(strip_non_sums(text))
    for run in _EXPRESSION.findall(plain):
        expression = run.strip().strip("=").strip()
        if (
            not any(c.isdigit() for c in expression)
            or len(expression) > _MAX_LENGTH
            or expression.count("(") > _MAX_NESTING
        ):
            continue
        if asked and not _CUE.search(text) and len(expression) < len(plain.strip(" ?!.=\n")):
            continue
        if (found := _calculate(expression)) is not None:
            return found
    return None


def strip_non_sums(text: str) -> str:
    """The text without numbers that look like sums and are none: dates, times, ranges."""
    return _NOT_ARITHMETIC.sub(" ; ", text)


def _replace_word_operators(text: str) -> str:
    for pattern, sign in _WORD_OPERATORS:
        text = pattern.sub(sign, text)
    return text


def _square_root(digits: str) -> str:
    root = math.isqrt(int(digits))
    return str(root) if root * root == int(digits) else "?"


def _calculate(expression: str) -> Calculation | None:
    try:
        if "=" in expression:
            return _solve(expression)
        return _evaluate(expression)
    except (_NotAnExpressionError, ZeroDivisionError):
        return None


def _evaluate(expression: str) -> Calculation | None:
    line = _Parser(expression).line()
    if line.slope or not re.search(r"\d\s*\)*\s*[-+*/^%]", expression):
        return None
    value = _format_value(line.constant)
    python = f"print({_IMPLICIT_PRODUCT.sub('*', expression).replace('^', '**')})"
    repeated = f"{line.constant} (" if expression.replace(" ", "") == str(line.constant) else ""
    statement = f"{expression} is {value.removeprefix(repeated).rstrip(')')}" if repeated else f"{expression} = {value}"
    return Calculation(expression, value, statement, python)


def _solve(expression: str) -> Calculation | None:
    left_text, _, right_text = expression.partition("=")
    left, right = _Parser(left_text).line(), _Parser(right_text).line()
    slope, constant = left.slope - right.slope, right.constant - left.constant
    variable = next((c for c in expression if c in "xyzn"), None)
    if variable is None or not slope:
        return None
    value = _format_value(constant / slope)
    above, below = _difference(right.constant, left.constant), _difference(left.slope, right.slope)
    python = f"{variable} = {above} / {below}\nprint({variable})"
    return Calculation(expression, value, f"{expression} gives {variable} = {value}", python)


def _difference(left: Fraction, right: Fraction) -> str:
    """The difference as Python writes it."""
    if not right:
        return str(left) if left >= 0 and left.denominator == 1 else f"({left})"
    return f"({left} {'-' if right > 0 else '+'} {abs(right)})"


def _format_value(value: Fraction) -> str:
    """Exact: an integer, a finite decimal, or else a fraction with its approximation."""
    if max(abs(value.numerator), value.denominator) >= 10**_MAX_DIGITS:
        raise _NotAnExpressionError
    if value.denominator == 1:
        return str(value.numerator)
    places = next((p for p in range(1, 21) if 10**p % value.denominator == 0), None)
    if places is None:
        return f"{value} (about {float(value):.6g})"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


class _Parser:
    """Recursive descent over + - * / % ^, parentheses and at most one variable in the first power."""

    def __init__(self, text: str) -> None:
        self._tokens = self._tokenize(text)
        self._at = 0

    def line(self) -> _LinearExpression:
        line = self._parse_sum()
        if self._at != len(self._tokens):
            raise _NotAnExpressionError
        return line

    @staticmethod
    def _tokenize(text: str) -> list[str]:
        text, found, at = text.strip(), [], 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise _NotAnExpressionError
            found.append(match[0].strip())
            at = match.end()
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next_token(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _parse_sum(self) -> _LinearExpression:
        line = self._parse_product()
        while (sign := self._peek()) and sign in "+-":
            self._next_token()
            other = self._parse_product()
            factor = 1 if sign == "+" else -1
            line = _LinearExpression(line.slope + factor * other.slope, line.constant + factor * other.constant)
        return line

    def _parse_product(self) -> _LinearExpression:
        line = self._parse_signed()
        while (sign := self._peek()) and (sign in "*/%(" or sign.isalpha()):
            if sign in "*/%":
                self._next_token()
            line = _multiply(line, sign, self._parse_signed())
        return line

    def _parse_signed(self) -> _LinearExpression:
        if self._peek() and self._peek() in "+-":
            factor = 1 if self._next_token() == "+" else -1
            line = self._parse_signed()
            return _LinearExpression(factor * line.slope, factor * line.constant)
        return self._parse_power()

    def _parse_power(self) -> _LinearExpression:
        line = self._parse_atom()
        if self._peek() == "^":
            self._next_token()
            return _raise_to_power(line, self._parse_signed())
        return line

    def _parse_atom(self) -> _LinearExpression:
        taken = self._next_token()
        if taken == "(":
            line = self._parse_sum()
            if self._next_token() != ")":
                raise _NotAnExpressionError
            return line
        if taken[:1].isdigit():
            return _LinearExpression(Fraction(0), Fraction(taken))
        if taken.isalpha():
            return _LinearExpression(Fraction(1), Fraction(0))
        raise _NotAnExpressionError


def _multiply(left: _LinearExpression, sign: str, right: _LinearExpression) -> _LinearExpression:
    if sign == "/":
        if right.slope:
            raise _NotAnExpressionError
        return _LinearExpression(left.slope / right.constant, left.constant / right.constant)
    if sign == "%":
        if left.slope or right.slope:
            raise _NotAnExpressionError
        return _LinearExpression(Fraction(0), left.constant % right.constant)
    if left.slope and right.slope:
        raise _NotAnExpressionError
    slope = left.slope * right.constant + right.slope * left.constant
    return _LinearExpression(slope, left.constant * right.constant)


def _raise_to_power(base: _LinearExpression, exponent: _LinearExpression) -> _LinearExpression:
    power = exponent.constant
    size = max(base.constant.numerator.bit_length(), base.constant.denominator.bit_length())
    if base.slope or exponent.slope or power.denominator != 1 or abs(power) * size > _MAX_BITS:
        raise _NotAnExpressionError
    return _LinearExpression(Fraction(0), base.constant ** int(power))

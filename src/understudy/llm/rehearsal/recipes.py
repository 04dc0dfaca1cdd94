"""Small programs that are often asked for: primes, Fibonacci numbers, statistics, sorting, dates.

They need the standard library only. Numbers are bounded, so that none runs for long.
"""

import datetime as dt
import re
from collections.abc import Callable

from understudy.llm.rehearsal import listing, mentions
from understudy.llm.rehearsal.script import Script

_MOST = 100_000
_MOST_TERMS = 2_000

_PRIMES_BELOW = re.compile(
    r"\bprimes?(?: numbers?)?\b.{0,40}?"
    r"\b(?P<word>below|under|less than|smaller than|up to|until|to|through|before)\s+(?P<n>\d[\d,]{0,9})",
    re.IGNORECASE,
)
_INCLUSIVE = frozenset({"up to", "until", "to", "through"})
_FIRST_PRIMES = re.compile(r"\bfirst (?P<n>\d[\d,]{0,6}|ten|twenty|hundred) primes?\b", re.IGNORECASE)
_IS_PRIME = re.compile(
    r"\b(?:is|whether|if|check)\s+(?:if )?(?:the number )?(?P<n>\d{1,15})\s+(?:is )?(?:a )?prime\b", re.IGNORECASE
)
_FACTORS = re.compile(
    r"\b(?:prime factors?|factori[sz]ation|factori[sz]e|factor)\b\D{0,30}(?P<n>\d{1,15})\b", re.IGNORECASE
)
_FIBONACCI = re.compile(r"\bfibonacci\b", re.IGNORECASE)
_FIBONACCI_BELOW = re.compile(
    r"\bfibonacci\b.{0,40}?\b(?:below|under|less than|up to)\s+(?P<n>\d{1,18})", re.IGNORECASE
)
_FIBONACCI_NTH = re.compile(
    r"\b(?P<n>\d{1,5})(?:st|nd|rd|th) fibonacci\b|\bfibonacci\(?\s?(?P<m>\d{1,5})\)", re.IGNORECASE
)
_FACTORIAL = re.compile(r"\bfactorial of (?P<n>\d{1,4})\b|\b(?P<m>\d{1,4}) factorial\b", re.IGNORECASE)
_DIVISOR = re.compile(r"\b(?:gcd|greatest common (?:divisor|factor)|hcf)\b", re.IGNORECASE)
_MULTIPLE = re.compile(r"\b(?:lcm|least common multiple|lowest common multiple)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:multiplication|times) table\b(?:\D{0,20}(?P<n>\d{1,4}))?", re.IGNORECASE)
_BASE = re.compile(
    r"\b(?P<n>\d{1,30})\b.{0,20}\b(?:to|in|into|as)\s+(?P<base>binary|hexadecimal|hex|octal)\b", re.IGNORECASE
)
_SORTED = re.compile(r"\bsort(?:ed|ing)?\b", re.IGNORECASE)
_DESCENDING = re.compile(
    r"\b(?:descending|decreasing|reverse|largest first|highest first|high to low|largest to smallest)\b", re.IGNORECASE
)
_STATISTICS = {
    "mean": (re.compile(r"\b(?:mean|average)\b", re.IGNORECASE), "statistics.mean(numbers)"),
    "median": (re.compile(r"\bmedian\b", re.IGNORECASE), "statistics.median(numbers)"),
    "mode": (re.compile(r"\bmode\b", re.IGNORECASE), "statistics.mode(numbers)"),
    "standard deviation": (
        re.compile(r"\b(?:standard deviation|std(?:ev|\.? ?dev)?)\b", re.IGNORECASE),
        "statistics.stdev(numbers)",
    ),
    "variance": (re.compile(r"\bvariance\b", re.IGNORECASE), "statistics.variance(numbers)"),
    "sum": (re.compile(r"\b(?:sum|total|add up)\b", re.IGNORECASE), "sum(numbers)"),
    "product": (re.compile(r"\bproduct of\b", re.IGNORECASE), "math.prod(numbers)"),
    "minimum": (re.compile(r"\b(?:minimum|min|smallest|lowest)\b", re.IGNORECASE), "min(numbers)"),
    "maximum": (re.compile(r"\b(?:maximum|max|largest|highest|biggest)\b", re.IGNORECASE), "max(numbers)"),
}
_SUMMARY = re.compile(r"\b(?:statistics|stats|descriptive|summary)\b", re.IGNORECASE)
_RANGE = re.compile(
    r"\b(?:numbers?|integers?)\s+(?:from|between)\s+(?P<low>\d{1,7})\s+(?:to|and)\s+(?P<high>\d{1,7})\b", re.IGNORECASE
)
_BETWEEN_DATES = re.compile(r"\b(?:days|weeks|time|long)\b.{0,60}\b(?:between|from|since|until)\b", re.IGNORECASE)
_NOW = re.compile(
    r"\b(?:current (?:date|time)|today's date|what (?:day|date|time) is it|date and time)\b", re.IGNORECASE
)
_VERSION = re.compile(
    r"\b(?:python|interpreter)(?:'s)? version\b|\bversion of python\b|\bwhich python\b", re.IGNORECASE
)
_NAMED = {"ten": 10, "twenty": 20, "hundred": 100}

# Each is the rest of a program that first says what its numbers are.
_SIEVE = """
sieve = [True] * limit
for n in range(2, int(limit**0.5) + 1):
    if sieve[n]:
        sieve[n * n :: n] = [False] * len(sieve[n * n :: n])
print([n for n in range(2, limit) if sieve[n]])"""
_COLLECTED_PRIMES = """
primes = []
n = 2
while len(primes) < count:
    if all(n % p for p in primes if p * p <= n):
        primes.append(n)
    n += 1
print(primes)"""
_PRIME_CHECK = """
divisor = next((d for d in range(2, int(n**0.5) + 1) if n % d == 0), None)
if n > 1 and divisor is None:
    print(f'{n} is prime')
else:
    print(f'{n} is not prime')"""
_FACTORED = """
factors = []
d = 2
while d * d <= n:
    while n % d == 0:
        factors.append(d)
        n //= d
    d += 1
if n > 1:
    factors.append(n)
print(factors)"""
_FIBONACCI_NUMBERS = """
a, b = 0, 1
numbers = []
while {condition}:
    numbers.append(a)
    a, b = b, a + b
print({result})"""
_TIMES_TABLE = """
for i in range(1, 11):
    print(f'{n} x {i} = {n * i}')"""


def followed(text: str) -> Script | None:
    """The program for the first recipe that the text asks for."""
    return next((Script(code) for recipe in _RECIPES if (code := recipe(text)) is not None), None)


def _count(text: str) -> int:
    return _NAMED.get(text.lower(), 0) or min(int(text.replace(",", "")), _MOST)


def _primes(text: str) -> str | None:
    if match := _PRIMES_BELOW.search(text):
        return f"limit = {_count(match['n']) + (match['word'].lower() in _INCLUSIVE)}{_SIEVE}"
    if match := _FIRST_PRIMES.search(text):
        return f"count = {min(_count(match['n']), _MOST_TERMS)}{_COLLECTED_PRIMES}"
    if match := _IS_PRIME.search(text):
        return f"n = {int(match['n'])}{_PRIME_CHECK}"
    match = _FACTORS.search(text)
    return f"n = {int(match['n'])}{_FACTORED}" if match else None


def _fibonacci(text: str) -> str | None:
    if not _FIBONACCI.search(text):
        return None
    if match := _FIBONACCI_BELOW.search(text):
        return f"limit = {int(match['n'])}" + _FIBONACCI_NUMBERS.format(condition="a < limit", result="numbers")
    if match := _FIBONACCI_NTH.search(text):
        count, result = int(match["n"] or match["m"]) + 1, "numbers[-1]"
    else:
        said = (m.value for m in mentions.find(text) if m.kind in {"number", "count"} and m.value.isdigit())
        count, result = int(next(said, "10")), "numbers"
    return f"count = {min(count, _MOST)}" + _FIBONACCI_NUMBERS.format(condition="len(numbers) < count", result=result)


def _integers(text: str) -> str | None:
    if match := _FACTORIAL.search(text):
        return f"import math\n\nprint(math.factorial({int(match['n'] or match['m'])}))"
    if match := _TABLE.search(text):
        return f"n = {int(match['n'] or 10)}{_TIMES_TABLE}"
    if match := _BASE.search(text):
        name = {"b": "bin", "h": "hex", "o": "oct"}[match["base"][0].lower()]
        return f"print({name}({int(match['n'])}))"
    name = "gcd" if _DIVISOR.search(text) else "lcm" if _MULTIPLE.search(text) else ""
    numbers = [n for n in listing.numbers(text) if isinstance(n, int)] if name else []
    return f"import math\n\nprint(math.{name}(*{numbers!r}))" if numbers else None


def _sorting(text: str) -> str | None:
    match = _SORTED.search(text)
    if match is None:
        return None
    order = ", reverse=True" if _DESCENDING.search(text) else ""
    if numbers := listing.numbers(text):
        return f"print(sorted({numbers!r}{order}))"
    items = listing.items(text[match.end() :].partition(":")[2])
    return f"print(sorted({items!r}, key=str.lower{order}))" if len(items) > 1 else None


def _statistics(text: str) -> str | None:
    wanted = [name for name, (pattern, _) in _STATISTICS.items() if pattern.search(text)]
    if _SUMMARY.search(text):
        wanted = ["mean", "median", "standard deviation", "minimum", "maximum"]
    numbers, match = listing.numbers(text), _RANGE.search(text)
    if not wanted or not (numbers or match):
        return None
    if match:
        return _measured(f"range({int(match['low'])}, {int(match['high']) + 1})", wanted)
    return _measured(repr(numbers), wanted)


def _measured(numbers: str, wanted: list[str]) -> str:
    written = {name: _STATISTICS[name][1] for name in wanted}
    modules = [name for name in ("math", "statistics") if any(f"{name}." in code for code in written.values())]
    lines = [f"import {name}" for name in modules] + [""] * bool(modules) + [f"numbers = {numbers}"]
    if len(written) == 1:
        return "\n".join([*lines, f"print({written[wanted[0]]})"])
    return "\n".join([*lines, *(f"print('{name}:', {code})" for name, code in written.items())])


def _dates(text: str) -> str | None:
    days = [dt.date.fromisoformat(m.value) for m in mentions.find(text) if m.kind == "date"]
    if len(days) == 2 and _BETWEEN_DATES.search(text):
        first, second = (f"datetime.date({day.year}, {day.month}, {day.day})" for day in days)
        return f"import datetime\n\nprint(({second} - {first}).days, 'days')"
    if _NOW.search(text):
        return "import datetime\n\nprint(datetime.datetime.now().isoformat(sep=' ', timespec='seconds'))"
    return "import sys\n\nprint(sys.version)" if _VERSION.search(text) else None


_RECIPES: tuple[Callable[[str], str | None], ...] = (_primes, _fibonacci, _integers, _sorting, _statistics, _dates)

"""Values that a message lists: numbers, words, and labelled numbers. Reads, and decides nothing."""

import re

_NUMBER = r"[-\u2212]?\d{1,15}(?:\.\d{1,12})?"
_NUMBER_LIST = re.compile(
    rf"(?<![\w.]){_NUMBER}(?:(?:\s{{0,3}}[,;]\s{{0,3}}(?:and\s{{1,3}})?|\s{{1,3}}and\s{{1,3}}|\s{{1,3}}){_NUMBER})+(?![\w%])"
)
_SINGLE_NUMBER = re.compile(_NUMBER)
_PAIR = re.compile(
    rf"(?P<label>\"[^\"\n]{{1,60}}\"|'[^'\n]{{1,60}}'"
    rf"|[^\W\d_][\w'-]{{0,40}}(?:[ ][^\W\d_][\w'-]{{0,40}}){{0,2}}|\b\d{{4}})"
    rf"\s*(?:[:=]|\bis\b|\bwith\b)\s*(?P<value>{_NUMBER})"
)
_UNPUNCTUATED_PAIR = re.compile(rf"(?P<label>[^\W\d_][\w-]{{0,40}})\s+(?P<value>{_NUMBER})(?=\s*(?:,|;|and\b|$|\.|\)))")
_BRACKETED = re.compile(rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")
_LEADING = re.compile(
    r"^(?:(?:and|of|for|with|data|values?|charts?|plot|draw|the|showing|from|an?|bar|pie|line)\s+)+", re.IGNORECASE
)
_BEFORE = re.compile(r"\b(?:with|from|showing|(?:files?|csv|tables?|charts?|plots?|graphs?) of)\s+", re.IGNORECASE)
_SPLIT = re.compile(r"[,;\n]\s*(?:and\s)?|\sand\s")
_MAX_ITEMS = 500


def numbers(text: str) -> list[int | float]:
    """The longest list of numbers in the text; none where no two stand together."""
    runs = [_SINGLE_NUMBER.findall(match[0]) for match in _NUMBER_LIST.finditer(text[:20_000])]
    longest = max(runs, key=len, default=[])
    return [number(one) for one in longest[:_MAX_ITEMS]]


def number(text: str) -> int | float:
    plain = text.replace("\u2212", "-")
    return float(plain) if "." in plain else int(plain)


def pairs(text: str) -> list[tuple[str, int | float]]:
    """Labels with their numbers: "Ann: 3, Bob: 5"."""
    for pattern in (_PAIR, _UNPUNCTUATED_PAIR):
        found = [(_clean_label(match["label"]), number(match["value"])) for match in pattern.finditer(text)]
        if len(found) > 1:
            return found[:_MAX_ITEMS]
    return []


def points(text: str) -> list[tuple[int | float, int | float]]:
    """ "(1, 2), (3, 4)"."""
    found = [(number(match[1]), number(match[2])) for match in _BRACKETED.finditer(text)]
    return found[:_MAX_ITEMS] if len(found) > 1 else []


def items(text: str) -> list[str]:
    """ "pear, apple and fig" as three."""
    parts = (part.strip(" \t\"'`[]().?!") for part in _SPLIT.split(text.strip()))
    return [part for part in parts if part][:_MAX_ITEMS]


def _clean_label(said: str) -> str:
    return _LEADING.sub("", _BEFORE.split(said.strip("\"'"))[-1])

"""The values that a text mentions: quotations, numbers, dates, addresses, identifiers and names. Knows no schema."""

import re
from functools import lru_cache
from typing import NamedTuple

from understudy.llm.rehearsal.vocabulary import is_stop_word

_PATTERNS = [
    (
        "quote",
        re.compile(
            r'"([^"\n]{1,1000})"|\u201c([^\u201d]{1,1000})\u201d|`([^`\n]{1,1000})`|(?<!\w)\'([^\'\n]{1,400})\'(?!\w)'
        ),
    ),
    ("url", re.compile(r"\bhttps?://[^\s<>\"'`)\]]{1,500}(?<![.,!?;:])", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("date-time", re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)")),
    ("date", re.compile(r"\b\d{4}-\d\d-\d\d\b|\b(?:today|tomorrow|next (?:week|month|year))\b", re.IGNORECASE)),
    ("id", re.compile(r"#\d{1,12}\b|(?<![\w.])(?=[\w-]{0,40}\d)[A-Za-z]\w{0,40}(?:[-_][A-Za-z0-9]{1,40}){0,6}\b")),
    ("number", re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d{1,15})(?:\.\d{1,12})?(?!\w)")),
]
_CAPITALISED = r"[A-Z\u00c0-\u00de][\w'\u2019-]{0,40}"
_NAME = re.compile(rf"{_CAPITALISED}(?: (?:(?:de|of|la|van|von|da) )?{_CAPITALISED}){{0,4}}(?:, [A-Z]{{2}}\b)?")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n])\s*[\"'\u201c(]?$")
_SEPARATOR = re.compile(r"\s*(?:,\s*and|,|and|or|&)\s*(?:(?:in|the|for)\s+)?")


class Mention(NamedTuple):
    """`kind` is that of a pattern, `name`, or `opener`: a capitalised word that may only open a sentence."""

    kind: str
    value: str
    start: int
    end: int


@lru_cache(maxsize=64)
def find_mentions(text: str) -> tuple[Mention, ...]:
    """The mentions in the order of the text; none overlap, the first pattern wins."""
    mentions: list[Mention] = []
    covered = bytearray(len(text))
    for kind, pattern in [*_PATTERNS, ("name", _NAME)]:
        for match in pattern.finditer(text):
            if not any(covered[match.start() : match.end()]):
                value = next((group for group in match.groups() if group), match[0])
                mention = Mention(kind, value.removeprefix("#"), match.start(), match.end())
                mentions += [mention] if kind != "name" else _trim_name(text, mention)
                covered[match.start() : match.end()] = b"\1" * len(match[0])
    return tuple(sorted(mentions, key=lambda mention: mention.start))


def _trim_name(text: str, name: Mention) -> list[Mention]:
    """The name without the stop words that it begins with, as in "What Ada wrote"."""
    words, start = name.value.split(" "), name.start
    while words and is_stop_word(words[0].strip(",")):
        start += len(words.pop(0)) + 1
    value = _POSSESSIVE.sub("", " ".join(words))
    is_opener = len(words) == 1 and _SENTENCE_START.search(text[max(0, start - 4) : start])
    return [Mention("opener" if is_opener else "name", value, start, start + len(value))] if value else []


def find_list(text: str, mentions: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """The longest run of `mentions` that the text enumerates, as "Ann, Bob and Cy"; empty without two in a row."""
    best: list[Mention] = []
    run: list[Mention] = []
    for mention in mentions:
        is_next = bool(run) and _SEPARATOR.fullmatch(text[run[-1].end : mention.start])
        run = [*run, mention] if is_next else [mention]
        best = max(best, run, key=len)
    return tuple(best) if len(best) > 1 else ()

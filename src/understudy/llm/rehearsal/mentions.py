"""The values that a text names: quotations, numbers, dates, times, addresses, identifiers, names of people and places.

Each is found once, by the most telling pattern. Knows nothing of what the values are for.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from understudy.llm.rehearsal import words

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"

_PATTERNS = [
    ("code", re.compile(r"```[a-zA-Z]{0,12}\n(.{1,4000}?)```", re.DOTALL)),
    (
        "quote",
        re.compile(
            r'"([^"\n]{1,1000})"|\u201c([^\u201d]{1,1000})\u201d|\u00ab([^\u00bb]{1,1000})\u00bb|`([^`\n]{1,1000})`'
            r"|(?<!\w)'([^'\n]{1,400})'(?!\w)"
        ),
    ),
    ("url", re.compile(r"\bhttps?://[^\s<>\"'`)\]]{1,500}(?<![.,!?;:])", re.IGNORECASE)),
    ("email", re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}\b")),
    ("uuid", re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")),
    ("ip", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")),
    ("date-time", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?")),
    ("date", re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")),
    ("date", re.compile(rf"\b{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})\b", re.IGNORECASE)),
    ("date", re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH},? (\d{{4}})\b", re.IGNORECASE)),
    ("time", re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]\.?m\b\.?)?|\b\d{1,2} ?[ap]\.?m\b", re.IGNORECASE)),
    (
        "day",
        re.compile(
            rf"\b(?:(?:next|this) )?(?:{_DAYS})\b|\b(?:day after )?tomorrow\b|\btoday\b|\byesterday\b|\btonight\b"
            rf"|\bnext (?:week|month|year)\b|\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b",
            re.IGNORECASE,
        ),
    ),
    (
        "id",
        re.compile(
            r"(?<![\w.])#?(?=[\w-]{0,40}\d)(?=[\w-]{0,40}[A-Za-z])[A-Za-z0-9]{1,40}(?:[-_][A-Za-z0-9]{1,40}){0,6}\b|#\d{1,12}\b"
        ),
    ),
    (
        "number",
        re.compile(
            r"(?<![\w.])[-\u2212]?\d{1,3}(?:,\d{3})+(?:\.\d+)?\b|(?<![\w.])[-\u2212]?\d{1,15}(?:\.\d{1,12})?(?!\w)"
        ),
    ),
    (
        "count",
        re.compile(r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a dozen)\b", re.IGNORECASE),
    ),
]
_NUMBER_WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_WITH_UNIT = re.compile(
    r"(\d{1,6}(?:\.\d{1,3})?)(?:km|cm|mm|kg|mb|gb|ms|min|h|m|s|k|%|st|nd|rd|th|am|pm)$", re.IGNORECASE
)

_WORD_PATTERN = re.compile(r"[^\W\d_][\w'\u2019-]{0,60}")
_NAME_PARTICLES = frozenset({"de", "of", "la", "le", "du", "del", "van", "von", "da", "di", "al"})
_NOT_NAMES = words.listed(
    """january february march april june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday celsius fahrenheit kelvin json python"""
)
_COUNTRIES = words.listed(
    """argentina australia austria belgium brazil bulgaria canada chile china colombia croatia denmark egypt england
    estonia ethiopia finland france germany ghana greece hungary iceland india indonesia iran iraq ireland israel italy
    japan kenya latvia lithuania malaysia mexico morocco netherlands nigeria norway pakistan peru philippines poland
    portugal romania russia scotland serbia singapore slovakia slovenia spain sweden switzerland thailand tunisia turkey
    uk ukraine usa vietnam wales california texas florida"""
)
_POSSESSIVE = re.compile(r"['\u2019]s (?!(?:at|on|in|for|from|to|with|by|near|and|or|is|has|was)\b)")
_PERSON_CONTEXT = re.compile(r"(?:['\u2019]s)? (?:and|is|was|has|had|lives|works|likes|wants|will|said|from)\b|, ")
_SENTENCE_END = re.compile(r"[.!?:;\n]\s*[\"'\u201c(]?$")


@dataclass(frozen=True, slots=True)
class Mention:
    """`kind` is that of a pattern above, `name`, or `opener`: a capitalised word that may only open a sentence."""

    kind: str
    value: str
    start: int
    end: int


@lru_cache(maxsize=64)
def find(text: str) -> tuple[Mention, ...]:
    """The mentions in the order of the text; none overlap."""
    found: list[Mention] = []
    taken = bytearray(len(text))
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            if (mention := _build_mention(kind, match)) is not None:
                found.append(mention)
                taken[match.start() : match.end()] = b"\1" * len(match[0])
    found.extend(name for name in _find_names(text) if not any(taken[name.start : name.end]))
    return tuple(sorted(found, key=lambda mention: mention.start))


def _build_mention(kind: str, match: re.Match[str]) -> Mention | None:
    value = next((group for group in match.groups() if group), match[0]) if kind in {"code", "quote"} else match[0]
    if kind == "date":
        value = _iso_date(match) or ""
    elif kind == "number":
        value = value.replace(",", "").replace("\u2212", "-")
    elif kind == "count":
        value = "12" if "dozen" in value.lower() else str(_NUMBER_WORDS.index(value.lower()))
    elif kind == "id" and (measured := _WITH_UNIT.match(value)):
        kind, value = "number", measured[1]
    elif kind == "id":
        value = value.removeprefix("#")
    return Mention(kind, value.strip(), match.start(), match.end()) if value.strip() else None


def _iso_date(match: re.Match[str]) -> str | None:
    first, second, third = match.groups()
    try:
        if len(first) == 4 and first.isdigit():
            date = dt.date(int(first), int(second), int(third))
        elif first.isdigit():
            date = dt.date(int(third), _month_number(second), int(first))
        else:
            date = dt.date(int(third), _month_number(first), int(second))
    except ValueError:
        return None
    return date.isoformat()


def _month_number(short: str) -> int:
    return _MONTHS.index(short.lower()) + 1


def _find_names(text: str) -> list[Mention]:
    """Runs of capitalised words, with a region after a comma: "Rio de Janeiro", "San Francisco, CA"."""
    runs: list[list[re.Match[str]]] = []
    capitals = [word for word in _WORD_PATTERN.finditer(text) if _may_be_name(word[0])]
    for word in capitals:
        if runs and _continues(text[runs[-1][-1].end() : word.start()], runs[-1][-1][0]):
            runs[-1].append(word)
        else:
            runs.append([word])
    names = [name for run in runs if (name := _build_name(text, run)) is not None]
    return _with_regions(text, names)


def _may_be_name(word: str) -> bool:
    return word[0].isupper() and word.lower() not in words.STOP_WORDS and word.lower() not in _NOT_NAMES


def _continues(between: str, before: str) -> bool:
    return (
        between == " "
        or (between.strip() in _NAME_PARTICLES and between.startswith(" "))
        or (between == ". " and len(before) == 2)
    )


def _build_name(text: str, run: list[re.Match[str]]) -> Mention | None:
    first = run[0]
    opens = first.start() == 0 or bool(_SENTENCE_END.search(text[max(0, first.start() - 4) : first.start()]))
    if opens and first[0].lower() in words.VERBS and not first[0].isupper():
        run = run[1:]
        opens = False
    if not run:
        return None
    start, end = run[0].start(), run[-1].end()
    value = text[start:end]
    if _POSSESSIVE.match(text, end - 2):
        value = value[:-2]
    alone = opens and len(run) == 1 and not _PERSON_CONTEXT.match(text, end)
    return Mention("opener" if alone else "name", value, start, start + len(value))


def _with_regions(text: str, names: list[Mention]) -> list[Mention]:
    joined: list[Mention] = []
    for name in names:
        before = joined[-1] if joined else None
        if before and text[before.end : name.start] in {", ", ","} and _is_region(name.value):
            value = f"{before.value}, {name.value}"
            joined[-1] = Mention("name", value, before.start, name.end)
        else:
            joined.append(name)
    return joined


def _is_region(value: str) -> bool:
    return (len(value) == 2 and value.isupper()) or value.lower() in _COUNTRIES


def listed(text: str, names: tuple[Mention, ...]) -> tuple[Mention, ...]:
    """The longest run of `names` that the text lists, "Ann, Bob and Cy"; none where no two stand together."""
    best: list[Mention] = []
    run = list(names[:1])
    for left, right in pairwise(names):
        linked = re.fullmatch(r"\s*(?:,|and|or|&|,\s*and)\s*(?:the\s+)?", text[left.end : right.start])
        run = [*run, right] if linked else [right]
        best = max(best, run, key=len)
    return tuple(best) if len(best) > 1 else ()

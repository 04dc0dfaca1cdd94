"""The few tasks that the rehearsal model can do exactly: repeat what it is told to, count, change or measure a text."""

import re

_QUOTED = re.compile(r"^[\"'\u201c`](.+?)[\"'\u201d`](?=[\s.!,]|$)", re.DOTALL)
_OBJECT_PHRASE = (
    r"(?:\s*(?:this|these words|the following(?: text)?|the (?:word|words|phrase|text|sentence|number)s?))?"
)
_LITERAL = [
    re.compile(
        rf"\b(?:reply|respond|answer)\b(?: to (?:this|me))?(?: with)? (?:exactly|only|just)(?: with)?{_OBJECT_PHRASE}"
        r"\s*[:,]?\s+(.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"\b(?:say|repeat|echo|print|output|return|write)(?: back)? (?:exactly|only|just|after me|verbatim)"
        rf"(?: the following)?{_OBJECT_PHRASE}\s*[:,]?\s+(.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(r"\b(?:reply|respond|answer) with(?: the words?)? ([\"'\u201c`].+)$", re.IGNORECASE | re.DOTALL),
]
_REPEATED = re.compile(
    r"\b(?:repeat|say|write|print) (?:the (?:word|phrase) )?[\"'\u201c]?(.{1,80}?)[\"'\u201d]? (\d{1,3}) times\b",
    re.IGNORECASE,
)
_SAY_COMMAND = re.compile(
    r"^\s*(?:please |just |can you |could you )*(?:say|echo|repeat)(?: the words?)?\s*:?\s+(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NOT_WORDS = re.compile(
    r"\b\d{1,3} times\b|^(?:something|anything|more|again|nothing|that|it|what|why|how|who|your|my|me|a|an|one)\b"
    r"|\bin (?:french|spanish|german|italian|portuguese|dutch|russian|japanese|chinese|korean|arabic|hindi|latin)\b"
    r"|\bas an? ",
    re.IGNORECASE,
)
_NOTHING_ELSE = re.compile(
    r"[,.;]?\s*(?:and )?(?:nothing (?:else|more)|no other \w+|without any\w* else)\W*$", re.IGNORECASE
)
_COUNT = re.compile(r"\bcount(?: up)?(?: from (\d{1,6}))? (?:up )?to (\d{1,6})\b", re.IGNORECASE)
_COUNTDOWN = re.compile(r"\bcount (?:down|backwards?) from (\d{1,6})(?: (?:down )?to (\d{1,6}))?\b", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(upper ?case|lower ?case|capitali[sz]e|reverse)\b[^:\"\u201c\n]{0,40}[:\"\u201c]\s*(.+?)[\"\u201d]?\s*$",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = re.compile(
    r"\bhow many (?:times does )?(?:the )?(?:letters? )?[\"'\u201c]?([^\W\d_])[\"'\u201d]?(?:'?s)?"
    r"(?: (?:are|is|there|appears?|occurs?))*"
    r" in (?:the word )?[\"'\u201c]?([^\W\d_]{2,60})",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\bhow many (words|letters|characters)\b[^:\"\u201c\n]{0,40}[:\"\u201c]\s*(.+?)[\"\u201d]?\W*$",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = 400  # characters of a message in which the request to repeat must stand
_MAX_COUNT = 2_000


def literal(text: str) -> str | None:
    """What the message asks to be said word for word."""
    opening = text[:_OPENING]
    found = next((match for pattern in _LITERAL if (match := pattern.search(opening))), None)
    if found is None and (found := _SAY_COMMAND.search(opening)) and _NOT_WORDS.search(found[1]):
        return None
    if found is None:
        return None
    said = text[found.start(1) :].strip()
    quoted = _QUOTED.match(said)
    return quoted[1] if quoted else said[:-_OPENING] + _NOTHING_ELSE.sub("", said[-_OPENING:])


def perform(text: str) -> str | None:
    """The result of a task, as a sentence or as the thing itself."""
    for task in (_count_down, _count_up, _repeat, _change_case, _count_letters, _measure):
        if (result := task(text)) is not None:
            return result
    return None


def _count_up(text: str) -> str | None:
    if (match := _COUNT.search(text)) is None:
        return None
    return _number_sequence(int(match[1] or 1), int(match[2]))


def _count_down(text: str) -> str | None:
    if (match := _COUNTDOWN.search(text)) is None:
        return None
    return _number_sequence(int(match[1]), int(match[2] or 1))


def _number_sequence(first: int, last: int) -> str:
    step = 1 if last >= first else -1
    numbers = range(first, last + step, step)
    said = ", ".join(map(str, numbers[:_MAX_COUNT]))
    return f"{said}." if len(numbers) <= _MAX_COUNT else f"{said} \u2026 and I stop here, after {_MAX_COUNT} numbers."


def _repeat(text: str) -> str | None:
    if (match := _REPEATED.search(text)) is None:
        return None
    return " ".join([match[1]] * int(match[2]))


def _change_case(text: str) -> str | None:
    if (match := _CHANGE.search(text)) is None:
        return None
    change = {"u": str.upper, "l": str.lower, "c": str.title}.get(match[1][0].lower(), lambda said: said[::-1])
    return change(match[2])


def _count_letters(text: str) -> str | None:
    if (match := _LETTERS.search(text)) is None:
        return None
    number = match[2].lower().count(match[1].lower())
    return f"The letter {match[1].lower()} stands {_parse_times(number)} in {match[2]}."


def _parse_times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _measure(text: str) -> str | None:
    if (match := _MEASURE.search(text)) is None:
        return None
    unit, said = match[1].lower(), match[2]
    sizes = {"words": len(said.split()), "letters": sum(map(str.isalpha, said)), "characters": len(said)}
    return f"It has {sizes[unit]} {unit if sizes[unit] != 1 else unit[:-1]}."

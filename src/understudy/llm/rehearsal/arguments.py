"""Fills the properties of a schema with what the user said: the `Source` of values for tool calls and JSON answers.

For each property it looks, in this order, for a value said by name ("subject: Lunch"), a value of the property's kind
(a place for `city`, an address for `email`), and where the property is needed for any value that nothing else took.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal import arithmetic, mentions, naming, outputs, programs, words
from understudy.llm.rehearsal.mentions import Mention
from understudy.llm.rehearsal.validation import Schema

_BOUNDS = {
    "max": words.listed("under below most than to within maximum max"),
    "min": words.listed("over above least from minimum min"),
}
_NEGATION = re.compile(
    r"(?:\b(?:no|not|without|never|skip|disable|disabled|exclude|off|false)|n't)\b[^.,;]{0,20}$", re.IGNORECASE
)
_COURTESY = re.compile(
    r"^(?:\W+|(?:hi|hello|hey|please|kindly|can you|could you|would you|will you|i want you to|i want to|i need to"
    r"|i'd like to|i would like to|let's|then|and|also|now|tell me|show me|give me|remind me to"
    r"|search(?: \w+){0,3} for|look(?:ing)? (?:up|for)|search|find|me|some)\b)+",
    re.IGNORECASE,
)
_LABELLED = re.compile(r"^[^:\n]{1,40}:\s+(?=\S)")  # "Make a note: buy milk"
_SPEECH_VERB = re.compile(
    r"\b(?:saying|that says|telling \w+|tell(?:ing)? (?:him|her|them|\w+) that|reading)[: ]+(.{2,500})",
    re.IGNORECASE | re.DOTALL,
)
_SYMBOLS = re.compile(r"\b[A-Z]{2,5}\b")
_LONGEST_TEXT = 400


class MessageValues:
    """`focus` is the part of the message that asks for this, `message` all of it, `earlier` what the user said before.

    `known` holds values by name that other tools put out, `prose` is what to say where a property wants sentences.
    """

    def __init__(
        self, focus: str, message: str = "", *, earlier: str = "", known: dict[str, Any] | None = None, prose: str = ""
    ) -> None:
        self._texts = list(dict.fromkeys(text for text in (focus, message) if text))
        self._focus = focus
        self._earlier = earlier
        self._given = outputs.parse_embedded_json(message or focus)
        self._known = known or {}
        self._prose = prose
        self._used: set[str] = set()

    def mark_used(self, value: Any) -> None:
        self._used.add(str(value))

    def values(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        yield from self._named_values(name, needed)
        if "enum" in schema:
            yield from self._enumerated(schema["enum"])
            return
        readers: dict[str, Callable[[str, Schema, bool], Iterable[Any]]] = {
            "string": self._strings,
            "integer": self._numbers,
            "number": self._numbers,
            "boolean": self._booleans,
        }
        if reader := readers.get(str(schema.get("type", "string"))):
            yield from reader(name, schema, needed)

    def items(self, name: str, schema: Schema, needed: bool) -> Iterable[Any]:
        for value in self._named_values(name, needed):
            if isinstance(value, list):
                yield from value
                return
        if "enum" in schema:
            yield from self._enumerated(schema["enum"])
        elif schema.get("type") in {"integer", "number"}:
            yield from self._listed_numbers(name, needed)
        elif schema.get("type", "string") == "string":
            yield from self._listed_strings(name, schema, needed)

    def _named_values(self, name: str, needed: bool) -> Iterator[Any]:
        yield from [self._given[name]] if name in self._given else []
        yield from [self._known[name]] if needed and name in self._known else []

    def _enumerated(self, options: list[Any]) -> Iterator[Any]:
        for text in self._texts:
            lowered = text.lower()
            spans = [(_option_position(str(option), lowered), option) for option in options if option is not None]
            yield from (option for at, option in sorted(spans, key=lambda span: span[0]) if at < len(lowered))
        said = words.stems(self._texts[0]) if self._texts else set()
        yield from (o for o in options if isinstance(o, str) and words.stems(o) and words.stems(o) <= said)

    def _strings(self, name: str, schema: Schema, needed: bool) -> Iterator[str]:
        parts = set(words.name_parts(name))
        yield from self._values_by_name(name, _SENTENCES if parts & naming.PROSE else _PHRASE)
        yield from self._patterned(parts, schema)
        if parts & naming.CODE:
            yield from self._code()
        yield from self._values_by_kind(parts, schema)
        if "format" not in schema:
            yield from self._values_by_wording(parts, needed)
            if needed:
                yield from self._leftovers(parts)

    def _values_by_name(self, name: str, value: str) -> Iterator[str]:
        """What is said with the property's own name: "subject: Lunch", "title 'Lunch'", "limit of 5"."""
        label = r"[ _-]?".join(map(re.escape, words.name_parts(name)))
        if not label:
            return
        linked = (
            rf"\b{label}\b[\"*`]?(?:\s*[:=]\s*|\s+(?:is|are|was|of|to|as|named|called|titled|should be)\s+)(?:{value})"
        )
        accompanied = rf"\bwith (?:an? |the )?{label}\s+(?:{value})"
        adjacent = rf"\b{label}\s+(?:{_QUOTED})"
        for text in self._texts:
            for match in re.finditer(f"{linked}|{accompanied}|{adjacent}", text, re.IGNORECASE):
                yield next(group for group in match.groups() if group).strip()

    def _patterned(self, parts: set[str], schema: Schema) -> Iterator[str]:
        """Where a pattern judges, any word may be tried."""
        if "pattern" in schema:
            before = [word for word, names in naming.PREPOSITIONS.items() if names & parts]
            for text in self._texts:
                said = re.findall(r"[^\s,;!?\"']{1,80}", text)[:60]
                behind = [word for left, word in pairwise(said) if left.lower() in before]
                yield from (word for word in (*behind, *said) if word not in self._used)

    def _values_by_kind(self, parts: set[str], schema: Schema) -> Iterator[str]:
        kinds = [naming.FORMATS[schema["format"]]] if schema.get("format") in naming.FORMATS else []
        kinds += [wanted for names, wanted in naming.KINDS if names & parts] if not schema.get("format") else []
        for text in self._texts:
            prepositions = [word for word, names in naming.PREPOSITIONS.items() if names & parts]
            for wanted in kinds:
                found = [mention for mention in self._unused_mentions(text) if mention.kind in wanted]
                yield from (_format_mention(m, schema) for m in _sort_by_preposition(text, found, prepositions))

    def _values_by_wording(self, parts: set[str], needed: bool) -> Iterator[str]:
        """Values that are recognised by the property's name, with no mention of a certain kind behind them."""
        if parts & naming.SUM and (found := self._find_calculation()):
            yield found.expression
        if parts & naming.SYMBOL:
            yield from (s for text in self._texts for s in _SYMBOLS.findall(text) if s not in self._used)
        if parts & naming.PLACE:
            yield from self._places(needed)
        if parts & naming.PROSE:
            yield from self._prosaic(needed)
        if needed and parts & naming.QUERY:
            yield from self._remaining_text()
        if needed and parts & naming.CODE:
            yield from (written.code for text in self._texts if (written := programs.write(text)) is not None)
            yield from (f"print({tokens.shorten(gist, 200)!r})" for gist in self._remaining_text())

    def _code(self) -> Iterator[str]:
        yield from (m.value for text in self._texts for m in mentions.find(text) if m.kind == "code")
        if found := self._find_calculation():
            yield found.python

    def _find_calculation(self) -> arithmetic.Calculation | None:
        return next((c for text in self._texts if (c := arithmetic.find(text, asked=False))), None)

    def _places(self, needed: bool) -> Iterator[str]:
        for text in self._texts:
            yield from (m.value for m in self._unused_mentions(text) if m.kind == "opener")
            yield from _prepositional_phrases(text, ("in", "for", "at", "near") if needed else ("in", "near"))
        if needed:
            named = (m for m in mentions.find(self._earlier) if m.kind == "name")
            yield from (
                m.value for m in named if _follows_preposition(self._earlier, m, ["in", "at", "near", "from", "to"])
            )

    def _prosaic(self, needed: bool) -> Iterator[str]:
        for text in self._texts:
            if match := _SPEECH_VERB.search(text):
                yield match[1].strip().rstrip(".").strip("\"'\u201c\u201d")
        if needed:
            yield from [self._prose] if self._prose else self._remaining_text()

    def _leftovers(self, parts: set[str]) -> Iterator[str]:
        """Any value that no other property took; at last what the request is about."""
        wanted = ("quote", "name", "id", "opener") if not parts & naming.QUERY else ("quote",)
        for kind in wanted:
            yield from (m.value for text in self._texts for m in self._unused_mentions(text) if m.kind == kind)
        if not self._prose and not parts & (naming.PLACE | naming.PERSON | naming.DAY | naming.ID):
            yield from (gist for gist in self._remaining_text() if gist not in self._used)

    def _remaining_text(self) -> Iterator[str]:
        """The request without its courtesies, where anything is left of it."""
        if words.stems(self._focus) or not self._focus.isascii():
            gist = _LABELLED.sub("", _COURTESY.sub("", self._focus)).strip()
            yield tokens.shorten(gist or self._focus.strip(), _LONGEST_TEXT)

    def _numbers(self, name: str, schema: Schema, needed: bool) -> Iterator[int | float]:
        found = [*self._values_by_name(name, r"([-+]?\d[\d,]{0,15}(?:\.\d{1,10})?)"), *self._measured(name)]
        if needed:
            found += [
                m.value for text in self._texts for m in self._unused_mentions(text) if m.kind in {"number", "count"}
            ]
            found += [
                c.value for text in self._texts if (c := arithmetic.find(text)) and schema.get("type") == "number"
            ]
        yield from (number for text in found if (number := _parse_number(text)) is not None)

    def _measured(self, name: str) -> Iterator[str]:
        """A number beside the property's name, unit or bound: "5 days" for `num_days`, "under 50" for `max_price`."""
        parts = set(words.name_parts(name))
        stems = {words.stem(part) for part in parts} - {"num", "number", "count", "max", "min"}
        bounds = {word for bound, said in _BOUNDS.items() if bound in parts for word in said}
        for text in self._texts:
            for mention in self._unused_mentions(text):
                if mention.kind in {"number", "count"}:
                    before = words.words(re.split(r"[,.;]", text[max(0, mention.start - 30) : mention.start])[-1])[-1:]
                    after = words.words(re.split(r"[,.;]", text[mention.end : mention.end + 30])[0])[:2]
                    if stems & {words.stem(word) for word in before + after} or bounds & {*before}:
                        yield mention.value

    def _booleans(self, name: str, _: Schema, needed: bool) -> Iterator[bool]:
        stems = {words.stem(p) for p in words.name_parts(name)} - {
            "is",
            "has",
            "with",
            "includ",
            "enabl",
            "us",
            "should",
            "allow",
        }
        for text in self._texts:
            for match in re.finditer(r"[^\W\d_]+", text):
                if words.stem(match[0]) in stems:
                    yield not _NEGATION.search(text[: match.start()][-40:])
                    return
        if needed:
            yield False

    def _listed_numbers(self, name: str, needed: bool) -> Iterator[int | float]:
        if not needed and not list(self._measured(name)):
            return
        found = (m.value for m in mentions.find(self._texts[0] if self._texts else "") if m.kind == "number")
        yield from (number for text in found if (number := _parse_number(text)) is not None)

    def _listed_strings(self, name: str, schema: Schema, needed: bool) -> Iterator[str]:
        for label in dict.fromkeys((name, name.removesuffix("s"))):
            for phrase in self._values_by_name(label, r"([^.;\n]{1,300})"):
                yield from (
                    part.strip(" \"'") for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", phrase) if part.strip()
                )
                return
        parts = set(words.name_parts(name)) | {part.removesuffix("s") for part in words.name_parts(name)}
        kinds = set(naming.FORMATS.get(schema.get("format", ""), ())) or {
            k for names, ks in naming.KINDS if names & parts for k in ks
        }
        if needed and not kinds and not parts & naming.QUERY:
            kinds = {"quote", "name"}
        for text in self._texts:
            found = tuple(mention for mention in mentions.find(text) if mention.kind in kinds)
            free = [mention for mention in found if mention.value not in self._used]
            if chosen := mentions.listed(text, found) or free:
                yield from (mention.value for mention in chosen)
                return
        if needed and parts & naming.QUERY:
            yield from self._remaining_text()

    def _unused_mentions(self, text: str) -> list[Mention]:
        return [mention for mention in mentions.find(text) if mention.value not in self._used]


_QUOTED = r"\"([^\"\n]{1,500})\"|'([^'\n]{1,300})'|\u201c([^\u201d]{1,500})\u201d"
_PHRASE = (
    _QUOTED + r"|([^\s,;:.!?\n][^,;.!?\n]{0,120}?)(?=\s*(?:[,;!?\n]|\.(?:\s|$)|$|\s(?:and|with|but|for|on|at|in)\s))"
)

_SENTENCES = _QUOTED + r"|([^\s\n][^\n]{0,500}?)(?=\.?\s*(?:\n|$))"


def _option_position(option: str, lowered: str) -> int:
    """Where the option is said, past the end where it is not."""
    label = r"[ _-]?".join(map(re.escape, words.name_parts(option))) or re.escape(option.lower())
    match = re.search(rf"(?<!\w){label}(?!\w)", lowered)
    return match.start() if match else len(lowered)


def _sort_by_preposition(text: str, found: list[Mention], prepositions: list[str]) -> list[Mention]:
    """Those that stand behind one of the prepositions come first."""
    return sorted(found, key=lambda mention: not _follows_preposition(text, mention, prepositions))


def _follows_preposition(text: str, mention: Mention, prepositions: list[str]) -> bool:
    before = words.words(text[max(0, mention.start - 12) : mention.start])[-2:]
    return not {*before}.isdisjoint(prepositions)


def _format_mention(mention: Mention, schema: Schema) -> str:
    """The mention as the schema's format writes it."""
    if schema.get("format") == "date-time":
        if mention.kind == "date":
            return f"{mention.value}T00:00:00Z"
        stamp = mention.value.replace(" ", "T")
        stamp = stamp if stamp.count(":") > 1 else f"{stamp}:00"
        return stamp if re.search(r"Z$|[+-]\d\d:\d\d$", stamp) else f"{stamp}Z"
    if schema.get("format") == "time":
        return _parse_clock_time(mention.value)
    return mention.value


def _parse_clock_time(said: str) -> str:
    """ "3:30 pm" as 15:30:00Z."""
    hour, minute, second, half = re.match(r"(\d{1,2})(?::(\d\d))?(?::(\d\d))? ?([ap])?", said.lower()).groups()  # type: ignore[union-attr]
    hours = int(hour) % 12 + 12 * (half == "p") if half else int(hour)
    return f"{hours:02}:{minute or '00'}:{second or '00'}Z"


def _prepositional_phrases(text: str, prepositions: tuple[str, ...]) -> Iterator[str]:
    """What stands behind a preposition in lower case: "weather in new york"."""
    for match in re.finditer(rf"\b(?:{'|'.join(prepositions)})\s+(?:the\s+)?((?:[^\W\d_]+\s?){{1,3}})", text):
        kept: list[str] = []
        for word in match[1].split():
            if word.lower() in words.STOP_WORDS:
                break
            kept.append(word)
        if kept:
            yield " ".join(kept)


def _parse_number(text: str) -> int | float | None:
    try:
        value = msgspec.json.decode(text.replace(",", "").lstrip("+"))
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

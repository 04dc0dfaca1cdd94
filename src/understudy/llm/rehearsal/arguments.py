"""Finds values for the properties of a schema in a message: the `ValueSource` of function calls and JSON replies.

In order: a value by the property's name ("subject: Lunch"), a mention of the property's kind (a place for `city`), and
where the property is required, whatever no other property has used.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from understudy.llm import tokens
from understudy.llm.rehearsal import outputs, programs
from understudy.llm.rehearsal.arithmetic import find_calculation
from understudy.llm.rehearsal.mentions import Mention, find_list, find_mentions
from understudy.llm.rehearsal.schemas import Schema
from understudy.llm.rehearsal.vocabulary import extract_stems, split_identifier, stem_word

_PLACE = frozenset({"city", "location", "place", "town", "country", "address", "destination", "origin", "region"})
_PERSON = frozenset({"person", "people", "member", "name", "names", "customer", "author", "owner", "guest", "guests"})
_PROSE = frozenset({"text", "answer", "reply", "response", "summary", "reasoning", "description", "message", "body"})
_CODE = frozenset({"code", "script", "source", "program", "expression"})
_KINDS: Final[list[tuple[frozenset[str], str]]] = [
    (frozenset({"email", "mail", "recipient", "to"}), "email"),
    (frozenset({"url", "link", "website", "uri", "page"}), "url"),
    (frozenset({"date", "day", "when", "deadline", "due", "start", "end"}), "date"),
    (frozenset({"id", "number", "order", "ticket", "reference", "account", "invoice", "ref"}), "id"),
    (_PLACE | _PERSON, "name"),
    (_PROSE | {"title", "subject", "label"}, "quote"),
]
_FORMATS: Final = {"email": "email", "uuid": "id", "date": "date", "date-time": "date-time", "uri": "url", "url": "url"}
_QUOTED = r"\"([^\"\n]{1,500})\"|'([^'\n]{1,300})'|\u201c([^\u201d]{1,500})\u201d"
_PHRASE = rf"{_QUOTED}|([^\s,;:.!?\n][^,;.!?\n]{{0,120}}?)(?=\s*(?:[,;!?\n]|\.(?:\s|$)|$|\s(?:and|with|but|for|on)\s))"
_MAX_TEXT = 400


class MessageValues:
    """Values of `text`; `prose` is a sentence for properties that take one. Optional ones get sure values only."""

    def __init__(self, text: str, prose: str = "") -> None:
        self._text = text
        self._members = outputs.parse_object(text[text.find("{") : text.rfind("}") + 1])
        self._prose = prose
        self._used: set[str] = set()

    def mark_used(self, value: Any) -> None:
        self._used.add(str(value))

    def values(self, name: str, schema: Schema, *, is_required: bool) -> Iterable[Any]:
        yield from [self._members[name]] if name in self._members else []
        if "enum" in schema:
            yield from self._options(schema["enum"])
        elif _value_type(schema) in {"integer", "number"}:
            yield from self._numbers(name, is_required)
        elif _value_type(schema) == "string":
            yield from self._strings(name, schema, is_required)

    def items(self, name: str, schema: Schema, *, is_required: bool) -> Iterable[Any]:
        if isinstance(listed := self._members.get(name), list):
            yield from listed
        elif "enum" in schema:
            yield from self._options(schema["enum"])
        elif _value_type(schema) in {"integer", "number"}:
            yield from (_parse_number(mention.value) for mention in self._unused({"number"}))
        elif _value_type(schema) == "string":
            parts = {part for word in split_identifier(name) for part in (word, word.removesuffix("s"))}
            unused = self._unused(_select_kinds(parts) or ({"quote", "name"} if is_required else set()))
            yield from (mention.value for mention in find_list(self._text, unused) or unused)

    def _options(self, options: list[Any]) -> Iterator[Any]:
        """The options that the text contains, in its order."""
        places = [(_find_option(str(option), self._text), option) for option in options[:1_000] if option is not None]
        yield from (option for at, option in sorted(places, key=lambda place: place[0]) if at >= 0)

    def _strings(self, name: str, schema: Schema, is_required: bool) -> Iterator[str]:
        parts = set(split_identifier(name))
        if "pattern" in schema:
            yield from (mention.value for mention in self._unused())
        if "format" in schema:
            yield from (mention.value for mention in self._unused({_FORMATS.get(schema["format"], "")}))
            return
        yield from self._values_by_name(name, _PHRASE)
        if parts & _CODE and (program := programs.find_program(self._text)):
            yield program
        yield from (mention.value for mention in self._unused(_select_kinds(parts)))
        if is_required:
            yield from self._remaining_texts(parts)

    def _remaining_texts(self, parts: set[str]) -> Iterator[str]:
        """What a required text may be where the message names no value for it."""
        if self._prose and parts & _PROSE:
            yield self._prose
        kinds = ("quote", "name", "id", "opener") if parts & _PERSON else ("quote", "name", "id")
        yield from (mention.value for kind in kinds for mention in self._unused({kind}))
        if extract_stems(self._text):
            yield tokens.shorten(self._text.strip(), _MAX_TEXT)

    def _values_by_name(self, name: str, value: str) -> Iterator[str]:
        """Values after the property's own name: "subject: Lunch", "title 'Lunch'", "limit of 5"."""
        if not (parts := split_identifier(name)):
            return
        label = r"[ _-]?".join(map(re.escape, parts))
        linked = rf"\b{label}\b[\"*`]?(?:\s*[:=]\s*|\s+(?:is|are|was|of|to|as|named)\s+)(?:{value})"
        for match in re.finditer(rf"{linked}|\b{label}\s+(?:{_QUOTED})", self._text, re.IGNORECASE):
            yield next(group for group in match.groups() if group).strip()

    def _numbers(self, name: str, is_required: bool) -> Iterator[int | float]:
        matches = list(self._values_by_name(name, r"([-+]?\d[\d,]{0,15}(?:\.\d{1,10})?)"))
        stems = set(map(stem_word, split_identifier(name)))
        for mention in self._unused({"number"}):
            unit = re.match(r"\s*([^\W\d_]+)", self._text[mention.end :])
            if is_required or (unit and stem_word(unit[1]) in stems):
                matches.append(mention.value)
        yield from (number for match in matches if (number := _parse_number(match)) is not None)
        if is_required and (calculation := find_calculation(self._text)):
            yield calculation.value

    def _unused(self, kinds: set[str] | None = None) -> tuple[Mention, ...]:
        mentions = (mention for mention in find_mentions(self._text) if mention.value not in self._used)
        return tuple(mention for mention in mentions if kinds is None or mention.kind in kinds)


def _value_type(schema: Schema) -> Any:
    """The type of the schema's values; of several types the first other than null."""
    types = schema.get("type", "string")
    return next((one for one in types if one != "null"), None) if isinstance(types, list) else types


def _select_kinds(parts: set[str]) -> set[str]:
    return {kind for names, kind in _KINDS if names & parts}


def _find_option(option: str, text: str) -> int:
    """The position of the option in the text, -1 where it is not found."""
    label = r"[ _-]?".join(map(re.escape, split_identifier(option))) or re.escape(option)
    match = re.search(rf"(?<!\w){label}(?!\w)", text, re.IGNORECASE)
    return match.start() if match else -1


def _parse_number(text: str) -> int | float | None:
    try:
        value = msgspec.json.decode(text.replace(",", "").lstrip("+"))
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, (int, float)) else None

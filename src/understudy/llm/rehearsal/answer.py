"""Decides what the rehearsal model answers: function calls, JSON, or words. Pure: a request in, an answer out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.rehearsal import calls, conversation, effort, mentions, outputs, schema, speech, tasks, words
from understudy.llm.rehearsal.arguments import Spoken
from understudy.llm.rehearsal.conversation import Call, Conversation, Request
from understudy.llm.rehearsal.validation import BadSchemaError

_KEYS = re.compile(
    r"\b(?:keys?|fields?|propert(?:y|ies)|members?|attributes?)\b(?: (?:named|called|are|of))?:? ([^.;\n]{1,300})",
    re.IGNORECASE,
)
_KEY = re.compile(r"[A-Za-z_][\w-]{0,60}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Either calls or text."""

    text: str = ""
    calls: tuple[Call, ...] = ()


def compose(request: Request) -> Answer:
    """Raises UpstreamError(invalid_request) where a schema or a tool choice cannot be satisfied."""
    with effort.bounded():
        return _composed(request)


def _composed(request: Request) -> Answer:
    heard = conversation.turns(request)
    if made := _called(request, heard):
        return Answer(calls=made)
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return Answer(text=speech.say(heard))
    if wanted.type == "json_object" or wanted.json_schema is None:
        return Answer(text=_json(_free_object(heard), heard))
    return Answer(text=_json(wanted.json_schema.schema or {"type": "object"}, heard))


def _called(request: Request, heard: Conversation) -> tuple[Call, ...]:
    if calls.permitted(request).mode == "none" or not request.tools:
        return ()
    forced = (
        request.tool_choice not in {None, "auto", "none"}
        if isinstance(request.tool_choice, str)
        else request.tool_choice
    )
    if not forced and tasks.literal(heard.latest.whole) is not None:
        return ()
    made = calls.choose(request, heard)
    return made if made or speech.settles(heard) else calls.consult(request, heard)


def _json(wanted: dict[str, Any], heard: Conversation) -> str:
    spoken = Spoken(
        heard.latest.text,
        earlier=heard.earlier,
        known=outputs.known(heard.outputs),
        prose=speech.specific(heard) or f"The rehearsal model read: {heard.latest.text[:200].strip()}",
    )
    try:
        return msgspec.json.encode(schema.make(wanted, spoken)).decode()
    except BadSchemaError as fault:
        raise UpstreamError(
            "invalid_request",
            f"Invalid schema for response_format: {fault}.",
            status=400,
            param="response_format",
        ) from None


def _free_object(heard: Conversation) -> dict[str, Any]:
    """A schema for an object of any shape: with the keys that the messages name, else with an answer."""
    said = tasks.literal(heard.latest.whole)
    if said is not None and (value := outputs.members(said)):
        return {"const": value}
    asked = _named_keys(heard.latest.text) or _named_keys(heard.instructions)
    if not asked:
        return {"const": {"model": "rehearsal", "answer": speech.say(heard)}}
    return {
        "type": "object",
        "properties": {key: {"type": _guessed_type(key)} for key in asked},
        "required": asked,
    }


def _named_keys(text: str) -> list[str]:
    match = _KEYS.search(text)
    if match is None:
        return []
    quoted = [m.value for m in mentions.find(match[1]) if m.kind == "quote" and _KEY.fullmatch(m.value)]
    return list(dict.fromkeys(quoted or _plain_keys(match[1])))


def _plain_keys(listed: str) -> Iterator[str]:
    """The keys of "name, age and city for Bob": name, age, city."""
    for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.strip()):
        key = _KEY.match(part)
        if key is None or part.lower() in words.STOP:
            return
        yield key[0]
        if key[0] != part:
            return


def _guessed_type(key: str) -> str:
    return (
        "number"
        if {*words.name_parts(key)} & words.listed("age count number total amount price quantity year")
        else "string"
    )

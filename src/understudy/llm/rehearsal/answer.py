"""Decides what the rehearsal model answers: function calls, JSON, or words. Pure: a request in, an answer out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from understudy.errors import UpstreamError
from understudy.llm.rehearsal import calls, conversation, effort, mentions, outputs, schema, speech, tasks, words
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.conversation import Call, Conversation, Request
from understudy.llm.rehearsal.validation import BadSchemaError

_KEYS_PHRASE = re.compile(
    r"\b(?:keys?|fields?|propert(?:y|ies)|members?|attributes?)\b(?: (?:named|called|are|of))?:? ([^.;\n]{1,300})",
    re.IGNORECASE,
)
_KEY_NAME = re.compile(r"[A-Za-z_][\w-]{0,60}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Either calls or text."""

    text: str = ""
    calls: tuple[Call, ...] = ()


def compose(request: Request) -> Answer:
    """Raises UpstreamError(invalid_request) where a schema or a tool choice cannot be satisfied."""
    with effort.limit_effort():
        return _compose(request)


def _compose(request: Request) -> Answer:
    heard = conversation.turns(request)
    if made := _select_calls(request, heard):
        return Answer(calls=made)
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return Answer(text=speech.compose_reply(heard))
    if wanted.type == "json_object" or wanted.json_schema is None:
        return Answer(text=_render_json(_build_free_object(heard), heard))
    return Answer(text=_render_json(wanted.json_schema.schema or {"type": "object"}, heard))


def _select_calls(request: Request, heard: Conversation) -> tuple[Call, ...]:
    if calls.allowed_functions(request).mode == "none" or not request.tools:
        return ()
    forced = (
        request.tool_choice not in {None, "auto", "none"}
        if isinstance(request.tool_choice, str)
        else request.tool_choice
    )
    if not forced and tasks.literal(heard.latest.whole) is not None:
        return ()
    made = calls.select_calls(request, heard)
    return made if made or speech.is_self_contained(heard) else calls.select_search_calls(request, heard)


def _render_json(wanted: dict[str, Any], heard: Conversation) -> str:
    spoken = MessageValues(
        heard.latest.text,
        earlier=heard.earlier,
        known=outputs.collect_values(heard.outputs),
        prose=speech.specific_reply(heard) or f"The rehearsal model read: {heard.latest.text[:200].strip()}",
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


def _build_free_object(heard: Conversation) -> dict[str, Any]:
    """A schema for an object of any shape: with the keys that the messages name, else with an answer."""
    said = tasks.literal(heard.latest.whole)
    if said is not None and (value := outputs.members(said)):
        return {"const": value}
    asked = _find_keys(heard.latest.text) or _find_keys(heard.instructions)
    if not asked:
        return {"const": {"model": "rehearsal", "answer": speech.compose_reply(heard)}}
    return {
        "type": "object",
        "properties": {key: {"type": _guess_type(key)} for key in asked},
        "required": asked,
    }


def _find_keys(text: str) -> list[str]:
    match = _KEYS_PHRASE.search(text)
    if match is None:
        return []
    quoted = [m.value for m in mentions.find(match[1]) if m.kind == "quote" and _KEY_NAME.fullmatch(m.value)]
    return list(dict.fromkeys(quoted or _split_keys(match[1])))


def _split_keys(listed: str) -> Iterator[str]:
    """The keys of "name, age and city for Bob": name, age, city."""
    for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", listed.strip()):
        key = _KEY_NAME.match(part)
        if key is None or part.lower() in words.STOP_WORDS:
            return
        yield key[0]
        if key[0] != part:
            return


def _guess_type(key: str) -> str:
    return (
        "number"
        if {*words.name_parts(key)} & words.listed("age count number total amount price quantity year")
        else "string"
    )

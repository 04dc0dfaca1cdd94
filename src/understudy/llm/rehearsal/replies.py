"""Generates the reply to a request: function calls, JSON for its format, or a text. Pure.

A text holds outputs of tools, facts of the conversation or one calculation, else what is missing: a reply never
pretends to come from a language model.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from understudy.llm.rehearsal import arithmetic, outputs, passages
from understudy.llm.rehearsal.arguments import MessageValues
from understudy.llm.rehearsal.conversation import Call, Conversation, Output
from understudy.llm.rehearsal.effort import start_request
from understudy.llm.rehearsal.functions import CODE_INTERPRETER, FILE_SEARCH, resolve_choice, select_calls
from understudy.llm.rehearsal.outputs import quote
from understudy.llm.rehearsal.request import Request, invalid_request
from understudy.llm.rehearsal.schemas import Schema, SchemaError
from understudy.llm.rehearsal.values import build_value

_CONNECT: Final = (
    "set `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `ANTHROPIC_API_KEY` or `OLLAMA_HOST`,"
    " or name a provider in `understudy.toml`"
)
_INTRODUCTION: Final = (
    "I am the rehearsal model built into Understudy; I have no language model behind me. I recall facts, evaluate"
    " arithmetic, repeat a text, call functions, fill JSON schemas, quote files and run code that you write."
)
_LITERAL = [
    re.compile(
        r"\b(?:reply|respond|answer|say|repeat|echo|print)\b(?: with| back)? (?:exactly|only|just|after me|verbatim)"
        r"(?: with)?(?: the (?:words?|text))?\s*:?\s+(.+)$",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"^\s*(?:please )?(?:say|echo|repeat)(?:\s*:\s*|\s+(?=[\"'\u201c`]|this is))(.+)$", re.IGNORECASE | re.DOTALL
    ),
]
_QUOTED = re.compile(r"^[\"'\u201c\u00ab`](.+?)[\"'\u201d\u00bb`](?=[\s.!,]|$)", re.DOTALL)
_NOTHING_ELSE = re.compile(r"[,.;]?\s*(?:and )?nothing (?:else|more)\W*$", re.IGNORECASE)
_QUESTION_END = re.compile(r"[?\uff1f]\s*$")
_GREETING = re.compile(r"^\W*(?:hi|hello|hey)\b", re.IGNORECASE)
_THANKS = re.compile(r"^\W*(?:thanks|thank you)\b", re.IGNORECASE)
_IDENTITY = re.compile(r"\bwho are you\b|\bwhat (?:are|can) you\b|^\W*help\W*$", re.IGNORECASE)
_LABEL = r"((?:[\w'\u2019]{1,30} ){0,3}?[\w'\u2019]{1,30})"
_VALUE = r"((?:[^.,!?;\n]|\.(?=\S)){1,80}?)(?=,? (?:and|but|so) |\.(?:\s|$)|[,!?;\n]|$)"
_FACT = re.compile(rf"\bmy {_LABEL} (?:is|are|was) {_VALUE}", re.IGNORECASE)
_NAME = re.compile(r"\b(?i:i am|i'm|i\u2019m|call me) ([A-Z][\w'\u2019-]{1,30}(?: [A-Z][\w'\u2019-]{1,30}){0,2})")
_RECALL = re.compile(
    rf"\b(?:what(?:'s|\u2019s| is| are)|who is|remember|know) my {_LABEL}(?=[?.!,]|$)|\bwho am i\b", re.IGNORECASE
)
_OPENING: Final = 400  # characters of a message in which a request to repeat is looked for


def generate_reply(request: Request) -> tuple[str, tuple[Call, ...]]:
    """A text, or calls. Raises UpstreamError(invalid_request) for a schema or tool choice that cannot be satisfied."""
    start_request()
    conversation = Conversation(request)
    is_optional = resolve_choice(request)[0] == "auto"
    literal = _find_literal(conversation)
    needs_search = is_optional and _needs_search(conversation)
    if not (is_optional and literal) and (calls := select_calls(request, conversation, needs_search=needs_search)):
        return "", calls
    response_format = request.response_format
    if response_format is None or response_format.type == "text":
        return _compose_text(conversation), ()
    if response_format.type == "json_object" or response_format.json_schema is None:
        reply = outputs.parse_object(literal or "") or {"model": "rehearsal", "answer": _compose_text(conversation)}
        return msgspec.json.encode(reply).decode(), ()
    return _generate_json(response_format.json_schema.schema or {"type": "object"}, conversation), ()


def _generate_json(schema: Schema, conversation: Conversation) -> str:
    prose = _find_reply(conversation) or f"The rehearsal model read: {conversation.text[:200].strip()}"
    try:
        return msgspec.json.encode(build_value(schema, MessageValues(conversation.text, prose))).decode()
    except SchemaError as fault:
        raise invalid_request(f"Invalid schema for response_format: {fault}.", "response_format") from None


def _compose_text(conversation: Conversation) -> str:
    if (text := _find_literal(conversation)) is not None:
        return text
    parts = ["I cannot see what you attached."] if conversation.attachments else []
    parts.append(_find_reply(conversation) or _describe_limits(conversation))
    if not conversation.has_reply and not conversation.outputs and _INTRODUCTION not in parts[-1]:
        parts.append(_INTRODUCTION)
    return _join_parts(parts)


def _find_literal(conversation: Conversation) -> str | None:
    """The text that the message wants repeated word for word."""
    text = conversation.whole_text
    match = next((match for pattern in _LITERAL if (match := pattern.search(text[:_OPENING]))), None)
    if match is None or conversation.outputs:
        return None
    rest = _NOTHING_ELSE.sub("", text[match.start(1) :].strip())
    quoted = _QUOTED.match(rest)
    return quoted[1] if quoted else rest


def _find_reply(conversation: Conversation) -> str | None:
    """What outputs and the conversation itself answer, None where that takes a language model."""
    if conversation.outputs:
        return _render_outputs(conversation)
    return _join_parts([find(conversation) or "" for find in (_greet, *_FINDERS)]) or None


def _needs_search(conversation: Conversation) -> bool:
    """Whether the conversation lacks the answer to this request."""
    text = conversation.text
    is_remark = _THANKS.search(text) or _GREETING.fullmatch(text.strip(" .!")) or _collect_facts(text)
    is_request = bool(text.strip()) and bool(_QUESTION_END.search(text) or not is_remark)
    return is_request and not any(find(conversation) for find in _FINDERS)


def _join_parts(parts: list[str]) -> str:
    """One paragraph; parts with lines of their own stand apart."""
    nonempty = [part for part in parts if part]
    return ("\n\n" if any("\n" in part for part in nonempty) else " ").join(nonempty)


def _render_outputs(conversation: Conversation) -> str:
    searches = [output for output in conversation.outputs if _is_search_result(output)]
    runs = [output for output in conversation.outputs if output.name in CODE_INTERPRETER]
    others = [output for output in conversation.outputs if output not in searches and output not in runs]
    parts = []
    if searches:
        matches = [passage for output in searches for passage in passages.parse_passages(output.text)]
        parts.append(passages.quote_passages(conversation.text, matches))
    parts += [outputs.render_code_result(output.text) for output in runs]
    return "\n\n".join([*parts, *([outputs.render_outputs(others)] if others else [])])


def _is_search_result(output: Output) -> bool:
    is_result = output.text.startswith("No passage") or not output.text.strip() or passages.parse_passages(output.text)
    return output.name in FILE_SEARCH and bool(is_result)


def _greet(conversation: Conversation) -> str | None:
    if _THANKS.search(conversation.text):
        return "You are welcome."
    return "Hello!" if _GREETING.search(conversation.text) else None


def _collect_facts(text: str) -> dict[str, str]:
    """What the text states about its author: `{"name": "Ada", "favourite colour": "teal"}`."""
    facts = {match[1].lower(): match[2].strip(" \"'") for match in _FACT.finditer(text)}
    return facts | ({"name": match[1]} if (match := _NAME.search(text)) else {})


def _recall_fact(conversation: Conversation) -> str | None:
    if (match := _RECALL.search(conversation.text)) is None:
        return None
    label = (match[1] or "name").lower()
    facts = {name: value for text in conversation.user_texts for name, value in _collect_facts(text).items()}
    if label not in facts:
        return f"Your {label} is not in this conversation."
    return f"Your {label} is {facts[label]}; you wrote so in this conversation."


def _identify(conversation: Conversation) -> str | None:
    return _INTRODUCTION if _IDENTITY.search(conversation.text) else None


def _calculate(conversation: Conversation) -> str | None:
    if (calculation := arithmetic.find_calculation(conversation.text)) is None:
        return None
    expression = calculation.expression.replace("**", "^").replace("*", "\u00d7")  # An asterisk would be Markdown.
    return f"{expression} {'=' if calculation.is_exact else 'is about'} {calculation.value}."


_FINDERS: tuple[Callable[[Conversation], str | None], ...] = (_recall_fact, _identify, _calculate)


def _describe_limits(conversation: Conversation) -> str:
    text = conversation.text.strip()
    if not text:
        return "Your message has no text."
    subject = f"You {'asked' if _QUESTION_END.search(text) else 'wrote'} {quote(text)}"
    if conversation.has_reply:
        return f"{subject}, message {len(conversation.user_texts)} of yours. A reply to it takes a language model."
    return f"{subject}. For a real answer, {_CONNECT}."

"""Summaries of conversations, encoded for clients that return them. Pure.

The summary of a response's own context replaces everything before it, and includes the last question; the summary of
`/responses/compact` follows the messages of the users.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from understudy.engine.run import reasoning
from understudy.llm import tokens
from understudy.llm.messages import Message, Part, SystemMessage, TextPart, UserMessage, to_wire
from understudy.llm.provider import ChatBody

INSTRUCTIONS: Final = (
    "You summarise a conversation for a reader who continues it without having seen it. Keep every fact,"
    " decision, name, number, open question and result of a tool that may matter later; leave out what does not."
)
REQUEST: Final = "Summarise our conversation up to here. Answer with the summary alone."
_CONTEXT_PREFIX: Final = "ctx."
# A question is repeated whole, up to this many characters.
_MAX_QUESTION_CHARACTERS: Final = 20_000


class Summary(Struct, omit_defaults=True):
    """`question` is the last user message if the summary replaces everything before it, otherwise None."""

    text: str
    question: str | None = None


_decode = msgspec.json.Decoder(Summary).decode


def pack(summary: Summary) -> str:
    if summary.question is None:
        return reasoning.seal_reasoning(summary.text)
    return _CONTEXT_PREFIX + reasoning.seal_reasoning(msgspec.json.encode(summary).decode())


def unpack(content: str | None) -> Summary | None:
    """None for a summary that another server packed."""
    if content is None or not content.startswith(_CONTEXT_PREFIX):
        text = reasoning.unseal_reasoning(content)
        return None if text is None else Summary(text)
    packed = reasoning.unseal_reasoning(content[len(_CONTEXT_PREFIX) :])
    try:
        return None if packed is None else _decode(packed)
    except msgspec.DecodeError:
        return None


def is_context_summary(body: str) -> bool:
    """Whether a compaction item, as JSON, replaces everything before it."""
    return f'"encrypted_content":"{_CONTEXT_PREFIX}' in body


def summary_messages(messages: Sequence[Message]) -> list[Message]:
    """The messages of a request for a summary of a conversation."""
    return [SystemMessage(INSTRUCTIONS), *messages, UserMessage(REQUEST)]


def summary_request(body: ChatBody, messages: Sequence[Message]) -> ChatBody:
    """The request for a summary by `summary_messages`, with the model and the tools of the request `body`."""
    request: ChatBody = {"model": body["model"], "messages": to_wire(messages), "stream": True}
    if body.get("tools"):
        # Some providers refuse calls in the history of a request that offers no tools.
        request |= {"tools": body["tools"], "tool_choice": "none"}
    return request


def last_question(messages: Sequence[Message]) -> str:
    """The text of the last user message; empty without one."""
    question = _last_user_message(messages)
    if question is None:
        return ""
    content = question.content
    text = content if isinstance(content, str) else "\n".join(_part_text(part) for part in content)
    return text[:_MAX_QUESTION_CHARACTERS]


def is_longer(messages: Sequence[Message], threshold: int) -> bool:
    """Whether the messages have more tokens than `threshold`; a text has at most as many tokens as characters."""
    texts = [msgspec.json.encode(_omit_images(message)).decode() for message in messages]
    return sum(map(len, texts)) > threshold and sum(map(tokens.count, texts)) > threshold


def add_summary(messages: list[Message], content: str | None) -> bool:
    """Adds the summary of a compaction item to a conversation; returns whether it replaced everything before."""
    summary = unpack(content)
    if summary is None:
        return False
    message = SystemMessage(f"Summary of the conversation so far:\n{summary.text}")
    if summary.question is None:
        messages.append(message)
        return False
    question = _last_user_message(messages)
    messages[:] = [message]
    if question is not None or summary.question:
        messages.append(question or UserMessage(summary.question))
    return True


def _last_user_message(messages: Sequence[Message]) -> UserMessage | None:
    return next((message for message in reversed(messages) if isinstance(message, UserMessage)), None)


def _part_text(part: Part) -> str:
    return (part.text if isinstance(part, TextPart) else "") or f"[{part.__struct_config__.tag}]"


def _omit_images(message: Message) -> Message:
    if not isinstance(message, UserMessage) or isinstance(message.content, str):
        return message
    return UserMessage([part for part in message.content if isinstance(part, TextPart)])

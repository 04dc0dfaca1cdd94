"""Summaries of conversations, packed so that clients can carry what they cannot read. Pure.

A summary that a response makes of its own context stands for everything before it, and brings the last question with
it; one that `/responses/compact` makes stands beside what the users said.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.engine.run import reasoning
from understudy.llm import tokens
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
    """`question` is the last user message where the summary stands for everything before it, else None."""

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


def summary_request(body: ChatBody) -> ChatBody:
    """The request for a summary of the conversation of another request."""
    messages = [{"role": "system", "content": INSTRUCTIONS}, *body["messages"], {"role": "user", "content": REQUEST}]
    request: ChatBody = {"model": body["model"], "messages": messages, "stream": True}
    if body.get("tools"):
        # Some providers refuse calls in the history of a request that offers no tools.
        request |= {"tools": body["tools"], "tool_choice": "none"}
    return request


def last_question(body: ChatBody) -> str:
    """The text of the last user message; empty where there is none."""
    said = [message["content"] for message in body["messages"] if message["role"] == "user"]
    if not said:
        return ""
    content = said[-1] if isinstance(said[-1], str) else "\n".join(_part_text(part) for part in said[-1])
    return content[:_MAX_QUESTION_CHARACTERS]


def is_longer(body: ChatBody, threshold: int) -> bool:
    """Whether the request's messages have more tokens; they never have more than characters."""
    texts = [msgspec.json.encode(message).decode() for message in _omit_images(body["messages"])]
    return sum(map(len, texts)) > threshold and sum(map(tokens.count, texts)) > threshold


def add_summary(spoken: list[dict[str, Any]], content: str | None) -> bool:
    """Adds the summary of a compaction item to a conversation; returns whether it replaced everything before."""
    summary = unpack(content)
    if summary is None:
        return False
    said = {"role": "system", "content": f"Summary of the conversation so far:\n{summary.text}"}
    if summary.question is None:
        spoken.append(said)
        return False
    asked = next((message for message in reversed(spoken) if message["role"] == "user"), None)
    spoken[:] = [said]
    if asked is not None or summary.question:
        spoken.append(asked or {"role": "user", "content": summary.question})
    return True


def _part_text(part: dict[str, Any]) -> str:
    return str(part.get("text") or f"[{part.get('type')}]")


def _omit_images(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Images are no text."""
    return [
        {**message, "content": [part for part in message["content"] if part.get("type") == "text"]}
        if isinstance(message["content"], list)
        else message
        for message in messages
    ]

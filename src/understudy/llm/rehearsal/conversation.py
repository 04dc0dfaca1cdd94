"""A conversation: what the user wrote, which calls were made and what they returned. Knows no reply."""

from functools import cached_property
from typing import NamedTuple

from understudy.llm.rehearsal.request import Message, Request

_MAX_TEXT = 4_000  # characters of a message that are interpreted: half from its start, half from its end
_FIRST_MESSAGES, _LAST_MESSAGES = 100, 300  # messages of a long conversation that are read


class Call(NamedTuple):
    """A function call; `arguments` is JSON."""

    name: str
    arguments: str


class Output(NamedTuple):
    """What a call of the function `name` returned."""

    name: str
    text: str


class Conversation:
    def __init__(self, request: Request) -> None:
        messages = request.messages
        if len(messages) > _FIRST_MESSAGES + _LAST_MESSAGES:
            messages = [*messages[:_FIRST_MESSAGES], *messages[-_LAST_MESSAGES:]]
        self._messages = messages
        last = max((i for i, message in enumerate(messages) if message.role == "user"), default=-1)
        self._following = messages[last + 1 :]

    @cached_property
    def user_texts(self) -> list[str]:
        """The interpreted parts of the user's messages."""
        return [_cut_middle(message.text) for message in self._messages if message.role == "user"]

    @cached_property
    def text(self) -> str:
        """The interpreted part of the user's last message, empty without a user message."""
        return self.user_texts[-1] if self.user_texts else ""

    @cached_property
    def whole_text(self) -> str:
        return self._last_message.text

    @cached_property
    def attachments(self) -> int:
        """The number of parts of the user's last message that are not text."""
        return sum(part.type not in {"text", "input_text"} for part in self._last_message.parts)

    @cached_property
    def has_reply(self) -> bool:
        return any(message.role == "assistant" and message.text for message in self._messages)

    @cached_property
    def calls_made(self) -> tuple[Call, ...]:
        """The calls made since the user's last message, in order."""
        calls = (call.function for message in self._following for call in message.tool_calls or ())
        return tuple(Call(function.name, function.arguments) for function in calls if function)

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs since the user's last message, in order."""
        calls = [call for message in self._following for call in message.tool_calls or ()]
        names = {call.id: call.function.name for call in calls if call.function}
        returned = (message for message in self._following if message.role in {"tool", "function"})
        return tuple(Output(names.get(m.tool_call_id or "", m.name or "tool"), m.text) for m in returned)

    @cached_property
    def _last_message(self) -> Message:
        return next((message for message in reversed(self._messages) if message.role == "user"), Message("user"))


def _cut_middle(text: str) -> str:
    half = _MAX_TEXT // 2
    return text if len(text) <= _MAX_TEXT else f"{text[:half]} \u2026 {text[-half:]}"

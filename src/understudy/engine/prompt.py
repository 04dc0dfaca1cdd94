"""The chat completions request of a run's next model turn, made of the thread's newest items that fit.

Function calls of earlier turns are part of the conversation; a call and its output come together or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Literal

import msgspec

from understudy.llm import tokens
from understudy.llm.provider import ChatBody
from understudy.store.messages import Item, Messages
from understudy.wire.messages import (
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
)
from understudy.wire.runs import RunObject
from understudy.wire.tools import AssistantToolsFunction

_PAGE: Final = 100
_NEWEST: Final = 2**62
# Each message costs a few tokens beside its text: its role, and what separates it from the next.
_FRAME: Final = 4
# Room for the answer where the run does not say how long it may be, as a part of the window.
_ANSWER: Final = 8
# More characters than any token has, to know when enough has been read.
_CHARACTERS: Final = 16
_decode_message = msgspec.json.Decoder(MessageObject).decode
_decode_call = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Room:
    """How many tokens a turn may take: the model's window, and what is left of the run's budgets where it has any."""

    window: int
    prompt_left: int | None = None
    completion_left: int | None = None

    @property
    def answer(self) -> float:
        """The most tokens that the answer may have; infinite without a budget."""
        return inf if self.completion_left is None else self.completion_left

    @property
    def prompt(self) -> int:
        answer = self.window // _ANSWER
        if self.completion_left is not None:
            answer = min(self.completion_left, self.window // 2)
        room = self.window - answer
        return room if self.prompt_left is None else min(room, self.prompt_left)


class BudgetSpent(Exception):
    """What is left of one of the run's budgets is too little for another model turn."""

    def __init__(self, reason: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(reason)
        self.reason: Literal["max_completion_tokens", "max_prompt_tokens"] = reason


async def build_request(messages: Messages, run: RunObject, turn: int, room: Room) -> ChatBody:
    """The body for the model turn number `turn` (from 0) of the run, asking for a stream.

    Raises BudgetSpent.
    """
    body: ChatBody = {"model": run.model, "messages": [], "stream": True}
    _add_tools(body, run, forced=turn == 0)
    # Defaults are left out: some models refuse even those.
    if run.temperature not in {None, 1.0}:
        body["temperature"] = run.temperature
    if run.top_p not in {None, 1.0}:
        body["top_p"] = run.top_p
    if run.reasoning_effort is not None:
        body["reasoning_effort"] = run.reasoning_effort
    if run.response_format != "auto":
        body["response_format"] = msgspec.to_builtins(run.response_format)
    if room.completion_left is not None:
        body["max_completion_tokens"] = room.completion_left
    fixed = _count(body.get("tools")) + _count(body.get("response_format"))
    body["messages"] = await _conversation(messages, run, room, fixed)
    return body


def _add_tools(body: ChatBody, run: RunObject, *, forced: bool) -> None:
    """`tool_choice` binds the first turn only; a model that is forced to call can never answer."""
    tools = [_function(tool) for tool in run.tools if isinstance(tool, AssistantToolsFunction)]
    if not tools:
        return
    body["tools"] = tools
    if run.tool_choice == "none" or (forced and run.tool_choice != "auto"):
        body["tool_choice"] = msgspec.to_builtins(run.tool_choice)
    if not run.parallel_tool_calls:
        body["parallel_tool_calls"] = False


def _function(tool: AssistantToolsFunction) -> dict[str, Any]:
    function = msgspec.to_builtins(tool.function)
    if function["description"] is None:
        del function["description"]
    if not function["strict"]:
        del function["strict"]
    return {"type": "function", "function": function}


# -- what is said ------------------------------------------------------------------------------------------------


async def _conversation(messages: Messages, run: RunObject, room: Room, fixed: int) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": run.instructions}] if run.instructions else []
    left = room.prompt - fixed - sum(_cost(message) for message in system)
    items = await _newest(messages, run, left)
    spoken = _chat_messages(items)
    if sum(len(item.body) for item in items) > left:
        # Only now does it matter how many tokens they are; there are never more than characters.
        spoken = _fitting(spoken, left, must_fit=room.prompt_left is not None)
    return [*system, *spoken]


async def _newest(messages: Messages, run: RunObject, room: int) -> list[Item]:
    """Items oldest first: what the truncation strategy keeps, and hardly more than there is room for.

    Everything of the run itself is kept, however many messages the strategy allows.
    """
    strategy = run.truncation_strategy
    keep = strategy.last_messages if strategy.type == "last_messages" else None
    found: list[Item] = []
    before = _NEWEST
    while True:
        page = await messages.newest(run.thread_id, before, _PAGE)
        for item in page:
            own = item.run_id == run.id
            if not own and (room < 0 or (keep is not None and keep <= 0)):
                return found[::-1]
            found.append(item)
            room -= len(item.body) // _CHARACTERS
            if keep is not None and item.kind == "message" and not own:
                keep -= 1
        if len(page) < _PAGE:
            return found[::-1]
        before = page[-1].seq


def _fitting(spoken: list[dict[str, Any]], room: int, *, must_fit: bool) -> list[dict[str, Any]]:
    """The newest messages that fit; the last question and all after it in any case, unless they `must_fit`."""
    questions = [index for index, message in enumerate(spoken) if message["role"] == "user"]
    start = questions[-1] if questions else max(0, len(spoken) - 1)
    room -= sum(_cost(message) for message in spoken[start:])
    if room < 0 and must_fit:
        raise BudgetSpent("max_prompt_tokens")
    while start > 0:
        unit = _unit_before(spoken, start)
        room -= sum(_cost(message) for message in spoken[unit:start])
        if room < 0:
            break
        start = unit
    return spoken[start:]


def _unit_before(spoken: list[dict[str, Any]], end: int) -> int:
    """Where the message that ends at `end` begins; outputs belong to the message that called for them."""
    start = end - 1
    while start > 0 and spoken[start]["role"] == "tool":
        start -= 1
    return start


def _cost(message: dict[str, Any]) -> int:
    content = message["content"]
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())
    return _FRAME + tokens.count(text) + _count(message.get("tool_calls"))


def _count(value: Any) -> int:
    return tokens.count(msgspec.json.encode(value).decode()) if value else 0


def cost_of(body: ChatBody) -> int:
    """How many tokens the request's prompt is, as far as we can count."""
    return sum(_cost(message) for message in body["messages"]) + _count(body.get("tools"))


def _chat_messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    calls = {_call_key(item) for item in items if item.kind == "function_call"}
    answered = {_call_key(item) for item in items if item.kind == "function_call_output"}
    complete = calls & answered
    spoken: list[dict[str, Any]] = []
    speaker: str | None = None
    for item in items:
        if item.kind == "message":
            _add_message(spoken, _decode_message(item.body))
        elif _call_key(item) in complete:
            # The calls of one turn, and what the model said before them in the same run, are one message.
            _add_call(spoken, item.kind, _decode_call(item.body), joined=speaker == item.run_id)
        speaker = item.run_id
    return spoken


def _call_key(item: Item) -> tuple[str | None, str]:
    """Models may give the calls of different runs the same id."""
    return item.run_id, _decode_call(item.body)["call_id"]


def _add_message(spoken: list[dict[str, Any]], message: MessageObject) -> None:
    if message.status == "in_progress" or not message.content:
        return
    if message.role == "assistant":
        spoken.append({"role": "assistant", "content": _plain_text(message)})
    else:
        spoken.append({"role": "user", "content": _user_content(message)})


def _add_call(spoken: list[dict[str, Any]], kind: str, call: dict[str, Any], *, joined: bool) -> None:
    if kind == "function_call_output":
        spoken.append({"role": "tool", "tool_call_id": call["call_id"], "content": call["output"]})
        return
    function = {"name": call["name"], "arguments": call["arguments"]}
    entry = {"id": call["call_id"], "type": "function", "function": function}
    if joined and spoken and spoken[-1]["role"] == "assistant":
        spoken[-1].setdefault("tool_calls", []).append(entry)
    else:
        # Empty and not null: some servers refuse null, and none an empty text.
        spoken.append({"role": "assistant", "content": "", "tool_calls": [entry]})


def _plain_text(message: MessageObject) -> str:
    return "".join(
        part.text.value if isinstance(part, MessageContentTextObject) else part.refusal
        for part in message.content
        if isinstance(part, MessageContentTextObject | MessageContentRefusalObject)
    )


def _user_content(message: MessageObject) -> str | list[dict[str, Any]]:
    if len(message.content) == 1 and isinstance(message.content[0], MessageContentTextObject):
        return message.content[0].text.value
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, MessageContentTextObject):
            parts.append({"type": "text", "text": part.text.value})
        elif isinstance(part, MessageContentImageUrlObject):
            parts.append({"type": "image_url", "image_url": msgspec.to_builtins(part.image_url)})
    return parts

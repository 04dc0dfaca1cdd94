"""The chat completions request of a run's next model turn, made of the thread's newest items that fit.

Function calls of earlier turns are part of the conversation; a call and its output come together or not at all.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from understudy.engine.tokens import estimate
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

# What `truncation_strategy: auto` lets the conversation have where no prompt budget is set.
CONTEXT_TOKENS: Final = 128_000
_PAGE: Final = 100
_NEWEST: Final = 2**62
_decode_message = msgspec.json.Decoder(MessageObject).decode
_decode_call = msgspec.json.Decoder(dict[str, Any]).decode


async def build_request(messages: Messages, run: RunObject, turn: int, completion_left: int | None) -> ChatBody:
    """The body for the model turn number `turn` (from 0) of the run, asking for a stream.

    `completion_left` is what the run's completion budget still allows, in tokens.
    """
    body: ChatBody = {"model": run.model, "messages": await _conversation(messages, run), "stream": True}
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
    if completion_left is not None:
        body["max_completion_tokens"] = completion_left
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


async def _conversation(messages: Messages, run: RunObject) -> list[dict[str, Any]]:
    instructions = run.instructions or ""
    room = (run.max_prompt_tokens or CONTEXT_TOKENS) - estimate(instructions)
    items = await _newest_that_fit(messages, run, room)
    spoken = _chat_messages(items)
    return [{"role": "system", "content": instructions}, *spoken] if instructions else spoken


async def _newest_that_fit(messages: Messages, run: RunObject, room: int) -> list[Item]:
    """Items oldest first: what the truncation strategy keeps, cut where the room (in tokens) ends."""
    keep = run.truncation_strategy.last_messages if run.truncation_strategy.type == "last_messages" else None
    found: list[Item] = []
    before = _NEWEST
    while True:
        page = await messages.newest(run.thread_id, before, _PAGE)
        for item in page:
            room -= estimate(item.body)
            full = found and room < 0 and item.run_id != run.id
            if full or (keep is not None and keep <= 0 and item.run_id != run.id):
                return found[::-1]
            found.append(item)
            if keep is not None and item.kind == "message":
                keep -= 1
        if len(page) < _PAGE:
            return found[::-1]
        before = page[-1].seq


def _chat_messages(items: Sequence[Item]) -> list[dict[str, Any]]:
    calls = {_decode_call(item.body)["call_id"] for item in items if item.kind == "function_call"}
    answered = {_decode_call(item.body)["call_id"] for item in items if item.kind == "function_call_output"}
    complete = calls & answered
    spoken: list[dict[str, Any]] = []
    for item in items:
        if item.kind == "message":
            _add_message(spoken, _decode_message(item.body))
        else:
            _add_call(spoken, item.kind, _decode_call(item.body), complete)
    return spoken


def _add_message(spoken: list[dict[str, Any]], message: MessageObject) -> None:
    if message.status == "in_progress" or not message.content:
        return
    if message.role == "assistant":
        spoken.append({"role": "assistant", "content": _plain_text(message)})
    else:
        spoken.append({"role": "user", "content": _user_content(message)})


def _add_call(spoken: list[dict[str, Any]], kind: str, call: dict[str, Any], complete: set[str]) -> None:
    if call["call_id"] not in complete:
        return
    if kind == "function_call_output":
        spoken.append({"role": "tool", "tool_call_id": call["call_id"], "content": call["output"]})
        return
    function = {"name": call["name"], "arguments": call["arguments"]}
    entry = {"id": call["call_id"], "type": "function", "function": function}
    # The calls of one turn, and what the model said before them, are one message.
    if spoken and spoken[-1]["role"] == "assistant":
        spoken[-1].setdefault("tool_calls", []).append(entry)
    else:
        spoken.append({"role": "assistant", "content": None, "tool_calls": [entry]})


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

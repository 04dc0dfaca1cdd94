"""A thread's items told to a model as chat messages, and what its answer may refer to. Pure.

Calls of earlier turns are part of the conversation; a call and its output come together or not at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from understudy.store.messages import Item
from understudy.tools import code_interpreter, file_search, mcp
from understudy.tools.file_search import Passage
from understudy.wire.items import CodeInterpreterCallItem, FileSearchCallItem, McpCallItem, ToolItem
from understudy.wire.messages import (
    FileCitationAnnotation,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
)

BuiltIn = Literal["file_search", "code_interpreter", "mcp"]
_TOOL_ITEMS: Final = frozenset({"file_search_call", "code_interpreter_call", "mcp_call"})
_decode_message = msgspec.json.Decoder(MessageObject).decode
_decode_call = msgspec.json.Decoder(dict[str, Any]).decode
_decode_tool_item = msgspec.json.Decoder(ToolItem).decode


class Telling:
    """Items of a thread told to the model of one run; remembers what the answer may refer to."""

    def __init__(self, run_id: str, names: Mapping[BuiltIn, str]) -> None:
        self._run_id = run_id
        self.passages: dict[tuple[int, int], Passage] = {}
        self.paths: dict[str, str] = {}
        self._names = names

    def messages(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        calls = {_call_key(item) for item in items if item.kind == "function_call"}
        answered = {_call_key(item) for item in items if item.kind == "function_call_output"}
        complete = calls & answered
        spoken: list[dict[str, Any]] = []
        speaker: str | None = None
        for item in items:
            # The calls of one turn, and what the model said before them in the same run, are one message.
            joined = speaker == item.run_id
            if item.kind == "message":
                self._add_message(spoken, _decode_message(item.body))
            elif item.kind in _TOOL_ITEMS:
                self._add_built_in(spoken, _decode_tool_item(item.body), joined=joined)
            elif _call_key(item) in complete:
                _add_call(spoken, item.kind, _decode_call(item.body), joined=joined)
            speaker = item.run_id
        return spoken

    def _add_message(self, spoken: list[dict[str, Any]], message: MessageObject) -> None:
        if message.status == "in_progress" or not message.content:
            return
        if message.role == "user":
            spoken.append({"role": "user", "content": _user_content(message)})
        elif text := _plain_text(message, marks=message.run_id == self._run_id):
            spoken.append({"role": "assistant", "content": text})

    def _add_built_in(self, spoken: list[dict[str, Any]], item: ToolItem, *, joined: bool) -> None:
        if isinstance(item, McpCallItem):
            told = {"name": item.function, "call_id": item.call_id, "arguments": item.arguments}
            _add_call(spoken, "function_call", told, joined=joined)
            _add_call(spoken, "function_call_output", {**told, "output": mcp.shown(item)}, joined=joined)
            return
        kind: BuiltIn = "file_search" if isinstance(item, FileSearchCallItem) else "code_interpreter"
        arguments = {"queries": item.queries} if isinstance(item, FileSearchCallItem) else {"code": item.code}
        call = {
            "name": self._names.get(kind, kind),
            "call_id": item.call_id,
            "arguments": msgspec.json.encode(arguments).decode(),
            "output": self._search_output(item) if isinstance(item, FileSearchCallItem) else self._code_output(item),
        }
        _add_call(spoken, "function_call", call, joined=joined)
        _add_call(spoken, "function_call_output", call, joined=joined)

    def _search_output(self, item: FileSearchCallItem) -> str:
        found = [
            Passage(item.turn, item.first + number, result.file_id, result.filename, result.text)
            for number, result in enumerate(item.results)
        ]
        self.passages.update({(passage.turn, passage.index): passage for passage in found})
        return file_search.shown(found)

    def _code_output(self, item: CodeInterpreterCallItem) -> str:
        self.paths.update({file.path: file.file_id for file in item.files})
        return code_interpreter.shown(item)


def _call_key(item: Item) -> tuple[str | None, str]:
    """Models may give the calls of different runs the same id."""
    return item.run_id, _decode_call(item.body)["call_id"]


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


def _plain_text(message: MessageObject, *, marks: bool) -> str:
    """The message's words; without `marks`, which mean nothing to a run that did not find the passages."""
    return "".join(
        _text(part, marks=marks) if isinstance(part, MessageContentTextObject) else part.refusal
        for part in message.content
        if isinstance(part, MessageContentTextObject | MessageContentRefusalObject)
    )


def _text(part: MessageContentTextObject, *, marks: bool) -> str:
    text = part.text.value
    citations = [one for one in part.text.annotations if isinstance(one, FileCitationAnnotation)]
    if marks or not citations:
        return text
    for one in sorted(citations, key=lambda one: one.start_index, reverse=True):
        text = text[: one.start_index] + text[one.end_index :]
    return text


def _user_content(message: MessageObject) -> str | list[dict[str, Any]]:
    if len(message.content) == 1 and isinstance(message.content[0], MessageContentTextObject):
        return message.content[0].text.value
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, MessageContentTextObject):
            parts.append({"type": "text", "text": part.text.value})
        elif isinstance(part, MessageContentImageUrlObject):
            parts.append({"type": "image_url", "image_url": msgspec.to_builtins(part.image_url)})
        elif isinstance(part, MessageContentImageFileObject):
            parts.append({"type": "image_file", "image_file": msgspec.to_builtins(part.image_file)})
    return parts

"""A thread's items told to a model as chat messages, and what its answer may refer to. Pure.

Calls of earlier turns are part of the conversation; a call and its output come together or not at all.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal

import msgspec

from understudy.engine.run import client_history, reasoning
from understudy.engine.run.client_tools import provider_name
from understudy.engine.run.summaries import add_summary
from understudy.engine.run.text_format import chat_format
from understudy.store.messages import Item
from understudy.store.run_state import ClientTool
from understudy.tools import code_interpreter, file_search, mcp
from understudy.tools.file_search import Passage
from understudy.wire.input_items import ConfigurationUpdate
from understudy.wire.items import CodeInterpreterCallItem, FileSearchCallItem, McpCallItem, ToolItem
from understudy.wire.messages import (
    FileCitationAnnotation,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
)
from understudy.wire.response_tools import ResponseTool, ToolList
from understudy.wire.tools import AssistantsApiResponseFormatOption

BuiltIn = Literal["file_search", "code_interpreter", "mcp"]
_TOOL_ITEMS: Final = frozenset({"file_search_call", "code_interpreter_call", "mcp_call"})
_decode_message = msgspec.json.Decoder(MessageObject).decode
_decode_call = msgspec.json.Decoder(dict[str, Any]).decode
_decode_tools = msgspec.json.Decoder(ToolList).decode
_decode_tool_item = msgspec.json.Decoder(ToolItem).decode


class MessageBuilder:
    """Items of a thread told to the model of one run; remembers what the answer may refer to."""

    def __init__(
        self,
        run_id: str,
        names: Mapping[BuiltIn, str],
        *,
        all_turns: bool = False,
        client: Mapping[str, ClientTool] | None = None,
    ) -> None:
        """`all_turns`: the reasoning of earlier turns is given back as well.

        `client` maps the names of offered functions to the client's tools that they stand for.
        """
        self._client_names = {tool: name for name, tool in (client or {}).items()}
        self._attached: dict[int, list[dict[str, Any]]] = {}
        self.tools: list[ResponseTool] = []
        self.effort: str | None = None
        self.response_format: dict[str, Any] | None = None
        self._run_id = run_id
        self._all_turns = all_turns
        self.passages: dict[tuple[int, int], Passage] = {}
        self.paths: dict[str, str] = {}
        self._names = names

    def messages(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        outputs = _outputs_of_calls(items)
        complete = {*outputs, *(one.seq for one in outputs.values())}
        spoken: list[dict[str, Any]] = []
        speaker: str | None = None
        thoughts: list[str] = []
        for item in _outputs_behind_calls(items, outputs) if outputs else items:
            if item.kind == "reasoning":
                thoughts.append(reasoning.unseal_reasoning(_decode_call(item.body).get("encrypted_content")) or "")
                continue
            # The calls of one turn, and what the model said before them in the same run, are one message.
            self._add_item(spoken, item, complete, joined=speaker == item.run_id)
            if thoughts and spoken and spoken[-1]["role"] == "assistant":
                self._add_reasoning(spoken[-1], thoughts)
            thoughts.clear()
            speaker = item.run_id
        spoken = _with_attachments(spoken, self._attached)
        if not self._all_turns:
            _drop_earlier_reasoning(spoken)
        return spoken

    def _add_item(self, spoken: list[dict[str, Any]], item: Item, complete: Collection[int], *, joined: bool) -> None:
        if item.kind == "message":
            self._add_message(spoken, _decode_message(item.body))
        elif item.kind in _TOOL_ITEMS:
            self._add_built_in(spoken, _decode_tool_item(item.body), joined=joined)
        elif item.kind == "input":
            _add_input(spoken, _decode_call(item.body))
        elif item.kind == "compaction":
            if add_summary(spoken, _decode_call(item.body).get("encrypted_content")):
                self._attached.clear()
        elif item.kind == "configuration_update":
            self._apply_settings(item)
        elif item.seq in complete:
            self._add_client_item(spoken, item, joined=joined)
        if item.kind in client_history.TOOL_LISTS:
            self.tools += _decode_tools(item.body).tools

    def _add_client_item(self, spoken: list[dict[str, Any]], item: Item, *, joined: bool) -> None:
        """A call of a tool that the client runs, or its output; a tool message is one text, and no image."""
        body = _decode_call(item.body)
        if item.kind in client_history.CALLS:
            tool = client_history.called_tool(item.kind, body)
            name = self._client_names.get(tool) or provider_name(tool)
            call = {"name": name, "call_id": body["call_id"]}
            call["arguments"] = client_history.call_arguments(item.kind, body)
            _add_call(spoken, "function_call", call, joined=joined)
            return
        parts = client_history.output_parts(item.kind, body)
        output = "\n".join(_output_text(part) for part in parts)
        attached = [made for part in parts if (made := _input_part(part)) is not None and made["type"] != "text"]
        if attached:
            self._attached[len(spoken)] = attached
        _add_call(spoken, "function_call_output", {"call_id": body["call_id"], "output": output}, joined=joined)

    def _apply_settings(self, item: Item) -> None:
        """The newest value of each setting holds."""
        update = msgspec.json.decode(item.body, type=ConfigurationUpdate)
        if update.reasoning and update.reasoning.effort is not None:
            self.effort = update.reasoning.effort
        if update.text:
            self.response_format = _to_builtins(chat_format(update.text.format))

    def _add_reasoning(self, message: dict[str, Any], thoughts: Sequence[str]) -> None:
        """Models that show their reasoning want it back while a turn of theirs goes on."""
        if any(thoughts) and (self._all_turns or message.get("tool_calls")):
            message["reasoning_content"] = "\n".join(thoughts)

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
            _add_call(spoken, "function_call_output", {**told, "output": mcp.render_output(item)}, joined=joined)
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
        return file_search.render_passages(found)

    def _code_output(self, item: CodeInterpreterCallItem) -> str:
        self.paths.update({file.path: file.file_id for file in item.files})
        return code_interpreter.render_result(item)


def _outputs_of_calls(items: Sequence[Item]) -> dict[int, Item]:
    """The output of each call that has one, by the call's number; models may give later calls an earlier one's id."""
    waiting: dict[str, int] = {}
    outputs: dict[int, Item] = {}
    for item in items:
        if item.kind not in client_history.CALLS and item.kind not in client_history.OUTPUTS:
            continue
        call_id = _decode_call(item.body).get("call_id")
        if call_id is None:
            continue  # a search of tools that a server has made
        if item.kind in client_history.CALLS:
            waiting[call_id] = item.seq
        elif (call := waiting.pop(call_id, None)) is not None:
            outputs[call] = item
    return outputs


def _outputs_behind_calls(items: Sequence[Item], outputs: Mapping[int, Item]) -> Iterator[Item]:
    """The items in order, but each output directly behind the calls of its turn.

    Clients may put other items between (Semantic Kernel repeats the question there), which the hosted API accepts and
    providers of chat completions refuse.
    """
    moved = {output.seq for output in outputs.values()}
    pending: list[Item] = []
    for item in items:
        if item.seq not in outputs and item.kind != "reasoning":
            yield from sorted(pending, key=attrgetter("seq"))
            pending = []
        if item.seq not in moved:
            yield item
        if item.seq in outputs:
            pending.append(outputs[item.seq])
    yield from sorted(pending, key=attrgetter("seq"))


def _to_builtins(response_format: AssistantsApiResponseFormatOption) -> dict[str, Any] | None:
    return None if response_format == "auto" else msgspec.to_builtins(response_format)


def _with_attachments(
    spoken: list[dict[str, Any]], attached: Mapping[int, Sequence[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Images and files of outputs, shown as the user's behind all outputs of a turn; `attached` is by their places."""
    if not attached:
        return spoken
    made: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    for place, message in enumerate(spoken):
        if message["role"] != "tool" and waiting:
            made.append({"role": "user", "content": waiting})
            waiting = []
        made.append(message)
        waiting = [*waiting, *attached.get(place, ())]
    return [*made, {"role": "user", "content": waiting}] if waiting else made


def _output_text(part: Mapping[str, Any]) -> str:
    return str(part.get("text") or f"[{part.get('type')} {part.get('filename') or part.get('file_id') or ''}]")


def _drop_earlier_reasoning(spoken: list[dict[str, Any]]) -> None:
    """Of what stands before the last question."""
    last = next((index for index in range(len(spoken) - 1, -1, -1) if spoken[index]["role"] == "user"), 0)
    for message in spoken[:last]:
        message.pop("reasoning_content", None)


def _add_input(spoken: list[dict[str, Any]], item: dict[str, Any]) -> None:
    parts = [part for one in item["content"] if (part := _input_part(one)) is not None]
    role = {"developer": "system"}.get(item["role"], item["role"])
    if role == "user" and any(part["type"] != "text" for part in parts):
        spoken.append({"role": role, "content": parts})
    elif text := "".join(part.get("text", "") for part in parts):
        spoken.append({"role": role, "content": text})


def _input_part(part: dict[str, Any]) -> dict[str, Any] | None:
    match part["type"]:
        case "input_text" | "output_text":
            return {"type": "text", "text": part["text"]}
        case "refusal":
            return {"type": "text", "text": part["refusal"]}
        case "input_image" if part.get("file_id"):
            return {"type": "image_file", "image_file": {"file_id": part["file_id"], "detail": _image_detail(part)}}
        case "input_image":
            return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": _image_detail(part)}}
        case "input_file":
            return part
        case _:
            return None


def _image_detail(part: dict[str, Any]) -> str:
    detail = part.get("detail") or "auto"
    return "high" if detail == "original" else detail


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
        _part_text(part, marks=marks) if isinstance(part, MessageContentTextObject) else part.refusal
        for part in message.content
        if isinstance(part, MessageContentTextObject | MessageContentRefusalObject)
    )


def _part_text(part: MessageContentTextObject, *, marks: bool) -> str:
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

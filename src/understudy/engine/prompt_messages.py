"""Builds the chat messages of a thread's items, with the passages and files that a citation may name. Pure.

Calls of earlier turns are part of the conversation; a call without an output, and an output without a call, is not.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from understudy.engine import client_history
from understudy.engine.client_tools import provider_name
from understudy.engine.run import reasoning
from understudy.engine.run.summaries import add_summary
from understudy.engine.text_format import chat_format
from understudy.engine.tools.base import BuiltIn
from understudy.llm.messages import (
    AssistantMessage,
    DocumentReference,
    FunctionCall,
    ImagePart,
    ImageReference,
    ImageUrl,
    Message,
    Part,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from understudy.store.messages import Item
from understudy.store.run_state import ClientTool
from understudy.tools import code_interpreter, file_search, image_generation, mcp, web_search
from understudy.tools.file_search import Passage
from understudy.tools.functions import OMITTED_OUTPUT
from understudy.tools.image_generation import MadeImage
from understudy.tools.web_search import WebSource
from understudy.wire.input_items import ConfigurationUpdate
from understudy.wire.items import (
    CodeInterpreterCallItem,
    FileSearchCallItem,
    ImageGenerationCallItem,
    McpCallItem,
    ToolItem,
    WebSearchCallItem,
)
from understudy.wire.messages import (
    FileCitationAnnotation,
    MessageContent,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
)
from understudy.wire.response_tools import ResponseTool, ToolList
from understudy.wire.tools import AssistantsApiResponseFormatOption

_TOOL_ITEMS: Final = frozenset(
    {"file_search_call", "code_interpreter_call", "mcp_call", "web_search", "image_generation"}
)
# The numbers of turns in marks of searches by earlier runs; those of a run itself are lower.
_EARLIER_TURNS: Final = 1000
_TEXT_MESSAGES: Final[dict[str, Callable[[str], Message]]] = {
    "user": UserMessage,
    "assistant": AssistantMessage,
    "system": SystemMessage,
    "developer": SystemMessage,
}


class _StoredMessage(msgspec.Struct):
    """What a prompt needs of a message."""

    run_id: str | None
    status: str
    role: str
    content: list[MessageContent]


_decode_message = msgspec.json.Decoder(_StoredMessage).decode
_decode_call = msgspec.json.Decoder(dict[str, Any]).decode
_decode_tools = msgspec.json.Decoder(ToolList).decode
_decode_tool_item = msgspec.json.Decoder(ToolItem).decode


class MessageBuilder:
    """Builds the messages of one run's requests, and collects the passages and files that citations may name."""

    def __init__(
        self,
        run_id: str,
        names: Mapping[BuiltIn, str],
        *,
        all_turns: bool = False,
        client: Mapping[str, ClientTool] | None = None,
    ) -> None:
        """`all_turns` includes the reasoning of earlier turns.

        `client` maps the names of offered functions to the client's tools.
        """
        self._client_names = {tool: name for name, tool in (client or {}).items()}
        self._attached: dict[int, list[Part]] = {}
        self.starts: dict[int, int] = {}
        """The number of the item at which a message begins, by the identity of the message."""
        self.tools: list[ResponseTool] = []
        self.effort: str | None = None
        self.response_format: dict[str, Any] | None = None
        self.is_long = False
        """Whether the items are so long that work on the messages belongs in a thread."""
        self._run_id = run_id
        self._all_turns = all_turns
        self.passages: dict[tuple[int, int], Passage | WebSource] = {}
        self.paths: dict[str, str] = {}
        self.images: dict[str, MadeImage] = {}
        """The images that calls made, by the ids of the calls."""
        self._names = names
        self._is_own = True
        self._earlier_searches = 0

    def messages(self, items: Sequence[Item]) -> list[Message]:
        outputs = outputs_of_calls(items)
        complete = {*outputs, *(one.seq for one in outputs.values())}
        messages: list[Message] = []
        run_id: str | None = None
        thoughts: list[str] = []
        for item in _outputs_after_calls(items, outputs) if outputs else items:
            if item.kind == "reasoning":
                thoughts.append(reasoning.unseal_reasoning(_decode_call(item.body).get("encrypted_content")) or "")
                continue
            if item.kind == "message" and not thoughts:
                # What nearly every item is.
                if (added := self._to_message(item)) is not None:
                    messages.append(added)
                    self.starts[id(added)] = item.seq
                run_id = item.run_id
                continue
            # The calls of one turn, and the text before them in the same run, are one message.
            known = len(messages)
            self._add_item(messages, item, complete, joined=run_id == item.run_id)
            for message in messages[known:]:
                self.starts[id(message)] = item.seq
            if thoughts and messages and isinstance(messages[-1], AssistantMessage):
                self._add_reasoning(messages[-1], thoughts)
            thoughts.clear()
            run_id = item.run_id
        messages = _with_attachments(messages, self._attached)
        if not self._all_turns:
            _drop_earlier_reasoning(messages)
        return messages

    def _add_item(self, messages: list[Message], item: Item, complete: Collection[int], *, joined: bool) -> None:
        if item.kind == "message":
            if (message := self._to_message(item)) is not None:
                messages.append(message)
        elif item.kind in _TOOL_ITEMS:
            self._is_own = item.run_id == self._run_id
            self._add_built_in(messages, _decode_tool_item(item.body), joined=joined)
        elif item.kind == "input":
            _add_input(messages, _decode_call(item.body))
        elif item.kind == "compaction":
            if add_summary(messages, _decode_call(item.body).get("encrypted_content")):
                self._attached.clear()
        elif item.kind == "configuration_update":
            self._apply_settings(item)
        elif item.seq in complete:
            self._add_client_item(messages, item, joined=joined)
        if item.kind in client_history.TOOL_LISTS:
            self.tools += _decode_tools(item.body).tools

    def _add_client_item(self, messages: list[Message], item: Item, *, joined: bool) -> None:
        """A call of a tool that the client runs, or its output; a tool message is one text, without images."""
        body = _decode_call(item.body)
        if item.kind in client_history.CALLS:
            tool = client_history.called_tool(item.kind, body)
            name = body.get("function") or self._client_names.get(tool) or provider_name(tool)
            function = FunctionCall(name, client_history.call_arguments(item.kind, body))
            _add_call(messages, client_history.model_call_id(body) or "", function, joined=joined)
            return
        parts = client_history.output_parts(item.kind, body)
        output = "\n".join(_output_text(part) for part in parts)
        converted = [_input_part(part) for part in parts]
        attached: list[Part] = [part for part in converted if part is not None and not isinstance(part, TextPart)]
        if attached:
            self._attached[len(messages)] = attached
        messages.append(ToolMessage(client_history.model_call_id(body) or "", output))

    def _apply_settings(self, item: Item) -> None:
        """The newest value of each setting holds."""
        update = msgspec.json.decode(item.body, type=ConfigurationUpdate)
        if update.reasoning and update.reasoning.effort is not None:
            self.effort = update.reasoning.effort
        if update.text:
            self.response_format = _to_builtins(chat_format(update.text.format))

    def _add_reasoning(self, message: AssistantMessage, thoughts: Sequence[str]) -> None:
        """Models with visible reasoning require it back within a turn."""
        if any(thoughts) and (self._all_turns or message.tool_calls):
            message.reasoning_content = "\n".join(thoughts)

    def _to_message(self, item: Item) -> Message | None:
        """None without content, as of a message that is still being written."""
        message = _decode_message(item.body)
        content = message.content
        if message.status == "in_progress" or not content:
            return None
        part = content[0]
        if len(content) == 1 and type(part) is MessageContentTextObject and not part.text.annotations:
            text = part.text.value
            return UserMessage(text) if message.role == "user" else AssistantMessage(text) if text else None
        if message.role == "user":
            return UserMessage(_user_content(content))
        text = _plain_text(content, marks=message.run_id == self._run_id)
        return AssistantMessage(text) if text else None

    def _add_built_in(self, messages: list[Message], item: ToolItem, *, joined: bool) -> None:
        if isinstance(item, McpCallItem):
            name, arguments, output = item.function, item.arguments, mcp.render_output(item)
        elif isinstance(item, ImageGenerationCallItem):
            name, arguments, output = item.function, item.arguments, self._image_output(item)
        elif isinstance(item, WebSearchCallItem):
            name, arguments, output = item.function, item.arguments, self._web_output(item)
        elif isinstance(item, FileSearchCallItem):
            name, output = self._names.get("file_search", "file_search"), self._search_output(item)
            arguments = msgspec.json.encode({"queries": item.queries}).decode()
        else:
            name, output = self._names.get("code_interpreter", "code_interpreter"), self._code_output(item)
            arguments = msgspec.json.encode({"code": item.code}).decode()
        _add_call(messages, item.call_id, FunctionCall(name, arguments), joined=joined)
        messages.append(ToolMessage(item.call_id, output))

    def _search_output(self, item: FileSearchCallItem) -> str:
        found = [
            Passage(
                item.turn,
                item.first + number,
                result.file_id,
                result.filename,
                result.text,
                result.page,
                tuple(result.heading_path),
            )
            for number, result in enumerate(item.results)
        ]
        self.passages.update({(passage.turn, passage.index): passage for passage in found})
        return OMITTED_OUTPUT if item.omitted else file_search.render_passages(found)

    def _image_output(self, item: ImageGenerationCallItem) -> str:
        if item.result is not None or item.stored:
            kind = item.members.get("output_format", "png")
            self.images[item.call_id] = MadeImage(item.id, kind, item.result)
        return image_generation.render_output(item)

    def _web_output(self, item: WebSearchCallItem) -> str:
        """Results of earlier runs have marks of their own, and only the beginning of their text."""
        if not self._is_own:
            self._earlier_searches += 1
            item = web_search.shorten(item, _EARLIER_TURNS + self._earlier_searches)
        self.passages.update({(source.turn, source.index): source for source in web_search.list_sources(item)})
        return web_search.render_output(item)

    def _code_output(self, item: CodeInterpreterCallItem) -> str:
        self.paths.update({file.path: file.file_id for file in item.files})
        return code_interpreter.render_result(item)


def outputs_of_calls(items: Sequence[Item]) -> dict[int, Item]:
    """The output of each call that has one, by the call's number; models may give later calls an earlier one's id."""
    waiting: dict[str, int] = {}
    outputs: dict[int, Item] = {}
    for item in items:
        if item.kind not in client_history.CALLS and item.kind not in client_history.OUTPUTS:
            continue
        call_id = client_history.model_call_id(_decode_call(item.body))
        if call_id is None:
            continue  # a search of tools that a server has made
        if item.kind in client_history.CALLS:
            waiting[call_id] = item.seq
        elif (call := waiting.pop(call_id, None)) is not None:
            outputs[call] = item
    return outputs


def _outputs_after_calls(items: Sequence[Item], outputs: Mapping[int, Item]) -> Iterator[Item]:
    """The items in order, but each output directly after the calls of its turn.

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


def _with_attachments(messages: list[Message], attached: Mapping[int, Sequence[Part]]) -> list[Message]:
    """Adds the images and files of outputs, by the outputs' positions, as a user message after the turn's outputs."""
    if not attached:
        return messages
    merged: list[Message] = []
    pending: list[Part] = []
    for position, message in enumerate(messages):
        if pending and not isinstance(message, ToolMessage):
            merged.append(UserMessage(pending))
            pending = []
        merged.append(message)
        pending = [*pending, *attached.get(position, ())]
    return [*merged, UserMessage(pending)] if pending else merged


def _output_text(part: Mapping[str, Any]) -> str:
    return str(part.get("text") or f"[{part.get('type')} {part.get('filename') or part.get('file_id') or ''}]")


def _drop_earlier_reasoning(messages: list[Message]) -> None:
    """Drops the reasoning before the last question."""
    positions = range(len(messages) - 1, -1, -1)
    last = next((position for position in positions if isinstance(messages[position], UserMessage)), 0)
    for message in messages[:last]:
        if isinstance(message, AssistantMessage):
            message.reasoning_content = None


def _add_input(messages: list[Message], item: dict[str, Any]) -> None:
    parts = [part for one in item["content"] if (part := _input_part(one)) is not None]
    if item["role"] == "user" and any(not isinstance(part, TextPart) for part in parts):
        messages.append(UserMessage(parts))
    elif text := "".join(part.text for part in parts if isinstance(part, TextPart)):
        messages.append(_TEXT_MESSAGES[item["role"]](text))


def _input_part(part: dict[str, Any]) -> Part | None:
    match part["type"]:
        case "input_text" | "output_text":
            return TextPart(part["text"])
        case "refusal":
            return TextPart(part["refusal"])
        case "input_image" if part.get("file_id"):
            return ImageReference(part["file_id"], _image_detail(part))
        case "input_image":
            return ImagePart(ImageUrl(part["image_url"], _image_detail(part)))
        case "input_file":
            return DocumentReference(part)
        case _:
            return None


def _image_detail(part: dict[str, Any]) -> str:
    detail = part.get("detail") or "auto"
    return "high" if detail == "original" else detail


def _add_call(messages: list[Message], call_id: str, function: FunctionCall, *, joined: bool) -> None:
    """Adds a call to the last message if it is `joined`, else as a message of its own."""
    call = ToolCall(id=call_id, function=function)
    if joined and messages and isinstance(message := messages[-1], AssistantMessage):
        message.tool_calls.append(call)
    else:
        # Empty instead of null, which some servers refuse.
        messages.append(AssistantMessage("", [call]))


def _plain_text(content: Sequence[MessageContent], *, marks: bool) -> str:
    """The words of a message; without `marks`, which mean nothing to a run that did not find the passages."""
    return "".join(
        _part_text(part, marks=marks) if isinstance(part, MessageContentTextObject) else part.refusal
        for part in content
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


def _user_content(content: Sequence[MessageContent]) -> str | list[Part]:
    if len(content) == 1 and isinstance(content[0], MessageContentTextObject):
        return content[0].text.value
    parts: list[Part] = []
    for part in content:
        if isinstance(part, MessageContentTextObject):
            parts.append(TextPart(part.text.value))
        elif isinstance(part, MessageContentImageUrlObject):
            parts.append(ImagePart(ImageUrl(part.image_url.url, part.image_url.detail)))
        elif isinstance(part, MessageContentImageFileObject):
            parts.append(ImageReference(part.image_file.file_id, part.image_file.detail))
    return parts

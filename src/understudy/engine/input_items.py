"""Converts input items of clients to the rows of a thread. Pure.

An item that the Assistants API can represent is stored as its message, so that a conversation is a thread. Other items
(other roles, files within a text, reasoning) are stored unchanged.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from understudy import ids
from understudy.store.response_items import ItemRow
from understudy.tools.image_generation import UNKNOWN_ARGUMENTS
from understudy.wire.client_items import (
    ApplyPatchCallOutput,
    ComputerCallOutput,
    LocalShellCallOutput,
    ShellCallOutput,
    ToolSearchOutput,
)
from understudy.wire.input_items import (
    CompactionTrigger,
    InputCodeInterpreterCall,
    InputContent,
    InputCustomToolCallOutput,
    InputFileSearchCall,
    InputFunctionCallOutput,
    InputImage,
    InputImageCall,
    InputItem,
    InputMcpCall,
    InputMessage,
    InputOutputText,
    InputRefusal,
    InputText,
    UnsupportedItem,
)
from understudy.wire.items import (
    CodeInterpreterCallItem,
    CodeOutput,
    FileSearchCallItem,
    FileSearchResult,
    ImageGenerationCallItem,
    McpCallItem,
)
from understudy.wire.messages import (
    ImageFile,
    ImageUrl,
    MessageContent,
    MessageContentImageFileObject,
    MessageContentImageUrlObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
    TextContent,
)
from understudy.wire.response_items import encode_items

_NEW_IDS: Final[dict[str, Callable[[], str]]] = {
    "message": ids.message,
    "function_call": ids.function_call_item,
    "function_call_output": ids.function_call_output_item,
    "custom_tool_call": ids.custom_tool_call_item,
    "custom_tool_call_output": ids.custom_tool_call_output_item,
    "file_search_call": ids.file_search_call,
    "code_interpreter_call": ids.code_interpreter_call,
    "image_generation_call": ids.image_generation_call,
    "reasoning": ids.reasoning,
    "mcp_call": ids.mcp_call,
    "mcp_approval_request": ids.mcp_approval_request,
    "apply_patch_call": partial(ids.client_call, "apply_patch"),
    "shell_call": partial(ids.client_call, "shell"),
    "local_shell_call": partial(ids.client_call, "local_shell"),
    "tool_search_call": partial(ids.client_call, "tool_search"),
    "computer_call": partial(ids.client_call, "computer"),
}
_OUTPUTS = (
    InputFunctionCallOutput,
    InputCustomToolCallOutput,
    ApplyPatchCallOutput,
    ShellCallOutput,
    LocalShellCallOutput,
    ToolSearchOutput,
    ComputerCallOutput,
)
# Citation marks contain the turn of their search; these passages belong to no turn of the run.
_INPUT_TURN_NUMBER = 9000


def to_stored(items: Sequence[InputItem], thread_id: str, now: int) -> list[ItemRow]:
    return [
        _to_stored_item(number, item, thread_id, now)
        for number, item in enumerate(items)
        if not isinstance(item, CompactionTrigger)
    ]


def _to_stored_item(number: int, item: InputItem, thread_id: str, now: int) -> ItemRow:
    assert not isinstance(item, CompactionTrigger)  # not an item of a conversation
    if isinstance(item, UnsupportedItem):
        item_id = ids.other_item()
        return ItemRow(item_id, item.type, msgspec.json.encode({"id": item_id, **item.item}).decode())
    kind = str(item.__struct_config__.tag)
    # Each item gets a new id: an item that is sent to another response is a different item.
    item.id = _NEW_IDS.get(kind, ids.other_item)()
    if isinstance(item, InputMessage):
        return _to_message(item, thread_id, now)
    if isinstance(item, InputFileSearchCall):
        return _to_file_search_call(number, item)
    if (convert := _CALL_CONVERTERS.get(type(item))) is not None:
        return convert(item)
    call_id = item.call_id if isinstance(item, _OUTPUTS) else None
    return ItemRow(item.id or "", kind, encode_items(item).decode(), answers=call_id)


def _encode_item(item: msgspec.Struct) -> str:
    return msgspec.json.encode(item).decode()


def _to_message(item: InputMessage, thread_id: str, now: int) -> ItemRow:
    item_id = item.id or ""
    assert not isinstance(item.content, str)  # parsing makes it a list
    content = [_to_content(part) for part in item.content]
    # Messages of the Assistants API have no phase.
    if item.role not in {"user", "assistant"} or item.phase or any(part is None for part in content):
        body = msgspec.to_builtins(item)
        return ItemRow(item_id, "input", msgspec.json.encode(_order_members(body)).decode())
    message = MessageObject(
        id=item_id,
        created_at=now,
        assistant_id=None,
        thread_id=thread_id,
        run_id=None,
        status="completed",
        completed_at=now,
        role="user" if item.role == "user" else "assistant",
        content=[part for part in content if part is not None],
        attachments=[],
        metadata={},
    )
    return ItemRow(item_id, "message", message=message)


def _to_content(part: InputContent) -> MessageContent | None:
    """None for content that a message of the Assistants API cannot represent."""
    match part:
        case InputText() | InputOutputText():
            return MessageContentTextObject(TextContent(part.text))
        case InputRefusal():
            return MessageContentRefusalObject(part.refusal)
        case InputImage() if part.detail == "original":
            return None
        case InputImage(file_id=str(file_id)):
            return MessageContentImageFileObject(ImageFile(file_id, part.detail or "auto"))  # type: ignore[arg-type]
        case InputImage(image_url=str(url)):
            return MessageContentImageUrlObject(ImageUrl(url, part.detail or "auto"))  # type: ignore[arg-type]
        case _:
            return None


def _order_members(item: dict[str, object]) -> dict[str, object]:
    return {name: item[name] for name in ("id", "type", "status", "content", "phase", "role") if name in item}


def _to_file_search_call(number: int, item: InputFileSearchCall) -> ItemRow:
    results = [
        FileSearchResult(
            file_id=str(one.get("file_id", "")),
            filename=str(one.get("filename", "")),
            score=float(one.get("score") or 0.0),
            attributes=one.get("attributes") or {},
            text=str(one.get("text", "")),
        )
        for one in item.results or ()
    ]
    turn = _INPUT_TURN_NUMBER + number % 1000
    made = FileSearchCallItem(
        id=item.id or "", call_id=ids.tool_call(), queries=item.queries or [], results=results, turn=turn, first=0
    )
    return ItemRow(made.id, "file_search_call", _encode_item(made))


def _to_mcp_call(item: InputMcpCall) -> ItemRow:
    made = McpCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        server_label=item.server_label,
        name=item.name,
        arguments=item.arguments,
        output=item.output,
        error=None if item.error is None else _error_text(item.error),
        fault=item.error if isinstance(item.error, dict) else None,
        approval_request_id=item.approval_request_id,
        function=item.name,
    )
    return ItemRow(made.id, "mcp_call", _encode_item(made))


def _to_image_call(item: InputImageCall) -> ItemRow:
    members = {name: one for name in ("output_format", "revised_prompt") if isinstance(one := getattr(item, name), str)}
    made = ImageGenerationCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        function="image_generation",
        arguments=UNKNOWN_ARGUMENTS,
        result=item.result,
        members=members,
    )
    return ItemRow(made.id, "image_generation", _encode_item(made))


def _error_text(error: Any) -> str:
    """The text of an error for a model: its message, or the text of its content."""
    if not isinstance(error, dict):
        return str(error)
    content = error.get("content")
    texts = (
        [str(part.get("text", "")) for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    return str(error.get("message") or "\n".join(texts) or content or error)


def _to_code_call(item: InputCodeInterpreterCall) -> ItemRow:
    outputs = [
        CodeOutput(type="logs", logs=str(one.get("logs", "")))
        for one in item.outputs or ()
        if one.get("type") == "logs"
    ]
    made = CodeInterpreterCallItem(
        id=item.id or "",
        call_id=ids.tool_call(),
        code=item.code or "",
        container_id=item.container_id or "",
        outputs=outputs,
    )
    return ItemRow(made.id, "code_interpreter_call", _encode_item(made))


_CALL_CONVERTERS: Final[dict[type, Callable[[Any], ItemRow]]] = {
    InputCodeInterpreterCall: _to_code_call,
    InputMcpCall: _to_mcp_call,
    InputImageCall: _to_image_call,
}

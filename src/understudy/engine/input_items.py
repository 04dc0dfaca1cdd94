"""Converts input items of clients to the rows of a thread. Pure.

An item that the Assistants API can represent is stored as its message, so that a conversation is a thread. Other items
(other roles, files within a text, reasoning) are stored unchanged.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from understudy import ids
from understudy.engine.input_calls import CONVERTERS
from understudy.engine.run.reasoning import seal_reasoning, unseal_reasoning
from understudy.store.response_items import ItemRow
from understudy.wire.client_items import (
    ApplyPatchCallOutput,
    ComputerCallOutput,
    LocalShellCallOutput,
    ShellCallOutput,
    ToolSearchOutput,
)
from understudy.wire.input_items import (
    CompactionTrigger,
    InputContent,
    InputCustomToolCallOutput,
    InputFunctionCallOutput,
    InputImage,
    InputItem,
    InputMessage,
    InputOutputText,
    InputReasoning,
    InputRefusal,
    InputText,
    UnsupportedItem,
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
    "function_call": ids.function_call_item,
    "function_call_output": ids.function_call_output_item,
    "custom_tool_call": ids.custom_tool_call_item,
    "custom_tool_call_output": ids.custom_tool_call_output_item,
    "file_search_call": ids.file_search_call,
    "web_search_call": ids.web_search_call,
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
_INLINE_PARTS: Final = 1000
_OUTPUTS = (
    InputFunctionCallOutput,
    InputCustomToolCallOutput,
    ApplyPatchCallOutput,
    ShellCallOutput,
    LocalShellCallOutput,
    ToolSearchOutput,
    ComputerCallOutput,
)


def to_stored(items: Sequence[InputItem], thread_id: str, now: int) -> list[ItemRow]:
    return [
        _to_stored_item(number, item, thread_id, now)
        for number, item in enumerate(items)
        if not isinstance(item, CompactionTrigger)
    ]


async def to_stored_aside(items: Sequence[InputItem], thread_id: str, now: int) -> list[ItemRow]:
    """As `to_stored`, in a thread for thousands of parts, since other requests would wait."""
    if not have_many_parts(items):
        return to_stored(items, thread_id, now)
    return await asyncio.to_thread(to_stored, items, thread_id, now)


def have_many_parts(items: Sequence[InputItem]) -> bool:
    """Whether items are too many, or have too many parts, to convert them on the event loop."""
    return sum([_count_parts(item) for item in items]) > _INLINE_PARTS


def _count_parts(item: InputItem) -> int:
    if type(item) is InputMessage:
        return len(item.content)
    output = getattr(item, "output", None)
    return len(output) if isinstance(output, list) else 1


def move_rows(rows: Sequence[ItemRow], thread_id: str) -> Sequence[ItemRow]:
    """The rows for another thread."""
    for row in rows:
        if row.message is not None:
            row.message.thread_id = thread_id
    return rows


def _to_stored_item(number: int, item: InputItem, thread_id: str, now: int) -> ItemRow:
    assert not isinstance(item, CompactionTrigger)  # not an item of a conversation
    if isinstance(item, UnsupportedItem):
        item_id = ids.other_item()
        return ItemRow(item_id, item.type, msgspec.json.encode({"id": item_id, **item.item}).decode())
    # Each item gets a new id: an item that is sent to another response is a different item.
    if isinstance(item, InputMessage):
        item.id = ids.message()
        return _to_message(item, thread_id, now)
    kind = str(item.__struct_config__.tag)
    item.id = _NEW_IDS.get(kind, ids.other_item)()
    if isinstance(item, InputReasoning):
        return _to_reasoning(item)
    if (convert := CONVERTERS.get(type(item))) is not None:
        return convert(item, number)
    call_id = item.call_id if isinstance(item, _OUTPUTS) else None
    return ItemRow(item.id or "", kind, encode_items(item).decode(), answers=call_id)


def _to_reasoning(item: InputReasoning) -> ItemRow:
    """Reasoning of a model that does not hide it is stored as that of this server's models is."""
    if item.content and unseal_reasoning(item.encrypted_content) is None:
        item.encrypted_content = seal_reasoning("\n".join(part.text for part in item.content))
    item.content = None
    return ItemRow(item.id or "", "reasoning", encode_items(item).decode())


def _to_message(item: InputMessage, thread_id: str, now: int) -> ItemRow:
    item_id = item.id or ""
    assert not isinstance(item.content, str)  # parsing makes it a list
    content = _to_contents(item.content)
    # Messages of the Assistants API have no phase.
    if item.role not in {"user", "assistant"} or item.phase or content is None:
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
        content=content,
        attachments=[],
        metadata={},
    )
    return ItemRow(item_id, "message", message=message)


def _to_contents(parts: Sequence[InputContent]) -> list[MessageContent] | None:
    """None where a message of the Assistants API cannot represent one of them."""
    contents: list[MessageContent] = []
    for part in parts:
        content = _to_content(part)
        if content is None:
            return None
        contents.append(content)
    return contents


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

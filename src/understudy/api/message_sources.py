"""Checks images and documents inside the blocks of a message: their bytes match their media type. Calls no model."""

from collections.abc import Iterator
from typing import Any

from understudy.api.inputs import check_file_data, check_image_data
from understudy.llm.messages_request import MessageBody

_Block = dict[str, Any]


async def check_sources(body: MessageBody) -> None:
    """Raises InvalidBody for the first source with invalid base64 or an unsupported image format."""
    for index, message in enumerate(body["messages"]):
        for path, block in _iterate_blocks(message.get("content"), f"messages[{index}].content"):
            source = block.get("source")
            if isinstance(source, dict) and source.get("type") == "base64":
                await _check_source(str(block.get("type")), source, f"{path}.source.data")


async def _check_source(kind: str, source: _Block, path: str) -> None:
    media_type, data = str(source.get("media_type") or ""), str(source.get("data") or "")
    if kind == "image":
        await check_image_data(media_type.lower(), data, path, relayed=True)
    elif kind == "document":
        await check_file_data(data, path)


def _iterate_blocks(content: Any, path: str) -> Iterator[tuple[str, _Block]]:
    """The blocks of a message and of its tool results, with their paths."""
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield f"{path}[{index}]", block
            if block.get("type") == "tool_result":
                yield from _iterate_blocks(block.get("content"), f"{path}[{index}].content")

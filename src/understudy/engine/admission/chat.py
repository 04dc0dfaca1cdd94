"""Admission of chat completions and of Anthropic's messages: the files and images inside their messages."""

from collections.abc import Iterator
from typing import Any, Final

from understudy.engine.admission.files import FileChecks
from understudy.engine.admission.inline_data import check_file_data, check_image_data, check_image_url
from understudy.errors import InvalidRequest
from understudy.llm.messages_request import MessageBody
from understudy.llm.provider import ChatBody
from understudy.pacing import Pace
from understudy.wire.parsing import check_file_id

_MAX_FILES: Final = 100
"""File parts of one request; each may be a document to parse."""

_Part = dict[str, Any]


def check_whole(stream: object) -> None:
    """Raises InvalidRequest for a line of a batch whose result would be streamed."""
    if stream:
        raise InvalidRequest("Invalid 'stream': a request of a batch cannot stream. Leave it out.", param="stream")


class ChatAdmission:
    def __init__(self, files: FileChecks) -> None:
        self._files = files

    async def admit(self, project_id: str, body: ChatBody) -> list[_Part]:
        """The file parts of a chat completion, each with a `file_id` or `file_data`.

        Raises NotFound for a file that the project does not have, InvalidRequest and InvalidBody for a bad part.
        """
        if not any(isinstance(message.get("content"), list) for message in body["messages"]):
            return []
        pace = Pace()
        for path, part in _parts_of_type(body, "image_url"):
            await pace.step()
            await _check_image(path, part)
        file_parts = [(f"{path}.file", part) for path, part in _parts_of_type(body, "file")]
        if len(file_parts) > _MAX_FILES:
            raise InvalidRequest(
                f"Invalid 'messages': {len(file_parts)} parts of the type 'file'. The limit is {_MAX_FILES}.",
                param="messages",
            )
        for path, part in file_parts:
            await self._check_file(project_id, path, part)
        return [part for _, part in file_parts]

    async def check_message(self, body: MessageBody) -> None:
        """Checks a request of Anthropic's Messages API.

        Raises InvalidBody for the first source with invalid base64 or an unsupported image format.
        """
        pace = Pace()
        for index, message in enumerate(body["messages"]):
            for path, block in _iterate_blocks(message.get("content"), f"messages[{index}].content"):
                await pace.step()
                source = block.get("source")
                if isinstance(source, dict) and source.get("type") == "base64":
                    await _check_source(str(block.get("type")), source, f"{path}.source.data")

    async def _check_file(self, project_id: str, path: str, part: _Part) -> None:
        file = part.get("file")
        file_id, data = (file.get("file_id"), file.get("file_data")) if isinstance(file, dict) else (None, None)
        for name, value in (("file_id", file_id), ("file_data", data)):
            if value is not None and not isinstance(value, str):
                raise InvalidRequest(f"Invalid '{path}.{name}': expected a string.", param=f"{path}.{name}")
        if bool(file_id) == bool(data):
            raise InvalidRequest(
                f"Invalid '{path}': a file has either a 'file_id' or 'file_data'.", param=path, code="invalid_value"
            )
        if data:
            await check_file_data(data, f"{path}.file_data")
        else:
            check_file_id(f"{path}.file_id", str(file_id))
            await self._files.lookup(project_id, {str(file_id): f"{path}.file_id"})


def _parts_of_type(body: ChatBody, kind: str) -> Iterator[tuple[str, _Part]]:
    for index, message in enumerate(body["messages"]):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and part.get("type") == kind:
                yield f"messages[{index}].content[{number}]", part


async def _check_image(path: str, part: _Part) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if isinstance(url, str):
        await check_image_url(url, f"{path}.image_url.url", relayed=True)


async def _check_source(kind: str, source: _Part, path: str) -> None:
    media_type, data = str(source.get("media_type") or ""), str(source.get("data") or "")
    if kind == "image":
        await check_image_data(media_type.lower(), data, path, relayed=True)
    elif kind == "document":
        await check_file_data(data, path)


def _iterate_blocks(content: Any, path: str) -> Iterator[tuple[str, _Part]]:
    """The blocks of a message and of its tool results, with their paths."""
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield f"{path}[{index}]", block
            if block.get("type") == "tool_result":
                yield from _iterate_blocks(block.get("content"), f"{path}[{index}].content")

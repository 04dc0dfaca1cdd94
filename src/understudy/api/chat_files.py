"""Files in the messages of a chat completion, converted for the model's provider. Calls no model.

Providers do not know the Files of this server, so the file's text is sent instead, as in responses. Inline bytes go
unchanged to providers, and as text to the embedded model.
"""

from collections.abc import Iterator
from typing import Any, Final

from understudy.api.file_lookup import lookup_files
from understudy.api.inputs import check_file_data, check_image_url
from understudy.api.parts import Parts
from understudy.errors import InvalidRequest
from understudy.llm.messages import parts_to_wire
from understudy.llm.provider import ChatBody
from understudy.wire.parsing import check_file_id

_MAX_FILES: Final = 100
"""File parts of one request; each may be a document to parse."""

_Part = dict[str, Any]


async def inline_files(parts: Parts, project_id: str, body: ChatBody) -> ChatBody:
    """Replaces the Files of this server by their text, and pages without text by images.

    Raises NotFound for a file that the project does not have, InvalidRequest and InvalidBody for a bad part.
    """
    if not any(isinstance(message.get("content"), list) for message in body["messages"]):
        return body
    for path, part in _file_parts(body, "image_url"):
        await _check_image(path, part)
    file_parts = [(f"{path}.file", part) for path, part in _file_parts(body, "file")]
    if not file_parts:
        return body
    if len(file_parts) > _MAX_FILES:
        raise InvalidRequest(
            f"Invalid 'messages': {len(file_parts)} parts of the type 'file'. The limit is {_MAX_FILES}.",
            param="messages",
        )
    for path, part in file_parts:
        await _check_file(parts, project_id, path, part)
    read_all = parts.models.is_embedded(str(body["model"]))
    sees = parts.models.has_vision(str(body["model"]))
    texts = {
        id(part): parts_to_wire(await parts.documents.load(project_id, part["file"], sees=sees))
        for _, part in file_parts
        if read_all or part["file"].get("file_id")
    }
    return {**body, "messages": [_replace_files(message, texts) for message in body["messages"]]}


def _file_parts(body: ChatBody, kind: str) -> Iterator[tuple[str, _Part]]:
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


async def _check_file(parts: Parts, project_id: str, path: str, part: _Part) -> None:
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
        await lookup_files(parts, project_id, {str(file_id): f"{path}.file_id"})


def _replace_files(message: dict[str, Any], texts: dict[int, list[_Part]]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list) or not any(id(part) in texts for part in content):
        return message
    return {**message, "content": [one for part in content for one in texts.get(id(part), [part])]}

"""Files in the messages of a chat completion, converted for the model's provider. Calls no model.

Providers do not know the Files of this server, so the file's text is sent instead, as in responses. Inline bytes go
unchanged to providers, and as text to the embedded model.
"""

from typing import Any

from understudy.api.parts import Parts
from understudy.llm.messages import parts_to_wire
from understudy.llm.provider import ChatBody

_Part = dict[str, Any]


async def inline_files(parts: Parts, project_id: str, body: ChatBody) -> ChatBody:
    """Replaces the Files of this server by their text, and pages without text by images.

    Raises NotFound for a file that the project does not have, InvalidRequest and InvalidBody for a bad part.
    """
    file_parts = await parts.admission.chat.admit(project_id, body)
    if not file_parts:
        return body
    read_all = parts.models.is_embedded(str(body["model"]))
    sees = parts.models.has_vision(str(body["model"]))
    texts = {
        id(part): parts_to_wire(await parts.documents.load(project_id, part["file"], sees=sees))
        for part in file_parts
        if read_all or part["file"].get("file_id")
    }
    return {**body, "messages": [_replace_files(message, texts) for message in body["messages"]]}


def _replace_files(message: dict[str, Any], texts: dict[int, list[_Part]]) -> dict[str, Any]:
    content = message.get("content")
    if not isinstance(content, list) or not any(id(part) in texts for part in content):
        return message
    return {**message, "content": [one for part in content for one in texts.get(id(part), [part])]}

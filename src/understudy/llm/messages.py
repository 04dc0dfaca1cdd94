"""Typed messages of a chat completions request, between prompt building and the providers' wire.

`to_wire` is their only way into a request. Ids and names are None if a client's message has none: whether that is
valid is up to the provider.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct


class TextPart(Struct, tag_field="type", tag="text"):
    text: str


class ImageUrl(Struct, omit_defaults=True):
    url: str
    detail: str | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class FileData(Struct):
    filename: str
    file_data: str


class FilePart(Struct, tag_field="type", tag="file"):
    """A file as a data URL."""

    file: FileData


class ImageReference(Struct, tag_field="type", tag="image_file"):
    """An image in a stored file; an ImagePart replaces it before the request."""

    file_id: str
    detail: str


class DocumentReference(Struct, tag_field="type", tag="input_file"):
    """A document in an `input_file` part of the Responses API; its text and images replace it before the request."""

    source: Mapping[str, Any]


Part: TypeAlias = TextPart | ImagePart | FilePart | ImageReference | DocumentReference


class FunctionCall(Struct):
    """`arguments` are JSON as the model wrote it, valid or not."""

    name: str | None
    arguments: str


class ToolCall(Struct, kw_only=True):
    id: str | None
    type: Literal["function"] = "function"
    function: FunctionCall


class SystemMessage(Struct, tag_field="role", tag="system"):
    content: str


class UserMessage(Struct, tag_field="role", tag="user"):
    content: str | list[Part]


class AssistantMessage(Struct, tag_field="role", tag="assistant", omit_defaults=True):
    content: str | None
    tool_calls: list[ToolCall] = []
    reasoning_content: str | None = None


class ToolMessage(Struct, tag_field="role", tag="tool"):
    tool_call_id: str | None
    content: str


Message: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage


def to_wire(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The `messages` member of a request body."""
    wire: list[dict[str, Any]] = msgspec.to_builtins(messages)
    return wire


def parts_to_wire(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """The `content` member of a message in a request body."""
    return [msgspec.to_builtins(part) for part in parts]


def text_of(message: Message) -> str:
    """The text of the message, without its images and calls."""
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content if isinstance(part, TextPart))


def calls_of(message: Message) -> Sequence[ToolCall]:
    return message.tool_calls if isinstance(message, AssistantMessage) else ()

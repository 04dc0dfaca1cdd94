"""Messages of a thread. Source: the Assistants API v2, operations listMessages to deleteMessage.

A request's text part carries a string, an answer's an object with annotations.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.tools import AttachmentTool, Metadata

# The document has no bounds for these; ours are far above what clients send.
MAX_MESSAGES = 500
MAX_PARTS = 500
MAX_ATTACHMENTS = 500
Text = Annotated[str, Meta(min_length=1, max_length=256_000)]
ImageDetail = Literal["auto", "low", "high"]
Role = Literal["user", "assistant"]


class ImageFile(Struct, forbid_unknown_fields=True):
    file_id: str
    detail: ImageDetail = "auto"


class ImageUrl(Struct, forbid_unknown_fields=True):
    url: Annotated[str, Meta(min_length=1)]
    detail: ImageDetail = "auto"


class MessageContentImageFileObject(Struct, forbid_unknown_fields=True, tag_field="type", tag="image_file"):
    image_file: ImageFile


class MessageContentImageUrlObject(Struct, forbid_unknown_fields=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class MessageRequestContentTextObject(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    text: Text


class FileCitation(Struct):
    """`page` and `heading_path` are members of this server's alone: where the passage starts. Absent if unknown."""

    file_id: str
    page: int | UnsetType = UNSET
    heading_path: list[str] | UnsetType = UNSET


class FilePath(Struct):
    file_id: str


class FileCitationAnnotation(Struct, tag_field="type", tag="file_citation"):
    """`start_index` and `end_index` count code points of the text, the end exclusive."""

    text: str
    start_index: int
    end_index: int
    file_citation: FileCitation


class FilePathAnnotation(Struct, tag_field="type", tag="file_path"):
    text: str
    start_index: int
    end_index: int
    file_path: FilePath


class UrlCitation(Struct):
    url: str
    title: str


class UrlCitationAnnotation(Struct, tag_field="type", tag="url_citation"):
    """A link to a page of a web search, in the form of Azure's agents: only responses make such messages."""

    text: str
    start_index: int
    end_index: int
    url_citation: UrlCitation


Annotation = FileCitationAnnotation | FilePathAnnotation | UrlCitationAnnotation


class TextContent(Struct):
    value: str
    annotations: list[Annotation] = []


class MessageContentTextObject(Struct, tag_field="type", tag="text"):
    text: TextContent


class MessageContentRefusalObject(Struct, tag_field="type", tag="refusal"):
    refusal: str


MessageContent = (
    MessageContentImageFileObject
    | MessageContentImageUrlObject
    | MessageContentTextObject
    | MessageContentRefusalObject
)
MessageRequestContent = MessageContentImageFileObject | MessageContentImageUrlObject | MessageRequestContentTextObject


class Attachment(Struct, forbid_unknown_fields=True):
    file_id: str | UnsetType = UNSET
    tools: Annotated[list[AttachmentTool], Meta(max_length=16)] | UnsetType = UNSET


class MessageIncompleteDetails(Struct):
    reason: Literal["content_filter", "max_tokens", "run_cancelled", "run_expired", "run_failed"]


class MessageObject(Struct, kw_only=True):
    id: str
    object: Literal["thread.message"] = "thread.message"
    created_at: int
    assistant_id: str | None
    thread_id: str
    run_id: str | None
    status: Literal["in_progress", "incomplete", "completed"]
    incomplete_details: MessageIncompleteDetails | None = None
    incomplete_at: int | None = None
    completed_at: int | None = None
    role: Role
    content: list[MessageContent]
    attachments: list[Attachment]
    metadata: dict[str, str]
    phase: Literal["commentary", "final_answer"] | UnsetType = UNSET
    """Only of messages that a response made, and that its provider calls so."""


class CreateMessageRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    role: Role
    content: Text | Annotated[list[MessageRequestContent], Meta(min_length=1, max_length=MAX_PARTS)]
    attachments: Annotated[list[Attachment], Meta(max_length=MAX_ATTACHMENTS)] | None = None
    metadata: Metadata | None = None


# What may be sent with a thread or a run.
CreateMessages = Annotated[list[CreateMessageRequest], Meta(max_length=MAX_MESSAGES)]


class ModifyMessageRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | UnsetType | None = UNSET


class DeleteMessageResponse(Struct, kw_only=True):
    id: str
    object: Literal["thread.message.deleted"] = "thread.message.deleted"
    deleted: bool = True


class ListMessagesResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[MessageObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

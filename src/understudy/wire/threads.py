"""Threads. Source: the Assistants API v2, operations createThread to deleteThread."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.messages import CreateMessages
from understudy.wire.tools import Metadata, ToolResources, ToolResourcesCreate


class BranchOrigin(Struct):
    """Where a branch begins: after `message_id` of the thread, whose copy in the branch is `copied_message_id`.

    Both are null in a branch that copied no message.
    """

    thread_id: str
    message_id: str | None
    copied_message_id: str | None


class ThreadObject(Struct, kw_only=True):
    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    metadata: dict[str, str]
    tool_resources: ToolResources
    branched_from: Annotated[
        BranchOrigin | UnsetType, Meta(description="Only branches have it. An extension of the hosted API.")
    ] = UNSET


class BranchThreadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    after: Annotated[str | None, Meta(description="The last message to copy; null for none.")]
    metadata: Annotated[
        Metadata | UnsetType | None, Meta(description="The metadata of the branch; without it, those of the thread.")
    ] = UNSET


class CreateThreadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    messages: CreateMessages | None = None
    tool_resources: ToolResourcesCreate | None = None
    metadata: Metadata | None = None


class ModifyThreadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    tool_resources: ToolResources | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ThreadExportQuery(Struct, frozen=True, kw_only=True):
    format: Annotated[
        Literal["jsonl", "md"], Meta(description="Lines of JSON, the thread and then its messages; or Markdown.")
    ] = "jsonl"


class DeleteThreadResponse(Struct, kw_only=True):
    id: str
    object: Literal["thread.deleted"] = "thread.deleted"
    deleted: bool = True

"""Threads. Source: the Assistants API v2, operations createThread to deleteThread."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from understudy.wire.messages import CreateMessages
from understudy.wire.tools import Metadata, ToolResources, ToolResourcesCreate


class ThreadObject(Struct, kw_only=True):
    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    metadata: dict[str, str]
    tool_resources: ToolResources


class CreateThreadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    messages: CreateMessages | None = None
    tool_resources: ToolResourcesCreate | None = None
    metadata: Metadata | None = None


class ModifyThreadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    tool_resources: ToolResources | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class DeleteThreadResponse(Struct, kw_only=True):
    id: str
    object: Literal["thread.deleted"] = "thread.deleted"
    deleted: bool = True

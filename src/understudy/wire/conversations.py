"""Conversations. Source: the Conversations API, operations createConversation to deleteConversationItem."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from understudy.wire.tools import Metadata

Items = Annotated[list[dict[str, Any]], Meta(max_length=20)]


class ConversationObject(Struct, kw_only=True):
    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    metadata: dict[str, str]


class CreateConversationRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    items: Items | None = None
    metadata: Metadata | None = None


class UpdateConversationRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | None


class CreateConversationItemsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    items: Items


class DeletedConversation(Struct, kw_only=True):
    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: bool = True

"""Conversations. Source: the Conversations API, operations createConversation to deleteConversationItem."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.tools import Metadata

Items = Annotated[list[dict[str, Any]], Meta(max_length=20)]


class ConversationOrigin(Struct):
    """Where a branch begins: after `item_id` of the conversation, whose copy in the branch is `copied_item_id`."""

    conversation_id: str
    item_id: str | None
    copied_item_id: str | None


class ConversationObject(Struct, kw_only=True):
    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    metadata: dict[str, str]
    branched_from: Annotated[
        ConversationOrigin | UnsetType, Meta(description="Only branches have it. An extension of the hosted API.")
    ] = UNSET


class BranchConversationRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    after: Annotated[str | None, Meta(description="The last item to copy; null for none.")]
    metadata: Annotated[
        Metadata | UnsetType | None,
        Meta(description="The metadata of the branch; without it, those of the conversation."),
    ] = UNSET


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

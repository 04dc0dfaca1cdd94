"""Chat completions, as far as their shape is this server's business: what a request must have, and stored ones.

Source: operations createChatCompletion to deleteChatCompletion, and recorded traffic.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from understudy.wire.tools import Metadata


class DeploymentChatRequest(Struct):
    """What this server itself looks at; the rest is the provider's."""

    messages: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=10_000)]
    stream: bool | None = None
    store: bool | None = None


class ChatRequest(DeploymentChatRequest, kw_only=True):
    model: str


class StoredChatOptions(Struct, kw_only=True):
    """What is looked at besides where a completion is to be stored."""

    metadata: Metadata | None = None


class UpdateChatCompletionRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | None


class ChatCompletionDeleted(Struct, kw_only=True):
    object: Literal["chat.completion.deleted"] = "chat.completion.deleted"
    id: str
    deleted: bool = True


class ListChatMessagesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many messages a page holds at most.")] = 20
    order: Annotated[Literal["asc", "desc"], Meta(description="First or last message first.")] = "asc"
    after: Annotated[str | None, Meta(description="The message before the page: its id.")] = None

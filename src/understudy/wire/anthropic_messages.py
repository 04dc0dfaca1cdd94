"""Messages, and batches of them. Source: the types of the official `anthropic` package; the AI/ML API's batches.

A body is forwarded unchanged: these types have only the members that this server reads, and others are accepted.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Raw, Struct

from understudy.wire.tools import LARGEST_INTEGER

Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]
# Blocks of one message, or of the system prompt.
_BLOCKS = Meta(max_length=10_000)
CustomId = Annotated[str, Meta(min_length=1, max_length=64)]


class BlockSource(Struct):
    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    content: "str | Annotated[list[ContentBlock], _BLOCKS] | None" = None


class ContentBlock(Struct):
    """One part of a message; what else it may hold depends on its type."""

    type: str
    text: str | None = None
    source: BlockSource | str | None = None
    title: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | Annotated[list[ContentBlock], _BLOCKS] | dict[str, Any] | None" = None


class MessageParam(Struct):
    role: Literal["user", "assistant", "system"]
    content: str | Annotated[list[ContentBlock], _BLOCKS]


class MessageMetadata(Struct):
    user_id: str | None = None


class MessageTool(Struct):
    name: str | None = None
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None


class MessageToolChoice(Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class MessageThinking(Struct):
    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Count | None = None


class MessageOutputConfig(Struct):
    effort: str | None = None
    format: dict[str, Any] | None = None


class CountMessageTokensParams(Struct, kw_only=True):
    model: Text
    messages: Annotated[list[MessageParam], Meta(min_length=1, max_length=100_000)]
    system: str | Annotated[list[ContentBlock], _BLOCKS] | None = None
    tools: Annotated[list[MessageTool], Meta(max_length=1000)] | None = None
    tool_choice: MessageToolChoice | None = None
    thinking: MessageThinking | None = None
    output_config: MessageOutputConfig | None = None


class CreateMessageParams(CountMessageTokensParams, kw_only=True):
    max_tokens: Count = 1024
    metadata: MessageMetadata | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=1000)] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None


class MessageUsage(Struct, kw_only=True):
    input_tokens: int
    output_tokens: int


class Message(Struct, kw_only=True):
    """What every provider's message has; the rest is as the provider sent it."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[dict[str, Any]]
    stop_reason: str | None
    stop_sequence: str | None
    usage: MessageUsage


class MessageTokensCount(Struct):
    input_tokens: int


# -- batches -----------------------------------------------------------------------------------------------------


class MessageBatchItem(Struct, forbid_unknown_fields=True):
    """`params` are those of a message, and judged when it is answered."""

    custom_id: CustomId
    params: Annotated[dict[str, Any], Meta(description="What a message is created with.")]


class CreateMessageBatchRequest(Struct, kw_only=True):
    requests: Annotated[list[MessageBatchItem], Meta(min_length=1, max_length=100_000)]


class RawBatchItem(Struct, forbid_unknown_fields=True):
    """The same, not looked into."""

    custom_id: CustomId
    params: Raw


class RawBatch(Struct):
    requests: Annotated[list[RawBatchItem], Meta(min_length=1, max_length=100_000)]


class TypedBatchItem(Struct, forbid_unknown_fields=True):
    """An item of the AI/ML API, which looks into the messages before it takes them."""

    custom_id: CustomId
    params: CreateMessageParams


class TypedBatch(Struct):
    requests: Annotated[list[TypedBatchItem], Meta(min_length=1, max_length=100_000)]


class MessageBatchRequestCounts(Struct, kw_only=True):
    """All but `processing` are 0 until the batch has ended."""

    processing: int
    succeeded: int
    errored: int
    canceled: int
    expired: int


class MessageBatch(Struct, kw_only=True):
    """Times are RFC 3339."""

    id: str
    type: Literal["message_batch"] = "message_batch"
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: MessageBatchRequestCounts
    ended_at: str | None
    created_at: str
    expires_at: str
    archived_at: str | None
    cancel_initiated_at: str | None
    results_url: str | None


class ListMessageBatchesResponse(Struct, kw_only=True):
    data: list[MessageBatch]
    has_more: bool
    first_id: str | None
    last_id: str | None


class ListMessageBatchesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many batches a page holds at most.")] = 20
    before_id: Annotated[str | None, Meta(description="The batch after the page: its id.")] = None
    after_id: Annotated[str | None, Meta(description="The batch before the page: its id.")] = None


class DeletedMessageBatch(Struct, kw_only=True):
    id: str
    type: Literal["message_batch_deleted"] = "message_batch_deleted"

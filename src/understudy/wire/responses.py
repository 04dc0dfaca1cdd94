"""Responses. Source: the Responses API, operations createResponse to getInputTokenCounts.

A request's defaults are what the hosted API echoes. Members come in the order of its answers.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.assistants import Model
from understudy.wire.moderations import ResponseModeration
from understudy.wire.response_items import OutputItem
from understudy.wire.response_tool_choices import ToolChoice
from understudy.wire.response_tools import ResponseTool
from understudy.wire.strict import is_strict_schema
from understudy.wire.tools import LARGEST_INTEGER, FunctionName, Metadata, ReasoningEffort, Temperature, TopP

ResponseStatus = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
TERMINAL_STATUSES: Final[frozenset[ResponseStatus]] = frozenset({"completed", "failed", "cancelled", "incomplete"})
Included = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]

# -- what the text is to be like ---------------------------------------------------------------------------------


class TextFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="text"):
    pass


class JsonObjectFormat(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_object"):
    pass


class JsonSchemaFormat(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    description: str | None = None
    name: FunctionName
    schema: dict[str, Any]
    strict: bool | None = None

    def __post_init__(self) -> None:
        if self.strict is None:
            self.strict = is_strict_schema(self.schema)


class ResponseText(Struct, kw_only=True, forbid_unknown_fields=True):
    format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = TextFormat()
    verbosity: Literal["low", "medium", "high"] | None = "medium"


class Reasoning(Struct, kw_only=True, forbid_unknown_fields=True):
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    effort: ReasoningEffort | None = None
    mode: Literal["standard", "pro"] | UnsetType | None = UNSET
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | UnsetType | None = UNSET


# -- the request -------------------------------------------------------------------------------------------------


class PromptReference(Struct, kw_only=True, forbid_unknown_fields=True):
    """A stored prompt. A variable is a text, or an `input_text`, `input_image` or `input_file`."""

    id: str
    variables: Annotated[dict[str, str | dict[str, Any]], Meta(max_length=64)] | None = None
    version: str | None = None


class ConversationReference(Struct, forbid_unknown_fields=True):
    id: str


class StreamOptions(Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None


ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
Input = Annotated[str, Meta(max_length=10_485_760)] | Annotated[list[dict[str, Any]], Meta(max_length=10_000)]


class ResponseContext(Struct, kw_only=True, forbid_unknown_fields=True):
    """The members that determine a model's input; counting tokens accepts only these."""

    model: Model | None = None
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationReference | None = None
    tools: Annotated[list[ResponseTool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: ResponseText | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] | None = None


class CountTokensRequest(ResponseContext, kw_only=True, forbid_unknown_fields=True):
    """`personality` and `client_metadata` change no count."""

    personality: Annotated[str, Meta(max_length=64)] | None = None
    client_metadata: dict[str, Any] | None = None


class PromptCacheOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    """How the hosted service caches prompts; providers of models do as they do."""

    mode: Literal["implicit", "explicit"] | None = None
    ttl: Literal["30m", "12h"] | None = None
    prewarm: bool | None = None
    comparison_response_id: str | None = None


class ModerationMode(Struct, kw_only=True, forbid_unknown_fields=True):
    mode: Literal["score", "block"]


class ModerationPolicy(Struct, kw_only=True, forbid_unknown_fields=True):
    input: ModerationMode | None = None
    output: ModerationMode | None = None


class Moderation(Struct, kw_only=True, forbid_unknown_fields=True):
    model: str
    policy: ModerationPolicy | None = None


class ContextManagement(Struct, kw_only=True, forbid_unknown_fields=True):
    """`compact_threshold` is the number of input tokens above which the context is made shorter."""

    type: Literal["compaction"]
    compact_threshold: Annotated[int, Meta(ge=1000)] | None = None


class BackgroundOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    completion_window: Literal["soonest", "2h", "8h"] | None = None
    continuation_id: str | None = None


class ImageOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    context_compression: Literal["auto", "enabled", "disabled"] | None = None


class CompactRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Tools and what else clients repeat of their requests are checked, and change no summary."""

    model: Model
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    service_tier: ServiceTier | None = None
    tools: Annotated[list[ResponseTool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    text: ResponseText | None = None
    client_metadata: dict[str, Any] | None = None


class CreateResponseRequest(ResponseContext, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Meta(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    background: bool | None = None
    max_tool_calls: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    prompt: PromptReference | None = None
    service_tier: ServiceTier | None = None
    include: Annotated[list[Included], Meta(max_length=64)] | None = None
    store: bool | None = None
    moderation: Moderation | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    context_management: Annotated[list[ContextManagement], Meta(min_length=1, max_length=16)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=16, le=LARGEST_INTEGER)] | None = None
    client_metadata: dict[str, Any] | None = None
    background_options: BackgroundOptions | None = None
    image: ImageOptions | None = None
    access_programs: dict[str, Any] | None = None
    multi_agent: dict[str, Any] | None = None


# -- the answer --------------------------------------------------------------------------------------------------


class Billing(Struct, frozen=True):
    payer: str = "developer"


class ResponseError(Struct):
    code: str
    message: str


class ResponseIncompleteDetails(Struct):
    reason: Literal["max_output_tokens", "content_filter"]


class InputTokensDetails(Struct, frozen=True):
    cache_write_tokens: int = 0
    cached_tokens: int = 0


class OutputTokensDetails(Struct, frozen=True):
    reasoning_tokens: int = 0


class ResponseUsage(Struct, frozen=True):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int


class ImageTokensDetails(Struct, frozen=True):
    image_tokens: int = 0
    text_tokens: int = 0


class ImageUsage(Struct, frozen=True):
    input_tokens: int = 0
    input_tokens_details: ImageTokensDetails = ImageTokensDetails()
    output_tokens: int = 0
    output_tokens_details: ImageTokensDetails = ImageTokensDetails()
    total_tokens: int = 0


class SearchUsage(Struct, frozen=True):
    num_requests: int = 0


class ToolUsage(Struct, frozen=True):
    """What image generation and web search were used for; `num_requests` counts queries."""

    image_gen: ImageUsage = ImageUsage()
    web_search: SearchUsage = SearchUsage()


class ResponseObject(Struct, kw_only=True):
    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: ResponseStatus
    background: bool
    billing: Billing | UnsetType = UNSET
    completed_at: int | None = None
    conversation: ConversationReference | UnsetType = UNSET
    error: ResponseError | None = None
    frequency_penalty: float = 0.0
    incomplete_details: ResponseIncompleteDetails | None = None
    instructions: str | list[dict[str, Any]] | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    moderation: ResponseModeration | None = None
    output: list[OutputItem]
    parallel_tool_calls: bool
    presence_penalty: float = 0.0
    previous_response_id: str | None
    prompt: PromptReference | UnsetType = UNSET
    prompt_cache_key: str | None
    prompt_cache_retention: str | None
    reasoning: Reasoning
    safety_identifier: str | None
    service_tier: str
    store: bool
    temperature: float | None
    text: ResponseText
    tool_choice: ToolChoice
    tool_usage: ToolUsage = ToolUsage()
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float | None
    truncation: str
    usage: ResponseUsage | None = None
    user: str | None
    metadata: dict[str, str]


class ListResponsesResponse(Struct, kw_only=True):
    """Not of the hosted API, which has no list of responses."""

    object: Literal["list"] = "list"
    data: list[ResponseObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedResponse(Struct, kw_only=True):
    id: str
    object: Literal["response.deleted"] = "response.deleted"
    deleted: bool = True


class InputTokens(Struct, kw_only=True):
    object: Literal["response.input_tokens"] = "response.input_tokens"
    input_tokens: int


class CompactionObject(Struct, kw_only=True):
    id: str
    object: Literal["response.compaction"] = "response.compaction"
    created_at: int
    output: list[dict[str, Any]]
    usage: ResponseUsage | None


class ResponseItemList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[dict[str, Any]]
    first_id: str | None
    has_more: bool
    last_id: str | None

"""Responses. Source: the Responses API, operations createResponse to getInputTokenCounts.

A request's defaults are what the hosted API echoes. Members come in the order of its answers.
"""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.assistants import Model
from understudy.wire.filters import Filter
from understudy.wire.response_items import OutputItem
from understudy.wire.tools import (
    LARGEST_INTEGER,
    FunctionName,
    McpToolApproval,
    McpToolFilter,
    Metadata,
    ReasoningEffort,
    ServerLabel,
    Temperature,
    TopP,
)

ResponseStatus = Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"]
ENDED: Final[frozenset[ResponseStatus]] = frozenset({"completed", "failed", "cancelled", "incomplete"})
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

# -- tools -------------------------------------------------------------------------------------------------------


class FunctionTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = True


class RankingOptions(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    ranker: Literal["auto", "default-2024-11-15", "default_2024_08_21"] | UnsetType = "auto"
    score_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.0
    hybrid_search: dict[str, float] | None = None

    def shown(self) -> dict[str, Any]:
        return {"ranker": self.ranker or "auto", "score_threshold": float(self.score_threshold)}


class FileSearchTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    filters: Filter | None = None
    max_num_results: Annotated[int, Meta(ge=1, le=50)] = 20
    ranking_options: RankingOptions | None = None
    vector_store_ids: Annotated[list[str], Meta(min_length=1, max_length=100)]


class AutoContainer(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="auto"):
    file_ids: Annotated[list[str], Meta(max_length=50)] = []
    memory_limit: Literal["1g", "4g", "16g", "64g"] | None = None


class CodeInterpreterTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    container: str | AutoContainer


class CustomTool(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="custom"):
    """A function whose argument is one free text."""

    name: FunctionName
    description: str | None = None
    format: dict[str, Any] | None = None


class McpTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mcp"):
    """A remote MCP server. `headers` and `authorization` are sent to it, and never shown."""

    server_label: ServerLabel
    server_url: Annotated[str, Meta(min_length=1, max_length=2048)]
    server_description: Annotated[str, Meta(max_length=2048)] | None = None
    allowed_tools: list[str] | McpToolFilter | None = None
    require_approval: Literal["always", "never"] | McpToolApproval | None = None
    headers: Annotated[dict[str, str], Meta(max_length=32)] | None = None
    authorization: str | None = None


ResponseTool = FunctionTool | FileSearchTool | CodeInterpreterTool | CustomTool | McpTool


class ChosenFunction(Struct, forbid_unknown_fields=True, tag_field="type", tag="function"):
    name: str


class ChosenCustom(Struct, forbid_unknown_fields=True, tag_field="type", tag="custom"):
    name: str


class ChosenFileSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    pass


class ChosenCodeInterpreter(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    pass


class ChosenMcp(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mcp"):
    server_label: str
    name: str | None = None


class AllowedTools(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: list[dict[str, Any]]


ToolChoice = (
    Literal["none", "auto", "required"]
    | ChosenFunction
    | ChosenCustom
    | ChosenFileSearch
    | ChosenCodeInterpreter
    | ChosenMcp
    | AllowedTools
)

# -- what the text is to be like ---------------------------------------------------------------------------------


class TextFormat(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="text"):
    pass


class JsonObjectFormat(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_object"):
    pass


class JsonSchemaFormat(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    description: str | None = None
    name: FunctionName
    schema: dict[str, Any]
    strict: bool | None = True


class ResponseText(Struct, kw_only=True, forbid_unknown_fields=True):
    format: TextFormat | JsonObjectFormat | JsonSchemaFormat = TextFormat()
    verbosity: Literal["low", "medium", "high"] | None = "medium"


class Reasoning(Struct, kw_only=True, forbid_unknown_fields=True):
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    effort: ReasoningEffort | None = None
    mode: Literal["standard", "pro"] | UnsetType | None = UNSET
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | UnsetType | None = UNSET


# -- the request -------------------------------------------------------------------------------------------------


class ConversationReference(Struct, forbid_unknown_fields=True):
    id: str


class StreamOptions(Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None


ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
Input = str | list[dict[str, Any]]


class ResponseContext(Struct, kw_only=True, forbid_unknown_fields=True):
    """What says what a model would be given; counting tokens takes no more than that."""

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
    personality: str | None = None


class CompactRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    model: Model
    input: Input | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    prompt_cache_options: dict[str, Any] | None = None
    service_tier: ServiceTier | None = None


class CreateResponseRequest(ResponseContext, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    user: str | None = None
    safety_identifier: Annotated[str, Meta(max_length=64)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "in-memory", "24h"] | None = None
    prompt_cache_options: dict[str, Any] | None = None
    background: bool | None = None
    max_tool_calls: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    prompt: dict[str, Any] | None = None
    service_tier: ServiceTier | None = None
    include: list[Included] | None = None
    store: bool | None = None
    moderation: dict[str, Any] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    context_management: list[dict[str, Any]] | None = None
    max_output_tokens: Annotated[int, Meta(ge=16, le=LARGEST_INTEGER)] | None = None


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
    """What the tools that only the hosted service has were used for."""

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
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    moderation: dict[str, Any] | None = None
    output: list[OutputItem]
    parallel_tool_calls: bool
    presence_penalty: float = 0.0
    previous_response_id: str | None
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

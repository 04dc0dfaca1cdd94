"""Items as clients send them, to responses and to conversations. Source: the Responses API."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.client_items import (
    AdditionalTools,
    Caller,
    CallId,
    ClientCall,
    ClientCallOutput,
)
from understudy.wire.response_items import ItemStatus, SummaryText
from understudy.wire.responses import JsonObjectFormat, JsonSchemaFormat, TextFormat
from understudy.wire.tools import ReasoningEffort

ItemRole = Literal["user", "assistant", "system", "developer"]
# The limit of the results of one call; more than any search returns.
Results = Annotated[list[dict[str, Any]], Meta(max_length=1000)]


class InputText(Struct, tag_field="type", tag="input_text"):
    text: str


class InputImage(Struct, kw_only=True, tag_field="type", tag="input_image"):
    detail: Literal["low", "high", "auto", "original"] | None = "auto"
    file_id: str | None = None
    image_url: str | None = None


class InputFile(Struct, kw_only=True, tag_field="type", tag="input_file"):
    """`file_data` is base64, as a data URL or bare."""

    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None


class InputOutputText(Struct, kw_only=True, tag_field="type", tag="output_text"):
    annotations: list[dict[str, Any]] | None = []
    logprobs: list[Any] | None = []
    text: str


class InputRefusal(Struct, tag_field="type", tag="refusal"):
    refusal: str


InputContent = InputText | InputImage | InputFile | InputOutputText | InputRefusal


class InputMessage(Struct, kw_only=True, tag_field="type", tag="message"):
    """`phase`: whether an assistant comments on what it does, or answers."""

    id: str | None = ""
    status: ItemStatus | None = "completed"
    content: str | list[InputContent]
    phase: Literal["commentary", "final_answer"] | UnsetType | None = UNSET
    role: ItemRole


class InputFunctionCall(Struct, kw_only=True, tag_field="type", tag="function_call"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    arguments: str
    call_id: str
    name: str
    namespace: str | UnsetType | None = UNSET
    caller: Caller = UNSET


class InputFunctionCallOutput(Struct, kw_only=True, tag_field="type", tag="function_call_output"):
    """`name` identifies the call if `call_id` is absent."""

    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: CallId | None = None
    output: str | list[InputContent]
    name: str | UnsetType | None = UNSET
    namespace: str | UnsetType | None = UNSET
    caller: Caller = UNSET


class InputCustomToolCall(Struct, kw_only=True, tag_field="type", tag="custom_tool_call"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: str
    input: str
    name: str
    namespace: str | UnsetType | None = UNSET
    caller: Caller = UNSET


class InputCustomToolCallOutput(Struct, kw_only=True, tag_field="type", tag="custom_tool_call_output"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: CallId
    output: str | list[InputContent]
    caller: Caller = UNSET


class InputFileSearchCall(Struct, kw_only=True, tag_field="type", tag="file_search_call"):
    id: str | None = ""
    status: str | None = "completed"
    queries: list[str] | None = []
    results: Results | None = None


class InputWebAction(Struct, kw_only=True, omit_defaults=True):
    """`sources` are the pages that a search found, whose text is unknown. Other members are not looked at."""

    type: str
    query: str | UnsetType | None = UNSET
    queries: list[str] | UnsetType | None = UNSET
    url: str | UnsetType | None = UNSET
    pattern: str | UnsetType | None = UNSET
    sources: Results | UnsetType | None = UNSET


class InputWebSearchCall(Struct, kw_only=True, tag_field="type", tag="web_search_call"):
    id: str | None = ""
    status: str | None = "completed"
    action: InputWebAction | None = None
    results: Results | None = None


class InputCodeInterpreterCall(Struct, kw_only=True, tag_field="type", tag="code_interpreter_call"):
    id: str | None = ""
    status: str | None = "completed"
    code: str | None = ""
    container_id: str | None = ""
    outputs: Results | None = None


class InputImageCall(Struct, kw_only=True, tag_field="type", tag="image_generation_call"):
    """An image that a later call may change: its bytes as base64 in `result`, or the id of a stored call.

    It was not made if the status is `failed`.
    """

    id: str | None = ""
    status: str | None = "completed"
    result: str | None = None
    background: str | UnsetType | None = UNSET
    output_format: str | UnsetType | None = UNSET
    quality: str | UnsetType | None = UNSET
    revised_prompt: str | UnsetType | None = UNSET
    size: str | UnsetType | None = UNSET


class InputReasoningText(Struct, tag_field="type", tag="reasoning_text"):
    text: str


class InputReasoning(Struct, kw_only=True, tag_field="type", tag="reasoning"):
    """`content` is the reasoning of a model that does not hide it."""

    id: str | None = ""
    encrypted_content: str | None = None
    summary: list[SummaryText] | None = []
    content: list[InputReasoningText] | None = None


class InputMcpApproval(Struct, kw_only=True, tag_field="type", tag="mcp_approval_response"):
    id: str | None = ""
    approval_request_id: str
    approve: bool
    reason: str | None = None


class InputMcpCall(Struct, kw_only=True, tag_field="type", tag="mcp_call"):
    id: str | None = ""
    approval_request_id: str | None = None
    arguments: str
    error: Any = None
    name: str
    output: str | None = None
    server_label: str


class InputMcpApprovalRequest(Struct, kw_only=True, tag_field="type", tag="mcp_approval_request"):
    id: str
    arguments: str
    name: str
    server_label: str


class ReasoningUpdate(Struct, kw_only=True):
    effort: ReasoningEffort | None = None


class TextUpdate(Struct, kw_only=True):
    format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = TextFormat()


class ConfigurationUpdate(Struct, kw_only=True, tag_field="type", tag="configuration_update"):
    """Settings that hold from here on; null leaves one as it is."""

    id: str | None = ""
    reasoning: ReasoningUpdate | UnsetType | None = UNSET
    text: TextUpdate | UnsetType | None = UNSET


class CompactionTrigger(Struct, tag_field="type", tag="compaction_trigger"):
    """The last item of an input whose context is to be made shorter, and nothing else."""


class ItemReference(Struct, tag_field="type", tag="item_reference"):
    id: str


class UnsupportedItem(Struct):
    """An item of a tool that this server does not have: returned unchanged, and sent to no model."""

    type: str
    item: dict[str, Any]


InputItem = (
    InputMessage
    | InputFunctionCall
    | InputFunctionCallOutput
    | InputCustomToolCall
    | InputCustomToolCallOutput
    | InputFileSearchCall
    | InputWebSearchCall
    | InputCodeInterpreterCall
    | InputImageCall
    | InputReasoning
    | InputMcpApproval
    | InputMcpCall
    | InputMcpApprovalRequest
    | ClientCall
    | ClientCallOutput
    | AdditionalTools
    | ConfigurationUpdate
    | CompactionTrigger
    | ItemReference
    | UnsupportedItem
)

"""Runs. Source: the Assistants API v2, operations createRun to submitToolOuputsToRun (the vendor's spelling)."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.assistants import Model
from understudy.wire.messages import CreateMessages
from understudy.wire.run_outcome import LastError, RunCompletionUsage, RunIncompleteDetails, RunStatus
from understudy.wire.threads import CreateThreadRequest
from understudy.wire.tools import (
    LARGEST_INTEGER,
    AssistantsApiResponseFormatOption,
    AssistantsApiToolChoiceOption,
    AssistantTool,
    Metadata,
    ReasoningEffort,
    Temperature,
    ToolResources,
    TopP,
    TruncationObject,
)

# The calls that one answer of a model may make.
MAX_CALLS = 128
RunTools = Annotated[list[AssistantTool], Meta(max_length=128)]
Instructions = Annotated[str, Meta(max_length=256_000)]
# The document says 256; the hosted service has been seen to take 16.
TokenBudget = Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)]


class RunToolCallFunction(Struct):
    name: str
    arguments: str


class RunToolCallObject(Struct, kw_only=True):
    id: str
    type: Literal["function"] = "function"
    function: RunToolCallFunction


class SubmitToolOutputs(Struct):
    tool_calls: list[RunToolCallObject]


class McpApprovalCall(Struct, kw_only=True):
    """A call of a remote server's tool that is made once the client approves of it."""

    id: str
    type: Literal["mcp"] = "mcp"
    server_label: str
    name: str
    arguments: str


class SubmitToolApproval(Struct):
    tool_calls: list[McpApprovalCall]


class RequiredAction(Struct, kw_only=True):
    """What `type` names is there. Approvals are this server's own; their shape is that of Azure's agents."""

    type: Literal["submit_tool_outputs", "submit_tool_approval"] = "submit_tool_outputs"
    submit_tool_outputs: SubmitToolOutputs | UnsetType = UNSET
    submit_tool_approval: SubmitToolApproval | UnsetType = UNSET


class RunObject(Struct, kw_only=True):
    id: str
    object: Literal["thread.run"] = "thread.run"
    created_at: int
    assistant_id: str
    thread_id: str
    status: RunStatus
    started_at: int | None = None
    expires_at: int | None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    required_action: RequiredAction | None = None
    last_error: LastError | None = None
    model: str
    instructions: str | None
    tools: list[AssistantTool]
    tool_resources: ToolResources
    metadata: dict[str, str]
    temperature: float | None
    top_p: float | None
    reasoning_effort: str | None
    max_completion_tokens: int | None
    max_prompt_tokens: int | None
    truncation_strategy: TruncationObject
    incomplete_details: RunIncompleteDetails | None = None
    usage: RunCompletionUsage | None = None
    response_format: AssistantsApiResponseFormatOption
    tool_choice: AssistantsApiToolChoiceOption
    parallel_tool_calls: bool


class RunParameters(Struct, kw_only=True, forbid_unknown_fields=True):
    """What both ways of creating a run can override; null and absent mean the assistant's value."""

    assistant_id: str
    model: Model | None = None
    instructions: Instructions | None = None
    tools: RunTools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    reasoning_effort: ReasoningEffort | None = None
    stream: bool | None = None
    max_prompt_tokens: TokenBudget | None = None
    max_completion_tokens: TokenBudget | None = None
    truncation_strategy: TruncationObject | None = None
    tool_choice: AssistantsApiToolChoiceOption | None = None
    tool_resources: ToolResources | None = None
    parallel_tool_calls: bool | None = None
    response_format: AssistantsApiResponseFormatOption | None = None


class CreateRunRequest(RunParameters, kw_only=True, forbid_unknown_fields=True):
    additional_instructions: Instructions | None = None
    additional_messages: CreateMessages | None = None


class CreateThreadAndRunRequest(RunParameters, kw_only=True, forbid_unknown_fields=True):
    thread: CreateThreadRequest | None = None


class ModifyRunRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Metadata | UnsetType | None = UNSET


class ToolOutput(Struct, kw_only=True, forbid_unknown_fields=True):
    tool_call_id: str
    output: str


class ToolApproval(Struct, kw_only=True, forbid_unknown_fields=True):
    tool_call_id: str
    approve: bool
    headers: Annotated[dict[str, str], Meta(max_length=32)] | None = None


class SubmitToolOutputsRunRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """One of the two, whichever the run waits for."""

    tool_outputs: Annotated[list[ToolOutput], Meta(max_length=MAX_CALLS)] | UnsetType = UNSET
    tool_approvals: Annotated[list[ToolApproval], Meta(max_length=MAX_CALLS)] | UnsetType = UNSET
    stream: bool | None = None


class ListRunsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[RunObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

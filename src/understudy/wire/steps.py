"""Run steps. Source: the Assistants API v2, operations listRunSteps and getRunStep.

The document has `expired_at` and `metadata`, the hosted service sent `expires_at` and neither of those. This server
sends all three.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from understudy.wire.run_outcome import LastError, RunCompletionUsage

StepStatus = Literal["in_progress", "completed", "failed", "cancelled", "expired"]


class MessageCreation(Struct):
    message_id: str


class RunStepDetailsMessageCreationObject(Struct, tag_field="type", tag="message_creation"):
    message_creation: MessageCreation


class FunctionCall(Struct):
    name: str
    arguments: str
    output: str | None = None


class CodeInterpreterCall(Struct):
    input: str
    outputs: list[dict[str, Any]] = []


class FileSearchCall(Struct):
    ranking_options: dict[str, Any]
    results: list[dict[str, Any]] = []


class RunStepToolCall(Struct, kw_only=True):
    """One call of a tool. Exactly the member that `type` names is there.

    A call of a remote server's tool has its members itself, as with Azure's agents; `error` where it has failed. A web
    search and an image, which only responses make, have none.
    """

    id: str
    type: Literal["function", "code_interpreter", "file_search", "mcp", "web_search", "image_generation", "tool_search"]
    function: FunctionCall | UnsetType = UNSET
    code_interpreter: CodeInterpreterCall | UnsetType = UNSET
    file_search: FileSearchCall | UnsetType = UNSET
    server_label: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    output: str | UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class RunStepDetailsToolCallsObject(Struct, tag_field="type", tag="tool_calls"):
    tool_calls: list[RunStepToolCall]


StepDetails = RunStepDetailsMessageCreationObject | RunStepDetailsToolCallsObject


class RunStepObject(Struct, kw_only=True):
    id: str
    object: Literal["thread.run.step"] = "thread.run.step"
    created_at: int
    run_id: str
    assistant_id: str
    thread_id: str
    type: Literal["message_creation", "tool_calls"]
    status: StepStatus
    cancelled_at: int | None = None
    completed_at: int | None = None
    expires_at: int | None = None
    expired_at: int | None = None
    failed_at: int | None = None
    last_error: LastError | None = None
    step_details: StepDetails
    usage: RunCompletionUsage | None = None
    metadata: dict[str, str] = {}


class ListRunStepsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[RunStepObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

"""Items of tools that clients run, beside functions: patches, shells, computers, tool search, and tools found later.

Each is one Struct for both directions: what a client sends may leave out its id and its status, what it gets has both.
Source: the Responses API, schemas Item and OutputItem.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.response_tools import ResponseTool

Caller = dict[str, Any] | UnsetType | None
CallId = Annotated[str, Meta(min_length=1, max_length=256)]
Checks = Annotated[list[dict[str, Any]], Meta(max_length=128)]
CallStatus = Literal["in_progress", "completed", "incomplete"]


class PatchOperation(Struct, kw_only=True):
    """`diff` has hunks only, without a file header; deletions have none."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str | UnsetType | None = UNSET


class ApplyPatchCall(Struct, kw_only=True, tag_field="type", tag="apply_patch_call"):
    id: str | None = ""
    status: Literal["in_progress", "completed"] | None = "completed"
    call_id: CallId
    operation: PatchOperation
    caller: Caller = UNSET


class ApplyPatchCallOutput(Struct, kw_only=True, tag_field="type", tag="apply_patch_call_output"):
    id: str | None = ""
    status: Literal["completed", "failed"]
    call_id: CallId
    output: str | UnsetType | None = UNSET
    caller: Caller = UNSET


class ShellAction(Struct, kw_only=True):
    """Times in milliseconds, lengths in characters."""

    commands: Annotated[list[str], Meta(max_length=1024)]
    max_output_length: int | None = None
    timeout_ms: int | None = None


class ShellCall(Struct, kw_only=True, tag_field="type", tag="shell_call"):
    id: str | None = ""
    status: CallStatus | None = "completed"
    action: ShellAction
    call_id: CallId
    environment: dict[str, Any] | UnsetType | None = UNSET
    caller: Caller = UNSET


class ShellOutcome(Struct, kw_only=True, omit_defaults=True):
    type: Literal["exit", "timeout"]
    exit_code: int | None = None


class ShellOutput(Struct, kw_only=True):
    outcome: ShellOutcome
    stderr: str
    stdout: str


class ShellCallOutput(Struct, kw_only=True, tag_field="type", tag="shell_call_output"):
    id: str | None = ""
    status: CallStatus | None = "completed"
    call_id: CallId
    max_output_length: int | None = None
    output: Annotated[list[ShellOutput], Meta(max_length=1024)]
    caller: Caller = UNSET


class LocalShellAction(Struct, kw_only=True):
    type: Literal["exec"] | None = "exec"
    command: Annotated[list[str], Meta(max_length=10_000)]
    env: dict[str, str] | None = {}
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellCall(Struct, kw_only=True, tag_field="type", tag="local_shell_call"):
    id: str | None = ""
    status: CallStatus | None = "completed"
    action: LocalShellAction
    call_id: CallId


class LocalShellCallOutput(Struct, kw_only=True, tag_field="type", tag="local_shell_call_output"):
    """The document names the call by `id`, clients by `call_id`."""

    id: str | None = ""
    status: CallStatus | None = "completed"
    call_id: CallId | None = None
    output: str


class ToolSearchCall(Struct, kw_only=True, tag_field="type", tag="tool_search_call"):
    """`call_id` is null where a server searched, which needs no answer."""

    id: str | None = ""
    status: CallStatus | None = "completed"
    arguments: Any
    call_id: CallId | None = None
    execution: Literal["server", "client"] | None = "server"


class ToolSearchOutput(Struct, kw_only=True, tag_field="type", tag="tool_search_output"):
    """The `tools` can be called from then on."""

    id: str | None = ""
    status: CallStatus | None = "completed"
    call_id: CallId | None = None
    execution: Literal["server", "client"] | None = "server"
    tools: Annotated[list[ResponseTool], Meta(max_length=512)]


class AdditionalTools(Struct, kw_only=True, tag_field="type", tag="additional_tools"):
    id: str | None = ""
    role: Literal["developer"] | None = "developer"
    tools: Annotated[list[ResponseTool], Meta(max_length=512)]


class ComputerCall(Struct, kw_only=True, tag_field="type", tag="computer_call"):
    id: str | None = ""
    status: CallStatus | None = "completed"
    action: dict[str, Any] | UnsetType | None = UNSET
    actions: Annotated[list[dict[str, Any]], Meta(max_length=1024)] | UnsetType | None = UNSET
    call_id: CallId
    pending_safety_checks: Checks | None = []


class ComputerScreenshot(Struct, kw_only=True, tag_field="type", tag="computer_screenshot"):
    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["low", "high", "auto", "original"] | UnsetType | None = UNSET


class ComputerCallOutput(Struct, kw_only=True, tag_field="type", tag="computer_call_output"):
    id: str | None = ""
    status: CallStatus | None = "completed"
    acknowledged_safety_checks: Checks | None = None
    call_id: CallId
    output: ComputerScreenshot


ClientCall = ApplyPatchCall | ShellCall | LocalShellCall | ToolSearchCall | ComputerCall
ClientCallOutput = ApplyPatchCallOutput | ShellCallOutput | LocalShellCallOutput | ToolSearchOutput | ComputerCallOutput

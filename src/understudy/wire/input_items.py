"""Items as clients send them, to responses and to conversations: made whole, or refused with the place of the fault.

Looser than what is sent back: a message may leave out its type and be one string, members that only answers have are
ignored, and items of tools that this server does not have are kept as they came. Source: the Responses API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from understudy.wire import wording
from understudy.wire.problems import InvalidBody, explain
from understudy.wire.response_items import ItemStatus, SummaryText
from understudy.wire.wording import Problem

ItemRole = Literal["user", "assistant", "system", "developer"]


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


class SpokenText(Struct, kw_only=True, tag_field="type", tag="output_text"):
    annotations: list[dict[str, Any]] | None = []
    logprobs: list[Any] | None = []
    text: str


class SpokenRefusal(Struct, tag_field="type", tag="refusal"):
    refusal: str


InputContent = InputText | InputImage | InputFile | SpokenText | SpokenRefusal


class GivenMessage(Struct, kw_only=True, tag_field="type", tag="message"):
    id: str = ""
    status: ItemStatus | None = "completed"
    content: str | list[InputContent]
    role: ItemRole


class GivenFunctionCall(Struct, kw_only=True, tag_field="type", tag="function_call"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    arguments: str
    call_id: str
    name: str


class GivenFunctionCallOutput(Struct, kw_only=True, tag_field="type", tag="function_call_output"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: str
    output: str | list[InputContent]


class GivenCustomToolCall(Struct, kw_only=True, tag_field="type", tag="custom_tool_call"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: str
    input: str
    name: str


class GivenCustomToolCallOutput(Struct, kw_only=True, tag_field="type", tag="custom_tool_call_output"):
    id: str | None = ""
    status: ItemStatus | None = "completed"
    call_id: str
    output: str | list[InputContent]


class GivenFileSearchCall(Struct, kw_only=True, tag_field="type", tag="file_search_call"):
    id: str | None = ""
    status: str | None = "completed"
    queries: list[str] = []
    results: list[dict[str, Any]] | None = None


class GivenCodeInterpreterCall(Struct, kw_only=True, tag_field="type", tag="code_interpreter_call"):
    id: str | None = ""
    status: str | None = "completed"
    code: str | None = ""
    container_id: str = ""
    outputs: list[dict[str, Any]] | None = None


class GivenReasoning(Struct, kw_only=True, tag_field="type", tag="reasoning"):
    id: str | None = ""
    encrypted_content: str | None = None
    summary: list[SummaryText] = []


class GivenApproval(Struct, kw_only=True, tag_field="type", tag="mcp_approval_response"):
    id: str | None = ""
    approval_request_id: str
    approve: bool
    reason: str | None = None


class GivenMcpCall(Struct, kw_only=True, tag_field="type", tag="mcp_call"):
    id: str | None = ""
    approval_request_id: str | None = None
    arguments: str
    error: Any = None
    name: str
    output: str | None = None
    server_label: str


class GivenApprovalRequest(Struct, kw_only=True, tag_field="type", tag="mcp_approval_request"):
    id: str
    arguments: str
    name: str
    server_label: str


class ItemReference(Struct, tag_field="type", tag="item_reference"):
    id: str


class ForeignItem(Struct):
    """An item of a tool that this server does not have: shown again as it came, and told to no model."""

    type: str
    item: dict[str, Any]


GivenItem = (
    GivenMessage
    | GivenFunctionCall
    | GivenFunctionCallOutput
    | GivenCustomToolCall
    | GivenCustomToolCallOutput
    | GivenFileSearchCall
    | GivenCodeInterpreterCall
    | GivenReasoning
    | GivenApproval
    | GivenMcpCall
    | GivenApprovalRequest
    | ItemReference
    | ForeignItem
)

_KINDS: Final[dict[str, type[Struct]]] = {
    "message": GivenMessage,
    "function_call": GivenFunctionCall,
    "function_call_output": GivenFunctionCallOutput,
    "custom_tool_call": GivenCustomToolCall,
    "custom_tool_call_output": GivenCustomToolCallOutput,
    "file_search_call": GivenFileSearchCall,
    "code_interpreter_call": GivenCodeInterpreterCall,
    "reasoning": GivenReasoning,
    "mcp_approval_response": GivenApproval,
    "mcp_approval_request": GivenApprovalRequest,
    "mcp_call": GivenMcpCall,
    "item_reference": ItemReference,
}
_FOREIGN: Final = (
    *("web_search_call", "computer_call", "computer_call_output", "image_generation_call", "local_shell_call"),
    *("local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output"),
    *("mcp_list_tools", "compaction"),
)


def whole(given: str | Sequence[Mapping[str, Any]], param: str = "input") -> list[GivenItem]:
    """The items of a request; what they say of their ids is not looked at. Raises InvalidBody."""
    if isinstance(given, str):
        given = [{"type": "message", "role": "user", "content": given}]
    return [_whole(dict(item), f"{param}[{index}]") for index, item in enumerate(given)]


def _whole(item: dict[str, Any], path: str) -> GivenItem:
    kind = item.setdefault("type", "message") if "role" in item or "id" not in item else item.get("type")
    if kind is None:
        kind = item["type"] = "item_reference"
    if kind in _FOREIGN:
        return ForeignItem(kind, {key: value for key, value in item.items() if key != "id"})
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise InvalidBody(wording.unsupported_value(f"{path}.type", str(kind), (*_KINDS, *_FOREIGN)))
    found: GivenItem = _converted(item, known, path)
    if isinstance(found, ItemReference):
        return found
    if hasattr(found, "status"):
        found.status = found.status or "completed"
    if isinstance(found, GivenMessage):
        _check_message(found, path)
    return found


def _converted(item: dict[str, Any], kind: type[Struct], path: str) -> Any:
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as refusal:
        problem = explain(item, kind) or wording.refused(refusal)
    param = f"{path}.{problem.param}" if problem.param else path
    message = problem.message.replace(f"'{problem.param}'", f"'{param}'", 1) if problem.param else problem.message
    raise InvalidBody(Problem(message, param, problem.code))


def _check_message(message: GivenMessage, path: str) -> None:
    if isinstance(message.content, str):
        spoken = message.role == "assistant"
        message.content = [SpokenText(text=message.content) if spoken else InputText(message.content)]
    for index, part in enumerate(message.content):
        if isinstance(part, InputImage) and not (part.image_url or part.file_id):
            raise _fault(f"{path}.content[{index}]", "an input image needs an 'image_url' or a 'file_id'")
        if isinstance(part, InputFile):
            _check_file(part, f"{path}.content[{index}]")


def _check_file(part: InputFile, path: str) -> None:
    if sum(one is not None for one in (part.file_id, part.file_data, part.file_url)) != 1:
        raise _fault(path, "an input file needs exactly one of 'file_id', 'file_data' and 'file_url'")
    if part.file_url is not None:
        raise _fault(f"{path}.file_url", "this server fetches nothing; send the file's bytes as 'file_data', or a File")


def _fault(path: str, reason: str) -> InvalidBody:
    return InvalidBody(Problem(f"Invalid '{path}': {reason}.", path, "invalid_value"))

"""Items as clients send them, parsed and completed, or refused with the place of the fault.

Looser than what is sent back: a message may leave out its type and be one string, members that only answers have are
ignored, and items of tools that this server does not have are stored as they came. Source: the Responses API.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from understudy.wire import error_texts
from understudy.wire.client_items import (
    AdditionalTools,
    ApplyPatchCall,
    ApplyPatchCallOutput,
    ComputerCall,
    ComputerCallOutput,
    LocalShellCall,
    LocalShellCallOutput,
    ShellCall,
    ShellCallOutput,
    ToolSearchCall,
    ToolSearchOutput,
)
from understudy.wire.error_texts import Problem
from understudy.wire.input_items import (
    CompactionTrigger,
    ConfigurationUpdate,
    InputCodeInterpreterCall,
    InputContent,
    InputCustomToolCall,
    InputCustomToolCallOutput,
    InputFile,
    InputFileSearchCall,
    InputFunctionCall,
    InputFunctionCallOutput,
    InputImage,
    InputImageCall,
    InputItem,
    InputMcpApproval,
    InputMcpApprovalRequest,
    InputMcpCall,
    InputMessage,
    InputOutputText,
    InputReasoning,
    InputText,
    InputWebSearchCall,
    ItemReference,
    TextUpdate,
    UnsupportedItem,
)
from understudy.wire.parsing import InvalidBody, explain
from understudy.wire.response_rules import check_tools
from understudy.wire.response_tools import CodeInterpreterTool, FileSearchTool, McpTool, ResponseTool, type_of
from understudy.wire.responses import JsonSchemaFormat
from understudy.wire.strict import check_strict_format

_KINDS: Final[dict[str, type[Struct]]] = {
    "message": InputMessage,
    "function_call": InputFunctionCall,
    "function_call_output": InputFunctionCallOutput,
    "custom_tool_call": InputCustomToolCall,
    "custom_tool_call_output": InputCustomToolCallOutput,
    "file_search_call": InputFileSearchCall,
    "web_search_call": InputWebSearchCall,
    "image_generation_call": InputImageCall,
    "code_interpreter_call": InputCodeInterpreterCall,
    "reasoning": InputReasoning,
    "mcp_approval_response": InputMcpApproval,
    "mcp_approval_request": InputMcpApprovalRequest,
    "mcp_call": InputMcpCall,
    "apply_patch_call": ApplyPatchCall,
    "apply_patch_call_output": ApplyPatchCallOutput,
    "shell_call": ShellCall,
    "shell_call_output": ShellCallOutput,
    "local_shell_call": LocalShellCall,
    "local_shell_call_output": LocalShellCallOutput,
    "tool_search_call": ToolSearchCall,
    "tool_search_output": ToolSearchOutput,
    "computer_call": ComputerCall,
    "computer_call_output": ComputerCallOutput,
    "additional_tools": AdditionalTools,
    "configuration_update": ConfigurationUpdate,
    "compaction_trigger": CompactionTrigger,
    "item_reference": ItemReference,
}


_FOREIGN: Final = (
    *("mcp_list_tools", "compaction", "program", "program_output"),
    *("multi_agent_call", "multi_agent_call_output", "agent_message"),
)


_ALIASES: Final = {"compaction_summary": "compaction"}


TYPES: Final = (*_KINDS, *_FOREIGN, *_ALIASES)
"""Every `type` that an item may have."""


def whole(given: str | Sequence[Mapping[str, Any]], param: str = "input") -> list[InputItem]:
    """The items of a request; what they say of their ids is not looked at. Raises InvalidBody."""
    if isinstance(given, str):
        return [InputMessage(content=[InputText(given)], role="user")]
    items = [_whole(dict(item), f"{param}[{index}]") for index, item in enumerate(given)]
    _name_calls(items, param)
    _check_trigger(items, param)
    return items


def _name_calls(items: Sequence[InputItem], param: str) -> None:
    """Finds the calls of outputs without a `call_id`. Raises InvalidBody for an output without a call."""
    calls: dict[str, str] = {}
    shells: dict[str, str] = {}
    for index, item in enumerate(items):
        match item:
            case InputFunctionCall():
                calls[item.name] = item.call_id
            case LocalShellCall():
                shells[item.id or item.call_id] = item.call_id
            case LocalShellCallOutput(call_id=None):
                item.call_id = shells.get(item.id or "", item.id) or None
            case InputFunctionCallOutput(call_id=None):
                item.call_id = calls.pop(item.name or "", None)
            case _:
                continue
        if isinstance(item, LocalShellCallOutput | InputFunctionCallOutput) and item.call_id is None:
            raise InvalidBody(error_texts.missing(f"{param}[{index}].call_id"))


def _check_trigger(items: Sequence[InputItem], param: str) -> None:
    """Raises InvalidBody for a trigger that is not the last item of an input."""
    last = len(items) - 1 if param == "input" else -1
    for index, item in enumerate(items):
        if isinstance(item, CompactionTrigger) and index != last:
            raise _fault(f"{param}[{index}]", "a 'compaction_trigger' has to be the last item of a response's input")


def _whole(item: dict[str, Any], path: str) -> InputItem:
    kind = _kind_of(item)
    if kind in _FOREIGN:
        return UnsupportedItem(kind, {key: value for key, value in item.items() if key != "id"})
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise InvalidBody(error_texts.unsupported_value(f"{path}.type", str(kind), (*_KINDS, *_FOREIGN)))
    found: InputItem = _converted(item, known, path)
    if isinstance(found, ItemReference | CompactionTrigger):
        return found
    if hasattr(found, "status"):
        found.status = found.status or "completed"
    _check_item(found, path)
    return found


def _kind_of(item: dict[str, Any]) -> Any:
    """The type, which may be left out of messages and references; is in `item` afterwards."""
    kind = item.get("type")
    if kind is None:
        kind = item["type"] = "message" if "role" in item or "id" not in item else "item_reference"
    if isinstance(kind, str) and kind in _ALIASES:
        kind = item["type"] = _ALIASES[kind]
    return kind


def _check_item(item: InputItem, path: str) -> None:
    match item:
        case InputMessage():
            _check_message(item, path)
        case InputFunctionCallOutput(output=list(parts)) | InputCustomToolCallOutput(output=list(parts)):
            _check_parts(parts, f"{path}.output")
        case ComputerCallOutput(output=screenshot):
            if not (screenshot.image_url or screenshot.file_id):
                raise _fault(f"{path}.output", "a screenshot needs an 'image_url' or a 'file_id'")
        case ToolSearchOutput(tools=tools):
            # A search of this server may have loaded tools of a remote server, which the request itself names.
            _check_found_tools([tool for tool in tools if not _is_loaded_server(tool)], f"{path}.tools")
        case AdditionalTools(tools=tools):
            _check_found_tools(tools, f"{path}.tools")
        case ConfigurationUpdate(text=TextUpdate(format=JsonSchemaFormat(strict=True) as wanted)):
            check_strict_format(wanted.name, wanted.schema, f"{path}.text.format.schema")
        case _:
            pass


def _is_loaded_server(tool: ResponseTool) -> bool:
    return isinstance(tool, McpTool) and tool.server_url is None and isinstance(tool.allowed_tools, list)


def _check_found_tools(tools: Sequence[ResponseTool], path: str) -> None:
    """Tools that a conversation brings with it run in the client: the others are set up before a response begins."""
    check_tools(tools, path)
    for index, tool in enumerate(tools):
        if isinstance(tool, FileSearchTool | CodeInterpreterTool | McpTool):
            raise _fault(f"{path}[{index}]", f"the tool {type_of(tool)!r} is only allowed in 'tools' of the request")


def _converted(item: dict[str, Any], kind: type[Struct], path: str) -> Any:
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as refusal:
        problem = explain(item, kind) or error_texts.from_validation_error(refusal)
    param = f"{path}.{problem.param}" if problem.param else path
    message = problem.message.replace(f"'{problem.param}'", f"'{param}'", 1) if problem.param else problem.message
    raise InvalidBody(Problem(message, param, problem.code))


def _check_message(message: InputMessage, path: str) -> None:
    if isinstance(message.content, str):
        spoken = message.role == "assistant"
        message.content = [InputOutputText(text=message.content) if spoken else InputText(message.content)]
    _check_parts(message.content, f"{path}.content")


def _check_parts(parts: Sequence[InputContent], path: str) -> None:
    for index, part in enumerate(parts):
        if isinstance(part, InputImage) and not (part.image_url or part.file_id):
            raise _fault(f"{path}[{index}]", "an input image needs an 'image_url' or a 'file_id'")
        if isinstance(part, InputFile):
            _check_file(part, f"{path}[{index}]")


def _check_file(part: InputFile, path: str) -> None:
    if sum(one is not None for one in (part.file_id, part.file_data, part.file_url)) != 1:
        raise _fault(path, "an input file needs exactly one of 'file_id', 'file_data' and 'file_url'")
    if part.file_url is not None:
        raise _fault(f"{path}.file_url", "this server fetches nothing; send the file's bytes as 'file_data', or a File")


def _fault(path: str, reason: str) -> InvalidBody:
    return InvalidBody(Problem(f"Invalid '{path}': {reason}.", path, "invalid_value"))

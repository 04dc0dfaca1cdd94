"""Events of a response's stream. Source: the Responses API, `ResponseStreamEvent`.

Members come in the order of the alphabet after `type`, as in the hosted API's recorded streams; what is added at the
end of a command's delta is our own. `obfuscation` hides the length of a delta.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from understudy.wire.response_items import ImageBackground, ItemAnnotation, OutputItem, OutputText, Refusal, SummaryText
from understudy.wire.responses import ResponseObject


class ResponseStreamEvent(Struct, kw_only=True, tag_field="type"):
    """Each event defines `sequence_number`, which counts the events of the stream from 0, at its place."""

    @property
    def number(self) -> int:
        number: int = self.sequence_number  # type: ignore[attr-defined]  # a member here would come first
        return number


class WholeResponseEvent(ResponseStreamEvent, kw_only=True):
    """One that carries the response."""

    response: ResponseObject
    sequence_number: int


class ResponseCreated(WholeResponseEvent, kw_only=True, tag="response.created"):
    pass


class ResponseQueued(WholeResponseEvent, kw_only=True, tag="response.queued"):
    pass


class ResponseInProgress(WholeResponseEvent, kw_only=True, tag="response.in_progress"):
    pass


class ResponseCompleted(WholeResponseEvent, kw_only=True, tag="response.completed"):
    pass


class ResponseFailed(WholeResponseEvent, kw_only=True, tag="response.failed"):
    pass


class ResponseIncomplete(WholeResponseEvent, kw_only=True, tag="response.incomplete"):
    pass


# -- items -------------------------------------------------------------------------------------------------------


class WholeItemEvent(ResponseStreamEvent, kw_only=True):
    """One that carries an item."""

    item: OutputItem
    output_index: int
    sequence_number: int


class OutputItemAdded(WholeItemEvent, kw_only=True, tag="response.output_item.added"):
    pass


class OutputItemDone(WholeItemEvent, kw_only=True, tag="response.output_item.done"):
    pass


class _ItemEvent(ResponseStreamEvent, kw_only=True):
    """How far an item is."""

    item_id: str
    output_index: int
    sequence_number: int


class CompactionCompacting(_ItemEvent, kw_only=True, tag="response.compaction.compacting"):
    pass


class FileSearchInProgress(_ItemEvent, kw_only=True, tag="response.file_search_call.in_progress"):
    pass


class FileSearchSearching(_ItemEvent, kw_only=True, tag="response.file_search_call.searching"):
    pass


class FileSearchCompleted(_ItemEvent, kw_only=True, tag="response.file_search_call.completed"):
    pass


class WebSearchInProgress(_ItemEvent, kw_only=True, tag="response.web_search_call.in_progress"):
    pass


class WebSearchSearching(_ItemEvent, kw_only=True, tag="response.web_search_call.searching"):
    pass


class WebSearchCompleted(_ItemEvent, kw_only=True, tag="response.web_search_call.completed"):
    pass


class ImageGenerationInProgress(_ItemEvent, kw_only=True, tag="response.image_generation_call.in_progress"):
    pass


class ImageGenerationGenerating(_ItemEvent, kw_only=True, tag="response.image_generation_call.generating"):
    pass


class ImageGenerationCompleted(_ItemEvent, kw_only=True, tag="response.image_generation_call.completed"):
    pass


class ImageGenerationPartial(ResponseStreamEvent, kw_only=True, tag="response.image_generation_call.partial_image"):
    background: ImageBackground | UnsetType = UNSET
    item_id: str
    output_format: str | UnsetType = UNSET
    output_index: int
    partial_image_b64: str
    partial_image_index: int
    quality: str | UnsetType = UNSET
    sequence_number: int
    size: str | UnsetType = UNSET


class CodeInterpreterInProgress(_ItemEvent, kw_only=True, tag="response.code_interpreter_call.in_progress"):
    pass


class CodeInterpreterInterpreting(_ItemEvent, kw_only=True, tag="response.code_interpreter_call.interpreting"):
    pass


class CodeInterpreterCompleted(_ItemEvent, kw_only=True, tag="response.code_interpreter_call.completed"):
    pass


class McpListToolsInProgress(_ItemEvent, kw_only=True, tag="response.mcp_list_tools.in_progress"):
    pass


class McpListToolsCompleted(_ItemEvent, kw_only=True, tag="response.mcp_list_tools.completed"):
    pass


class McpListToolsFailed(_ItemEvent, kw_only=True, tag="response.mcp_list_tools.failed"):
    pass


class McpCallInProgress(_ItemEvent, kw_only=True, tag="response.mcp_call.in_progress"):
    pass


class McpCallCompleted(_ItemEvent, kw_only=True, tag="response.mcp_call.completed"):
    pass


class McpCallFailed(_ItemEvent, kw_only=True, tag="response.mcp_call.failed"):
    pass


# -- messages ----------------------------------------------------------------------------------------------------


class ContentPartAdded(ResponseStreamEvent, kw_only=True, tag="response.content_part.added"):
    content_index: int
    item_id: str
    output_index: int
    part: OutputText | Refusal
    sequence_number: int


class ContentPartDone(ResponseStreamEvent, kw_only=True, tag="response.content_part.done"):
    content_index: int
    item_id: str
    output_index: int
    part: OutputText | Refusal
    sequence_number: int


class OutputTextDelta(ResponseStreamEvent, kw_only=True, tag="response.output_text.delta"):
    """`logprobs` are of the tokens of the delta."""

    content_index: int
    delta: str
    item_id: str
    logprobs: list[dict[str, Any]]
    obfuscation: str | UnsetType = UNSET
    output_index: int
    sequence_number: int


class OutputTextDone(ResponseStreamEvent, kw_only=True, tag="response.output_text.done"):
    content_index: int
    item_id: str
    logprobs: list[dict[str, Any]]
    output_index: int
    sequence_number: int
    text: str


class OutputTextAnnotationAdded(ResponseStreamEvent, kw_only=True, tag="response.output_text.annotation.added"):
    annotation: ItemAnnotation
    annotation_index: int
    content_index: int
    item_id: str
    output_index: int
    sequence_number: int


class RefusalDelta(ResponseStreamEvent, kw_only=True, tag="response.refusal.delta"):
    content_index: int
    delta: str
    item_id: str
    obfuscation: str | UnsetType = UNSET
    output_index: int
    sequence_number: int


class RefusalDone(ResponseStreamEvent, kw_only=True, tag="response.refusal.done"):
    content_index: int
    item_id: str
    output_index: int
    refusal: str
    sequence_number: int


# -- reasoning ---------------------------------------------------------------------------------------------------


class ReasoningSummaryPartAdded(ResponseStreamEvent, kw_only=True, tag="response.reasoning_summary_part.added"):
    item_id: str
    output_index: int
    part: SummaryText
    sequence_number: int
    summary_index: int = 0


class ReasoningSummaryPartDone(ResponseStreamEvent, kw_only=True, tag="response.reasoning_summary_part.done"):
    item_id: str
    output_index: int
    part: SummaryText
    sequence_number: int
    summary_index: int = 0


class ReasoningSummaryTextDelta(ResponseStreamEvent, kw_only=True, tag="response.reasoning_summary_text.delta"):
    delta: str
    item_id: str
    obfuscation: str | UnsetType = UNSET
    output_index: int
    sequence_number: int
    summary_index: int = 0


class ReasoningSummaryTextDone(ResponseStreamEvent, kw_only=True, tag="response.reasoning_summary_text.done"):
    item_id: str
    output_index: int
    sequence_number: int
    summary_index: int = 0
    text: str


# -- calls -------------------------------------------------------------------------------------------------------


class _CallDelta(ResponseStreamEvent, kw_only=True):
    delta: str
    item_id: str
    obfuscation: str | UnsetType = UNSET
    output_index: int
    sequence_number: int


class FunctionCallArgumentsDelta(_CallDelta, kw_only=True, tag="response.function_call_arguments.delta"):
    pass


class CustomToolCallInputDelta(_CallDelta, kw_only=True, tag="response.custom_tool_call_input.delta"):
    pass


class McpCallArgumentsDelta(_CallDelta, kw_only=True, tag="response.mcp_call_arguments.delta"):
    pass


class CodeInterpreterCodeDelta(_CallDelta, kw_only=True, tag="response.code_interpreter_call_code.delta"):
    pass


class FunctionCallArgumentsDone(ResponseStreamEvent, kw_only=True, tag="response.function_call_arguments.done"):
    arguments: str
    item_id: str
    name: str
    output_index: int
    sequence_number: int


class CustomToolCallInputDone(ResponseStreamEvent, kw_only=True, tag="response.custom_tool_call_input.done"):
    input: str
    item_id: str
    output_index: int
    sequence_number: int


class McpCallArgumentsDone(ResponseStreamEvent, kw_only=True, tag="response.mcp_call_arguments.done"):
    arguments: str
    item_id: str
    output_index: int
    sequence_number: int


class CodeInterpreterCodeDone(ResponseStreamEvent, kw_only=True, tag="response.code_interpreter_call_code.done"):
    code: str
    item_id: str
    output_index: int
    sequence_number: int


class ShellCommandAdded(ResponseStreamEvent, kw_only=True, tag="response.shell_call_command.added"):
    command: str
    command_index: int
    output_index: int
    sequence_number: int


class ShellCommandDelta(ResponseStreamEvent, kw_only=True, tag="response.shell_call_command.delta"):
    delta: str
    command_index: int
    output_index: int
    sequence_number: int
    obfuscation: str | UnsetType = UNSET


class ShellCommandDone(ResponseStreamEvent, kw_only=True, tag="response.shell_call_command.done"):
    command: str
    command_index: int
    output_index: int
    sequence_number: int


STREAM_EVENTS: tuple[type[ResponseStreamEvent], ...] = (
    *(ResponseCreated, ResponseQueued, ResponseInProgress, ResponseCompleted, ResponseFailed, ResponseIncomplete),
    *(OutputItemAdded, OutputItemDone, ContentPartAdded, ContentPartDone, OutputTextDelta, OutputTextDone),
    *(OutputTextAnnotationAdded, RefusalDelta, RefusalDone, CompactionCompacting),
    *(ReasoningSummaryPartAdded, ReasoningSummaryPartDone, ReasoningSummaryTextDelta, ReasoningSummaryTextDone),
    *(FunctionCallArgumentsDelta, FunctionCallArgumentsDone, CustomToolCallInputDelta, CustomToolCallInputDone),
    *(FileSearchInProgress, FileSearchSearching, FileSearchCompleted),
    *(WebSearchInProgress, WebSearchSearching, WebSearchCompleted),
    *(ImageGenerationInProgress, ImageGenerationGenerating, ImageGenerationPartial, ImageGenerationCompleted),
    *(CodeInterpreterInProgress, CodeInterpreterCodeDelta, CodeInterpreterCodeDone),
    *(CodeInterpreterInterpreting, CodeInterpreterCompleted),
    *(McpListToolsInProgress, McpListToolsCompleted, McpListToolsFailed),
    *(McpCallInProgress, McpCallArgumentsDelta, McpCallArgumentsDone, McpCallCompleted, McpCallFailed),
    *(ShellCommandAdded, ShellCommandDelta, ShellCommandDone),
)

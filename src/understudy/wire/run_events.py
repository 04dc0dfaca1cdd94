"""Events of a run's stream. Source: the Assistants API v2, `AssistantStreamEvent`; deltas by the recorded streams.

A frame has the name in `event` and the object in `data`. Members come in the order of the recorded streams.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from understudy.wire.messages import FilePath, ImageFile, MessageObject
from understudy.wire.runs import RunObject
from understudy.wire.steps import FileSearchCall, RunStepObject
from understudy.wire.threads import ThreadObject


class FileQuote(Struct):
    """`quote` is a member of the API's first version, and always empty; the last two are those of `FileCitation`."""

    file_id: str
    quote: str = ""
    page: int | UnsetType = UNSET
    heading_path: list[str] | UnsetType = UNSET


class CitationDelta(Struct, kw_only=True):
    """`start_index` and `end_index` count code points of the text, the end exclusive."""

    index: int
    type: Literal["file_citation", "file_path"]
    text: str
    start_index: int
    end_index: int
    file_citation: FileQuote | UnsetType = UNSET
    file_path: FilePath | UnsetType = UNSET


class TextValue(Struct):
    value: str
    annotations: list[CitationDelta] | UnsetType = UNSET


class ContentDelta(Struct, kw_only=True):
    """More of one content part of a message; the member that `type` names is set."""

    index: int
    type: Literal["text", "image_file", "refusal"]
    text: TextValue | UnsetType = UNSET
    image_file: ImageFile | UnsetType = UNSET
    refusal: str | UnsetType = UNSET


class MessageContentDelta(Struct):
    content: list[ContentDelta]


class MessageDelta(Struct, kw_only=True):
    id: str
    object: Literal["thread.message.delta"] = "thread.message.delta"
    delta: MessageContentDelta


class FunctionDelta(Struct, kw_only=True):
    name: str | UnsetType = UNSET
    arguments: str
    output: str | UnsetType | None = UNSET


class CodeInterpreterDelta(Struct, kw_only=True):
    """`outputs` have the members of the step's outputs, and their `index`."""

    input: str | UnsetType = UNSET
    outputs: list[dict[str, Any]] | UnsetType = UNSET


class ToolCallDelta(Struct, kw_only=True):
    """More of one call; `id` is set in the first delta of a call only."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function", "code_interpreter", "file_search", "mcp", "web_search", "image_generation"]
    function: FunctionDelta | UnsetType = UNSET
    code_interpreter: CodeInterpreterDelta | UnsetType = UNSET
    file_search: FileSearchCall | UnsetType = UNSET
    server_label: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    output: str | UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class ToolCallsDelta(Struct, kw_only=True):
    type: Literal["tool_calls"] = "tool_calls"
    tool_calls: list[ToolCallDelta]


class StepDetailsDelta(Struct):
    step_details: ToolCallsDelta


class RunStepDelta(Struct, kw_only=True):
    id: str
    object: Literal["thread.run.step.delta"] = "thread.run.step.delta"
    delta: StepDetailsDelta


class ThreadEvent(Struct):
    event: Literal["thread.created"]
    data: ThreadObject


class RunEvent(Struct):
    event: Literal[
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.requires_action",
        "thread.run.cancelling",
        "thread.run.cancelled",
        "thread.run.failed",
        "thread.run.completed",
        "thread.run.incomplete",
        "thread.run.expired",
    ]
    data: RunObject


class RunStepEvent(Struct):
    event: Literal[
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.run.step.completed",
        "thread.run.step.failed",
        "thread.run.step.cancelled",
        "thread.run.step.expired",
    ]
    data: RunStepObject


class RunStepDeltaEvent(Struct):
    data: RunStepDelta
    event: Literal["thread.run.step.delta"] = "thread.run.step.delta"


class MessageEvent(Struct):
    event: Literal[
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.completed",
        "thread.message.incomplete",
    ]
    data: MessageObject


class MessageDeltaEvent(Struct):
    data: MessageDelta
    event: Literal["thread.message.delta"] = "thread.message.delta"


class DoneEvent(Struct):
    """The end of every stream; `data` is not JSON."""

    event: Literal["done"] = "done"
    data: Literal["[DONE]"] = "[DONE]"


RunStreamEvent = ThreadEvent | RunEvent | RunStepEvent | RunStepDeltaEvent | MessageEvent | MessageDeltaEvent
STREAM_EVENTS = (ThreadEvent, RunEvent, RunStepEvent, RunStepDeltaEvent, MessageEvent, MessageDeltaEvent, DoneEvent)

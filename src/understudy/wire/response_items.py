"""What stands in a response's `output` and in a conversation: messages, calls, reasoning. Source: the Responses API.

Members come in the order of the hosted API's answers. What a client sends as input is looser, see `input_items.py`.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.client_items import ClientCall, ToolSearchOutput

ItemStatus = Literal["in_progress", "completed", "incomplete"]


ImageBackground = Annotated[str, Meta(description="Of the image: `transparent` or `opaque`.")]


class FileCitation(Struct, kw_only=True, tag_field="type", tag="file_citation"):
    """`index` counts the code points of the text before it; the text itself has no mark.

    `page` and `heading_path` are members of this server's alone: where the passage starts. Absent if unknown.
    """

    file_id: str
    filename: str
    index: int
    page: int | UnsetType = UNSET
    heading_path: list[str] | UnsetType = UNSET


class ContainerFileCitation(Struct, kw_only=True, tag_field="type", tag="container_file_citation"):
    container_id: str
    end_index: int
    file_id: str
    filename: str
    start_index: int


class UrlCitation(Struct, kw_only=True, tag_field="type", tag="url_citation"):
    """`start_index` and `end_index` count the code points of the text, the end exclusive: the link in it."""

    end_index: int
    start_index: int
    title: str
    url: str


ItemAnnotation = FileCitation | ContainerFileCitation | UrlCitation


class OutputText(Struct, kw_only=True, tag_field="type", tag="output_text"):
    annotations: list[ItemAnnotation] = []
    logprobs: list[Any] = []
    text: str


class Refusal(Struct, kw_only=True, tag_field="type", tag="refusal"):
    refusal: str


class OutputMessage(Struct, kw_only=True, tag_field="type", tag="message"):
    id: str
    status: ItemStatus
    content: list[OutputText | Refusal]
    phase: Literal["commentary", "final_answer"] | UnsetType = UNSET
    role: Literal["assistant"] = "assistant"


class FunctionCallItem(Struct, kw_only=True, tag_field="type", tag="function_call"):
    """`namespace` where the function is one of a group."""

    id: str
    status: ItemStatus
    arguments: str
    call_id: str
    name: str
    namespace: str | UnsetType = UNSET


class CustomToolCallItem(Struct, kw_only=True, tag_field="type", tag="custom_tool_call"):
    id: str
    status: ItemStatus
    call_id: str
    input: str
    name: str
    namespace: str | UnsetType = UNSET


class FileSearchCall(Struct, kw_only=True, tag_field="type", tag="file_search_call"):
    id: str
    status: Literal["in_progress", "searching", "completed", "incomplete", "failed"]
    queries: list[str]
    results: list[dict[str, Any]] | None = None


class WebSearchCall(Struct, kw_only=True, tag_field="type", tag="web_search_call"):
    """`action` is a search, a page that was opened, or a text that was searched for in a page."""

    id: str
    status: Literal["in_progress", "searching", "completed", "failed"]
    action: dict[str, Any]
    results: list[dict[str, Any]] | UnsetType = UNSET


class ImageGenerationCall(Struct, kw_only=True, tag_field="type", tag="image_generation_call"):
    """`result` is base64. The other members are those of the provider."""

    id: str
    status: Literal["in_progress", "generating", "completed", "failed"]
    background: ImageBackground | UnsetType = UNSET
    output_format: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    result: str | None = None
    revised_prompt: str | UnsetType = UNSET
    size: str | UnsetType = UNSET


class CodeInterpreterCall(Struct, kw_only=True, tag_field="type", tag="code_interpreter_call"):
    id: str
    status: Literal["in_progress", "interpreting", "completed", "incomplete", "failed"]
    code: str
    container_id: str
    outputs: list[dict[str, Any]] | None = None


class SummaryText(Struct, tag_field="type", tag="summary_text"):
    text: str


class ReasoningItem(Struct, kw_only=True, tag_field="type", tag="reasoning"):
    id: str
    encrypted_content: str | UnsetType | None = UNSET
    summary: list[SummaryText] = []
    status: ItemStatus | UnsetType = UNSET


class CompactionItem(Struct, kw_only=True, tag_field="type", tag="compaction"):
    """What stands for everything before it."""

    id: str
    encrypted_content: str


class McpListTools(Struct, kw_only=True, tag_field="type", tag="mcp_list_tools"):
    id: str
    error: str | UnsetType = UNSET
    server_label: str
    tools: list[dict[str, Any]]


class McpCall(Struct, kw_only=True, tag_field="type", tag="mcp_call"):
    """`error` is a text in responses that were stored before it became an object."""

    id: str
    status: Literal["in_progress", "calling", "completed", "incomplete", "failed"] | UnsetType = UNSET
    approval_request_id: str | None = None
    arguments: str
    error: dict[str, Any] | str | None = None
    name: str
    output: str | None = None
    server_label: str


class McpApprovalRequest(Struct, kw_only=True, tag_field="type", tag="mcp_approval_request"):
    id: str
    arguments: str
    name: str
    server_label: str


OutputItem = (
    OutputMessage
    | FunctionCallItem
    | CustomToolCallItem
    | ClientCall
    | ToolSearchOutput
    | FileSearchCall
    | WebSearchCall
    | ImageGenerationCall
    | CodeInterpreterCall
    | ReasoningItem
    | CompactionItem
    | McpListTools
    | McpCall
    | McpApprovalRequest
)

# The type of an item is encoded first; the hosted API has the id before it.
_TYPE_BEFORE_ID: Final = re.compile(rb'\{"type":("[a-z_]+"),("id":"[^"\\]*"),')
_MEMBER_BEFORE_ID: Final = b'","id":"'
_QUOTES_BEFORE_ID: Final = 3
_encode: Final = msgspec.json.encode


def encode_items(value: Struct) -> bytes:
    """The JSON of an item, or of what holds items."""
    encoded = _encode(value)
    # Without any item it is found by a search that takes a tenth of the time.
    return _TYPE_BEFORE_ID.sub(_put_id_first, encoded) if _MEMBER_BEFORE_ID in encoded else encoded


class _OrderedMessage(Struct):
    """A message with its members in the order of the hosted API."""

    id: str
    type: str
    status: ItemStatus
    content: list[OutputText | Refusal]
    phase: Literal["commentary", "final_answer"] | UnsetType
    role: str


def encode_item(item: OutputItem) -> bytes:
    """The JSON of an item, as `encode_items` encodes it."""
    if type(item) is OutputMessage:
        # Nearly all items are messages, and their parts hold no items.
        return _encode(_OrderedMessage(item.id, "message", item.status, item.content, item.phase, item.role))
    encoded = _encode(item)
    before, _, behind = encoded.partition(_MEMBER_BEFORE_ID)
    item_id, _, rest = behind.partition(b'",')
    # An item within the item, or a member before the id; both are rare.
    if _MEMBER_BEFORE_ID in rest or before.count(b'"') != _QUOTES_BEFORE_ID or b"\\" in item_id:
        return _TYPE_BEFORE_ID.sub(_put_id_first, encoded)
    return b"".join((b'{"id":"', item_id, b'",', before[1:], b'",', rest))


def _put_id_first(match: re.Match[bytes]) -> bytes:
    # A function is several times as fast as a template, which `re` looks up and expands in Python.
    return b'{%b,"type":%b,' % match.group(2, 1)

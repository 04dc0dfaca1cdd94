"""Items of a conversation other than messages: calls of built-in tools with their results.

Source: the Responses API's items `file_search_call` and `code_interpreter_call`. `call_id`, `turn` and `first` are
ours: the model's id of its call, and the first number of its passages in citation marks. A web search is stored as
`web_search`, and an image as `image_generation`: items of these types with `_call` in a thread are those that clients
sent to versions before 0.2. `omitted`: a client sent the call without what it returned.
"""

from typing import Any, Literal

from msgspec import Struct

Attributes = dict[str, str | bool | int | float]


class FileSearchResult(Struct, kw_only=True, omit_defaults=True):
    """`page`, `heading_path` and `chunk_index` are where the passage starts, in a file of `vector_store_id`.

    None and empty if unknown.
    """

    file_id: str
    filename: str
    score: float
    attributes: Attributes
    text: str
    page: int | None = None
    heading_path: list[str] = []
    vector_store_id: str = ""
    chunk_index: int | None = None

    @property
    def place(self) -> dict[str, Any]:
        """The known ones of `page`, `heading_path`, `vector_store_id` and `chunk_index`."""
        place: dict[str, Any] = {}
        if self.page:
            place["page"] = self.page
        if self.heading_path:
            place["heading_path"] = self.heading_path
        if self.chunk_index is not None:
            place |= {"vector_store_id": self.vector_store_id, "chunk_index": self.chunk_index}
        return place


class FileSearchCallItem(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="file_search_call"):
    id: str
    call_id: str
    status: Literal["completed"] = "completed"
    queries: list[str]
    results: list[FileSearchResult]
    turn: int
    first: int
    omitted: bool = False


class CodeOutput(Struct, kw_only=True, omit_defaults=True):
    """`logs` or `image`: what `type` names is there. An image of another server has its `url` in place of a file."""

    type: Literal["logs", "image"]
    logs: str = ""
    file_id: str = ""
    url: str = ""


class GeneratedFile(Struct, kw_only=True):
    """A file that code left behind: its path in the sandbox, and the File that was made of it."""

    path: str
    file_id: str


class CodeInterpreterCallItem(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="code_interpreter_call"):
    id: str
    call_id: str
    status: Literal["completed"] = "completed"
    code: str
    container_id: str
    outputs: list[CodeOutput]
    files: list[GeneratedFile] = []
    omitted: bool = False


class McpCallItem(Struct, kw_only=True, tag_field="type", tag="mcp_call"):
    """`function` is the name by which the model knows the tool; `fault` is the error as responses show it."""

    id: str
    call_id: str
    server_label: str
    name: str
    arguments: str
    output: str | None
    error: str | None
    fault: dict[str, Any] | None = None
    approval_request_id: str | None = None
    function: str


class WebResult(Struct, kw_only=True, omit_defaults=True):
    """A page, with what of it the model receives; `url` is http or https and in ASCII."""

    url: str
    title: str
    text: str = ""


class WebSearchCallItem(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="web_search"):
    """`function` and `arguments` are the model's; `action` is that of the item that clients see.

    `error` is a sentence if the call failed. `turn` and `first` number the results in citation marks.
    """

    id: str
    call_id: str
    function: str
    arguments: str
    action: dict[str, Any]
    results: list[WebResult] = []
    error: str | None = None
    turn: int = 0
    first: int = 0
    omitted: bool = False


class ImageGenerationCallItem(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="image_generation"):
    """`result` is base64, None if the call failed with `error`; `members` are those of the item that clients see.

    `stored`: the image is a blob, and `result` None.
    """

    id: str
    call_id: str
    function: str
    arguments: str
    result: str | None = None
    members: dict[str, str] = {}
    error: str | None = None
    stored: bool = False


ToolItem = FileSearchCallItem | CodeInterpreterCallItem | McpCallItem | WebSearchCallItem | ImageGenerationCallItem

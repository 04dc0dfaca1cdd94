"""Tools, their resources and the options that steer them, shared by assistants, threads and runs.

Defaults are the echo: decoding a request and encoding the result gives the normalised form that the hosted API sends
back (a function without parameters gets an empty object schema, `strict` is never null, and so on).
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.chunking import ChunkingStrategyRequestParam

# In Python `$` would let a line break pass at the end.
FunctionName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[a-zA-Z0-9_-]+\Z",
        extra_json_schema={"pattern": "^[a-zA-Z0-9_-]+$"},
    ),
]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(ge=0, le=1)]
# What a client that means "no limit" may send: the largest integer of its language.
LARGEST_INTEGER = 2**63 - 1
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


def _empty_parameters() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


class FunctionObject(Struct, forbid_unknown_fields=True):
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = msgspec.field(default_factory=_empty_parameters)
    strict: bool | None = False

    def __post_init__(self) -> None:
        if self.strict is None:
            self.strict = False
        if self.parameters is None:
            self.parameters = _empty_parameters()


_RANKING_MODEL: Final = r"[^/\s]{1,100}/\S{1,200}"
_RANKER_NOTE: Final = "A model of a provider, `PROVIDER/MODEL`, ranks the best passages again: an extension."
AssistantsRanker = Annotated[
    str,
    Meta(
        pattern=rf"^(auto|default_2024_08_21|{_RANKING_MODEL})\Z",
        extra_json_schema={"pattern": rf"^(auto|default_2024_08_21|{_RANKING_MODEL})$"},
        description=_RANKER_NOTE,
    ),
]
ResponsesRanker = Annotated[
    str,
    Meta(
        pattern=rf"^(auto|default-2024-11-15|default_2024_08_21|{_RANKING_MODEL})\Z",
        extra_json_schema={"pattern": rf"^(auto|default-2024-11-15|default_2024_08_21|{_RANKING_MODEL})$"},
        description=_RANKER_NOTE,
    ),
]
SearchRanker = Annotated[
    str,
    Meta(
        pattern=rf"^(none|auto|default-2024-11-15|{_RANKING_MODEL})\Z",
        extra_json_schema={"pattern": rf"^(none|auto|default-2024-11-15|{_RANKING_MODEL})$"},
        description=_RANKER_NOTE,
    ),
]


class HybridSearchOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    """Only how the two weights compare matters."""

    embedding_weight: Annotated[float, Meta(ge=0, le=1_000_000)]
    text_weight: Annotated[float, Meta(ge=0, le=1_000_000)]

    @property
    def words(self) -> float:
        """What the words count for, from 0 to 1. Without any weight both count the same."""
        whole = self.embedding_weight + self.text_weight
        return self.text_weight / whole if whole else 0.5


class FileSearchRankingOptions(Struct, kw_only=True, forbid_unknown_fields=True):
    ranker: AssistantsRanker = "default_2024_08_21"
    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    hybrid_search: HybridSearchOptions | None = None


class FileSearchOptions(Struct, forbid_unknown_fields=True):
    max_num_results: Annotated[int, Meta(ge=1, le=50)] | UnsetType = UNSET
    ranking_options: FileSearchRankingOptions | None = None

    def __post_init__(self) -> None:
        if self.ranking_options is None:
            self.ranking_options = FileSearchRankingOptions(score_threshold=0.0)


class AssistantToolsCode(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    pass


class AssistantToolsFileSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    file_search: FileSearchOptions | None = msgspec.field(default_factory=FileSearchOptions)

    def __post_init__(self) -> None:
        if self.file_search is None:
            self.file_search = FileSearchOptions()


class AssistantToolsFileSearchTypeOnly(Struct, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    pass


class AssistantToolsFunction(Struct, forbid_unknown_fields=True, tag_field="type", tag="function"):
    function: FunctionObject


ServerLabel = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[a-zA-Z0-9_-]+\Z",
        extra_json_schema={"pattern": "^[a-zA-Z0-9_-]+$"},
    ),
]


ToolNames = Annotated[list[str], Meta(max_length=1000)]


class McpToolFilter(Struct, forbid_unknown_fields=True):
    """Tools by their names; `read_only`: those that say that they change nothing, or those that do not."""

    tool_names: ToolNames | None = None
    read_only: bool | None = None


class McpToolApproval(Struct, forbid_unknown_fields=True):
    always: McpToolFilter | None = None
    never: McpToolFilter | None = None


class AssistantToolsMcp(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mcp"):
    """A remote MCP server. `headers` are sent to it, and never returned."""

    server_label: ServerLabel
    server_url: Annotated[str, Meta(min_length=1, max_length=2048)]
    server_description: Annotated[str, Meta(max_length=2048)] | None = None
    allowed_tools: ToolNames | McpToolFilter | None = None
    require_approval: Literal["always", "never"] | McpToolApproval = "always"
    headers: Annotated[dict[str, str], Meta(max_length=32)] | None = None


# The order is that in which the hosted API lists the supported values.
AssistantTool = AssistantToolsCode | AssistantToolsFunction | AssistantToolsFileSearch | AssistantToolsMcp
AttachmentTool = AssistantToolsCode | AssistantToolsFileSearchTypeOnly


class CodeInterpreterResources(Struct, forbid_unknown_fields=True):
    file_ids: Annotated[list[str], Meta(max_length=20)] = []


class FileSearchResources(Struct, forbid_unknown_fields=True):
    vector_store_ids: Annotated[list[str], Meta(max_length=1)] = []


class VectorStoreHelper(Struct, forbid_unknown_fields=True):
    """A store to be made with the object that names it; only its id is ever echoed."""

    file_ids: Annotated[list[str], Meta(max_length=10000)] = []
    chunking_strategy: ChunkingStrategyRequestParam | None = None
    metadata: Metadata | None = None


class FileSearchResourcesCreate(Struct, forbid_unknown_fields=True):
    vector_store_ids: Annotated[list[str], Meta(max_length=1)] = []
    vector_stores: Annotated[list[VectorStoreHelper], Meta(max_length=1)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.vector_store_ids and self.vector_stores:
            raise ValueError("expected either 'vector_store_ids' or 'vector_stores', but got both")


class ToolResources(Struct, forbid_unknown_fields=True):
    code_interpreter: CodeInterpreterResources | UnsetType = UNSET
    file_search: FileSearchResources | UnsetType = UNSET

    def as_read(self) -> "ToolResources":
        """What the hosted API shows in streams, and of a thread that is read: an empty list where there is nothing."""
        return _RESOURCES_WITHOUT_FILES if self == _EMPTY_RESOURCES else self

    def vector_store_ids(self) -> list[str]:
        return [] if self.file_search is UNSET else self.file_search.vector_store_ids


_EMPTY_RESOURCES = ToolResources()
_RESOURCES_WITHOUT_FILES = ToolResources(code_interpreter=CodeInterpreterResources())


class ToolResourcesCreate(Struct, forbid_unknown_fields=True):
    code_interpreter: CodeInterpreterResources | UnsetType = UNSET
    file_search: FileSearchResourcesCreate | UnsetType = UNSET

    def vector_store_ids(self) -> list[str]:
        return [] if self.file_search is UNSET else self.file_search.vector_store_ids


class ResponseFormatText(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    pass


class ResponseFormatJsonObject(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_object"):
    pass


class ResponseFormatJsonSchemaSpec(Struct, forbid_unknown_fields=True, omit_defaults=True):
    name: FunctionName
    description: str | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    strict: bool | UnsetType | None = UNSET


class ResponseFormatJsonSchema(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    json_schema: ResponseFormatJsonSchemaSpec


AssistantsApiResponseFormatOption = (
    Literal["auto"] | ResponseFormatJsonObject | ResponseFormatJsonSchema | ResponseFormatText
)


class AssistantsNamedToolChoiceFunction(Struct, forbid_unknown_fields=True):
    name: str


class ToolChoiceFunction(Struct, forbid_unknown_fields=True, tag_field="type", tag="function"):
    function: AssistantsNamedToolChoiceFunction


class ToolChoiceCode(Struct, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    pass


class ToolChoiceFileSearch(Struct, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    pass


AssistantsApiToolChoiceOption = (
    Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceCode | ToolChoiceFileSearch
)


class TruncationObject(Struct, forbid_unknown_fields=True):
    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None

    def __post_init__(self) -> None:
        if self.type == "last_messages" and self.last_messages is None:
            raise ValueError("the type 'last_messages' needs a number of 'last_messages'")

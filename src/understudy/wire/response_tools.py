"""Tools of requests for responses. Source: the Responses API, schema Tool.

Tools run in one of three places: on this server (`file_search`, `code_interpreter`, `mcp`), in the client (functions,
custom tools, namespaces of them, shells, patches, computers, tool search), or on the vendor's servers only.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.filters import Filter
from understudy.wire.strict import is_strict_schema
from understudy.wire.tools import (
    FunctionName,
    HybridSearchOptions,
    McpToolApproval,
    McpToolFilter,
    ResponsesRanker,
    ServerLabel,
    ToolNames,
)

AllowedCallers = Annotated[list[Literal["direct", "programmatic"]], Meta(min_length=1, max_length=16)]
MemoryLimit = Literal["1g", "4g", "16g", "64g"]
NamespacedName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[a-zA-Z0-9_-]+\Z",
        extra_json_schema={"pattern": "^[a-zA-Z0-9_-]+$"},
    ),
]

# -- tools that clients run --------------------------------------------------------------------------------------


class FunctionTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    """`strict` is decided where it is left out: true where the schema allows it. No schema means no parameters."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    output_schema: dict[str, Any] | UnsetType | None = UNSET
    defer_loading: bool | UnsetType | None = UNSET
    allowed_callers: AllowedCallers | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if not self.parameters:
            closed: dict[str, Any] = {} if self.strict is False else {"required": [], "additionalProperties": False}
            self.parameters = {"type": "object", "properties": {}, **closed}
        if self.strict is None:
            self.strict = is_strict_schema(self.parameters)


class NamespaceFunction(FunctionTool, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="function"):
    name: NamespacedName


class PlainText(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    pass


class Grammar(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="grammar"):
    syntax: Literal["lark", "regex"]
    definition: str


class CustomTool(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="custom"):
    """A function whose argument is one free text."""

    name: FunctionName
    description: str | None = None
    format: PlainText | Grammar | None = None
    defer_loading: bool | UnsetType | None = UNSET
    allowed_callers: AllowedCallers | UnsetType | None = UNSET


class NamespaceTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="namespace"):
    """A group of tools; a call of one names the group beside the tool."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: str | None = None
    tools: Annotated[list[NamespaceFunction | CustomTool], Meta(min_length=1, max_length=128)]


class ToolSearchTool(
    Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="tool_search"
):
    execution: Literal["server", "client"] | UnsetType | None = UNSET
    description: str | None = None
    parameters: dict[str, Any] | None = None


class ApplyPatchTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="apply_patch"):
    allowed_callers: AllowedCallers | UnsetType | None = UNSET


class LocalShellTool(Struct, forbid_unknown_fields=True, tag_field="type", tag="local_shell"):
    pass


class LocalEnvironment(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="local"):
    skills: Annotated[list[dict[str, Any]], Meta(max_length=200)] | UnsetType | None = UNSET


class ContainerAuto(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="container_auto"):
    file_ids: Annotated[list[str], Meta(max_length=50)] | UnsetType | None = UNSET
    memory_limit: MemoryLimit | UnsetType | None = UNSET
    network_policy: dict[str, Any] | UnsetType | None = UNSET
    skills: Annotated[list[dict[str, Any]], Meta(max_length=200)] | UnsetType | None = UNSET


class ContainerReference(Struct, forbid_unknown_fields=True, tag_field="type", tag="container_reference"):
    container_id: str


class ShellTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="shell"):
    environment: LocalEnvironment | ContainerAuto | ContainerReference | UnsetType | None = UNSET
    allowed_callers: AllowedCallers | UnsetType | None = UNSET


class ComputerTool(Struct, tag_field="type", tag="computer", forbid_unknown_fields=True):
    pass


class ComputerUsePreviewTool(
    Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="computer_use_preview"
):
    environment: Literal["windows", "mac", "linux", "ubuntu", "browser"]
    display_width: Annotated[int, Meta(ge=1, le=100_000)]
    display_height: Annotated[int, Meta(ge=1, le=100_000)]


# -- tools that this server runs ---------------------------------------------------------------------------------


class RankingOptions(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    ranker: ResponsesRanker | UnsetType | None = "auto"
    score_threshold: Annotated[float, Meta(ge=0, le=1)] | None = 0.0
    hybrid_search: HybridSearchOptions | None = None

    def render(self) -> dict[str, Any]:
        hybrid = {} if self.hybrid_search is None else {"hybrid_search": msgspec.to_builtins(self.hybrid_search)}
        return {"ranker": self.ranker or "auto", "score_threshold": float(self.score_threshold or 0), **hybrid}


class FileSearchTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="file_search"):
    filters: Filter | None = None
    max_num_results: Annotated[int, Meta(ge=1, le=50)] | None = 20
    ranking_options: RankingOptions | None = None
    vector_store_ids: Annotated[list[str], Meta(min_length=1, max_length=100)]


class NetworkDisabled(Struct, forbid_unknown_fields=True, tag_field="type", tag="disabled"):
    pass


class NetworkAllowlist(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="allowlist"):
    allowed_domains: Annotated[list[str], Meta(min_length=1, max_length=1000)]
    domain_secrets: Annotated[list[Annotated[dict[str, str], Meta(max_length=16)]], Meta(max_length=1000)] | None = None


class AutoContainer(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="auto"):
    file_ids: Annotated[list[str], Meta(max_length=50)] | None = []
    memory_limit: MemoryLimit | None = None
    network_policy: NetworkDisabled | NetworkAllowlist | None = None


class CodeInterpreterTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="code_interpreter"):
    container: str | AutoContainer
    allowed_callers: AllowedCallers | UnsetType | None = UNSET


class McpTool(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="mcp"):
    """A remote MCP server. `headers` and `authorization` are sent to it, and never returned."""

    server_label: ServerLabel
    server_url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    server_description: Annotated[str, Meta(max_length=2048)] | None = None
    allowed_tools: ToolNames | McpToolFilter | None = None
    require_approval: Literal["always", "never"] | McpToolApproval | None = None
    headers: Annotated[dict[str, str], Meta(max_length=32)] | None = None
    authorization: str | None = None
    defer_loading: bool | UnsetType | None = UNSET
    allowed_callers: AllowedCallers | UnsetType | None = UNSET


# -- tools that only the hosted service runs ---------------------------------------------------------------------


class WebSearchFilters(Struct, kw_only=True):
    allowed_domains: Annotated[list[str], Meta(max_length=1000)] | None = None


class SearchLocation(Struct, kw_only=True, omit_defaults=True):
    type: Literal["approximate"] | None = "approximate"
    country: str | None = None
    region: str | None = None
    city: str | None = None
    timezone: str | None = None


class WebSearchTool(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="web_search"):
    """Members that no document names are taken: clients that were written for the hosted service send some."""

    external_web_access: bool | UnsetType | None = UNSET
    filters: WebSearchFilters | UnsetType | None = UNSET
    user_location: SearchLocation | UnsetType | None = UNSET
    search_context_size: Literal["low", "medium", "high"] | UnsetType | None = UNSET
    search_content_types: Annotated[list[Literal["text", "image"]], Meta(max_length=16)] | UnsetType | None = UNSET


class WebSearchTool2025(WebSearchTool, kw_only=True, omit_defaults=True, tag="web_search_2025_08_26"):
    pass


class WebSearchPreviewTool(WebSearchTool, kw_only=True, omit_defaults=True, tag="web_search_preview"):
    pass


class WebSearchPreviewTool2025(WebSearchTool, kw_only=True, omit_defaults=True, tag="web_search_preview_2025_03_11"):
    pass


class ImageMask(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An image whose transparent parts are to be changed; `image_url` is base64, as a data URL or bare."""

    image_url: str | UnsetType | None = UNSET
    file_id: str | UnsetType | None = UNSET


class ImageGenerationTool(Struct, kw_only=True, omit_defaults=True, tag_field="type", tag="image_generation"):
    model: str | UnsetType | None = UNSET
    quality: str | UnsetType | None = UNSET
    size: str | UnsetType | None = UNSET
    output_format: Literal["png", "webp", "jpeg"] | UnsetType | None = UNSET
    output_compression: Annotated[int, Meta(ge=0, le=100)] | UnsetType | None = UNSET
    moderation: str | UnsetType | None = UNSET
    background: Literal["transparent", "opaque", "auto"] | UnsetType | None = UNSET
    input_fidelity: Literal["high", "low"] | UnsetType | None = UNSET
    input_image_mask: ImageMask | UnsetType | None = UNSET
    partial_images: Annotated[int, Meta(ge=0, le=3)] | UnsetType | None = UNSET
    action: Literal["generate", "edit", "auto"] | UnsetType | None = UNSET


class ProgrammaticTool(Struct, forbid_unknown_fields=True, tag_field="type", tag="programmatic_tool_calling"):
    pass


ClientTools = (
    FunctionTool
    | CustomTool
    | NamespaceTool
    | ToolSearchTool
    | ApplyPatchTool
    | ShellTool
    | LocalShellTool
    | ComputerTool
    | ComputerUsePreviewTool
)
HostedTool = (
    WebSearchTool
    | WebSearchTool2025
    | WebSearchPreviewTool
    | WebSearchPreviewTool2025
    | ImageGenerationTool
    | ProgrammaticTool
)
ResponseTool = ClientTools | FileSearchTool | CodeInterpreterTool | McpTool | HostedTool


class ToolList(Struct):
    """What an item that brings tools with it has of them."""

    tools: Annotated[list[ResponseTool], Meta(max_length=512)]


def type_of(tool: Struct) -> str:
    """The `type` of a tool or of a tool choice."""
    return str(tool.__struct_config__.tag)

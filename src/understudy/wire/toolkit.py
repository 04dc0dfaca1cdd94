"""The tools over REST. Source: the published v3 API of the toolkit's first host, as its client packages read it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

Flag = Literal["true", "false"]


class ToolkitError(Struct, kw_only=True):
    """`code` is the status again; `errors` has each problem where there is more than one."""

    message: str
    code: int
    status: int
    request_id: str
    suggested_fix: str
    errors: list[str]


class ToolkitErrorResponse(Struct, kw_only=True):
    error: ToolkitError


class ToolkitLogo(Struct, kw_only=True):
    logo: str = ""


class ToolkitReference(Struct, kw_only=True):
    slug: str
    name: str
    logo: str = ""


class DeprecatedToolMembers(Struct, kw_only=True):
    """What older clients read, of every tool."""

    display_name: str = field(name="displayName")
    version: str
    available_versions: list[str]
    is_deprecated: bool = False
    toolkit: ToolkitLogo


class ToolObject(Struct, kw_only=True):
    """The parameters are JSON schemas."""

    slug: str
    name: str
    description: str
    human_description: str
    toolkit: ToolkitReference
    input_parameters: dict[str, Any]
    output_parameters: dict[str, Any]
    version: str
    available_versions: list[str]
    tags: list[str]
    scopes: list[str] = []
    no_auth: bool = False
    is_deprecated: bool = False
    deprecated: DeprecatedToolMembers


class ListToolsResponse(Struct, kw_only=True):
    items: list[ToolObject]
    next_cursor: str | None
    total_pages: int
    current_page: int
    total_items: int


class ToolkitCategory(Struct, kw_only=True):
    slug: str
    name: str


class ToolkitMeta(Struct, kw_only=True):
    created_at: str
    updated_at: str
    description: str
    logo: str = ""
    app_url: str | None = None
    categories: list[ToolkitCategory]
    triggers_count: int = 0
    tools_count: int
    version: str
    available_versions: list[str]


class DeprecatedToolkitMembers(Struct, kw_only=True):
    """What older clients read, of every toolkit."""

    toolkit_id: str = field(name="toolkitId")
    raw_proxy_info_by_auth_schemes: list[dict[str, Any]] = field(name="rawProxyInfoByAuthSchemes", default_factory=list)


class ToolkitObject(Struct, kw_only=True):
    slug: str
    name: str
    type: Literal["native"] = "native"
    enabled: bool = True
    no_auth: bool = False
    auth_schemes: list[str]
    composio_managed_auth: list[dict[str, Any]] = []
    composio_managed_auth_schemes: list[str] = []
    auth_config_details: list[dict[str, Any]] = []
    is_local_toolkit: bool = False
    base_url: str | None = None
    meta: ToolkitMeta
    deprecated: DeprecatedToolkitMembers


class ListToolkitsResponse(Struct, kw_only=True):
    items: list[ToolkitObject]
    next_cursor: str | None
    total_pages: int
    current_page: int
    total_items: int


class Category(Struct, kw_only=True):
    id: str
    name: str


class ListToolkitCategoriesResponse(Struct, kw_only=True):
    items: list[Category]
    next_cursor: str | None
    total_pages: int
    current_page: int
    total_items: int


class ExecuteToolRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """The caller's key is the account: `user_id`, `entity_id` and `connected_account_id` are taken and mean nothing."""

    arguments: dict[str, Any] | None = None
    text: str | None = None
    version: str | None = None
    user_id: str | None = None
    entity_id: str | None = None
    connected_account_id: str | None = None
    custom_auth_params: dict[str, Any] | None = None
    custom_connection_data: dict[str, Any] | None = None
    allow_tracing: bool | None = None


class ExecuteToolResponse(Struct, kw_only=True):
    data: dict[str, Any]
    error: str | None
    successful: bool
    log_id: str


class GetToolkitsRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    toolkits: Annotated[list[str], Meta(max_length=1000)] | None = None


class PagesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many a page holds at most.")] = 50
    cursor: Annotated[str | None, Meta(description="The `next_cursor` of the page before.")] = None


class ListToolsQuery(PagesQuery, frozen=True, kw_only=True):
    query: Annotated[str | None, Meta(description="Words to find in names and descriptions.")] = None
    search: Annotated[str | None, Meta(description="The older name of `query`.")] = None
    toolkit_slug: Annotated[str | None, Meta(description="Only tools of these toolkits, with commas between.")] = None
    tool_slugs: Annotated[
        str | None, Meta(description="These tools, with commas between; all other filters are ignored.")
    ] = None
    tags: Annotated[list[str], Meta(description="Only tools with all of these tags.")] = []
    important: Annotated[Flag | None, Meta(description="Whether to give only the tools to begin with.")] = None


class GetToolQuery(Struct, frozen=True, kw_only=True):
    version: Annotated[str | None, Meta(description="The version of the tool; `latest` is the one there is.")] = None


class ListToolkitsQuery(PagesQuery, frozen=True, kw_only=True):
    search: Annotated[str | None, Meta(description="A text to find in names and descriptions.")] = None
    category: Annotated[str | None, Meta(description="Only toolkits of this category.")] = None

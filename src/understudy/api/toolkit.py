"""The tools over REST, in the format of the `composio` package; `/api/v3` and `/api/v3.1` are the same.

A tool runs as a call of this API with the caller's key. The response has status 200 even if the tool failed; an error
status means that the tool was not executed.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.internal_call import call
from understudy.api.operations import OperationGroup, Schema
from understudy.api.parts import parts_of
from understudy.api.requests import json_response, read_json, struct_response
from understudy.errors import InvalidRequest, NotFound
from understudy.wire import queries
from understudy.wire import toolkit as wire
from understudy_toolkit.catalog import (
    AI_ML_API,
    InvalidArguments,
    Tool,
    UnknownTool,
    build_call,
    failed_result,
    find,
    select,
)

operations = OperationGroup("Toolkit", base="/", error=wire.ToolkitErrorResponse)

_SLUGS: Schema = {"type": "array", "items": {"type": "string"}}

T = TypeVar("T")

_SUPPORTED_VERSIONS: Final = frozenset({AI_ML_API.version, "latest", "00000000_00"})
_CREATED_AT: Final = "2026-03-12T00:00:00.000Z"
_UNSUPPORTED_MEMBERS: Final = ("custom_auth_params", "custom_connection_data")


@operations.add(
    "listTools",
    "GET",
    "/api/v3/tools",
    summary="List the tools for agents.",
    query=wire.ListToolsQuery,
    response=wire.ListToolsResponse,
)
async def list_tools(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], wire.ListToolsQuery)
    tools = select(
        slugs=_parse_slugs(query.tool_slugs),
        toolkits=_parse_slugs(query.toolkit_slug),
        tags=query.tags,
        important=query.important == "true",
        query=query.query or query.search or "",
    )
    models = await _model_ids(request)
    return struct_response(
        wire.ListToolsResponse(**_render_page([_render_tool(tool, models) for tool in tools], query))
    )


@operations.add(
    "getTool",
    "GET",
    "/api/v3/tools/{tool_slug}",
    summary="Retrieve a tool with its input and output schemas.",
    query=wire.GetToolQuery,
    response=wire.ToolObject,
)
async def get_tool(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], wire.GetToolQuery)
    _check_version(query.version)
    return struct_response(_render_tool(_find_tool(request), await _model_ids(request)))


@operations.add("listToolSlugs", "GET", "/api/v3/tools/enum", summary="List the slugs of all tools.", response=_SLUGS)
async def list_tool_slugs(_: Request) -> Response:
    return json_response(msgspec.json.encode([tool.slug for tool in AI_ML_API.tools]))


@operations.add(
    "executeTool",
    "POST",
    "/api/v3/tools/execute/{tool_slug}",
    summary="Execute a tool. A failure is reported in `successful` and `error`.",
    request=wire.ExecuteToolRequest,
    request_optional=True,
    response=wire.ExecuteToolResponse,
)
async def execute_tool(request: Request) -> Response:
    tool = _find_tool(request)
    body = await read_json(request, wire.ExecuteToolRequest, parts_of(request).settings.limits, empty=True)
    _check_executable(body)
    try:
        result = await call(request.scope, build_call(tool, body.arguments or {}), request.receive)
    except InvalidArguments as refusal:
        result = failed_result(str(refusal))
    return struct_response(wire.ExecuteToolResponse(**result, log_id=request.state.request_id))


@operations.add(
    "listToolkits",
    "GET",
    "/api/v3/toolkits",
    summary="List the toolkits.",
    query=wire.ListToolkitsQuery,
    response=wire.ListToolkitsResponse,
)
async def list_toolkits(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], wire.ListToolkitsQuery)
    toolkits = [_render_toolkit()] if _matches_query(query) else []
    return struct_response(wire.ListToolkitsResponse(**_render_page(toolkits, query)))


@operations.add(
    "getToolkit",
    "GET",
    "/api/v3/toolkits/{slug}",
    summary="Retrieve a toolkit.",
    query=wire.GetToolQuery,
    response=wire.ToolkitObject,
)
async def get_toolkit(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], wire.GetToolQuery)
    _check_version(query.version)
    slug: str = request.path_params["slug"]
    if slug.upper() != AI_ML_API.slug:
        raise NotFound(f"No toolkit found with slug {slug!r}. The only toolkit is {AI_ML_API.slug!r}.")
    return struct_response(_render_toolkit())


@operations.add(
    "getToolkits",
    "POST",
    "/api/v3/toolkits/multi",
    summary="Retrieve toolkits by slugs, by default all.",
    request=wire.GetToolkitsRequest,
    request_optional=True,
    response=wire.ListToolkitsResponse,
)
async def get_toolkits(request: Request) -> Response:
    body = await read_json(request, wire.GetToolkitsRequest, parts_of(request).settings.limits, empty=True)
    matches = body.toolkits is None or AI_ML_API.slug in {slug.upper() for slug in body.toolkits}
    return struct_response(
        wire.ListToolkitsResponse(**_render_page([_render_toolkit()] if matches else [], wire.PagesQuery()))
    )


@operations.add(
    "listToolkitCategories",
    "GET",
    "/api/v3/toolkits/categories",
    summary="List the categories of the toolkits.",
    response=wire.ListToolkitCategoriesResponse,
)
async def list_toolkit_categories(_: Request) -> Response:
    categories = [wire.Category(id=_render_category(name).slug, name=name) for name in AI_ML_API.categories]
    return struct_response(wire.ListToolkitCategoriesResponse(**_render_page(categories, wire.PagesQuery())))


async def _model_ids(request: Request) -> list[str]:
    return [card.id for card in await parts_of(request).models.list()]


def _find_tool(request: Request) -> Tool:
    try:
        return find(request.path_params["tool_slug"])
    except UnknownTool as unknown:
        raise NotFound(str(unknown)) from None


def _check_executable(body: wire.ExecuteToolRequest) -> None:
    _check_version(body.version)
    if body.text is not None:
        raise InvalidRequest(
            "'text' is not supported: this server does not generate arguments from text. Send them as 'arguments'.",
            param="text",
        )
    for name in _UNSUPPORTED_MEMBERS:
        if getattr(body, name):
            raise InvalidRequest(
                f"{name!r} is not supported: tools use this server, with the request's key. Leave it out.",
                param=name,
            )


def _check_version(version: str | None) -> None:
    if version is not None and version not in _SUPPORTED_VERSIONS:
        raise NotFound(
            f"The toolkit has no version {version!r}; the only one is {AI_ML_API.version!r}, also 'latest'.",
            param="version",
        )


def _render_tool(tool: Tool, models: Sequence[str]) -> wire.ToolObject:
    versions = [AI_ML_API.version]
    older = wire.DeprecatedToolMembers(
        display_name=tool.name, version=AI_ML_API.version, available_versions=versions, toolkit=wire.ToolkitLogo()
    )
    return wire.ToolObject(
        slug=tool.slug,
        name=tool.name,
        description=tool.description,
        human_description=tool.description,
        toolkit=wire.ToolkitReference(slug=AI_ML_API.slug, name=AI_ML_API.name),
        input_parameters=tool.input_schema_with(models),
        output_parameters=tool.output_schema,
        version=AI_ML_API.version,
        available_versions=versions,
        tags=tool.tags,
        deprecated=older,
    )


def _render_toolkit() -> wire.ToolkitObject:
    meta = wire.ToolkitMeta(
        created_at=_CREATED_AT,
        updated_at=_CREATED_AT,
        description=AI_ML_API.description,
        categories=[_render_category(name) for name in AI_ML_API.categories],
        tools_count=len(AI_ML_API.tools),
        version=AI_ML_API.version,
        available_versions=[AI_ML_API.version],
    )
    return wire.ToolkitObject(
        slug=AI_ML_API.slug,
        name=AI_ML_API.name,
        auth_schemes=["API_KEY"],
        meta=meta,
        deprecated=wire.DeprecatedToolkitMembers(toolkit_id=AI_ML_API.slug),
    )


def _render_category(name: str) -> wire.ToolkitCategory:
    return wire.ToolkitCategory(slug=name.replace(" ", "-"), name=name)


def _matches_query(query: wire.ListToolkitsQuery) -> bool:
    text = f"{AI_ML_API.slug} {AI_ML_API.name} {AI_ML_API.description}".lower()
    categories = {one for name in AI_ML_API.categories for one in (name, _render_category(name).slug)}
    return (query.search or "").lower() in text and (query.category is None or query.category in categories)


def _parse_slugs(slugs: str | None) -> list[str] | None:
    return None if slugs is None else [slug for slug in slugs.split(",") if slug.strip()]


def _render_page(items: Sequence[T], query: wire.PagesQuery) -> dict[str, Any]:
    """One page with the cursor of the next. A cursor is `page-limit` in base64."""
    number, limit = (1, query.limit) if query.cursor is None else _decode_cursor(query.cursor)
    pages = -(-len(items) // limit)
    return {
        "items": list(items[(number - 1) * limit : number * limit]),
        "next_cursor": _encode_cursor(number + 1, limit) if number < pages else None,
        "total_pages": pages,
        "current_page": number,
        "total_items": len(items),
    }


def _encode_cursor(number: int, limit: int) -> str:
    return base64.urlsafe_b64encode(f"{number}-{limit}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, int]:
    try:
        number, limit = base64.urlsafe_b64decode(cursor).decode("ascii").split("-")
        if number.isdecimal() and limit.isdecimal() and 1 <= int(number) <= 10**6 and 1 <= int(limit) <= 1000:
            return int(number), int(limit)
    except (binascii.Error, ValueError):
        pass
    raise InvalidRequest(f"Invalid cursor: {cursor!r}. Send the 'next_cursor' of the previous page.", param="cursor")

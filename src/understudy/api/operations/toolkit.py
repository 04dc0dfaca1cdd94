"""The tools for agents over REST. `/api/v3.1/…` is `/api/v3/…` by another name."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import toolkit

_SLUGS: Schema = {"type": "array", "items": {"type": "string"}}


def _operation(
    identifier: str,
    path: str,
    summary: str,
    response: type | Schema,
    *,
    body: type | None = None,
    query: type | None = None,
) -> Operation:
    return Operation(
        identifier,
        "GET" if body is None else "POST",
        f"/api/v3{path}",
        summary,
        response,
        body,
        body_optional=body is not None,
        query=query,
        tag="Toolkit",
        base="/",
        error=toolkit.ToolkitErrorResponse,
    )


OPERATIONS: Final = (
    _operation(
        "listTools",
        "/tools",
        "A page of the tools that agents can be handed.",
        toolkit.ListToolsResponse,
        query=toolkit.ListToolsQuery,
    ),
    _operation("listToolSlugs", "/tools/enum", "The slugs of all tools.", _SLUGS),
    _operation(
        "executeTool",
        "/tools/execute/{tool_slug}",
        "Execute a tool. One that failed is told by the answer's `successful` and `error`.",
        toolkit.ExecuteToolResponse,
        body=toolkit.ExecuteToolRequest,
    ),
    _operation(
        "getTool",
        "/tools/{tool_slug}",
        "One tool, with the schemas of what it takes and gives.",
        toolkit.ToolObject,
        query=toolkit.GetToolQuery,
    ),
    _operation(
        "listToolkits",
        "/toolkits",
        "A page of the toolkits.",
        toolkit.ListToolkitsResponse,
        query=toolkit.ListToolkitsQuery,
    ),
    _operation(
        "listToolkitCategories",
        "/toolkits/categories",
        "The categories of the toolkits.",
        toolkit.ListToolkitCategoriesResponse,
    ),
    _operation(
        "getToolkits",
        "/toolkits/multi",
        "Several toolkits by their slugs; all of them unless some are named.",
        toolkit.ListToolkitsResponse,
        body=toolkit.GetToolkitsRequest,
    ),
    _operation("getToolkit", "/toolkits/{slug}", "One toolkit.", toolkit.ToolkitObject, query=toolkit.GetToolQuery),
)

"""The routes of the HTTP API: the operations of all handler modules, and the other endpoints."""

from typing import Final

from starlette.routing import BaseRoute, Route

from understudy.api import (
    anthropic_messages,
    assistants,
    batches,
    billing,
    chat,
    completions,
    containers,
    conversations,
    embeddings,
    file_batches,
    files,
    health,
    luma_videos,
    message_batches,
    messages,
    models,
    project_events,
    references,
    responses,
    runs,
    session,
    steps,
    stored_chat,
    threads,
    toolkit,
    traces,
    uploads,
    usage,
    vector_store_chunks,
    vector_store_files,
    vector_stores,
    videos,
    webhooks,
)
from understudy.api.documentation import Documentation
from understudy.api.mcp import PATH, McpEndpoint
from understudy.api.operations import Handler, Operation
from understudy.api.routing import RouteTable

MODULES = (
    assistants,
    runs,  # before threads, whose `/threads/{thread_id}` also matches `/threads/runs`
    threads,
    messages,
    steps,
    files,
    uploads,
    vector_stores,
    vector_store_files,
    vector_store_chunks,
    file_batches,
    containers,
    chat,
    stored_chat,
    completions,
    models,
    embeddings,
    batches,
    responses,
    conversations,
    traces,
    references,
    project_events,
    session,
    billing,
    usage,
    luma_videos,
    videos,
    webhooks,
    anthropic_messages,
    message_batches,
    toolkit,
    health,
)

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    operation for module in MODULES for operation in sorted(module.operations, key=Operation.precedence)
)
"""Every operation, in the order of the OpenAPI document and of the routes; the first route that matches counts."""


def routes() -> list[BaseRoute]:
    """The routes of all operations and of the endpoints beside them."""
    table: dict[str, dict[str, Handler]] = {}
    for operation in OPERATIONS:
        table.setdefault(operation.path, {})[operation.method] = operation.handler
    documentation = Documentation(OPERATIONS)
    table |= {
        "/deployments/{model}/chat/completions": {"POST": chat.create_deployment_chat_completion},
        "/deployments/{model}/embeddings": {"POST": embeddings.create_deployment_embedding},
        "/openapi.json": {"GET": documentation.serve_document},
        "/docs/reference/api": {"GET": documentation.serve_page},
    }
    return [Route(PATH, McpEndpoint(), include_in_schema=False), RouteTable(table.items())]

"""The routes of the HTTP API: the operations of all handler modules, and the other endpoints."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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
    responses,
    runs,
    steps,
    stored_chat,
    threads,
    toolkit,
    uploads,
    usage,
    vector_store_files,
    vector_stores,
    videos,
    webhooks,
)
from understudy.api.documentation import Documentation
from understudy.api.mcp import PATH, McpEndpoint
from understudy.api.operations import Handler, Operation

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


def routes() -> list[Route]:
    """A route for each path, in the order of the operations."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation.handler
    table = [Route(path, _dispatch_by_method(methods), methods=list(methods)) for path, methods in by_path.items()]
    azure = [
        Route("/deployments/{model}/chat/completions", chat.create_deployment_chat_completion, methods=["POST"]),
        Route("/deployments/{model}/embeddings", embeddings.create_deployment_embedding, methods=["POST"]),
    ]
    mcp = Route(PATH, McpEndpoint(), include_in_schema=False)
    documentation = Documentation(OPERATIONS)
    pages = [Route("/openapi.json", documentation.serve_document), Route("/docs", documentation.serve_page)]
    return [*table, *azure, mcp, *pages]


def _dispatch_by_method(methods: dict[str, Handler]) -> Handler:
    get = methods.get("GET")

    async def dispatch(request: Request) -> Response:
        handler = methods.get(request.method) or get  # a HEAD request is handled as a GET
        assert handler is not None
        return await handler(request)

    return dispatch

"""The routes of the HTTP API: the operations of all handler modules, and the other endpoints."""

from collections.abc import Mapping
from typing import Final

from starlette.routing import BaseRoute, WebSocketRoute

from understudy.api import (
    admin_keys,
    aimlapi_audio,
    anthropic_messages,
    assistants,
    audio,
    audit_logs,
    batches,
    billing,
    chat,
    completions,
    containers,
    conversations,
    download_links,
    embeddings,
    file_batches,
    files,
    health,
    images,
    invites,
    luma_videos,
    message_batches,
    messages,
    models,
    moderations,
    project_credits,
    project_events,
    project_keys,
    project_limits,
    project_permissions,
    project_users,
    projects,
    prompts,
    providers,
    rate_limits,
    realtime,
    realtime_connection,
    realtime_socket,
    references,
    relayed_usage,
    response_socket,
    responses,
    role_assignments,
    runs,
    service_accounts,
    session,
    sign_in,
    steps,
    stored_chat,
    thread_export,
    threads,
    toolkit,
    traces,
    transfers,
    uploads,
    usage,
    users,
    vector_store_chunks,
    vector_store_files,
    vector_stores,
    video_resources,
    videos,
    webhooks,
)
from understudy.api.access import METRICS_REQUIREMENT, MODEL_REQUIREMENT
from understudy.api.authentication import REALTIME_PATH
from understudy.api.documentation import Documentation
from understudy.api.mcp import PATH, McpEndpoint
from understudy.api.metrics import METRICS_PATH, get_metrics
from understudy.api.operations import Handler, Operation
from understudy.api.response_socket import serve_socket
from understudy.api.routing import RouteTable, Target

MODULES = (
    assistants,
    runs,  # before threads, whose `/threads/{thread_id}` also matches `/threads/runs`
    threads,
    thread_export,
    messages,
    steps,
    files,
    download_links,
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
    images,
    audio,
    aimlapi_audio,
    moderations,
    realtime,
    batches,
    responses,
    prompts,
    conversations,
    traces,
    references,
    project_events,
    session,
    sign_in,
    billing,
    usage,
    relayed_usage,
    luma_videos,
    videos,
    video_resources,
    webhooks,
    transfers,
    anthropic_messages,
    message_batches,
    toolkit,
    health,
    providers,
    projects,
    project_credits,
    project_keys,
    project_limits,
    rate_limits,
    project_permissions,
    service_accounts,
    admin_keys,
    users,
    invites,
    project_users,
    role_assignments,
    audit_logs,
)

OPERATIONS: Final[tuple[Operation, ...]] = tuple(
    operation for module in MODULES for operation in sorted(module.operations, key=Operation.precedence)
)
"""Every operation, in the order of the OpenAPI document and of the routes; the first route that matches counts."""

GROUPS: Final[Mapping[str, str]] = {operation.id: operation.tag for operation in OPERATIONS} | {
    "getMetrics": "Health",
    "mcp": "MCP",
    "connectRealtime": "Realtime",
    "preflight": "CORS",
    "getOpenapi": "Documentation",
    "getApiReference": "Documentation",
}
"""The group of each operation id, for metrics."""


# Azure's form, whose path names the model: the operation's id and the handler by the rest of the path.
_DEPLOYMENT_HANDLERS: Final[dict[str, tuple[str, Handler]]] = {
    "chat/completions": ("createChatCompletion", chat.create_deployment_chat_completion),
    "embeddings": ("createEmbedding", embeddings.create_deployment_embedding),
    "images/generations": ("createImage", images.create_image),
    "images/edits": ("createImageEdit", images.create_image_edit),
    "audio/speech": ("createSpeech", audio.create_deployment_speech),
    "audio/transcriptions": ("createTranscription", audio.create_transcription),
    "audio/translations": ("createTranslation", audio.create_translation),
}


def build_routes() -> RouteTable:
    """The routes of all operations and of the endpoints beside them."""
    table: dict[str, dict[str, Target]] = {}
    for operation in OPERATIONS:
        table.setdefault(operation.path, {})[operation.method] = Target(
            operation.handler, operation.id, operation.requirement
        )
    documentation = Documentation(OPERATIONS)
    table |= {
        f"/deployments/{{model}}/{path}": {"POST": Target(handler, operation_id, MODEL_REQUIREMENT)}
        for path, (operation_id, handler) in _DEPLOYMENT_HANDLERS.items()
    }
    table |= {
        REALTIME_PATH: {"GET": Target(realtime_connection.connect, "connectRealtime", MODEL_REQUIREMENT)},
        "/realtime/calls": {"POST": Target(realtime.refuse_calls, "")},
        "/realtime/calls/{rest:path}": {"POST": Target(realtime.refuse_calls, "")},
        "/realtime/translations/{rest:path}": {"POST": Target(realtime.refuse_translations, "")},
        METRICS_PATH: {"GET": Target(get_metrics, "getMetrics", METRICS_REQUIREMENT)},
        "/openapi.json": {"GET": Target(documentation.serve_document, "getOpenapi")},
        "/docs/reference/api": {"GET": Target(documentation.serve_page, "getApiReference")},
        "/auth/login": {"GET": Target(sign_in.start_sign_in, "startSignIn")},
        "/auth/callback": {"GET": Target(sign_in.finish_sign_in, "finishSignIn")},
    }
    return RouteTable(table.items(), {PATH: McpEndpoint()})


def build_socket_routes() -> list[BaseRoute]:
    return [
        *(WebSocketRoute(path, serve_socket) for path in response_socket.PATHS),
        *(WebSocketRoute(path, realtime_socket.serve_realtime) for path in realtime_socket.PATHS),
    ]

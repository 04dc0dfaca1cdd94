"""The operations of the HTTP API as one table: what is asked, where, and what comes back.

The OpenAPI document is made from it, and a route is registered for each row, whose handler is found by the operation's
id. Paths are relative to the row's base and in the router's syntax (`{model:path}` takes slashes). Knows no handler.
"""

from understudy.api.operations import (
    anthropic_messages,
    assistants,
    batches,
    billing,
    chat,
    containers,
    embeddings,
    files,
    health,
    models,
    responses,
    toolkit,
    vector_stores,
    videos,
    webhooks,
)
from understudy.api.operations.operation import Operation, Schema

__all__ = ["OPERATIONS", "Operation", "Schema"]

OPERATIONS: tuple[Operation, ...] = (
    *assistants.OPERATIONS,
    *files.OPERATIONS,
    *vector_stores.OPERATIONS,
    *containers.OPERATIONS,
    *chat.OPERATIONS,
    *models.OPERATIONS,
    *embeddings.OPERATIONS,
    *batches.OPERATIONS,
    *responses.OPERATIONS,
    *billing.OPERATIONS,
    *videos.OPERATIONS,
    *webhooks.OPERATIONS,
    *anthropic_messages.OPERATIONS,
    *toolkit.OPERATIONS,
    *health.OPERATIONS,
)

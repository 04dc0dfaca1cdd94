"""Embeddings."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import embeddings

OPERATIONS: Final = (
    Operation(
        "createEmbedding",
        "POST",
        "/embeddings",
        "Vectors that stand for texts; the body goes to the model's provider as it is.",
        embeddings.CreateEmbeddingResponse,
        embeddings.CreateEmbeddingRequest,
        tag="Embeddings",
    ),
)

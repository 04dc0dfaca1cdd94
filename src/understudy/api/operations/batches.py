"""Batches of requests."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import anthropic_messages, batches

_BATCH = "/batches/{batch_id}"

OPERATIONS: Final = (
    Operation(
        "listBatches",
        "GET",
        "/batches",
        "A page of the batches, or with `batch_id` one batch of messages: its state or its results.",
        (batches.ListBatchesResponse, anthropic_messages.MessageBatch),
        query=batches.ListBatchesQuery,
        lines=True,
        tag="Batch",
    ),
    Operation(
        "createBatch",
        "POST",
        "/batches",
        "Answer the requests of an uploaded file, or many messages, in the background.",
        (batches.Batch, anthropic_messages.MessageBatch),
        (batches.CreateBatchRequest, anthropic_messages.TypedBatch),
        tag="Batch",
    ),
    Operation("retrieveBatch", "GET", _BATCH, "One batch.", batches.Batch, tag="Batch"),
    Operation(
        "cancelBatch",
        "POST",
        f"{_BATCH}/cancel",
        "Stop a batch, which keeps the answers that it has.",
        batches.Batch,
        tag="Batch",
    ),
    Operation(
        "cancelBatchOfMessages",
        "POST",
        "/batches/cancel/{batch_id}",
        "Stop a batch of messages, which keeps the answers that it has.",
        anthropic_messages.MessageBatch,
        tag="Batch",
    ),
)

"""Batches of requests."""

from typing import Final

from understudy.api.operations.operation import Operation
from understudy.wire import batches

_BATCH = "/batches/{batch_id}"

OPERATIONS: Final = (
    Operation(
        "listBatches",
        "GET",
        "/batches",
        "A page of the batches.",
        batches.ListBatchesResponse,
        query=batches.ListBatchesQuery,
        tag="Batch",
    ),
    Operation(
        "createBatch",
        "POST",
        "/batches",
        "Answer the requests of an uploaded file in the background.",
        batches.Batch,
        batches.CreateBatchRequest,
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
)

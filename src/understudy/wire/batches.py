"""Batches as the hosted API shows them, and a line of their input. Source: operations createBatch to cancelBatch."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from understudy.wire.tools import Metadata

Endpoint = Literal[
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/completions",
    "/v1/moderations",
    "/v1/images/generations",
    "/v1/images/edits",
]


class BatchFileExpirationAfter(Struct, kw_only=True, forbid_unknown_fields=True):
    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3600, le=2_592_000)]


class CreateBatchRequest(Struct, kw_only=True):
    input_file_id: str
    endpoint: Endpoint
    completion_window: Literal["24h"]
    metadata: Metadata | None = None
    output_expires_after: BatchFileExpirationAfter | None = None


class BatchError(Struct, kw_only=True):
    code: str
    message: str
    param: str | None = None
    line: int | None = None


class BatchErrors(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[BatchError]


class BatchRequestCounts(Struct, kw_only=True):
    total: int = 0
    completed: int = 0
    failed: int = 0


class BatchInputTokensDetails(Struct, kw_only=True):
    cached_tokens: int = 0


class BatchOutputTokensDetails(Struct, kw_only=True):
    reasoning_tokens: int = 0


class BatchUsage(Struct, kw_only=True):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_tokens_details: BatchInputTokensDetails = field(default_factory=BatchInputTokensDetails)
    output_tokens_details: BatchOutputTokensDetails = field(default_factory=BatchOutputTokensDetails)


class Batch(Struct, kw_only=True):
    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    model: str | None = None
    errors: BatchErrors | None = None
    input_file_id: str
    completion_window: str = "24h"
    status: Literal[
        "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
    ]
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    in_progress_at: int | None = None
    expires_at: int
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: BatchRequestCounts
    usage: BatchUsage
    metadata: dict[str, str] | None = None


class ListBatchesResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[Batch]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListBatchesQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many batches a page holds at most.")] = 20
    after: Annotated[str | None, Meta(description="The batch before the page: its id.")] = None
    q: Annotated[
        str | None, Meta(description="Only batches with this text in their id, endpoint or input file's id.")
    ] = None
    metadata: Annotated[Metadata, Meta(description="Only batches with all of these pairs.")] = {}
    batch_id: Annotated[
        str | None,
        Meta(description="A batch of messages: its state, or its results once it has ended, instead of a page."),
    ] = None

"""Batches over HTTP, in the hosted API's format. The AI/ML API creates message batches on the same path."""

from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api import message_batches
from understudy.api.metering import admit
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import decode_body, list_filter, objects_response, read_body, struct_response
from understudy.errors import InvalidRequest
from understudy.store.batches import Batch as StoredBatch
from understudy.store.batches import Job
from understudy.store.pages import PageRequest
from understudy.wire import error_texts, queries
from understudy.wire.anthropic_messages import MessageBatch, TypedBatch
from understudy.wire.batches import (
    Batch,
    BatchError,
    BatchErrors,
    BatchInputTokensDetails,
    BatchOutputTokensDetails,
    BatchRequestCounts,
    BatchUsage,
    CreateBatchRequest,
    ListBatchesQuery,
    ListBatchesResponse,
)
from understudy.wire.parsing import check_id, parse

operations = OperationGroup("Batch")


@operations.add(
    "listBatches",
    "GET",
    "/batches",
    summary="List batches, or with `batch_id` retrieve one message batch: its state or its results.",
    query=ListBatchesQuery,
    response=(ListBatchesResponse, MessageBatch),
    lines=True,
)
async def list_batches(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListBatchesQuery)
    if query.batch_id is not None:
        return await message_batches.retrieve_batch_or_results(request, query.batch_id)
    store = parts_of(request).store.batches
    chosen = list_filter(query)
    page = await store.page(project_of(request), "openai", PageRequest(query.limit, after=query.after), chosen)
    data = [render_batch(batch) for batch in page.records]
    return objects_response(ListBatchesResponse, data, has_more=page.has_more)


@operations.add(
    "createBatch",
    "POST",
    "/batches",
    summary="Create a batch from an uploaded file, or from many messages.",
    request=(CreateBatchRequest, TypedBatch),
    response=(Batch, MessageBatch),
)
async def create_batch(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    await admit(request)
    raw = await read_body(request, limits)
    if await decode_body(raw, message_batches.is_message_batch, raw):
        return await message_batches.create_typed_message_batch(request, raw)
    body = await decode_body(raw, parse, raw, CreateBatchRequest, depth=limits.json_depth, values=limits.json_values)
    if body.endpoint not in parts.batches.endpoints:
        served = [path for path in parts.batches.endpoints if path != "/v1/messages"]
        raise InvalidRequest(
            f"Invalid value: '{body.endpoint}'. Supported values are: {error_texts.quoted_list(served, 'and')}.",
            param="endpoint",
            code="invalid_value",
        )
    file = await parts.admission.files.admit_batch_input(project_of(request), body.input_file_id)
    now = parts.clock.now()
    job = Job(
        id=ids.batch(),
        endpoint=body.endpoint,
        created_at=now,
        expires_at=now + limits.batch_seconds,
        key_id=request.state.key_id,
        input_file_id=file.id,
        metadata=body.metadata,
        output_seconds=body.output_expires_after.seconds if body.output_expires_after else None,
    )
    return struct_response(render_batch(await parts.batches.create(project_of(request), "openai", job, file.blob)))


@operations.add("retrieveBatch", "GET", "/batches/{batch_id}", summary="Retrieve a batch.", response=Batch)
async def retrieve_batch(request: Request) -> Response:
    batch = await parts_of(request).store.batches.get(project_of(request), "openai", _batch_id(request))
    return struct_response(render_batch(batch))


@operations.add(
    "cancelBatch",
    "POST",
    "/batches/{batch_id}/cancel",
    summary="Cancel a batch; its finished results remain.",
    response=Batch,
)
async def cancel_batch(request: Request) -> Response:
    batch = await parts_of(request).batches.cancel(project_of(request), "openai", _batch_id(request))
    return struct_response(render_batch(batch))


def render_batch(batch: StoredBatch) -> Batch:
    job = batch.job
    return Batch(
        id=job.id,
        endpoint=job.endpoint,
        model=job.model,
        errors=_render_errors(job),
        input_file_id=job.input_file_id or "",
        status=batch.status,
        output_file_id=job.output_file_id,
        error_file_id=job.error_file_id,
        created_at=int(job.created_at),
        in_progress_at=_to_unix_seconds(job.in_progress_at),
        expires_at=int(job.expires_at),
        finalizing_at=_to_unix_seconds(job.finalizing_at),
        completed_at=_to_unix_seconds(job.completed_at),
        failed_at=_to_unix_seconds(job.failed_at),
        expired_at=_to_unix_seconds(job.expired_at),
        cancelling_at=_to_unix_seconds(job.cancelling_at),
        cancelled_at=_to_unix_seconds(job.cancelled_at),
        request_counts=BatchRequestCounts(total=batch.total, completed=batch.completed, failed=batch.failed),
        usage=_render_usage(batch),
        metadata=job.metadata,
    )


def _render_errors(job: Job) -> BatchErrors | None:
    if job.errors is None:
        return None
    return BatchErrors(
        data=[BatchError(code=one.code, message=one.message, param=one.param, line=one.line) for one in job.errors]
    )


def _render_usage(batch: StoredBatch) -> BatchUsage:
    return BatchUsage(
        input_tokens=batch.input_tokens,
        output_tokens=batch.output_tokens,
        total_tokens=batch.input_tokens + batch.output_tokens,
        input_tokens_details=BatchInputTokensDetails(cached_tokens=batch.cached_tokens),
        output_tokens_details=BatchOutputTokensDetails(reasoning_tokens=batch.reasoning_tokens),
    )


def _to_unix_seconds(time: float | None) -> int | None:
    return None if time is None else int(time)


def _batch_id(request: Request) -> str:
    batch_id: str = request.path_params["batch_id"]
    check_id("batch_id", batch_id, "batch")
    return batch_id

"""Message batches over HTTP: Anthropic's operations and those of the AI/ML API, which share the jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from understudy import ids
from understudy.api.metering import admit
from understudy.api.operations import LINES, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import decode_body, objects_response, read_body, struct_response
from understudy.blobs import Blobs
from understudy.engine.jobs.batch_lines import MESSAGES
from understudy.engine.limits.demand import CHARACTERS_PER_TOKEN
from understudy.errors import Conflict, InvalidRequest
from understudy.settings import LimitSettings
from understudy.store.batches import ACTIVE, Batch, Job
from understudy.store.pages import PageRequest
from understudy.wire import queries
from understudy.wire.anthropic_messages import (
    CreateMessageBatchRequest,
    CreateMessageParams,
    DeletedMessageBatch,
    ListMessageBatchesQuery,
    ListMessageBatchesResponse,
    MessageBatch,
    MessageBatchRequestCounts,
    RawBatch,
    RawBatchItem,
    TypedBatch,
)
from understudy.wire.errors import ErrorResponse, MessageErrorResponse
from understudy.wire.parsing import check_id, parse

operations = OperationGroup("Messages", error=MessageErrorResponse)

_JSONL_TYPE = "application/x-jsonl"
_decode = msgspec.json.Decoder(RawBatch).decode
_decode_params = msgspec.json.Decoder(CreateMessageParams).decode


class _Probe(Struct):
    requests: Raw | UnsetType = UNSET


_decode_probe = msgspec.json.Decoder(_Probe).decode


@operations.add(
    "listMessageBatches",
    "GET",
    "/messages/batches",
    summary="List message batches.",
    query=ListMessageBatchesQuery,
    response=ListMessageBatchesResponse,
)
async def list_message_batches(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListMessageBatchesQuery)
    page_request = PageRequest(query.limit, after=query.after_id or None, before=query.before_id or None)
    page = await parts_of(request).store.batches.page(project_of(request), "anthropic", page_request)
    data = [_render_batch(request, batch) for batch in page.records]
    return objects_response(ListMessageBatchesResponse, data, has_more=page.has_more)


@operations.add(
    "createMessageBatch",
    "POST",
    "/messages/batches",
    summary="Create a message batch.",
    request=CreateMessageBatchRequest,
    response=MessageBatch,
)
async def create_message_batch(request: Request) -> Response:
    parts = parts_of(request)
    await admit(request)
    raw = await read_body(request, parts.settings.limits)
    return await _create_batch(request, await decode_body(raw, _parse_items, raw, parts.settings.limits))


async def create_typed_message_batch(request: Request, raw: bytes) -> Response:
    """Creates a batch of the AI/ML API, which validates the messages first."""
    parts = parts_of(request)
    return await _create_batch(request, await decode_body(raw, _parse_typed_items, raw, parts.settings.limits))


@operations.add(
    "retrieveMessageBatch",
    "GET",
    "/messages/batches/{batch_id}",
    summary="Retrieve a message batch.",
    response=MessageBatch,
)
async def retrieve_message_batch(request: Request) -> Response:
    parts = parts_of(request)
    return struct_response(
        _render_batch(request, await parts.store.batches.get(project_of(request), "anthropic", _batch_id(request)))
    )


@operations.add(
    "cancelMessageBatch",
    "POST",
    "/messages/batches/{batch_id}/cancel",
    summary="Cancel a message batch; its finished results remain.",
    response=MessageBatch,
)
@operations.add(
    "cancelBatchOfMessages",
    "POST",
    "/batches/cancel/{batch_id}",
    summary="Cancel a message batch; its finished results remain.",
    response=MessageBatch,
    tag="Batch",
    error=ErrorResponse,
)
async def cancel_message_batch(request: Request) -> Response:
    """Idempotent while the batch runs. Raises InvalidRequest once it has ended."""
    batch_id = _batch_id(request)
    try:
        batch = await parts_of(request).batches.cancel(project_of(request), "anthropic", batch_id)
    except Conflict:
        raise InvalidRequest(
            f"Batch {batch_id} cannot be canceled because it has already finished processing."
        ) from None
    return struct_response(_render_batch(request, batch))


@operations.add(
    "deleteMessageBatch",
    "DELETE",
    "/messages/batches/{batch_id}",
    summary="Delete an ended batch.",
    response=DeletedMessageBatch,
)
async def delete_message_batch(request: Request) -> Response:
    batch_id = _batch_id(request)
    try:
        await parts_of(request).store.batches.delete(project_of(request), "anthropic", batch_id)
    except Conflict:
        raise InvalidRequest(
            f"Batch {batch_id} cannot be deleted while it is processed. Cancel it, or wait until it has ended."
        ) from None
    return struct_response(DeletedMessageBatch(id=batch_id))


@operations.add(
    "retrieveMessageBatchResults",
    "GET",
    "/messages/batches/{batch_id}/results",
    summary="Retrieve the results of an ended batch as JSON lines.",
    response=LINES,
    binary=True,
)
async def retrieve_message_batch_results(request: Request) -> Response:
    parts = parts_of(request)
    batch_id = _batch_id(request)
    _, results = await parts.store.batches.results(project_of(request), "anthropic", batch_id)
    if results is None:
        raise InvalidRequest(f"Batch {batch_id} has no results yet. Wait until its processing_status is 'ended'.")
    return BlobLines(parts.blobs, results)


async def retrieve_batch_or_results(request: Request, batch_id: str) -> Response:
    """The AI/ML API's operation for both: the batch while it runs, its results once it has ended."""
    check_id("batch_id", batch_id, "msgbatch_")
    parts = parts_of(request)
    batch, results = await parts.store.batches.results(project_of(request), "anthropic", batch_id)
    return struct_response(_render_batch(request, batch)) if results is None else BlobLines(parts.blobs, results)


def is_message_batch(raw: bytes) -> bool:
    """Whether the body of `POST /batches` is in the AI/ML API's format."""
    try:
        return _decode_probe(raw).requests is not UNSET
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


class BlobLines(Response):
    """Streams the lines of a blob."""

    def __init__(self, blobs: Blobs, blob: str) -> None:
        self._blobs = blobs
        self._blob = blob

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._blobs.reading(self._blob) as chunks:
            await StreamingResponse(chunks, media_type=_JSONL_TYPE)(scope, receive, send)


async def _create_batch(request: Request, items: Sequence[RawBatchItem]) -> Response:
    parts = parts_of(request)
    now = parts.clock.now()
    expires_at = now + parts.settings.limits.batch_seconds
    job = Job(
        id=ids.message_batch(),
        endpoint=MESSAGES,
        created_at=now,
        expires_at=expires_at,
        key_id=request.state.key_id,
    )
    tokens = sum(len(item.params) for item in items) // CHARACTERS_PER_TOKEN
    refusal = await parts.limiter.admit_batch(project_of(request), job.key_id, "", tokens)
    if refusal is not None:
        raise refusal
    async with parts.files.open_draft() as draft:
        for item in items:
            await draft.write(_encode_line(item))
        blob = await draft.commit()
        batch = await parts.batches.create(project_of(request), "anthropic", job, blob.name, len(items))
    return struct_response(_render_batch(request, batch))


def _parse_typed_items(raw: bytes, limits: LimitSettings) -> list[RawBatchItem]:
    """Raises what `_parse_items` does, and InvalidBody for invalid `params`."""
    items = _parse_items(raw, limits)
    for item in items:
        # One by one, to keep only one decoded message in memory.
        try:
            _decode_params(item.params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            parse(raw, TypedBatch, depth=limits.json_depth, values=limits.json_values)
            break
    return items


def _parse_items(raw: bytes, limits: LimitSettings) -> list[RawBatchItem]:
    """Raises InvalidBody, and InvalidRequest for a duplicate custom_id."""
    try:
        items = _decode(raw).requests
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = parse(raw, CreateMessageBatchRequest, depth=limits.json_depth, values=limits.json_values)
        items = [RawBatchItem(one.custom_id, Raw(msgspec.json.encode(one.params))) for one in body.requests]
    seen: set[str] = set()
    for index, item in enumerate(items):
        if item.custom_id in seen:
            place = f"requests[{index}].custom_id"
            message = f"Invalid '{place}': {item.custom_id!r} is the custom_id of an earlier request. Use a unique one."
            raise InvalidRequest(message, param=place, code="invalid_value")
        seen.add(item.custom_id)
        if bytes(memoryview(item.params)[:1]) != b"{":
            parse(raw, CreateMessageBatchRequest, depth=limits.json_depth, values=limits.json_values)
    return items


def _encode_line(item: RawBatchItem) -> bytes:
    line = msgspec.json.encode(item)
    return (msgspec.json.format(line, indent=-1) if b"\n" in line else line) + b"\n"


def _render_batch(request: Request, batch: Batch) -> MessageBatch:
    job = batch.job
    ended = batch.status not in ACTIVE
    return MessageBatch(
        id=job.id,
        processing_status="ended" if ended else "canceling" if batch.status == "cancelling" else "in_progress",
        request_counts=_render_counts(batch, ended=ended),
        ended_at=_format_time(job.completed_at or job.cancelled_at or job.expired_at or job.failed_at),
        created_at=_format_time(job.created_at) or "",
        expires_at=_format_time(job.expires_at) or "",
        archived_at=None,
        cancel_initiated_at=_format_time(job.cancelling_at),
        results_url=_results_url(request, job.id) if ended and batch.status != "failed" else None,
    )


def _render_counts(batch: Batch, *, ended: bool) -> MessageBatchRequestCounts:
    if not ended:
        return MessageBatchRequestCounts(processing=batch.total, succeeded=0, errored=0, canceled=0, expired=0)
    left = batch.total - batch.completed - batch.failed
    return MessageBatchRequestCounts(
        processing=0,
        succeeded=batch.completed,
        errored=batch.failed + (left if batch.status == "failed" else 0),
        canceled=left if batch.status == "cancelled" else 0,
        expired=left if batch.status == "expired" else 0,
    )


def _results_url(request: Request, batch_id: str) -> str:
    return str(request.url.replace(path=f"/v1/messages/batches/{batch_id}/results", query="", fragment=""))


def _format_time(time: float | None) -> str | None:
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")


def _batch_id(request: Request) -> str:
    batch_id: str = request.path_params["batch_id"]
    check_id("batch_id", batch_id, "msgbatch_")
    return batch_id

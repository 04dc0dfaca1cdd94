"""Embeddings over HTTP. The body goes to the model's provider with all of its parameters."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import UsageMeter, admit_unstored, hold_funds, render_charged, reserve_tokens
from understudy.api.operations import OperationGroup
from understudy.api.parts import Parts, parts_of
from understudy.api.requests import decode_body, read_body
from understudy.engine.accounting import Work
from understudy.engine.limits.demand import Demand, count_tokens
from understudy.llm.provider import ChatBody
from understudy.settings import LimitSettings
from understudy.wire.embeddings import CreateEmbeddingRequest, CreateEmbeddingResponse, EmbeddingOptions
from understudy.wire.parsing import parse_object

operations = OperationGroup("Embeddings")


@operations.add(
    "createEmbedding",
    "POST",
    "/embeddings",
    summary="Create embeddings; the body is forwarded to the model's provider.",
    request=CreateEmbeddingRequest,
    response=CreateEmbeddingResponse,
)
async def create_embedding(request: Request) -> Response:
    return await _respond_with_embeddings(request, await _read_body(request, CreateEmbeddingRequest))


async def create_deployment_embedding(request: Request) -> Response:
    """Azure's form: the path names the model; the `model` of the body is ignored."""
    body = await _read_body(request, EmbeddingOptions)
    body["model"] = request.path_params["model"]
    return await _respond_with_embeddings(request, body)


async def embed(parts: Parts, project_id: str, raw: bytes) -> bytes:  # noqa: ARG001 - as all endpoints of batches
    """Runs one line of a batch. Returns the JSON of the embeddings."""
    return await _embed(parts, await decode_body(raw, _parse_body, raw, CreateEmbeddingRequest, parts.settings.limits))


async def _respond_with_embeddings(request: Request, body: ChatBody) -> Response:
    await admit_unstored(request)
    measure = partial(_measure_input, body)
    await reserve_tokens(request, body["model"], measure)
    await hold_funds(request, Work(body["model"], "embedding", measure))
    meter = UsageMeter(request, "embedding", body)
    embeddings = await _embed(parts_of(request), body)
    return render_charged(meter, embeddings, await meter.charge(embeddings))


def _measure_input(body: ChatBody) -> Demand:
    return Demand(count_tokens(body["input"]), 0)


async def _read_body(request: Request, kind: type[EmbeddingOptions]) -> ChatBody:
    limits = parts_of(request).settings.limits
    raw = await read_body(request, limits)
    return await decode_body(raw, _parse_body, raw, kind, limits)


def _parse_body(raw: bytes, kind: type[EmbeddingOptions], limits: LimitSettings) -> ChatBody:
    return parse_object(raw, kind, depth=limits.json_depth, values=limits.json_values)


async def _embed(parts: Parts, body: ChatBody) -> bytes:
    # Null means the same as an absent member, but some providers reject null.
    plain = {name: value for name, value in body.items() if value is not None}
    return await parts.models.embed(plain)

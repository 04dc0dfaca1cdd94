"""Traces of runs and responses over HTTP: extensions of the hosted API."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import page_request, struct_response
from understudy.api.responses import response_id_of
from understudy.api.runs import run_id_of
from understudy.api.threads import thread_id_of
from understudy.wire import queries
from understudy.wire.responses import ResponseStatus
from understudy.wire.run_contexts import RunContextObject
from understudy.wire.run_outcome import RunStatus
from understudy.wire.runs import RunObject
from understudy.wire.traces import TraceObject

operations = OperationGroup(EXTENSIONS)


class _Created(msgspec.Struct):
    created_at: int
    status: RunStatus


class _CreatedResponse(msgspec.Struct):
    created_at: int
    status: ResponseStatus


@operations.add(
    "getRunTrace",
    "GET",
    "/threads/{thread_id}/runs/{run_id}/trace",
    summary="Retrieve how long each part of a run took: queueing, model turns, tools and waits.",
    response=TraceObject,
)
async def get_run_trace(request: Request) -> Response:
    parts, run_id = parts_of(request), run_id_of(request)
    _, body = await parts.store.runs.get(project_of(request), thread_id_of(request), run_id)
    run = msgspec.json.decode(body, type=_Created)
    return struct_response(await parts.traces.get(run_id, run.status, run.created_at))


@operations.add(
    "getRunContext",
    "GET",
    "/threads/{thread_id}/runs/{run_id}/context",
    summary="List the items of its thread that a model turn of a run got, and those left out.",
    query=queries.RunContextQuery,
    response=RunContextObject,
)
async def get_run_context(request: Request) -> Response:
    parts, run_id = parts_of(request), run_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.RunContextQuery)
    _, body = await parts.store.runs.get(project_of(request), thread_id_of(request), run_id)
    run = msgspec.json.decode(body, type=RunObject)
    return struct_response(await parts.contexts.get(project_of(request), run, query.turn, page_request(query)))


@operations.add(
    "getResponseTrace",
    "GET",
    "/responses/{response_id}/trace",
    summary="Retrieve how long each part of a response took: queueing, model turns and tools.",
    response=TraceObject,
)
async def get_response_trace(request: Request) -> Response:
    parts, response_id = parts_of(request), response_id_of(request)
    body = await parts.store.responses.get(project_of(request), response_id)
    response = msgspec.json.decode(body, type=_CreatedResponse)
    return struct_response(await parts.traces.get(response_id, response.status, response.created_at))

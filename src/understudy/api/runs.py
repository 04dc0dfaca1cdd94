"""Runs over HTTP: create one (with its thread, if wanted), follow it, answer its function calls, cancel it."""

from functools import partial

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import errors
from understudy.api import stand_in
from understudy.api.errors import envelope
from understudy.api.event_stream import EventStream
from understudy.api.metering import admit, hold_attachments, hold_fillings, hold_funds
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import key_of, parts_of, project_of
from understudy.api.requests import json_response, list_response, page_request, read_json, set_metadata
from understudy.api.threads import thread_id_of
from understudy.engine.accounting import Work
from understudy.engine.new_runs import RequestedRun
from understudy.engine.run.log import RunLog
from understudy.engine.runs import StartedRun
from understudy.engine.spending_holds import Hold, released_on_error
from understudy.engine.views.frames import DONE_FRAME
from understudy.store.run_lists import RunFilter
from understudy.store.states import ACTIVE
from understudy.wire import error_texts, queries, run_events
from understudy.wire.parsing import InvalidBody, check_id
from understudy.wire.runs import (
    CreateRunRequest,
    CreateThreadAndRunRequest,
    ListRunsResponse,
    ModifyRunRequest,
    RunObject,
    SubmitToolOutputsRunRequest,
)

operations = OperationGroup("Assistants")

# When the SDKs' polling helpers should look again; they would wait a second.
_POLL_AFTER_MS = "300"
# A request header of this server: `true` makes the run wait for the thread's active one.
_QUEUE_RUN_HEADER = "x-understudy-queue-run"


@operations.add(
    "listRuns",
    "GET",
    "/threads/{thread_id}/runs",
    summary="List the runs of a thread.",
    query=queries.ListQuery,
    response=ListRunsResponse,
)
async def list_runs(request: Request) -> Response:
    thread_id = thread_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    return list_response(await parts_of(request).store.runs.page(project_of(request), thread_id, page_request(query)))


@operations.add(
    "listProjectRuns",
    "GET",
    "/runs",
    summary="List the runs of all threads, with filters. An extension of the hosted API.",
    query=queries.ListProjectRunsQuery,
    response=ListRunsResponse,
    tag=EXTENSIONS,
)
async def list_project_runs(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListProjectRunsQuery)
    chosen = RunFilter(
        query.status,
        query.assistant_id,
        query.model,
        query.thread_id,
        query.created_after,
        query.created_before,
        tuple(query.metadata.items()),
    )
    return list_response(await parts_of(request).store.runs.page_all(project_of(request), page_request(query), chosen))


@operations.add(
    "getProjectRun",
    "GET",
    "/runs/{run_id}",
    summary="Retrieve a run by its id alone. An extension of the hosted API.",
    response=RunObject,
    tag=EXTENSIONS,
)
async def get_project_run(request: Request) -> Response:
    run_id = run_id_of(request)
    return json_response(await parts_of(request).store.runs.find(project_of(request), run_id))


@operations.add(
    "createRun",
    "POST",
    "/threads/{thread_id}/runs",
    summary="Create a run of an assistant on a thread.",
    request=CreateRunRequest,
    query=queries.IncludeQuery,
    response=RunObject,
    streams=True,
    stream_events=run_events.STREAM_EVENTS,
)
async def create_run(request: Request) -> Response:
    await admit(request)
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.IncludeQuery)
    body = await read_json(request, CreateRunRequest, parts.settings.limits)
    project_id = project_of(request)
    admitted, messages = await parts.admission.runs.admit(project_id, body, thread_id)
    in_turn = parts.settings.limits.queue_runs or request.headers.get(_QUEUE_RUN_HEADER, "").lower() == "true"
    requested = RequestedRun(
        run=admitted.run,
        messages=messages,
        key_id=key_of(request),
        resources=admitted.resources,
        detailed=bool(query.include),
    )
    start = partial(parts.runs.create_in_turn if in_turn else parts.runs.create, project_id, requested)
    hold = await _hold_run(request, admitted.run)
    with parts.streams.waiting(key_of(request)), released_on_error(hold):
        if any(message.attachments for message in messages):
            async with hold_attachments(request, messages):
                started = await start()
            parts.vector_stores.announce()
        else:
            started = await start()
    return _respond_with_run(request, started, body.stream)


@operations.add(
    "createThreadAndRun",
    "POST",
    "/threads/runs",
    summary="Create a thread and run an assistant on it.",
    request=CreateThreadAndRunRequest,
    response=RunObject,
    streams=True,
    stream_events=run_events.STREAM_EVENTS,
)
async def create_thread_and_run(request: Request) -> Response:
    await admit(request)
    parts = parts_of(request)
    body = await read_json(request, CreateThreadAndRunRequest, parts.settings.limits)
    project_id = project_of(request)
    admitted, new = await parts.admission.runs.admit_with_thread(project_id, body)
    requested = RequestedRun(
        run=admitted.run,
        messages=new.messages,
        thread=new.thread,
        fillings=new.fillings,
        key_id=key_of(request),
        resources=admitted.resources,
    )
    start = partial(parts.runs.create, project_id, requested)
    with released_on_error(await _hold_run(request, admitted.run)):
        if new.fillings:
            async with hold_fillings(request, new.fillings):
                started = await start()
            parts.vector_stores.announce()
        else:
            started = await start()
    return _respond_with_run(request, started, body.stream)


async def _hold_run(request: Request, run: RunObject) -> Hold | None:
    """Holds what the run may cost until it ends, by the latest ones, since its prompt is not yet known.

    Raises OutOfFunds and FundsReserved.
    """
    hold = await hold_funds(request, Work(run.model))
    if hold is not None:
        hold.bind(run.id)
    return hold


@operations.add("getRun", "GET", "/threads/{thread_id}/runs/{run_id}", summary="Retrieve a run.", response=RunObject)
async def get_run(request: Request) -> Response:
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    status, body = await parts_of(request).store.runs.get(project_of(request), thread_id, run_id)
    stand_in.mark_stored_response(request, body)
    response = json_response(body)
    if status in ACTIVE:
        response.headers["openai-poll-after-ms"] = _POLL_AFTER_MS
    return response


@operations.add(
    "streamRunEvents",
    "GET",
    "/threads/{thread_id}/runs/{run_id}/events",
    summary="Stream the events of a run, live or finished, from any event. An extension of the hosted API.",
    query=queries.RunEventsQuery,
    response=RunObject,
    streams=True,
    stream_events=run_events.STREAM_EVENTS,
    tag=EXTENSIONS,
)
async def stream_run_events(request: Request) -> Response:
    """An extension: attach to a run at any time, from its start or after the event that the client has seen last."""
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.RunEventsQuery)
    parts = parts_of(request)
    number = _last_event_number(request, query)
    # The first events may be those of an owner that is yet to be found.
    with parts.streams.waiting(key_of(request)):
        log = await parts.runs.attach(project_of(request), thread_id, run_id, number)
    if parts.models.has_stand_ins:
        _, body = await parts.store.runs.get(project_of(request), thread_id, run_id)
        stand_in.mark_stored_response(request, body)
    # A log that grows may be behind what the client has, as a copy of another node's, or one that is yet to become one.
    after = min(number, log.length) if log.closed and not log.is_remote else number
    return EventStream(request, log.reader(after, numbered=True), partial(_end_event, log))


def _last_event_number(request: Request, query: queries.RunEventsQuery) -> int:
    """The query parameter, or the header that browsers send when they connect again."""
    header = request.headers.get("last-event-id", "")
    if query.starting_after is not None:
        return query.starting_after
    return int(header) if header.isdecimal() else 0


@operations.add(
    "modifyRun",
    "POST",
    "/threads/{thread_id}/runs/{run_id}",
    summary="Modify a run's metadata.",
    request=ModifyRunRequest,
    response=RunObject,
)
async def modify_run(request: Request) -> Response:
    parts = parts_of(request)
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    body = await read_json(request, ModifyRunRequest, parts.settings.limits)
    change = set_metadata(None if body.metadata is UNSET else body.metadata or {})
    return json_response(await parts.store.runs.modify(project_of(request), thread_id, run_id, change))


@operations.add(
    "cancelRun",
    "POST",
    "/threads/{thread_id}/runs/{run_id}/cancel",
    summary="Cancel an active run.",
    response=RunObject,
)
async def cancel_run(request: Request) -> Response:
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    return json_response(await parts_of(request).runs.cancel(project_of(request), thread_id, run_id))


@operations.add(
    "submitToolOuputsToRun",
    "POST",
    "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
    summary="Submit the outputs of all pending tool calls of a run.",
    request=SubmitToolOutputsRunRequest,
    response=RunObject,
    streams=True,
    stream_events=run_events.STREAM_EVENTS,
)
async def submit_tool_outputs(request: Request) -> Response:
    parts = parts_of(request)
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    body = await read_json(request, SubmitToolOutputsRunRequest, parts.settings.limits)
    if body.tool_approvals is UNSET:
        if body.tool_outputs is UNSET:
            raise InvalidBody(error_texts.missing("tool_outputs"))
        started = await parts.runs.submit(project_of(request), thread_id, run_id, body.tool_outputs)
    elif body.tool_outputs:
        raise errors.InvalidRequest("A run waits for 'tool_outputs' or for 'tool_approvals', never for both.")
    else:
        started = await parts.runs.approve(project_of(request), thread_id, run_id, body.tool_approvals)
    return _respond_with_run(request, started, body.stream)


def run_id_of(request: Request) -> str:
    """The path's run id; raises InvalidId where it cannot be one."""
    run_id: str = request.path_params["run_id"]
    check_id("run_id", run_id, "run")
    return run_id


def _respond_with_run(request: Request, started: StartedRun, stream: bool | None) -> Response:
    stand_in.mark_response(request, started.run.model)
    if not stream:
        return json_response(started.body)
    return EventStream(request, started.reader(), partial(_end_event, started.log))


def _end_event(log: RunLog) -> bytes:
    if not log.is_handed_over:
        return DONE_FRAME
    message = "The server stopped following this run here; poll the run to get its result."
    return b"event: error\ndata: " + envelope(errors.ServerError(message)) + b"\n\n"

"""Run steps over HTTP."""

from dataclasses import replace

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, list_response, page_request
from understudy.api.runs import run_id_of
from understudy.api.threads import read_thread_id
from understudy.engine.views.steps import omit_search_texts
from understudy.wire import queries
from understudy.wire.parsing import check_id
from understudy.wire.steps import ListRunStepsResponse, RunStepObject

operations = OperationGroup("Assistants")

_decode = msgspec.json.Decoder(RunStepObject).decode


@operations.add(
    "listRunSteps",
    "GET",
    "/threads/{thread_id}/runs/{run_id}/steps",
    summary="List the steps of a run.",
    query=queries.ListRunStepsQuery,
    response=ListRunStepsResponse,
)
async def list_run_steps(request: Request) -> Response:
    thread_id, run_id = await read_thread_id(request), run_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.ListRunStepsQuery)
    steps = parts_of(request).store.runs
    page = await steps.page_steps(project_of(request), thread_id, run_id, page_request(query))
    if not query.include:
        page = replace(page, rows=[(step_id, _omit_search_texts(body)) for step_id, body in page.rows])
    return list_response(page)


@operations.add(
    "getRunStep",
    "GET",
    "/threads/{thread_id}/runs/{run_id}/steps/{step_id}",
    summary="Retrieve a step of a run.",
    query=queries.IncludeQuery,
    response=RunStepObject,
)
async def get_run_step(request: Request) -> Response:
    thread_id, run_id = await read_thread_id(request), run_id_of(request)
    step_id = request.path_params["step_id"]
    check_id("step_id", step_id, "step")
    query = queries.parse(request.scope["query_string"], queries.IncludeQuery)
    body = await parts_of(request).store.runs.get_step(project_of(request), thread_id, run_id, step_id)
    return json_response(body if query.include else _omit_search_texts(body))


def _omit_search_texts(body: str) -> str:
    """The step without the text of file search results, which is optional (`include`)."""
    if '"file_search"' not in body:
        return body
    return msgspec.json.encode(omit_search_texts(_decode(body))).decode()

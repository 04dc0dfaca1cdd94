"""Run steps over HTTP."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.exchange import encoded, listed, page_request
from understudy.api.parts import parts_of, project_of
from understudy.api.runs import run_id_of
from understudy.api.threads import thread_id_of
from understudy.wire import queries
from understudy.wire.problems import check_id


async def list_run_steps(request: Request) -> Response:
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.ListRunStepsQuery)
    steps = parts_of(request).store.runs
    return listed(await steps.page_steps(project_of(request), thread_id, run_id, page_request(query)))


async def get_run_step(request: Request) -> Response:
    thread_id, run_id = thread_id_of(request), run_id_of(request)
    step_id = request.path_params["step_id"]
    check_id("step_id", step_id, "step")
    queries.parse(request.scope["query_string"], queries.IncludeQuery)
    return encoded(await parts_of(request).store.runs.get_step(project_of(request), thread_id, run_id, step_id))

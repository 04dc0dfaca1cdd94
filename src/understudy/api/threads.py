"""Threads over HTTP."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import hold_fillings
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import (
    add_members,
    json_response,
    list_response,
    page_request,
    read_json,
    set_metadata,
    struct_response,
)
from understudy.engine.admission.threads import NewThread
from understudy.engine.item_data import have_data
from understudy.engine.tool_resources import merge_resources
from understudy.store.pages import BY_CREATION, Page
from understudy.store.threads import BY_ACTIVITY, ThreadFilter
from understudy.wire import queries
from understudy.wire.parsing import check_id
from understudy.wire.thread_details import ListThreadsResponse
from understudy.wire.threads import (
    BranchThreadRequest,
    CreateThreadRequest,
    DeleteThreadResponse,
    ModifyThreadRequest,
    ThreadObject,
)

operations = OperationGroup("Assistants")

_decode = msgspec.json.Decoder(ThreadObject).decode


@operations.add(
    "listThreads",
    "GET",
    "/threads",
    summary="List threads, with filters by metadata or text. An extension of the hosted API.",
    query=queries.ListThreadsQuery,
    response=ListThreadsResponse,
    tag=EXTENSIONS,
)
async def list_threads(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListThreadsQuery)
    page, details = await read_threads(request, query)
    rows = [(thread_id, add_members(body, details.get(thread_id, {}))) for thread_id, body in page.rows]
    return list_response(Page(rows, page.has_more))


@operations.add(
    "createThread",
    "POST",
    "/threads",
    summary="Create a thread, with or without messages.",
    request=CreateThreadRequest,
    request_optional=True,
    response=ThreadObject,
)
async def create_thread(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateThreadRequest, parts.settings.limits, empty=True)
    new = await parts.admission.threads.admit(project_of(request), body)
    if new.fillings:
        async with hold_fillings(request, new.fillings):
            await _store_thread(request, new)
        parts.vector_stores.announce()
    else:
        await _store_thread(request, new)
    return struct_response(new.thread)


async def _store_thread(request: Request, new: NewThread) -> None:
    parts, project_id = parts_of(request), project_of(request)
    if have_data(new.messages):
        async with parts.item_data.saving(project_id, new.messages, "messages") as (messages, data):
            await parts.store.threads.create(project_id, new.thread, messages, new.fillings, data)
    else:
        await parts.store.threads.create(project_id, new.thread, new.messages, new.fillings)


@operations.add(
    "getThread",
    "GET",
    "/threads/{thread_id}",
    summary="Retrieve a thread.",
    query=queries.ThreadQuery,
    response=ThreadObject,
)
async def get_thread(request: Request) -> Response:
    threads, thread_id = parts_of(request).store.threads, thread_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.ThreadQuery)
    thread = _decode(await threads.get(project_of(request), thread_id))
    thread.tool_resources = thread.tool_resources.as_read()
    if query.include:
        count = await threads.count_messages(thread_id)
        return json_response(add_members(msgspec.json.encode(thread).decode(), {"message_count": count}))
    return struct_response(thread)


@operations.add(
    "modifyThread",
    "POST",
    "/threads/{thread_id}",
    summary="Modify a thread's metadata or tool resources.",
    request=ModifyThreadRequest,
    response=ThreadObject,
)
async def modify_thread(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    body = await read_json(request, ModifyThreadRequest, parts.settings.limits)
    await parts.admission.threads.check_change(project_of(request), body)
    return struct_response(await parts.store.threads.modify(project_of(request), thread_id, _build_change(body)))


@operations.add(
    "branchThread",
    "POST",
    "/threads/{thread_id}/branch",
    summary="Create a thread with copies of another one's messages. An extension of the hosted API.",
    request=BranchThreadRequest,
    response=ThreadObject,
    tag=EXTENSIONS,
)
async def branch_thread(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = await read_thread_id(request)
    body = await read_json(request, BranchThreadRequest, parts.settings.limits)
    if body.after is not None:
        check_id("after", body.after, "msg")
    change = set_metadata(None if body.metadata is UNSET else body.metadata or {})
    branch = await parts.store.thread_branches.create(project_of(request), thread_id, body.after, change, parts.now())
    return struct_response(branch)


@operations.add(
    "deleteThread",
    "DELETE",
    "/threads/{thread_id}",
    summary="Delete a thread with its messages and runs.",
    response=DeleteThreadResponse,
)
async def delete_thread(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    run_id = await parts.store.threads.delete(project_of(request), thread_id)
    if run_id is not None:
        await parts.runs.stop_deleted(run_id)
    await parts.containers.delete_thread_container(project_of(request), thread_id)
    return struct_response(DeleteThreadResponse(id=thread_id))


async def read_threads(request: Request, query: queries.ListThreadsQuery) -> tuple[Page, dict[str, dict[str, object]]]:
    """A page of threads, and by their ids the members that the query includes."""
    condition = ThreadFilter(tuple(query.metadata.items()), query.q or None, query.branched_from or None)
    threads = parts_of(request).store.threads
    is_by_activity = query.order_by == "last_active_at"
    order = BY_ACTIVITY if is_by_activity else BY_CREATION
    page = await threads.page(project_of(request), page_request(query), condition, order)
    include = {*query.include, "last_active_at"} if is_by_activity else set(query.include)
    if not include or not page.rows:
        return page, {}
    return page, await threads.describe([row[0] for row in page.rows], include, query.q)


def thread_id_of(request: Request) -> str:
    """The path's thread id; raises InvalidId for a malformed one."""
    thread_id: str = request.path_params["thread_id"]
    check_id("thread_id", thread_id, "thread")
    return thread_id


async def read_thread_id(request: Request) -> str:
    """As `thread_id_of`, once the store has what streams of the thread's runs already have."""
    thread_id = thread_id_of(request)
    await parts_of(request).runs.store_openings(thread_id)
    return thread_id


def _build_change(body: ModifyThreadRequest) -> Callable[[ThreadObject], None]:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}

    def change(thread: ThreadObject) -> None:
        if "metadata" in changes:
            thread.metadata = changes["metadata"] or {}
        if "tool_resources" in changes:
            thread.tool_resources = merge_resources(thread.tool_resources, changes["tool_resources"])

    return change

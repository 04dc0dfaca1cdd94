"""Threads over HTTP."""

from collections.abc import Callable

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.content import new_messages
from understudy.api.exchange import listed, page_request, read_json, rendered
from understudy.api.parts import parts_of, project_of
from understudy.api.resources import merged, shown_resources
from understudy.store.threads import ThreadFilter
from understudy.wire import queries
from understudy.wire.problems import check_id
from understudy.wire.threads import CreateThreadRequest, DeleteThreadResponse, ModifyThreadRequest, ThreadObject

_decode = msgspec.json.Decoder(ThreadObject).decode


async def list_threads(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListThreadsQuery)
    condition = ThreadFilter(tuple(query.metadata.items()), query.q or None)
    return listed(await parts_of(request).store.threads.page(project_of(request), page_request(query), condition))


async def create_thread(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateThreadRequest, parts.settings.limits, empty=True)
    thread = new_thread(body, parts.now())
    await parts.store.threads.create(project_of(request), thread, new_messages(body.messages, thread.id, parts.now()))
    return rendered(thread)


async def get_thread(request: Request) -> Response:
    thread = _decode(await parts_of(request).store.threads.get(project_of(request), thread_id_of(request)))
    thread.tool_resources = thread.tool_resources.as_read()
    return rendered(thread)


async def modify_thread(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    body = await read_json(request, ModifyThreadRequest, parts.settings.limits)
    return rendered(await parts.store.threads.modify(project_of(request), thread_id, _change(body)))


async def delete_thread(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    run_id = await parts.store.threads.delete(project_of(request), thread_id)
    if run_id is not None:
        parts.runs.forget(run_id)
    return rendered(DeleteThreadResponse(id=thread_id))


def thread_id_of(request: Request) -> str:
    """The path's thread id; raises InvalidId where it cannot be one."""
    thread_id: str = request.path_params["thread_id"]
    check_id("thread_id", thread_id, "thread")
    return thread_id


def new_thread(body: CreateThreadRequest, now: int) -> ThreadObject:
    resources = shown_resources(body.tool_resources)
    return ThreadObject(id=ids.thread(), created_at=now, metadata=body.metadata or {}, tool_resources=resources)


def _change(body: ModifyThreadRequest) -> Callable[[ThreadObject], None]:
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}

    def change(thread: ThreadObject) -> None:
        if "metadata" in given:
            thread.metadata = given["metadata"] or {}
        if "tool_resources" in given:
            thread.tool_resources = merged(thread.tool_resources, given["tool_resources"])

    return change

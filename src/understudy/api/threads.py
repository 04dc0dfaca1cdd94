"""Threads over HTTP."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.content import new_messages
from understudy.api.message_files import check_message_files
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import list_response, page_request, read_json, struct_response
from understudy.api.resources import check_resources, merge_resources, prepare_resources
from understudy.store.attachments import THREAD_STORE_EXPIRY, VectorStoreUpload, collect_attachments
from understudy.store.threads import ThreadFilter
from understudy.wire import queries
from understudy.wire.messages import MessageObject
from understudy.wire.parsing import check_id
from understudy.wire.threads import (
    CreateThreadRequest,
    DeleteThreadResponse,
    ListThreadsResponse,
    ModifyThreadRequest,
    ThreadObject,
)

operations = OperationGroup("Assistants")

_decode = msgspec.json.Decoder(ThreadObject).decode


@dataclass(frozen=True, slots=True)
class NewThread:
    """A thread to store, with its messages and the vector stores to create or fill for it."""

    thread: ThreadObject
    messages: Sequence[MessageObject]
    fillings: Sequence[VectorStoreUpload]


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
    condition = ThreadFilter(tuple(query.metadata.items()), query.q or None)
    return list_response(
        await parts_of(request).store.threads.page(project_of(request), page_request(query), condition)
    )


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
    new = await new_thread(parts, project_of(request), body)
    await parts.store.threads.create(project_of(request), new.thread, new.messages, new.fillings)
    if new.fillings:
        parts.vector_stores.announce()
    return struct_response(new.thread)


@operations.add("getThread", "GET", "/threads/{thread_id}", summary="Retrieve a thread.", response=ThreadObject)
async def get_thread(request: Request) -> Response:
    thread = _decode(await parts_of(request).store.threads.get(project_of(request), thread_id_of(request)))
    thread.tool_resources = thread.tool_resources.as_read()
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
    await check_resources(parts, project_of(request), body.tool_resources or None)
    return struct_response(await parts.store.threads.modify(project_of(request), thread_id, _build_change(body)))


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
        parts.runs.stop_deleted(run_id)
    await parts.containers.delete_thread_container(project_of(request), thread_id)
    return struct_response(DeleteThreadResponse(id=thread_id))


def thread_id_of(request: Request) -> str:
    """The path's thread id; raises InvalidId for a malformed one."""
    thread_id: str = request.path_params["thread_id"]
    check_id("thread_id", thread_id, "thread")
    return thread_id


async def new_thread(parts: Parts, project_id: str, body: CreateThreadRequest, path: str = "messages") -> NewThread:
    """`path` is the request parameter of the messages.

    Raises NotFound for an unknown file or vector store, InvalidRequest for an unsupported file type.
    """
    now, thread_id = parts.now(), ids.thread()
    resources, fillings = await prepare_resources(parts, project_id, body.tool_resources, THREAD_STORE_EXPIRY)
    messages = new_messages(body.messages, thread_id, now)
    await check_message_files(parts, project_id, messages, path)
    resources, attached = collect_attachments(resources, messages, now)
    thread = ThreadObject(id=thread_id, created_at=now, metadata=body.metadata or {}, tool_resources=resources)
    return NewThread(thread, messages, [*fillings, *attached])


def _build_change(body: ModifyThreadRequest) -> Callable[[ThreadObject], None]:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}

    def change(thread: ThreadObject) -> None:
        if "metadata" in changes:
            thread.metadata = changes["metadata"] or {}
        if "tool_resources" in changes:
            thread.tool_resources = merge_resources(thread.tool_resources, changes["tool_resources"])

    return change

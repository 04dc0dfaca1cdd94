"""Messages over HTTP."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import hold_attachments
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, list_response, page_request, read_json, set_metadata, struct_response
from understudy.api.threads import read_thread_id, thread_id_of
from understudy.engine.item_data import have_data
from understudy.engine.new_messages import new_message
from understudy.errors import InvalidRequest
from understudy.wire import queries
from understudy.wire.messages import (
    CreateMessageRequest,
    DeleteMessageResponse,
    ListMessagesResponse,
    MessageObject,
    ModifyMessageRequest,
)
from understudy.wire.parsing import check_id

operations = OperationGroup("Assistants")


@operations.add(
    "listMessages",
    "GET",
    "/threads/{thread_id}/messages",
    summary="List the messages of a thread.",
    query=queries.ListMessagesQuery,
    response=ListMessagesResponse,
)
async def list_messages(request: Request) -> Response:
    thread_id = await read_thread_id(request)
    query = queries.parse(request.scope["query_string"], queries.ListMessagesQuery)
    if query.run_id is not None:
        check_id("run_id", query.run_id, "run")
    messages = parts_of(request).store.messages
    if query.around is not None:
        if query.q:
            raise InvalidRequest("`around` cannot be combined with `q`: leave one of them out.", param="around")
        page = await messages.page_around(project_of(request), thread_id, query.around, page_request(query))
    else:
        page = await messages.page(project_of(request), thread_id, page_request(query), query.run_id, query.q or None)
    return list_response(await parts_of(request).item_data.fill_page(page))


@operations.add(
    "createMessage",
    "POST",
    "/threads/{thread_id}/messages",
    summary="Create a message in a thread.",
    request=CreateMessageRequest,
    response=MessageObject,
)
async def create_message(request: Request) -> Response:
    parts = parts_of(request)
    thread_id = thread_id_of(request)
    body = await read_json(request, CreateMessageRequest, parts.settings.limits)
    message = new_message(body, thread_id, parts.now())
    await parts.admission.messages.check(project_of(request), [message], "")
    if message.attachments:
        async with hold_attachments(request, [message]):
            await _store_message(request, message)
        parts.vector_stores.announce()
    else:
        await _store_message(request, message)
    return struct_response(message)


@operations.add(
    "getMessage",
    "GET",
    "/threads/{thread_id}/messages/{message_id}",
    summary="Retrieve a message.",
    response=MessageObject,
)
async def get_message(request: Request) -> Response:
    thread_id, message_id = await read_thread_id(request), _message_id(request)
    parts = parts_of(request)
    body = await parts.store.messages.get(project_of(request), thread_id, message_id)
    return json_response(await parts.item_data.fill(body))


@operations.add(
    "modifyMessage",
    "POST",
    "/threads/{thread_id}/messages/{message_id}",
    summary="Modify a message's metadata.",
    request=ModifyMessageRequest,
    response=MessageObject,
)
async def modify_message(request: Request) -> Response:
    parts = parts_of(request)
    thread_id, message_id = await read_thread_id(request), _message_id(request)
    body = await read_json(request, ModifyMessageRequest, parts.settings.limits)
    change = set_metadata(None if body.metadata is UNSET else body.metadata or {})
    changed = await parts.store.messages.modify(project_of(request), thread_id, message_id, change)
    return json_response(await parts.item_data.fill(changed))


@operations.add(
    "deleteMessage",
    "DELETE",
    "/threads/{thread_id}/messages/{message_id}",
    summary="Delete a message.",
    response=DeleteMessageResponse,
)
async def delete_message(request: Request) -> Response:
    thread_id, message_id = await read_thread_id(request), _message_id(request)
    await parts_of(request).store.messages.delete(project_of(request), thread_id, message_id)
    return struct_response(DeleteMessageResponse(id=message_id))


async def _store_message(request: Request, message: MessageObject) -> None:
    parts, project_id = parts_of(request), project_of(request)
    if have_data([message]):
        async with parts.item_data.saving(project_id, message, "content") as (marked, data):
            await parts.store.messages.create(project_id, marked, data)
    else:
        await parts.store.messages.create(project_id, message)


def _message_id(request: Request) -> str:
    message_id: str = request.path_params["message_id"]
    check_id("message_id", message_id, "msg")
    return message_id

"""Conversations over HTTP. A conversation is a thread; its items include messages, calls and outputs."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api.operations import EXTENSIONS, OperationGroup, Schema
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
from understudy.api.responses import render_item_list, render_items
from understudy.api.threads import read_threads
from understudy.engine.input_items import to_stored_aside
from understudy.errors import NotFound
from understudy.errors.objects import conversation_not_found
from understudy.store.pages import Page, PageRequest
from understudy.wire import queries
from understudy.wire.conversations import (
    BranchConversationRequest,
    ConversationObject,
    ConversationOrigin,
    CreateConversationItemsRequest,
    CreateConversationRequest,
    DeletedConversation,
    UpdateConversationRequest,
)
from understudy.wire.input_items import InputItem
from understudy.wire.input_parsing import whole
from understudy.wire.parsing import check_id
from understudy.wire.responses import ResponseItemList
from understudy.wire.thread_details import ListConversationsResponse
from understudy.wire.threads import ThreadObject
from understudy.wire.tools import ToolResources

operations = OperationGroup("Conversations")

_ANY_ITEM: Schema = {"type": "object", "description": "An item: a message, a call, the output of one, reasoning."}

_decode = msgspec.json.Decoder(ThreadObject).decode


@operations.add(
    "listConversations",
    "GET",
    "/conversations",
    summary="List conversations, with filters by metadata or text. An extension of the hosted API.",
    query=queries.ListThreadsQuery,
    response=ListConversationsResponse,
    tag=EXTENSIONS,
)
async def list_conversations(request: Request) -> Response:
    """The same objects as the list of threads: its cursors are taken as well."""
    query = queries.parse(request.scope["query_string"], queries.ListThreadsQuery)
    after, before = [cursor and _to_thread_id(cursor) for cursor in (query.after, query.before)]
    origin = query.branched_from and _to_thread_id(query.branched_from)
    query = msgspec.structs.replace(query, after=after, before=before, branched_from=origin)
    page, details = await read_threads(request, query)
    rows = []
    for thread_id, body in page.rows:
        conversation = _render_conversation(_decode(body))
        encoded = msgspec.json.encode(conversation).decode()
        rows.append((conversation.id, add_members(encoded, details.get(thread_id, {}))))
    return list_response(Page(rows, page.has_more))


@operations.add(
    "createConversation",
    "POST",
    "/conversations",
    summary="Create a conversation, which is also a thread.",
    request=CreateConversationRequest,
    request_optional=True,
    response=ConversationObject,
)
async def create_conversation(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateConversationRequest, parts.settings.limits, empty=True)
    thread = ThreadObject(
        id=ids.thread(), created_at=parts.now(), metadata=body.metadata or {}, tool_resources=ToolResources()
    )
    project_id = project_of(request)
    admitted = await _admit_items(request, body.items or ())
    async with parts.item_data.saving(project_id, admitted, "items") as (items, data):
        rows = await to_stored_aside(items, thread.id, parts.now())
        await parts.store.conversations.create(project_id, thread, rows, data)
    return struct_response(_render_conversation(thread))


@operations.add(
    "getConversation",
    "GET",
    "/conversations/{conversation_id}",
    summary="Retrieve a conversation.",
    response=ConversationObject,
)
async def get_conversation(request: Request) -> Response:
    thread_id = _thread_id(request)
    try:
        return struct_response(
            _render_conversation(_decode(await parts_of(request).store.threads.get(project_of(request), thread_id)))
        )
    except NotFound:
        raise conversation_not_found(thread_id) from None


@operations.add(
    "updateConversation",
    "POST",
    "/conversations/{conversation_id}",
    summary="Modify a conversation's metadata.",
    request=UpdateConversationRequest,
    response=ConversationObject,
)
async def update_conversation(request: Request) -> Response:
    parts, thread_id = parts_of(request), _thread_id(request)
    body = await read_json(request, UpdateConversationRequest, parts.settings.limits)
    try:
        changed = await parts.store.threads.modify(project_of(request), thread_id, set_metadata(body.metadata or {}))
    except NotFound:
        raise conversation_not_found(thread_id) from None
    return struct_response(_render_conversation(changed))


@operations.add(
    "branchConversation",
    "POST",
    "/conversations/{conversation_id}/branch",
    summary="Create a conversation with copies of another one's items. An extension of the hosted API.",
    request=BranchConversationRequest,
    response=ConversationObject,
    tag=EXTENSIONS,
)
async def branch_conversation(request: Request) -> Response:
    parts, project_id, thread_id = parts_of(request), project_of(request), await _read_thread_id(request)
    body = await read_json(request, BranchConversationRequest, parts.settings.limits)
    if body.after is None:
        await get_conversation(request)
    else:
        await parts.store.conversations.item(project_id, thread_id, body.after)
    change = set_metadata(None if body.metadata is UNSET else body.metadata or {})
    branch = await parts.store.thread_branches.create(project_id, thread_id, body.after, change, parts.now())
    return struct_response(_render_conversation(branch))


@operations.add(
    "deleteConversation",
    "DELETE",
    "/conversations/{conversation_id}",
    summary="Delete a conversation with its items.",
    response=DeletedConversation,
)
async def delete_conversation(request: Request) -> Response:
    parts, thread_id = parts_of(request), _thread_id(request)
    try:
        run_id = await parts.store.threads.delete(project_of(request), thread_id)
    except NotFound:
        raise conversation_not_found(thread_id) from None
    if run_id is not None:
        await parts.runs.stop_deleted(run_id)
    return struct_response(DeletedConversation(id=conversation_id(thread_id)))


@operations.add(
    "createConversationItems",
    "POST",
    "/conversations/{conversation_id}/items",
    summary="Add items to a conversation.",
    request=CreateConversationItemsRequest,
    query=queries.ItemQuery,
    response=ResponseItemList,
)
async def create_conversation_items(request: Request) -> Response:
    parts, project_id, thread_id = parts_of(request), project_of(request), _thread_id(request)
    query = queries.parse(request.scope["query_string"], queries.ItemQuery)
    body = await read_json(request, CreateConversationItemsRequest, parts.settings.limits)
    admitted = await _admit_items(request, body.items)
    async with parts.item_data.saving(project_id, admitted, "items") as (marked, data):
        items = await to_stored_aside(marked, thread_id, parts.now())
        await parts.store.conversations.add(project_id, thread_id, items, data)
    newest = PageRequest(max(1, len(items)), "desc")
    page = await parts.store.conversations.page(project_id, thread_id, newest)
    added = page.items[::-1] if items else []
    return struct_response(await render_item_list(parts, project_id, added, query.include, has_more=False))


@operations.add(
    "listConversationItems",
    "GET",
    "/conversations/{conversation_id}/items",
    summary="List the items of a conversation.",
    query=queries.ListItemsQuery,
    response=ResponseItemList,
)
async def list_conversation_items(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    query = queries.parse(request.scope["query_string"], queries.ListItemsQuery)
    page = await parts.store.conversations.page(project_id, await _read_thread_id(request), page_request(query))
    return struct_response(await render_item_list(parts, project_id, page.items, query.include, has_more=page.has_more))


@operations.add(
    "getConversationItem",
    "GET",
    "/conversations/{conversation_id}/items/{item_id}",
    summary="Retrieve an item of a conversation.",
    query=queries.ItemQuery,
    response=_ANY_ITEM,
)
async def get_conversation_item(request: Request) -> Response:
    parts, project_id, thread_id = parts_of(request), project_of(request), await _read_thread_id(request)
    query = queries.parse(request.scope["query_string"], queries.ItemQuery)
    item = await parts.store.conversations.item(project_id, thread_id, request.path_params["item_id"])
    return json_response(msgspec.json.encode((await render_items(parts, project_id, [item], query.include))[0]))


@operations.add(
    "deleteConversationItem",
    "DELETE",
    "/conversations/{conversation_id}/items/{item_id}",
    summary="Delete an item; returns the conversation.",
    response=ConversationObject,
)
async def delete_conversation_item(request: Request) -> Response:
    parts, project_id, thread_id = parts_of(request), project_of(request), await _read_thread_id(request)
    await parts.store.conversations.delete_item(project_id, thread_id, request.path_params["item_id"])
    return await get_conversation(request)


def conversation_id(thread_id: str) -> str:
    return "conv_" + thread_id.partition("_")[2]


def _thread_id(request: Request) -> str:
    """The id of the conversation's thread; raises InvalidId for a malformed id."""
    conversation_id: str = request.path_params["conversation_id"]
    check_id("conversation_id", conversation_id, "conv_")
    return _to_thread_id(conversation_id)


async def _read_thread_id(request: Request) -> str:
    """As `_thread_id`, once the store has what streams of the conversation's responses already have."""
    thread_id = _thread_id(request)
    await parts_of(request).runs.store_openings(thread_id)
    return thread_id


def _to_thread_id(conversation_id: str) -> str:
    return "thread_" + conversation_id.partition("_")[2]


def _render_conversation(thread: ThreadObject) -> ConversationObject:
    origin = thread.branched_from
    return ConversationObject(
        id=conversation_id(thread.id),
        created_at=thread.created_at,
        metadata=thread.metadata,
        branched_from=UNSET
        if origin is UNSET
        else ConversationOrigin(conversation_id(origin.thread_id), origin.message_id, origin.copied_message_id),
    )


async def _admit_items(request: Request, items: Sequence[dict[str, Any]]) -> list[InputItem]:
    return await parts_of(request).admission.items.admit(project_of(request), whole(items, "items"), "items")

"""Responses over HTTP: create one and wait for it, stream it or leave it in the background; read, cancel, delete it."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import errors
from understudy.api import stand_in
from understudy.api.event_stream import EventStream
from understudy.api.metering import admit, hold_funds, reserve_tokens
from understudy.api.operations import EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import (
    add_headers,
    decode_body,
    json_response,
    list_response,
    page_request,
    read_body,
    read_json,
    struct_response,
)
from understudy.api.response_frames import followed_frames, stream_response, warm_up_frames
from understudy.api.response_memory import turn_of
from understudy.api.response_requests import check_shape, parse_request
from understudy.engine.accounting import Work
from understudy.engine.limits.demand import Demand, measure_request
from understudy.engine.new_responses import AdmittedRequest
from understudy.engine.prompts import resolve_prompt
from understudy.engine.response_compaction import ResponseCompaction
from understudy.engine.response_request import ResolvedPrompt
from understudy.engine.response_streams import CreatedResponse
from understudy.engine.responses import FinishedResponse
from understudy.engine.spending_holds import released_on_error
from understudy.engine.views.items import add_included, cited_file_ids, omits_data, render_item
from understudy.store.messages import Item
from understudy.store.response_lists import ResponseFilter
from understudy.wire import queries, response_events
from understudy.wire.parsing import check_id, parse
from understudy.wire.response_items import encode_items
from understudy.wire.response_rules import hosted_tools
from understudy.wire.response_tools import HostedTool, ResponseTool
from understudy.wire.responses import (
    CompactionObject,
    CompactRequest,
    CountTokensRequest,
    CreateResponseRequest,
    DeletedResponse,
    InputTokens,
    ListResponsesResponse,
    ResponseContext,
    ResponseItemList,
    ResponseObject,
)

operations = OperationGroup("Responses")

_POLL_AFTER_MS = "300"
_ACTIVE = frozenset({"queued", "in_progress"})
# Parts of items that a response has only if `include` names them.
_PARTS_NOT_IN_RESPONSE = frozenset(
    {
        "file_search_call.results",
        "code_interpreter_call.outputs",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)
_decode = msgspec.json.Decoder(ResponseObject).decode


@operations.add(
    "createResponse",
    "POST",
    "/responses",
    summary="Create a response, with tools, whole, streamed or in the background.",
    request=CreateResponseRequest,
    response=ResponseObject,
    streams=True,
    stream_events=response_events.STREAM_EVENTS,
)
async def create_response(request: Request) -> Response:
    await admit(request)
    parts, project_id = parts_of(request), project_of(request)
    turn = turn_of(request)
    body = await read_body(request, parts.settings.limits)
    params = await decode_body(body, parse_request, body, parts.settings.limits)
    prompt = None
    if params.prompt is not None:
        prompt = await resolve_prompt(parts.store.prompts, parts.admission.responses, project_id, params)
    items = await parts.admission.responses.admit(project_id, params)
    if turn is not None and turn.is_warm_up:
        return EventStream(request, warm_up_frames(parts.responses.render_warm_up(params)))
    measure = partial(_measure_response, body, params, params.max_output_tokens, prompt)
    reservation = await reserve_tokens(request, params.model or "", measure)
    hold = await hold_funds(request, Work(params.model or "", measure=measure))
    with released_on_error(hold):
        admitted = AdmittedRequest(
            params=params,
            items=items,
            key_id=request.state.key_id,
            reserved=reservation.tokens if reservation else 0,
            prompt=prompt,
            follows_unstored=turn is not None and turn.memory.knows(params.previous_response_id),
            hold=hold,
        )
        begun = await parts.responses.create(project_id, admitted)
    memory = None if turn is None else turn.memory
    if reservation is not None:
        reservation.transfer()
    stand_in.mark_response(request, params.model or "")
    if params.tools:
        await _warn_of_dropped_tools(request, params.tools)
    if params.stream:
        return stream_response(request, begun, memory, kept=admitted.is_stored)
    if params.background:
        return json_response(encode_items(begun.response))
    with parts.streams.waiting(request.state.key_id):
        return json_response(await _await_response(parts, begun, kept=admitted.is_stored))


def _measure_response(
    body: bytes, params: ResponseContext, output: int | None = None, prompt: ResolvedPrompt | None = None
) -> Demand:
    members = {"input": params.input, "instructions": params.instructions}
    more = None if prompt is None else prompt.instructions
    return measure_request(body, members | {"max_output_tokens": output}, more)


async def complete_response(parts: Parts, project_id: str, key_id: str, body: bytes) -> bytes:
    """The whole response to a line of a batch of this key. Raises what the request would be refused with."""
    params = await decode_body(body, parse_request, body, parts.settings.limits)
    if params.stream or params.background:
        raise errors.InvalidRequest("A line of a batch can neither be streamed nor run in the background.")
    prompt = await resolve_prompt(parts.store.prompts, parts.admission.responses, project_id, params)
    items = await parts.admission.responses.admit(project_id, params)
    measure = partial(_measure_response, body, params, params.max_output_tokens, prompt)
    hold = await parts.accounting.hold(project_id, key_id, Work(params.model or "", measure=measure, batch=True))
    with released_on_error(hold):
        request = AdmittedRequest(params=params, items=items, key_id=key_id, prompt=prompt, in_batch=True, hold=hold)
        begun = await parts.responses.create(project_id, request)
    return await _await_response(parts, begun, kept=request.is_stored)


@operations.add(
    "listResponses",
    "GET",
    "/responses",
    summary="List stored responses, with filters. An extension of the hosted API.",
    query=queries.ListResponsesQuery,
    response=ListResponsesResponse,
    tag=EXTENSIONS,
)
async def list_responses(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListResponsesQuery)
    chosen = ResponseFilter(query.status, query.model, tuple(query.metadata.items()), query.q or None)
    responses = parts_of(request).responses
    return list_response(await responses.page(project_of(request), page_request(query), chosen))


@operations.add(
    "getResponse",
    "GET",
    "/responses/{response_id}",
    summary="Retrieve a response, or its stream.",
    query=queries.GetResponseQuery,
    response=ResponseObject,
    streams=True,
    stream_events=response_events.STREAM_EVENTS,
)
async def get_response(request: Request) -> Response:
    parts, project_id, response_id = parts_of(request), project_of(request), response_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.GetResponseQuery)
    if query.stream:
        stand_in.mark_response(request, (await _find_streamable(parts, project_id, response_id)).model)
        # The first events may be those of an owner that is yet to be found.
        with parts.streams.waiting(request.state.key_id):
            followed = await parts.responses.follow(project_id, response_id, query.starting_after)
        return EventStream(request, followed_frames(followed))
    body = await parts.responses.get(project_id, response_id)
    found = _decode(body)
    stand_in.mark_response(request, found.model)
    if _PARTS_NOT_IN_RESPONSE.intersection(query.include):
        made = await parts.store.responses.output_items(project_id, response_id)
        response = json_response(encode_items(add_included(found, made, frozenset(query.include))))
    else:
        response = json_response(body)
    if found.status in _ACTIVE:
        response.headers["openai-poll-after-ms"] = _POLL_AFTER_MS
    return response


@operations.add(
    "deleteResponse", "DELETE", "/responses/{response_id}", summary="Delete a response.", response=DeletedResponse
)
async def delete_response(request: Request) -> Response:
    response_id = response_id_of(request)
    await parts_of(request).responses.delete(project_of(request), response_id)
    return struct_response(DeletedResponse(id=response_id))


@operations.add(
    "cancelResponse",
    "POST",
    "/responses/{response_id}/cancel",
    summary="Cancel a background response.",
    response=ResponseObject,
)
async def cancel_response(request: Request) -> Response:
    parts = parts_of(request)
    with parts.streams.waiting(request.state.key_id):
        return json_response(await parts.responses.cancel(project_of(request), response_id_of(request)))


@operations.add(
    "listInputItems",
    "GET",
    "/responses/{response_id}/input_items",
    summary="List the input items of a response.",
    query=queries.ListItemsQuery,
    response=ResponseItemList,
)
async def list_input_items(request: Request) -> Response:
    parts, project_id, response_id = parts_of(request), project_of(request), response_id_of(request)
    query = queries.parse(request.scope["query_string"], queries.ListItemsQuery)
    page = await parts.store.responses.input_items(project_id, response_id, page_request(query))
    return struct_response(await render_item_list(parts, project_id, page.items, query.include, has_more=page.has_more))


@operations.add(
    "getInputTokenCounts",
    "POST",
    "/responses/input_tokens",
    summary="Count the input tokens of a request.",
    request=CountTokensRequest,
    response=InputTokens,
)
async def count_input_tokens(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    params = await read_json(request, CountTokensRequest, parts.settings.limits, empty=True)
    check_shape(params)
    items = await parts.admission.responses.admit_context(project_id, params)
    return struct_response(InputTokens(input_tokens=await parts.responses.count_tokens(project_id, params, items)))


@operations.add(
    "Compactconversation",
    "POST",
    "/responses/compact",
    summary="Compact a conversation: its user messages, and one item that replaces the rest.",
    request=CompactRequest,
    response=CompactionObject,
)
async def compact_conversation(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    body = await read_body(request, parts.settings.limits)
    limits = parts.settings.limits
    params = await decode_body(body, parse, body, CompactRequest, depth=limits.json_depth, values=limits.json_values)
    context = ResponseContext(
        model=params.model,
        input=params.input,
        previous_response_id=params.previous_response_id,
        tools=params.tools,
        tool_choice=params.tool_choice,
        text=params.text,
    )
    check_shape(context)
    items = await parts.admission.responses.admit_context(project_id, context, params.model)
    stand_in.mark_response(request, params.model)
    measure = partial(_measure_response, body, context)
    reservation = await reserve_tokens(request, params.model, measure)
    await hold_funds(request, Work(params.model, measure=measure))
    tokens = 0 if reservation is None else reservation.transfer()
    compaction = ResponseCompaction(parts.store, parts.responses, parts.item_data)
    finished, made = await compaction.compact(project_id, params, items, request.state.key_id, reserved=tokens)
    if finished.has_failed:
        raise _to_api_error(finished)
    return struct_response(made)


async def render_item_list(
    parts: Parts, project_id: str, items: Sequence[Item], include: Sequence[str], *, has_more: bool
) -> ResponseItemList:
    """Items as the Responses API lists them."""
    data = await render_items(parts, project_id, items, include)
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return ResponseItemList(data=data, first_id=first, has_more=has_more, last_id=last)


async def render_items(
    parts: Parts, project_id: str, items: Sequence[Item], include: Sequence[str]
) -> list[dict[str, Any]]:
    cited = cited_file_ids(items)
    names = {file.id: file.filename for file in await parts.store.files.lookup(project_id, cited)} if cited else {}
    included = frozenset(include)
    shown = [item for item in items if not omits_data(item, included)]
    filled = {item.seq: item for item in await parts.item_images.fill_items(shown)}
    return [render_item(filled.get(item.seq, item), included, names) for item in items]


async def _warn_of_dropped_tools(request: Request, tools: Sequence[ResponseTool]) -> None:
    """Names the tools that no model is offered in a header of the response; adds none without such tools."""
    if not any(isinstance(tool, HostedTool) for tool in tools):
        return
    served = await parts_of(request).responses.hosted.find_served(tools)
    dropped = dict.fromkeys(kind for _, kind in hosted_tools(tools, served))
    if dropped:
        add_headers(request, [(b"x-understudy-dropped-tools", ", ".join(dropped).encode())])


async def _await_response(parts: Parts, begun: CreatedResponse, *, kept: bool) -> bytes:
    """Raises what made it fail: there is nobody else who would look at the response."""
    finished = await parts.responses.finish(begun, kept=kept)
    if finished.has_failed:
        raise _to_api_error(finished)
    return encode_items(finished.response)


def _to_api_error(finished: FinishedResponse) -> errors.ApiError:
    error = finished.response.error
    assert error is not None
    code, message = error.code, error.message
    headers = {} if finished.retry_after is None else errors.retry_headers(finished.retry_after)
    match code:
        case "rate_limit_exceeded":
            return errors.RateLimited(message, code=code, headers=headers)
        case "context_length_exceeded":
            return errors.InvalidRequest(message, param="input", code=code)
        case "invalid_prompt":
            return errors.InvalidRequest(message, code=code)
        case _:
            return errors.ServerError(message, code=code, headers=headers)


async def _find_streamable(parts: Parts, project_id: str, response_id: str) -> ResponseObject:
    response = _decode(await parts.store.responses.get(project_id, response_id))
    if not response.background:
        raise errors.InvalidRequest(
            "This response was not created with 'background' and 'stream', so it cannot be streamed.", param="stream"
        )
    return response


def response_id_of(request: Request) -> str:
    """The path's response id; raises InvalidId where it cannot be one."""
    response_id: str = request.path_params["response_id"]
    check_id("response_id", response_id, "resp")
    return response_id

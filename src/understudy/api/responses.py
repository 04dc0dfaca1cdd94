"""Responses over HTTP: create one and wait for it, stream it or leave it in the background; read, cancel, delete it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from understudy import errors
from understudy.api import stand_in
from understudy.api.charging import admit
from understudy.api.errors import to_api_error
from understudy.api.event_stream import EventStream
from understudy.api.exchange import decode_body, encoded, page_request, read_body, read_json, rendered
from understudy.api.file_lookup import lookup_files
from understudy.api.inputs import check_files
from understudy.api.models import check_model
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.remote import check_remote
from understudy.engine.compacting import Compacting
from understudy.engine.item_view import cited_files, revealed, shown
from understudy.engine.response_log import last_number
from understudy.engine.response_request import remote_server
from understudy.engine.responses import Begun, Followed
from understudy.engine.tool_choice import check_choice
from understudy.store.messages import Item
from understudy.wire import queries, wording
from understudy.wire.client_items import AdditionalTools, ToolSearchOutput
from understudy.wire.input_items import (
    GivenItem,
    whole,
)
from understudy.wire.problems import InvalidBody, check_id, parse
from understudy.wire.response_items import encoded_items
from understudy.wire.response_rules import check_input, check_members, check_tools, hosted_tools
from understudy.wire.response_tools import AutoContainer, CodeInterpreterTool, FileSearchTool, McpTool, ResponseTool
from understudy.wire.responses import (
    CompactRequest,
    CountTokensRequest,
    CreateResponseRequest,
    DeletedResponse,
    InputTokens,
    JsonSchemaFormat,
    ResponseContext,
    ResponseItemList,
    ResponseObject,
)
from understudy.wire.strict import check_strict_format
from understudy.wire.wording import Problem

_POLL_AFTER_MS = "300"
# Items that are looked at within a millisecond or two.
_FEW = 100
_ACTIVE = frozenset({"queued", "in_progress"})
# What an answer shows of its items only to who asks for it.
_KEPT_BACK = frozenset({"file_search_call.results", "code_interpreter_call.outputs", "reasoning.encrypted_content"})
_decode = msgspec.json.Decoder(ResponseObject).decode


class _Older(Struct):
    """What a body of the older API has, not looked into."""

    messages: Raw | UnsetType = UNSET


_older = msgspec.json.Decoder(_Older).decode


async def create_response(request: Request) -> Response:
    await admit(request)
    parts, project_id = parts_of(request), project_of(request)
    body = await read_body(request, parts.settings.limits)
    asked = await decode_body(body, parsed, body, parts)
    begun = await _begin(parts, project_id, asked, request.state.key_id)
    stand_in.mark(request, asked.model or "")
    _warn_of_dropped(request, asked)
    if asked.stream:
        return EventStream(request, _frames(parts, begun, kept=asked.store is not False))
    if asked.background:
        return encoded(begun.body)
    with parts.streams.waiting(request.state.key_id):
        return encoded(await _finished(parts, begun, kept=asked.store is not False))


async def complete_response(parts: Parts, project_id: str, body: bytes) -> bytes:
    """The whole response to the body of a request. Raises what the request would be refused with."""
    asked = await decode_body(body, parsed, body, parts)
    if asked.stream or asked.background:
        raise errors.InvalidRequest("A line of a batch can neither be streamed nor run in the background.")
    begun = await _begin(parts, project_id, asked)
    return await _finished(parts, begun, kept=asked.store is not False)


def parsed(body: bytes, parts: Parts) -> CreateResponseRequest:
    """Raises InvalidBody."""
    limits = parts.settings.limits
    asked = parse(_moved(body), CreateResponseRequest, depth=limits.json_depth, values=limits.json_values)
    _check_shape(asked)
    if asked.model is None:
        raise InvalidBody(wording.missing("model"))
    if asked.background and asked.store is False:
        raise InvalidBody(
            Problem("Background mode requires 'store' to be true.", "background", "background_requires_store")
        )
    check_members(asked)
    return asked


async def get_response(request: Request) -> Response:
    parts, project_id, response_id = parts_of(request), project_of(request), _response_id(request)
    query = queries.parse(request.scope["query_string"], queries.GetResponseQuery)
    if query.stream:
        stand_in.mark(request, (await _streamable(parts, project_id, response_id)).model)
        followed = await parts.responses.follow(project_id, response_id, query.starting_after)
        return EventStream(request, _followed_frames(followed))
    body = await parts.store.responses.get(project_id, response_id)
    found = _decode(body)
    stand_in.mark(request, found.model)
    if _KEPT_BACK.intersection(query.include):
        made = await parts.store.responses.made_items(project_id, response_id)
        response = encoded(encoded_items(revealed(found, made, frozenset(query.include))))
    else:
        response = encoded(body)
    if found.status in _ACTIVE:
        response.headers["openai-poll-after-ms"] = _POLL_AFTER_MS
    return response


async def delete_response(request: Request) -> Response:
    response_id = _response_id(request)
    await parts_of(request).responses.delete(project_of(request), response_id)
    return rendered(DeletedResponse(id=response_id))


async def cancel_response(request: Request) -> Response:
    parts = parts_of(request)
    with parts.streams.waiting(request.state.key_id):
        return encoded(await parts.responses.cancel(project_of(request), _response_id(request)))


async def list_input_items(request: Request) -> Response:
    parts, project_id, response_id = parts_of(request), project_of(request), _response_id(request)
    query = queries.parse(request.scope["query_string"], queries.ListItemsQuery)
    page = await parts.store.responses.input_items(project_id, response_id, page_request(query))
    return rendered(await item_list(parts, project_id, page.items, query.include, has_more=page.has_more))


async def count_input_tokens(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    asked = await read_json(request, CountTokensRequest, parts.settings.limits, empty=True)
    _check_shape(asked)
    items = await _items(parts, project_id, asked)
    return rendered(InputTokens(input_tokens=await parts.responses.count_tokens(project_id, asked, items)))


async def compact_conversation(request: Request) -> Response:
    parts, project_id = parts_of(request), project_of(request)
    asked = await read_json(request, CompactRequest, parts.settings.limits)
    context = ResponseContext(
        model=asked.model,
        input=asked.input,
        previous_response_id=asked.previous_response_id,
        tools=asked.tools,
        tool_choice=asked.tool_choice,
        text=asked.text,
    )
    _check_shape(context)
    items = await _items(parts, project_id, context)
    await check_model(parts, asked.model)
    stand_in.mark(request, asked.model)
    response, made = await Compacting(parts.store, parts.responses).compact(
        project_id, asked, items, request.state.key_id
    )
    if response.status == "failed" and response.error is not None:
        raise _as_error(response)
    return rendered(made)


async def item_list(
    parts: Parts, project_id: str, items: Sequence[Item], include: Sequence[str], *, has_more: bool
) -> ResponseItemList:
    """Items as the Responses API lists them."""
    data = await shown_items(parts, project_id, items, include)
    first, last = (data[0]["id"], data[-1]["id"]) if data else (None, None)
    return ResponseItemList(data=data, first_id=first, has_more=has_more, last_id=last)


async def shown_items(
    parts: Parts, project_id: str, items: Sequence[Item], include: Sequence[str]
) -> list[dict[str, Any]]:
    cited = cited_files(items)
    names = {file.id: file.filename for file in await parts.store.files.lookup(project_id, cited)} if cited else {}
    return [shown(item, frozenset(include), names) for item in items]


# -- creating ----------------------------------------------------------------------------------------------------


async def _begin(parts: Parts, project_id: str, asked: CreateResponseRequest, key_id: str = "") -> Begun:
    assert asked.model is not None  # looked at when the body was parsed
    items = await _items(parts, project_id, asked)
    await check_model(parts, asked.model)
    await _check_logprobs(parts, asked)
    return await parts.responses.create(project_id, asked, items, key_id)


async def _items(parts: Parts, project_id: str, asked: ResponseContext) -> list[GivenItem]:
    """The input, and whether all that the request names is there. Raises InvalidBody, NotFound, InvalidRequest."""
    given = asked.input if asked.input is not None else []
    items = whole(given) if isinstance(given, str) or len(given) <= _FEW else await asyncio.to_thread(whole, given)
    items = await parts.responses.resolved(project_id, items)
    await check_files(parts, project_id, items)
    if parts.settings.responses.hosted_tools == "refuse":
        _refuse_hosted(asked.tools or (), items)
    await _check_tools(parts, project_id, asked)
    more = asked.previous_response_id is not None or asked.conversation is not None
    more = more or any(isinstance(item, ToolSearchOutput | AdditionalTools) for item in items)
    check_choice(asked.tool_choice, asked.tools or (), more=more)
    return items


def _refuse_hosted(tools: Sequence[ResponseTool], items: Sequence[GivenItem]) -> None:
    """Raises InvalidRequest for the first tool that only the hosted service runs."""
    found = hosted_tools(tools)
    for index, item in enumerate(items):
        if isinstance(item, ToolSearchOutput | AdditionalTools):
            found += hosted_tools(item.tools, f"input[{index}].tools")
    if found:
        path, kind = found[0]
        raise errors.InvalidRequest(
            f"The tool {kind!r} is not available on this server: it runs on the vendor's servers only. Leave it out, or"
            ' have the operator set `responses.hosted_tools` to "drop", so that such tools are accepted and never'
            " called.",
            param=path,
            code="unsupported_tool",
        )


def _warn_of_dropped(request: Request, asked: ResponseContext) -> None:
    """Tells a client which of its tools no model is offered; without such tools nothing."""
    dropped = dict.fromkeys(kind for _, kind in hosted_tools(asked.tools or ()))
    if dropped:
        request.state.headers = [(b"x-understudy-dropped-tools", ", ".join(dropped).encode())]


def _moved(body: bytes) -> bytes:
    """Says where the older API's members went; the hosted service does."""
    if b'"messages"' in body:
        try:
            moved = _older(body).messages is not UNSET
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return body
        if moved:
            raise InvalidBody(
                Problem(
                    "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'.",
                    "messages",
                    "unsupported_parameter",
                )
            )
    return body


def _check_shape(asked: ResponseContext) -> None:
    if asked.previous_response_id is not None and asked.conversation is not None:
        raise InvalidBody(
            Problem(
                "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'previous_response_id' or "
                "'conversation'.",
                None,
                "mutually_exclusive_parameters",
            )
        )
    if asked.input is None and asked.previous_response_id is None and asked.conversation is None:
        raise InvalidBody(
            Problem(
                "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
                None,
                "missing_required_parameter",
            )
        )
    check_input(asked.input, alone=asked.previous_response_id is None and asked.conversation is None)
    check_tools(asked.tools or ())
    if asked.text is not None and isinstance(asked.text.format, JsonSchemaFormat) and asked.text.format.strict:
        check_strict_format(asked.text.format.name, asked.text.format.schema, "text.format.schema")
    if asked.previous_response_id is not None:
        check_id("previous_response_id", asked.previous_response_id, "resp")
    if asked.conversation is not None:
        name = asked.conversation if isinstance(asked.conversation, str) else asked.conversation.id
        check_id("conversation", name, "conv")


async def _check_logprobs(parts: Parts, asked: CreateResponseRequest) -> None:
    """Raises InvalidRequest where they are asked for and the model's providers have none."""
    included = "message.output_text.logprobs" in (asked.include or ())
    if (included or asked.top_logprobs) and not await parts.models.gives_logprobs(asked.model or ""):
        param = "include" if included else "top_logprobs"
        raise errors.InvalidRequest(
            f"Unsupported parameter: '{param}'. The provider of the model {asked.model!r} gives no log probabilities.",
            param=param,
            code="unsupported_parameter",
        )


async def _check_tools(parts: Parts, project_id: str, asked: ResponseContext) -> None:
    tools = asked.tools or ()
    check_remote(parts, [remote_server(tool) if isinstance(tool, McpTool) else None for tool in tools], headers=True)
    for index, tool in enumerate(tools):
        match tool:
            case FileSearchTool():
                await _check_stores(parts, project_id, tool.vector_store_ids)
            case CodeInterpreterTool():
                await _check_code(parts, project_id, tool, f"tools[{index}]")
            case _:
                pass


async def _check_stores(parts: Parts, project_id: str, store_ids: list[str]) -> None:
    try:
        await parts.store.vector_stores.scopes(project_id, store_ids, None, parts.now())
    except errors.NotFound as missing:
        named = [store_id for store_id in store_ids if store_id in missing.message] or store_ids
        raise errors.NotFound(f"Vector store with id {named} not found.") from None


async def _check_code(parts: Parts, project_id: str, tool: CodeInterpreterTool, path: str) -> None:
    if fault := await parts.interpreter.check():
        raise errors.InvalidRequest(
            f"The tool 'code_interpreter' is not available on this server. {fault}", param=path, code="unsupported_tool"
        )
    if isinstance(tool.container, AutoContainer):
        await lookup_files(
            parts, project_id, dict.fromkeys(tool.container.file_ids or (), f"{path}.container.file_ids")
        )
    else:
        check_id(f"{path}.container", tool.container, "cntr")
        await parts.interpreter.container_for(project_id, tool.container)


# -- answering ---------------------------------------------------------------------------------------------------


async def _finished(parts: Parts, begun: Begun, *, kept: bool) -> bytes:
    """Raises what made it fail: there is nobody else who would look at the response."""
    response = await parts.responses.finished(begun.id)
    if not kept:
        await parts.responses.forget(begun.id)
    if response.status == "failed" and response.error is not None:
        raise _as_error(response)
    return encoded_items(response)


def _as_error(response: ResponseObject) -> errors.ApiError:
    assert response.error is not None
    code, message = response.error.code, response.error.message
    match code:
        case "rate_limit_exceeded":
            return errors.RateLimited(message, code=code)
        case "context_length_exceeded":
            return errors.InvalidRequest(message, param="input", code=code)
        case "invalid_prompt":
            return errors.InvalidRequest(message, code=code)
        case _:
            return errors.ServerError(message, code=code)


async def _frames(parts: Parts, begun: Begun, *, kept: bool) -> AsyncGenerator[bytes, None]:
    last = b""
    async with aclosing(begun.frames()) as frames:
        async for together in frames:
            yield together
            last = together
    if begun.log.handed_back:
        yield _cut_frame(last_number(last) + 1)
    elif not kept:
        await parts.responses.forget(begun.id)


async def _followed_frames(followed: Followed) -> AsyncGenerator[bytes, None]:
    last = b""
    async with aclosing(followed.frames) as frames:
        async for together in frames:
            yield together
            last = together
    if followed.is_cut:
        yield _cut_frame(max(last_number(last), followed.after) + 1)


def _cut_frame(number: int) -> bytes:
    message = "The server stopped following this response here; retrieve it to see how it goes on."
    return _error_frame(to_api_error(errors.ServerError(message)), number)


def _error_frame(error: errors.ApiError, number: int) -> bytes:
    """The Responses API's errors in streams are flat."""
    data = {
        "type": "error",
        "code": error.code,
        "message": error.message,
        "param": error.param,
        "sequence_number": number,
    }
    return b"event: error\ndata: " + msgspec.json.encode(data) + b"\n\n"


async def _streamable(parts: Parts, project_id: str, response_id: str) -> ResponseObject:
    response = _decode(await parts.store.responses.get(project_id, response_id))
    if not response.background:
        raise errors.InvalidRequest(
            "This response was not created with 'background' and 'stream', so it cannot be streamed.", param="stream"
        )
    return response


def _response_id(request: Request) -> str:
    response_id: str = request.path_params["response_id"]
    check_id("response_id", response_id, "resp")
    return response_id

"""Chat completions stored on request (`store`), over HTTP.

The provider does not store them: `store` and `metadata` are not forwarded. A stored completion has an id of this
server, since ids of providers may collide.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy import ids
from understudy.api import stand_in
from understudy.api.operations import OperationGroup, Schema
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import json_response, list_response, page_request, read_json, struct_response
from understudy.errors import InvalidRequest
from understudy.llm.accumulate import CompletionAccumulator
from understudy.llm.provider import ChatBody
from understudy.llm.stream import Stream
from understudy.store.chat_completions import ChatFilter, StoredChat
from understudy.store.item_data import SavedData
from understudy.store.pages import Page
from understudy.wire import queries
from understudy.wire.chat import (
    ChatCompletionDeleted,
    ListChatMessagesQuery,
    StoredChatOptions,
    UpdateChatCompletionRequest,
)
from understudy.wire.parsing import check_object

operations = OperationGroup("Chat")

COMPLETION_SCHEMA: Schema = {"type": "object", "additionalProperties": True}
_COMPLETION_LIST: Schema = {
    "type": "object",
    "required": ["object", "data", "first_id", "last_id", "has_more"],
    "properties": {
        "object": {"type": "string", "enum": ["list"]},
        "data": {"type": "array", "items": COMPLETION_SCHEMA},
        "first_id": {"type": ["string", "null"]},
        "last_id": {"type": ["string", "null"]},
        "has_more": {"type": "boolean"},
    },
}

_USAGE_COUNTS = ("total_tokens", "completion_tokens", "prompt_tokens")
_MESSAGE_MEMBERS = ("tool_calls", "function_call", "tool_call_id", "audio")


class StoredCompletion:
    """A completion to store once it is complete. `body` is the request's body for the provider."""

    def __init__(self, parts: Parts, project_id: str, request_id: str | None, body: ChatBody) -> None:
        """Raises InvalidBody for invalid metadata."""
        check_object(body, StoredChatOptions)
        self._parts = parts
        self._project_id = project_id
        self._request_id = request_id
        self._request_body = body
        self._id = ids.chat_completion()
        self.body = {name: value for name, value in body.items() if name not in {"store", "metadata"}}

    async def complete(self, on_answer: Callable[[], None] = lambda: None) -> bytes:
        """`on_answer` is called between the answer of the model and the storage of it."""
        completion = msgspec.json.decode(await self._parts.models.complete(self.body))
        on_answer()
        completion["id"] = self._id
        await self._store_completion(completion)
        return msgspec.json.encode(completion)

    async def chunks(self, first: Sequence[bytes], stream: Stream) -> AsyncGenerator[Sequence[bytes], None]:
        """The stream's chunks with this server's id. The completion is stored before the stream ends."""
        accumulator = CompletionAccumulator()
        async with aclosing(stream):
            yield [self._with_own_id(accumulator.add_chunk(chunk)) for chunk in first]
            async for together in stream:
                yield [self._with_own_id(accumulator.add_chunk(chunk)) for chunk in together]
        completion = accumulator.completion()
        completion["id"] = self._id
        await self._store_completion(completion)

    async def check_storage(self) -> None:
        """Raises InvalidRequest if the messages have more bytes than the project may store."""
        await self._parts.item_data.check_storage(self._project_id, self._request_body["messages"], "messages")

    def _with_own_id(self, chunk: dict[str, Any]) -> bytes:
        return msgspec.json.encode(chunk | {"id": self._id})

    async def _store_completion(self, completion: dict[str, Any]) -> None:
        models = [str(self._request_body["model"]), str(completion.get("model") or "")]
        messages = [
            _render_message(f"{self._id}-{number}", message)
            for number, message in enumerate(self._request_body["messages"])
        ]
        body = _render_completion(completion, self._request_body, self._request_id)
        async with self._parts.item_data.saving(self._project_id, (messages, body), "messages") as (stored, data):
            # The model is paid: what the project may store was compared before.
            saved = SavedData(data.blobs)
            await self._parts.store.chat_completions.create(
                self._project_id, StoredChat(stored[1], stored[0], models, saved)
            )


@operations.add(
    "listChatCompletions",
    "GET",
    "/chat/completions",
    summary="List stored chat completions.",
    query=queries.ListChatCompletionsQuery,
    response=_COMPLETION_LIST,
)
async def list_chat_completions(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], queries.ListChatCompletionsQuery)
    condition = ChatFilter(query.model, tuple(query.metadata.items()))
    store = parts_of(request).store.chat_completions
    page = await store.page(project_of(request), page_request(query), condition)
    return list_response(await parts_of(request).item_data.fill_page(page))


@operations.add(
    "getChatCompletion",
    "GET",
    "/chat/completions/{completion_id}",
    summary="Retrieve a stored chat completion.",
    response=COMPLETION_SCHEMA,
)
async def get_chat_completion(request: Request) -> Response:
    store = parts_of(request).store.chat_completions
    stored = await store.get(project_of(request), request.path_params["completion_id"])
    body = await parts_of(request).item_data.fill(stored)
    stand_in.mark_stored_response(request, body)
    return json_response(body)


@operations.add(
    "getChatCompletionMessages",
    "GET",
    "/chat/completions/{completion_id}/messages",
    summary="List the messages of a stored chat completion.",
    query=ListChatMessagesQuery,
    response=_COMPLETION_LIST,
)
async def get_chat_completion_messages(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListChatMessagesQuery)
    store = parts_of(request).store.chat_completions
    stored = await store.messages(project_of(request), request.path_params["completion_id"])
    messages: list[dict[str, Any]] = msgspec.json.decode(stored)
    if query.order == "desc":
        messages.reverse()
    start = _position_after(messages, query.after)
    page = messages[start : start + query.limit]
    rows = [(message["id"], msgspec.json.encode(message).decode()) for message in page]
    found = Page(rows, has_more=start + len(page) < len(messages))
    return list_response(await parts_of(request).item_data.fill_page(found))


@operations.add(
    "updateChatCompletion",
    "POST",
    "/chat/completions/{completion_id}",
    summary="Replace the metadata of a stored chat completion.",
    request=UpdateChatCompletionRequest,
    response=COMPLETION_SCHEMA,
)
async def update_chat_completion(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, UpdateChatCompletionRequest, parts.settings.limits)
    completion_id = request.path_params["completion_id"]
    store = parts.store.chat_completions
    changed = await store.set_metadata(project_of(request), completion_id, body.metadata or {})
    return json_response(await parts.item_data.fill(changed))


@operations.add(
    "deleteChatCompletion",
    "DELETE",
    "/chat/completions/{completion_id}",
    summary="Delete a stored chat completion with its messages.",
    response=ChatCompletionDeleted,
)
async def delete_chat_completion(request: Request) -> Response:
    completion_id = request.path_params["completion_id"]
    await parts_of(request).store.chat_completions.delete(project_of(request), completion_id)
    return struct_response(ChatCompletionDeleted(id=completion_id))


def _position_after(messages: Sequence[dict[str, Any]], cursor: str | None) -> int:
    if cursor is None:
        return 0
    for number, message in enumerate(messages):
        if message["id"] == cursor:
            return number + 1
    raise InvalidRequest(
        f"Invalid 'after': no object with id {cursor!r} in this list. Use an id that the list has returned.",
        param="after",
        code="invalid_value",
    )


def _render_completion(completion: dict[str, Any], body: ChatBody, request_id: str | None) -> dict[str, Any]:
    """The stored object, with the member order of recorded ones."""
    usage = completion.get("usage") or {}
    return {
        "object": "chat.completion",
        "id": completion["id"],
        "model": completion.get("model") or body["model"],
        "created": completion.get("created"),
        "request_id": request_id,
        "tool_choice": body.get("tool_choice"),
        "usage": {name: usage.get(name) or 0 for name in _USAGE_COUNTS},
        "seed": body.get("seed"),
        "top_p": _number_or_default(body, "top_p", 1.0),
        "temperature": _number_or_default(body, "temperature", 1.0),
        "presence_penalty": _number_or_default(body, "presence_penalty", 0.0),
        "frequency_penalty": _number_or_default(body, "frequency_penalty", 0.0),
        "system_fingerprint": completion.get("system_fingerprint"),
        "input_user": body.get("user"),
        "service_tier": completion.get("service_tier"),
        "tools": body.get("tools"),
        "metadata": body.get("metadata") or {},
        "choices": [_render_choice(choice) for choice in completion["choices"]],
        "response_format": body.get("response_format"),
    }


def _number_or_default(body: ChatBody, name: str, default: float) -> Any:
    value = body.get(name)
    return default if value is None else value


def _render_choice(choice: dict[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = choice["message"]
    base = {"content": None, "role": "assistant", "tool_calls": None, "function_call": None}
    message = base | {name: value for name, value in reply.items() if name in base or value}
    return {
        "index": choice.get("index", 0),
        "message": message,
        "finish_reason": choice.get("finish_reason"),
        "logprobs": choice.get("logprobs"),
    }


def _render_message(message_id: str, message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    parts = content if isinstance(content, list) else None
    more = {name: message[name] for name in _MESSAGE_MEMBERS if message.get(name)}
    return {
        "id": message_id,
        "role": message.get("role"),
        "content": content if parts is None else _join_text(parts),
        "content_parts": parts if parts is None else [_render_part(part) for part in parts],
        "name": message.get("name"),
        "refusal": message.get("refusal") or (parts and _join_text(parts, "refusal")) or None,
        **more,
    }


def _join_text(parts: Sequence[Any], kind: str = "text") -> str | None:
    """The joined values of the parts of that kind; None without such parts."""
    texts = [part[kind] for part in parts if isinstance(part, dict) and isinstance(part.get(kind), str)]
    return "".join(texts) if texts else None


def _render_part(part: Any) -> Any:
    """Fills in the optional `detail` of an image."""
    image = part.get("image_url") if isinstance(part, dict) else None
    return part | {"image_url": image | {"detail": image.get("detail") or "auto"}} if isinstance(image, dict) else part

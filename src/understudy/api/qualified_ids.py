"""Ids of imported objects in requests and responses; see `understudy.store.qualified_ids`.

Only projects with an import come here. The suffix of their stored ids is added to the ids in the path, the query and
the JSON body of a request, and removed from JSON, JSON lines and server-sent events.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.types import Message, Receive, Scope, Send

from understudy.api.event_stream import WRITER
from understudy.store.qualified_ids import SEPARATOR, QualifiedIds, qualifier

_INLINE_BYTES: Final = 32 * 1024
_TEXT_TYPES: Final = (b"json", b"text/event-stream")
_QUERY_NAMES: Final = frozenset(
    {
        "after",
        "after_id",
        "before",
        "before_id",
        "around",
        "assistant_id",
        "thread_id",
        "run_id",
        "file_id",
        "message_id",
        "vector_store_id",
        "branched_from",
        "batch_id",
        "webhook_endpoint_id",
    }
)
_ID_MEMBERS: Final = frozenset(
    {
        "assistant_id",
        "thread_id",
        "message_id",
        "run_id",
        "file_id",
        "vector_store_id",
        "conversation",
        "conversation_id",
        "file_ids",
        "vector_store_ids",
        "input_file_id",
        "previous_response_id",
        "approval_request_id",
        "container",
        "container_id",
        "part_ids",
        "after",  # of a branch
    }
)
_OPAQUE_MEMBERS: Final = frozenset({"metadata", "arguments", "parameters", "schema", "output", "text"})
"""Members with values of the client, in which an id is only a text."""
_STATIC_SEGMENTS: Final = frozenset(
    {
        "threads",
        "messages",
        "runs",
        "steps",
        "assistants",
        "files",
        "content",
        "vector_stores",
        "prompts",
        "versions",
        "file_batches",
        "search",
        "cancel",
        "conversations",
        "items",
        "responses",
        "submit_tool_outputs",
        "input_items",
        "events",
        "chat",
        "completions",
        "batches",
        "results",
        "branches",
        "export",
        "video",
        "uploads",
        "parts",
        "complete",
        "containers",
        "webhook_endpoints",
        "stt",
        "generate",
        "generations",
    }
)
_MAX_ID_LENGTH: Final = 200


async def qualify(
    ids: QualifiedIds, project_id: str, scope: Scope, receive: Receive, send: Send, body_bytes: int
) -> tuple[Receive, Send]:
    """Changes the path and the query of the scope; returns the streams of the qualified body and the plain response.

    Bodies of more than `body_bytes` are left as they are: a handler refuses them.
    """
    segments = scope["path"].split("/")
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    body, receive = await _read_body(scope, receive, body_bytes)
    decoded = await _decode(body)
    candidates = {segment for segment in segments if segment and segment not in _STATIC_SEGMENTS}
    candidates.update(value for name, value in pairs if name in _QUERY_NAMES)
    candidates.update(_ids_in(decoded))
    stored = await ids.find(project_id, {one for one in candidates if _may_be_id(one)})
    if stored:
        scope["path"] = "/".join([stored.get(segment, segment) for segment in segments])
        if any(name in _QUERY_NAMES and value in stored for name, value in pairs):
            changed = [(name, stored.get(value, value) if name in _QUERY_NAMES else value) for name, value in pairs]
            scope["query_string"] = urlencode(changed).encode()
        if any(one in stored for one in _ids_in(decoded)):
            receive = _Replay(msgspec.json.encode(_replace_ids(decoded, stored)), receive).receive
    # What writes to the connection directly would bypass the response below.
    scope["extensions"] = {name: value for name, value in scope.get("extensions", {}).items() if name != WRITER}
    suffix = qualifier(project_id).encode()
    scope["state"]["send"] = _strip_bodies(scope["state"]["send"], suffix)
    return receive, _PlainResponse(send, suffix).send


async def qualify_body(ids: QualifiedIds, project_id: str, body: bytes) -> bytes:
    """The JSON body of a request that has no path of its own, as a line of a batch."""
    decoded = await _decode(body)
    stored = await ids.find(project_id, {one for one in _ids_in(decoded) if _may_be_id(one)})
    return msgspec.json.encode(_replace_ids(decoded, stored)) if stored else body


def strip_ids(project_id: str, body: bytes) -> bytes:
    """The body of a response with the ids that a client knows."""
    return body.replace(qualifier(project_id).encode(), b"")


def _strip_bodies(send: Send, suffix: bytes) -> Send:
    """For event streams, which send their bodies to the connection without the middleware."""

    async def send_plain(message: Message) -> None:
        await send({**message, "body": bytes(message.get("body", b"")).replace(suffix, b"")})

    return send_plain


def _may_be_id(text: str) -> bool:
    return 0 < len(text) <= _MAX_ID_LENGTH and SEPARATOR not in text


class _Replay:
    """Delivers a body that was read already, then what the connection receives."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read_body(scope: Scope, receive: Receive, most: int) -> tuple[bytes, Receive]:
    """A JSON body, and a stream that delivers it again; empty for others, which stay in the stream."""
    content_type = scope["state"]["fields"].get(b"content-type", b"application/json")
    if scope["method"] not in {"POST", "PUT", "PATCH"} or b"json" not in content_type.lower():
        return b"", receive
    messages: list[Message] = []
    size, more = 0, True
    while more and size <= most:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)
    ahead = iter(messages)

    async def replay() -> Message:
        message = next(ahead, None)
        return await receive() if message is None else message

    if more or messages[-1]["type"] != "http.request":
        return b"", replay
    body = b"".join(message.get("body", b"") for message in messages)
    return body, _Replay(body, receive).receive


async def _decode(body: bytes) -> Any:
    """The decoded JSON; None where it is malformed, which a handler reports."""
    if len(body) <= _INLINE_BYTES:
        return _decode_json(body)
    return await asyncio.to_thread(_decode_json, body)


def _decode_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _ids_in(value: Any) -> Iterator[str]:
    """The texts at the places where a request names an object."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            for name, member in one.items():
                if name in _OPAQUE_MEMBERS and not isinstance(member, dict | list):
                    continue
                if _names_object(one, name):
                    texts = member if isinstance(member, list) else [member]
                    yield from (text for text in texts if isinstance(text, str))
                if name != "metadata":
                    pending.append(member)


def _names_object(owner: dict[str, Any], name: str) -> bool:
    return name in _ID_MEMBERS or (name == "id" and owner.get("type") in {None, "item_reference"})


def _replace_ids(value: Any, stored: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_replace_ids(one, stored) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {}
    for name, member in value.items():
        if name in _OPAQUE_MEMBERS and (name == "metadata" or not isinstance(member, dict | list)):
            changed[name] = member
        elif _names_object(value, name) and isinstance(member, str):
            changed[name] = stored.get(member, member)
        elif _names_object(value, name) and isinstance(member, list):
            changed[name] = [stored.get(one, one) if isinstance(one, str) else one for one in member]
        else:
            changed[name] = _replace_ids(member, stored)
    return changed


class _PlainResponse:
    """Removes the suffix of a project from a response of text. The start waits for the body, whose length it has."""

    def __init__(self, send: Send, suffix: bytes) -> None:
        self._send = send
        self._suffix = suffix
        self._start: Message | None = None
        self._is_text = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
            return
        if self._is_text and message["type"] == "http.response.body":
            body = message.get("body", b"")
            plain = bytes(body).replace(self._suffix, b"")
            if self._start is not None:
                await self._send_start(len(body) - len(plain), is_whole=not message.get("more_body", False))
            message = {**message, "body": plain}
        await self._send(message)

    async def _begin(self, message: Message) -> None:
        headers = dict(message["headers"])
        self._is_text = any(part in headers.get(b"content-type", b"") for part in _TEXT_TYPES)
        if self._is_text and b"content-length" in headers:
            self._start = message
        else:
            await self._send(message)

    async def _send_start(self, removed: int, *, is_whole: bool) -> None:
        start, self._start = self._start, None
        assert start is not None
        headers = []
        for name, value in start["headers"]:
            if name != b"content-length":
                headers.append((name, value))
            elif is_whole:
                headers.append((name, b"%d" % (int(value) - removed)))
        await self._send({**start, "headers": headers})

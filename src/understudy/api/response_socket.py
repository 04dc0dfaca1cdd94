"""Responses over WebSocket: each `response.create` is a request of its own, whose events are sent as text frames.

Requests of one lane (`stream_id`) run one after the other, those of different lanes at once. Source: the Responses API
over WebSocket.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import Message, Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from understudy.api.client_address import apply_proxies
from understudy.api.errors import to_api_error
from understudy.api.internal_call import RequestBody, build_scope
from understudy.api.parts import Parts
from understudy.api.requests import decode_body
from understudy.api.response_memory import EXTENSION, ResponseMemory, Turn, WarmUp
from understudy.api.socket_events import (
    convert_error,
    decode_error,
    parse_event,
    read_request,
    read_stream_id,
    render_error,
    to_items,
)
from understudy.errors import ApiError, InvalidRequest
from understudy.net import sse
from understudy_toolkit.catalog import Call

PATHS: Final = ("/v1/responses", "/responses", "/openai/v1/responses")

_CONNECTION_SECONDS: Final = 3600.0
_MAX_LANES: Final = 32
_MAX_ACTIVE: Final = 16
_MAX_WAITING: Final = 64
_MAX_BODIES: Final = 2
_INLINE_BYTES: Final = 256 * 1024
_CLOSED: Final = 1000
_MAX_EVENT_BYTES: Final = 64 * 1024 * 1024
_INHERITED: Final = ("instructions", "tools", "previous_response_id", "conversation")
_LANES_MESSAGE: Final = (
    "This WebSocket connection has reached its maximum number of distinct stream IDs (32). Reuse an existing stream_id"
    " or open a new WebSocket connection."
)
_AGE_MESSAGE: Final = (
    "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue."
)
_STEERING: Final = {
    "type": "invalid_request_error",
    "code": "steering_not_supported",
    "message": "This server does not steer responses. Send the input with the next response.",
}


async def serve_socket(socket: WebSocket) -> None:
    """Serves one connection. A handshake without a valid key gets the status and body of an HTTP request."""
    if proxies := socket.scope["app"].state.parts.settings.trusted_proxies:
        apply_proxies(socket.scope, proxies)
    refusal = await _check_key(socket.scope)
    if refusal is not None:
        await socket.send_denial_response(refusal)
        return
    await socket.accept()
    connection = _Connection(socket)
    try:
        async with asyncio.timeout(_CONNECTION_SECONDS):
            await connection.receive_all()
    except TimeoutError:
        error = InvalidRequest(_AGE_MESSAGE, code="websocket_connection_limit_reached")
        await connection.send_error(error, None)
        await socket.close(_CLOSED)
    finally:
        await connection.close()


class _Connection:
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._parts: Parts = socket.scope["app"].state.parts
        self._memory = ResponseMemory()
        self._lanes: dict[str | None, _Lane] = {}
        self._active = asyncio.Semaphore(_MAX_ACTIVE)
        self._sending = asyncio.Lock()
        self._limits = self._parts.settings.limits
        # The most bytes of the requests of all lanes, which are in memory until they have a response.
        self._most_bytes = _MAX_BODIES * self._limits.body_bytes
        self._bytes = 0

    async def receive_all(self) -> None:
        """Takes requests until the client closes the connection."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await self._take(message.get("text") or message.get("bytes") or b"")

    async def close(self) -> None:
        """Ends everything, and erases the responses that were not to be stored."""
        for lane in self._lanes.values():
            lane.worker.cancel()
        await asyncio.gather(*(lane.worker for lane in self._lanes.values()), return_exceptions=True)
        for response_id in self._memory.unstored:
            self._parts.responses.unstored.erase_soon(response_id)

    async def _take(self, data: str | bytes) -> None:
        """Passes an event to its lane. Whatever cannot be used gets an error, and the connection stays."""
        stream_id: str | None = None
        encoded = data.encode() if isinstance(data, str) else data
        try:
            event = await decode_body(encoded, parse_event, encoded, self._limits)
            stream_id = read_stream_id(event)
            if event.get("type") == "response.steer":
                await self._refuse_steering(event)
            else:
                self._put(stream_id, _Queued(read_request(event), len(encoded)))
        except Exception as error:  # noqa: BLE001 - every error becomes an event
            await self.send_error(to_api_error(error, "unknown"), stream_id)

    def _put(self, stream_id: str | None, queued: "_Queued") -> None:
        if self._bytes and self._bytes + queued.size > self._most_bytes:
            raise InvalidRequest(
                f"Too many bytes of requests wait on this connection: at most {self._most_bytes} may.",
                code="too_many_requests",
            )
        self._find_lane(stream_id).put(queued)
        self._bytes += queued.size

    def _find_lane(self, stream_id: str | None) -> "_Lane":
        lane = self._lanes.get(stream_id)
        if lane is None:
            if stream_id is not None and len([name for name in self._lanes if name is not None]) >= _MAX_LANES:
                raise InvalidRequest(_LANES_MESSAGE, param="stream_id", code="websocket_stream_limit_reached")
            lane = self._lanes[stream_id] = _Lane()
            lane.worker = asyncio.create_task(self._work(lane, stream_id))
        return lane

    async def _work(self, lane: "_Lane", stream_id: str | None) -> None:
        while True:
            queued = await lane.get()
            try:
                async with self._active:
                    await self._send_response(lane, queued, stream_id)
            except Exception as error:  # noqa: BLE001 - the next request of the lane is served
                await self.send_error(to_api_error(error, "unknown"), stream_id)
            finally:
                self._bytes -= queued.size

    async def _send_response(self, lane: "_Lane", queued: "_Queued", stream_id: str | None) -> None:
        """Sends the events of one response, or its error; then the lane forgets the response before."""
        members, size = queued.members, queued.size
        is_warm_up = members.pop("generate", None) is False
        previous = members.get("previous_response_id")
        named = previous if isinstance(previous, str) else None
        if (warm_up := self._memory.warm_ups.get(named or "")) is not None:
            members, size = _continue(warm_up, members), size + warm_up.size
        body = await _encode_members({**members, "stream": True}, size)
        scope = build_scope(self._socket.scope, Call("POST", "/v1/responses", "", body))
        scope["extensions"] = {EXTENSION: Turn(self._memory, is_warm_up)}
        sender = _EventSender(self, stream_id)
        await self._socket.scope["app"](scope, RequestBody(body).receive, sender.send)
        await sender.finish()
        if sender.status >= 400:
            self._forget(named)
            return
        follows = None
        if is_warm_up and sender.response_id:
            follows = members.get("previous_response_id")
            self._memory.add_warm_up(sender.response_id, WarmUp(members, len(body), follows), self._most_bytes)
        if sender.response_id != lane.latest:
            before, lane.latest = lane.latest, sender.response_id
            self._forget(before, follows)

    def _forget(self, response_id: str | None, retained: str | None = None) -> None:
        """Forgets a response, and with a warm-up what it follows. `retained`: one that is needed still."""
        if response_id is None or response_id == retained:
            return
        warm_up = self._memory.warm_ups.pop(response_id, None)
        if warm_up is not None and all(lane.latest != warm_up.follows for lane in self._lanes.values()):
            self._forget(warm_up.follows, retained)
        if response_id in self._memory.unstored:
            self._memory.unstored.discard(response_id)
            self._parts.responses.unstored.erase_soon(response_id)

    async def _refuse_steering(self, event: Mapping[str, Any]) -> None:
        steer = {"input": event.get("input"), "previous_response_id": event.get("previous_response_id")}
        await self.send({"type": "response.steer.failed", "steer": steer, "error": _STEERING})

    async def send_error(self, error: ApiError, stream_id: str | None) -> None:
        """Sends an error that belongs to no response."""
        members = {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
        await self.send(render_error(error.status, members, {}), stream_id)

    async def send(self, event: Mapping[str, Any], stream_id: str | None = None) -> None:
        if stream_id is not None:
            event = {**event, "stream_id": stream_id}
        await self.send_text(msgspec.json.encode(event).decode())

    async def send_text(self, text: str) -> None:
        """Nothing is sent to a client that has left."""
        async with self._sending:
            try:
                await self._socket.send_text(text)
            except (WebSocketDisconnect, RuntimeError):
                return


@dataclass(frozen=True, slots=True)
class _Queued:
    """A request that waits for its lane. `size` is in bytes of JSON."""

    members: dict[str, Any]
    size: int


class _Lane:
    """The requests of one `stream_id`. `latest` is the id of its latest response."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[_Queued] = asyncio.Queue(_MAX_WAITING)
        self.worker: asyncio.Task[None]
        self.latest: str | None = None

    def put(self, queued: _Queued) -> None:
        try:
            self._requests.put_nowait(queued)
        except asyncio.QueueFull:
            raise InvalidRequest(
                f"Too many requests wait on this stream: at most {_MAX_WAITING} may.", code="too_many_requests"
            ) from None

    async def get(self) -> _Queued:
        return await self._requests.get()


class _EventSender:
    """Turns the HTTP response of one request into frames."""

    def __init__(self, connection: _Connection, stream_id: str | None) -> None:
        self._connection = connection
        self._tail = b"" if stream_id is None else b',"stream_id":' + msgspec.json.encode(stream_id) + b"}"
        self._stream_id = stream_id
        self._reader = sse.Reader(_MAX_EVENT_BYTES)
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.status = 500
        self.response_id: str | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            return
        chunk = message.get("body", b"")
        if self.status >= 400:
            self._body += chunk
            return
        for event in self._reader.feed(chunk):
            if event.name == b"error":
                await self._connection.send(convert_error(event.data), self._stream_id)
            else:
                await self._send_event(event.data)

    async def finish(self) -> None:
        """Sends the error of a request that was refused."""
        if self.status < 400:
            return
        error = decode_error(bytes(self._body))
        forwarded = {
            name: value for name, value in self._headers.items() if name.startswith(("retry-after", "x-ratelimit-"))
        }
        await self._connection.send(render_error(self.status, error, forwarded), self._stream_id)

    async def _send_event(self, data: bytes) -> None:
        if data == b"[DONE]":
            return
        if self.response_id is None:
            self.response_id = _decode_started(data).response.id or None
        await self._connection.send_text((data[:-1] + self._tail if self._tail else data).decode())


class _StartedResponse(msgspec.Struct):
    id: str = ""


class _StartedEvent(msgspec.Struct):
    response: _StartedResponse = msgspec.field(default_factory=_StartedResponse)


_decode_started = msgspec.json.Decoder(_StartedEvent).decode


async def _check_key(scope: Scope) -> Response | None:
    """The response to a handshake whose key is not valid; None for a valid one."""
    collected: list[Message] = []

    async def send(message: Message) -> None:
        collected.append(message)

    session = build_scope(scope, Call("GET", "/v1/session", "", None))
    await scope["app"](session, RequestBody(b"").receive, send)
    status = collected[0]["status"]
    if status < 400:
        return None
    body = b"".join(message.get("body", b"") for message in collected[1:])
    return Response(body, status, media_type="application/json")


def _continue(warm_up: WarmUp, members: Mapping[str, Any]) -> dict[str, Any]:
    """A request that follows a warm-up gets its input and what it does not set itself."""
    inherited: dict[str, Any] = {name: warm_up.members[name] for name in _INHERITED if name in warm_up.members}
    own = {name: value for name, value in members.items() if name != "previous_response_id"}
    return {**inherited, **own, "input": [*to_items(warm_up.members), *to_items(members)]}


async def _encode_members(members: Mapping[str, Any], size: int) -> bytes:
    """`size` is about that of the result, in bytes: a large one is encoded in a thread."""
    if size <= _INLINE_BYTES:
        return msgspec.json.encode(members)
    return await asyncio.to_thread(msgspec.json.encode, members)

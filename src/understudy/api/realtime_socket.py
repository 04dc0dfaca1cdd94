"""The WebSocket of realtime sessions: turns a handshake into a request, and its end into frames. Knows no event.

A browser cannot set headers: it sends its key and the version of the API as subprotocols, and cannot read the response
to a handshake that is refused. It gets the error as an event instead.
"""

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from understudy.api.client_address import apply_proxies
from understudy.api.internal_call import RequestBody, build_scope
from understudy.api.realtime_connection import ACCEPTED, CLIENT, FORWARDED, UNAUTHORIZED
from understudy.api.request_head import Headers
from understudy.api.socket_events import decode_error
from understudy.engine.realtime.events import render_error
from understudy.engine.realtime.session import INTERNAL, POLICY, ClientClosed
from understudy.errors import ApiError
from understudy.llm.realtime import shorten_reason, to_sendable
from understudy_toolkit.catalog import Call

PATHS: Final = ("/v1/realtime", "/realtime", "/openai/v1/realtime", "/openai/realtime")

_PROTOCOL: Final = "realtime"
_KEY: Final = "openai-insecure-api-key."
_PROJECT: Final = "openai-project."
_BETA: Final = "openai-beta."
_SECRET_PROTOCOLS: Final = (_KEY, _PROJECT, _BETA, "openai-organization.", "openai-agents-sdk.")
_NO_CODE: Final = 1005
_TRY_AGAIN: Final = 1013
_LENGTH: Final = b"content-length"


async def serve_realtime(socket: WebSocket) -> None:
    """Serves one connection. A handshake that is refused gets the status and body of an HTTP request."""
    scope = socket.scope
    if proxies := scope["app"].state.parts.settings.trusted_proxies:
        apply_proxies(scope, proxies)
    protocols: Sequence[str] = scope.get("subprotocols") or ()
    inner = build_scope(scope, Call("GET", scope["path"], scope["query_string"].decode("latin-1"), None))
    inner["headers"] = _read_headers(scope["headers"], inner["headers"], protocols)
    inner["extensions"] = {CLIENT: _SocketClient(socket)}
    handshake = _Handshake(socket, _choose_protocol(protocols))
    await scope["app"](inner, RequestBody(b"").receive, handshake.send)
    if not handshake.is_accepted:
        await handshake.refuse(is_browser=bool(protocols))


class _SocketClient:
    """The client's side of a session."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise ClientClosed(message.get("code") or _NO_CODE, message.get("reason") or "")
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    async def send(self, message: str | bytes) -> None:
        await _send_message(self._socket, {"type": "websocket.send", _kind_of(message): message})

    async def close(self, code: int, reason: str) -> None:
        await _send_message(
            self._socket, {"type": "websocket.close", "code": to_sendable(code), "reason": shorten_reason(reason)}
        )


class _Handshake:
    """The response to the request of a handshake."""

    def __init__(self, socket: WebSocket, protocol: str | None) -> None:
        self._socket = socket
        self._protocol = protocol
        self._status = 500
        self._headers: Headers = []
        self._body = bytearray()
        self.is_accepted = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            return
        self._status, self._headers = message["status"], message["headers"]
        if self._status == ACCEPTED:
            self.is_accepted = True
            await self._socket.accept(self._protocol, self._headers)

    async def refuse(self, *, is_browser: bool) -> None:
        if not is_browser:
            response = Response(bytes(self._body), self._status)
            response.raw_headers = [header for header in self._headers if header[0] != _LENGTH]
            response.raw_headers.append((_LENGTH, b"%d" % len(self._body)))
            await self._socket.send_denial_response(response)
            return
        await self._socket.accept(self._protocol)
        client, details = _SocketClient(self._socket), decode_error(bytes(self._body))
        members: dict[str, Any] = {name: details[name] for name in ("type", "code", "param")}
        await client.send(render_error(ApiError(str(details["message"]), **members)))
        await client.close(_close_code(self._status), str(details["code"] or details["type"]))


async def _send_message(socket: WebSocket, message: Message) -> None:
    """Nothing is sent to a client that has left."""
    try:
        await socket.send(message)
    except (WebSocketDisconnect, RuntimeError):
        return


def _kind_of(message: str | bytes) -> str:
    return "text" if isinstance(message, str) else "bytes"


def _read_headers(headers: Headers, forwarded: Headers, protocols: Sequence[str]) -> Headers:
    """The headers of the request: those of the handshake that are forwarded, and what a browser's subprotocols say."""
    given = [*forwarded, *(header for header in headers if header[0] in FORWARDED)]
    names = {name for name, _ in given}
    for name, prefix, scheme in (
        (b"authorization", _KEY, "Bearer "),
        (b"openai-project", _PROJECT, ""),
        (b"openai-beta", _BETA, ""),
    ):
        value = next((one[len(prefix) :] for one in protocols if one.startswith(prefix)), None)
        if value is None or name in names:
            continue
        if prefix == _BETA:
            # A subprotocol cannot have the sign of the header's form, `realtime=v1`.
            value = value.replace("-", "=", 1)
        given.append((name, (scheme + value).encode("latin-1", "replace")))
    return given


def _choose_protocol(protocols: Sequence[str]) -> str | None:
    """The subprotocol of the session: never one with a key, which the response would repeat."""
    if _PROTOCOL in protocols:
        return _PROTOCOL
    return next((one for one in protocols if not one.startswith(_SECRET_PROTOCOLS)), None)


def _close_code(status: int) -> int:
    if status == 401:
        return UNAUTHORIZED
    if status in {429, 503}:
        return _TRY_AGAIN
    return INTERNAL if status >= 500 else POLICY

"""Calls this API in process, with the caller's key or session and no second connection."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope

from understudy_toolkit.catalog import Call, Result, failed_result, parse_result

MAX_RESPONSE_BYTES: Final = 64 << 20
_JSON: Final = (b"content-type", b"application/json")
# Headers that identify the caller: a key, or a person with the page and project of the request. The others describe the
# caller's own request.
_FORWARDED_HEADERS: Final = frozenset(
    {b"authorization", b"api-key", b"x-api-key", b"host", b"user-agent", b"x-client-request-id"}
    | {b"cookie", b"origin", b"sec-fetch-site", b"openai-project"}
)


async def call(scope: Scope, call: Call, gone: Receive | None = None) -> Result:
    """Runs `call` in the application of `scope`, the scope of the calling request.

    `gone` returns when the caller disconnects, which ends streams; without it, streams run to their end.
    """
    response = _ResponseCollector()
    await scope["app"](build_scope(scope, call), RequestBody(call.body or b"", gone).receive, response.send)
    if response.too_large:
        return failed_result(f"The response is larger than {MAX_RESPONSE_BYTES} bytes. Request less at a time.")
    return parse_result(response.status, response.content_type, bytes(response.body))


def build_scope(scope: Scope, call: Call) -> Scope:
    """The scope of an HTTP request for `call` by the caller of `scope`."""
    headers = [header for header in scope["headers"] if header[0] in _FORWARDED_HEADERS]
    if call.body is not None:
        headers += [_JSON, (b"content-length", b"%d" % len(call.body))]
    copied = ("asgi", "http_version", "scheme", "client", "server", "root_path")
    inner: dict[str, Any] = {name: scope[name] for name in copied if name in scope}
    return inner | {
        "type": "http",
        "method": call.method,
        "path": unquote(call.path),
        "raw_path": call.path.encode(),
        "query_string": call.query.encode(),
        "headers": headers,
        "state": {},
        "app": scope["app"],
    }


class RequestBody:
    """Delivers the whole body as one message, then waits for `gone`: the caller's disconnect, or forever."""

    def __init__(self, body: bytes, gone: Receive | None = None) -> None:
        self._body: bytes | None = body
        self._gone = gone or _wait_forever

    async def receive(self) -> Message:
        if self._body is None:
            return await self._gone()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _wait_forever() -> Message:
    await asyncio.get_running_loop().create_future()
    return {"type": "http.disconnect"}


class _ResponseCollector:
    def __init__(self) -> None:
        self.status = 500
        self.content_type = ""
        self.body = bytearray()
        self.too_large = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: Iterable[tuple[bytes, bytes]] = message["headers"]
            self.content_type = next(
                (value.decode("latin-1") for name, value in headers if name == b"content-type"), ""
            )
        elif not self.too_large:
            self.body += message.get("body", b"")
            self.too_large = len(self.body) > MAX_RESPONSE_BYTES

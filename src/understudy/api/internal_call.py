"""A call of this very API from inside of the server: the same application, key and rules, and no second connection."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

from starlette.types import Message, Receive, Scope

from understudy.catalog import Call, Result, failed_result, parse_result

LARGEST_ANSWER: Final = 64 << 20
_JSON: Final = (b"content-type", b"application/json")
# What says who asks; the rest of the caller's headers is about the caller's own request.
_FORWARDED_HEADERS: Final = frozenset(
    {b"authorization", b"api-key", b"x-api-key", b"host", b"user-agent", b"x-client-request-id"}
)


async def call(scope: Scope, call: Call, gone: Receive | None = None) -> Result:
    """What the application of `scope`, the request that asks for the call, answers to it.

    `gone` returns when the one who asks went away, which ends streams; where it is missing, they stay to the end.
    """
    answer = _ResponseCollector()
    await scope["app"](
        _build_scope(scope, call), _RequestBody(call.body or b"", gone or _wait_forever).receive, answer.send
    )
    if answer.too_large:
        return failed_result(f"The answer is larger than {LARGEST_ANSWER} bytes. Ask for less at a time.")
    return parse_result(answer.status, answer.content_type, bytes(answer.body))


def _build_scope(scope: Scope, call: Call) -> Scope:
    headers = [header for header in scope["headers"] if header[0] in _FORWARDED_HEADERS]
    if call.body is not None:
        headers += [_JSON, (b"content-length", b"%d" % len(call.body))]
    kept = ("asgi", "http_version", "scheme", "client", "server", "root_path")
    inner: dict[str, Any] = {name: scope[name] for name in kept if name in scope}
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


class _RequestBody:
    """Hands the whole body over at once; what follows is the word that the one who asks is gone."""

    def __init__(self, body: bytes, gone: Receive) -> None:
        self._body: bytes | None = body
        self._gone = gone

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
            self.too_large = len(self.body) > LARGEST_ANSWER

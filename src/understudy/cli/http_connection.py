"""HTTP/1.1 on a connection: uvicorn's protocol, with requests that cost less. Knows no limit and no application.

A request is one object, its scope is built once, and the timer of an idle connection is not set anew for each.
"""

from collections import deque
from typing import Any, Final
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from understudy.api.event_stream import WRITER
from understudy.cli.request_cycle import Headers, RequestCycle

_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_MAX_WAITING: Final = 256
"""The most requests that a client may send before the responses to earlier ones."""


class TooManyRequests(Exception):
    """Raised inside a parser's callback, which stops the parser."""


class HttpConnection(HttpToolsProtocol):
    cycle: RequestCycle  # type: ignore[assignment]
    """The latest request; None before the first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handled: RequestCycle | None = None
        self._is_upgrading = False
        self._idle_since: float | None = None
        self._waiting: deque[tuple[RequestCycle, Scope]] = deque()

    @property
    def default_headers(self) -> Headers:
        return self.server_state.default_headers

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        # Those that wait behind it never run.
        if self._handled is not None:
            self._handled.disconnect()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.parser = None  # type: ignore[assignment]

    @property
    def is_responding(self) -> bool:
        """Whether a request is handled."""
        return self._handled is not None and not self._handled.response_complete

    # -- the parser's callbacks, in call order -----------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._idle_since = None
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        parser = self.parser
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": method,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
        }
        self.scope = scope  # type: ignore[assignment]
        self._is_upgrading = parser.should_upgrade() and method == "GET" and self._accepts_upgrade()
        if self._is_upgrading:
            return
        # Trailers of the body are not headers.
        self.headers = []
        scope["path"], scope["raw_path"], scope["query_string"] = split_target(self.url)
        self.cycle = RequestCycle(
            self,
            is_head=method == "HEAD",
            keep_alive=parser.should_keep_alive(),
            expects_continue=self.expect_100_continue,
            knows_chunks=version != "1.0",
        )
        scope["extensions"] = {WRITER: self.cycle}
        if self.is_responding:
            self._wait(self.cycle, scope)
        else:
            self._handle(self.cycle, scope)

    def _accepts_upgrade(self) -> bool:
        """An upgrade leaves no other request to respond to, and has no body."""
        names = {name for name, _ in self.headers}
        if self.is_responding or b"content-length" in names or b"transfer-encoding" in names:
            return False
        return super()._should_upgrade()

    def _should_upgrade(self) -> bool:
        """Called after the head of a request that asks for any upgrade."""
        return self._is_upgrading

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if self._is_upgrading:
            return
        if cycle.response_complete:
            if self._idle_since is not None:
                self._idle_since = self.loop.time()
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.notify()

    def on_message_complete(self) -> None:
        if self._is_upgrading:
            return
        cycle = self.cycle
        cycle.more_body = False
        if not cycle.response_complete:
            cycle.notify()

    # -- requests one after another ----------------------------------------------------------------------------

    def _wait(self, cycle: RequestCycle, scope: Scope) -> None:
        if len(self._waiting) >= _MAX_WAITING:
            self.transport.abort()
            raise TooManyRequests
        self.flow.pause_reading()
        self._waiting.append((cycle, scope))

    def _handle(self, cycle: RequestCycle, scope: Scope) -> None:
        self._handled = cycle
        task = self.loop.create_task(cycle.run(self.app, scope))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self._waiting:
            self._handle(*self._waiting.popleft())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._set_idle_timer(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        """Called for all data. The timer runs on: to set another one for each request costs more than its check."""

    def _set_idle_timer(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that has been idle for long enough."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        remaining = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if remaining > 0:
            self._set_idle_timer(remaining)
        elif not self.transport.is_closing():
            self.transport.close()


def split_target(target: bytes) -> tuple[str, bytes, bytes]:
    """The decoded path, the path and the query. Raises HttpParserInvalidURLError."""
    if target.startswith(b"/") and not target.startswith(b"//") and b"#" not in target:
        raw_path, _, query = target.partition(b"?")
    else:
        url = httptools.parse_url(target)
        raw_path, query = url.path or b"/", url.query or b""
    path = raw_path.decode("ascii")
    return (unquote(path) if "%" in path else path), raw_path, query

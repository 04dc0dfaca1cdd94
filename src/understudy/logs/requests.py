"""The access log: a line for each request, from telemetry. The line is rendered by the writer's thread."""

import time
from collections.abc import Callable
from typing import Final

from msgspec import json

from understudy import correlation, telemetry
from understudy.correlation import TraceContext
from understudy.logs.line import LogLine, format_time
from understudy.logs.writer import LineWriter, Repeat

_DISCONNECTED: Final = 499
"""The status of a request whose client left before the response, as of nginx."""
_encode: Final = json.Encoder().encode
_NO_TRACE: Final = TraceContext("", "")
_PROBES: Final = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


class RequestEntry:
    """A request that has ended."""

    __slots__ = ("_correlation", "_event", "_trace", "repeat", "time")

    def __init__(self, event: telemetry.RequestFinished) -> None:
        self.time = time.time()
        self.repeat: Repeat | None = None
        self._event = event
        self._correlation = correlation.current.get()
        self._trace = correlation.trace.get()

    def to_json(self) -> bytes:
        """What `to_line` renders as JSON, in a third of the time: only these two texts can need escapes."""
        event, known, trace = self._event, self._correlation, self._trace
        path = _encode(event.path)[1:-1].decode()
        status = event.status or _DISCONNECTED
        duration = round(event.duration * 1000, 3)
        client_request_id = f'"client_request_id":"{known.client_request_id}",' if known.client_request_id else ""
        project = f'"project":"{event.project_id}",' if event.project_id else ""
        key_id = f'"key_id":"{event.key_id}",' if event.key_id else ""
        client = f'"client":"{known.client}",' if known.client else ""
        run_id = f'"run_id":"{known.run_id}",' if known.run_id else ""
        position = f'"trace_id":"{trace.trace_id}","span_id":"{trace.span_id}",' if trace is not None else ""
        operation = f'"operation":"{event.operation}",' if event.operation else ""
        return (
            f'{{"time":"{format_time(self.time)}","level":"info","event":"request",'
            f'"message":"{event.method} {_in_message(path)} {status} {duration} ms","request_id":"{event.request_id}",'
            f"{client_request_id}{project}{key_id}{client}{run_id}{position}{operation}"
            f'"method":"{event.method}","path":"{path}","status":{status},"duration_ms":{duration}}}'
        ).encode()

    @property
    def client_texts(self) -> str:
        """What the client has chosen."""
        return f"{self._event.path} {self._correlation.client_request_id}"

    def to_line(self) -> LogLine:
        event = self._event
        known, trace = self._correlation, self._trace or _NO_TRACE
        status = event.status or _DISCONNECTED
        duration = round(event.duration * 1000, 3)
        return LogLine(
            time=format_time(self.time),
            level="info",
            event="request",
            message=f"{event.method} {_in_message(event.path)} {status} {duration} ms",
            request_id=event.request_id,
            client_request_id=known.client_request_id,
            project=event.project_id,
            key_id=event.key_id,
            client=known.client,
            run_id=known.run_id,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            operation=event.operation,
            method=event.method,
            path=event.path,
            status=status,
            duration_ms=duration,
        )


def _in_message(path: str) -> str:
    """Without spaces, with which a client could make members of the line."""
    return path.replace(" ", "%20")


def log_requests(writer: LineWriter) -> Callable[[], None]:
    """Writes a line for each request except successful health checks and scrapes. Returns what ends it."""
    put = writer.put

    def write(event: telemetry.RequestFinished) -> None:
        if event.path in _PROBES and event.status < 400:
            return
        put(RequestEntry(event))

    return telemetry.subscribe(telemetry.RequestFinished, write)

"""The access log: a line for each request, from telemetry. The line is rendered by the writer's thread."""

import time
from collections.abc import Callable
from typing import Final

from understudy import correlation, telemetry
from understudy.correlation import TraceContext
from understudy.logs.line import LogLine, format_time
from understudy.logs.writer import LineWriter, Repeat

_DISCONNECTED: Final = 499
"""The status of a request whose client left before the response, as of nginx."""
_NO_TRACE: Final = TraceContext("", "")
_PROBES: Final = frozenset({"/health", "/health/live", "/health/ready"})


class RequestEntry:
    """A request that has ended."""

    __slots__ = ("_correlation", "_event", "_trace", "repeat", "time")

    def __init__(self, event: telemetry.RequestFinished) -> None:
        self.time = time.time()
        self.repeat: Repeat | None = None
        self._event = event
        self._correlation = correlation.current.get()
        self._trace = correlation.trace.get()

    def to_line(self) -> LogLine:
        event = self._event
        known, trace = self._correlation, self._trace or _NO_TRACE
        status = event.status or _DISCONNECTED
        duration = round(event.duration * 1000, 3)
        return LogLine(
            time=format_time(self.time),
            level="info",
            event="request",
            message=f"{event.method} {event.path} {status} {duration} ms",
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


def log_requests(writer: LineWriter) -> Callable[[], None]:
    """Writes a line for each request except successful health probes. Returns what ends it."""
    put = writer.put

    def write(event: telemetry.RequestFinished) -> None:
        if event.path in _PROBES and event.status < 400:
            return
        put(RequestEntry(event))

    return telemetry.subscribe(telemetry.RequestFinished, write)

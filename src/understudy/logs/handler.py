"""The handler of the root logger: makes an entry of each record, with the correlation of the task that logs it.

A record may have `event`, `fields` (members of LogLine), `content` (fields that only `log_content` writes) and
`repeat` (a Repeat, or None for a line that is never left out) as `extra`.
"""

import logging
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from understudy import correlation
from understudy.correlation import Correlation, TraceContext
from understudy.logs.line import LogLine, format_time
from understudy.logs.writer import LineWriter, Repeat

_REPEATS_A_MINUTE: Final = 10
_ExceptionInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class RecordEntry:
    """A record of the standard library. Its text is rendered at once, since its arguments may change."""

    __slots__ = ("_correlation", "_exception", "_fields", "_message", "_record", "_trace", "repeat", "time")

    def __init__(self, record: logging.LogRecord, fields: Mapping[str, Any]) -> None:
        self.time = record.created
        self.repeat = _repeat_of(record)
        self._record = record
        self._fields = fields
        self._message = record.getMessage()
        self._exception: _ExceptionInfo | None = record.exc_info
        self._correlation = correlation.current.get()
        self._trace = correlation.trace.get()

    def to_line(self) -> LogLine:
        record = self._record
        line = LogLine(
            time=format_time(self.time),
            level=record.levelname.lower(),
            event=getattr(record, "event", ""),
            message=self._message,
            logger=record.name,
        )
        correlate(line, self._correlation, self._trace)
        for name, value in self._fields.items():
            setattr(line, name, value)
        if self._exception is not None and self._exception[0] is not None:
            line.stack = "".join(traceback.format_exception(*self._exception)).rstrip()
        elif record.stack_info:
            line.stack = record.stack_info
        return line


class QueueHandler(logging.Handler):
    """Passes records to a LineWriter. `with_content`: fields with content of clients and models are written."""

    def __init__(self, writer: LineWriter, *, with_content: bool) -> None:
        super().__init__()
        self._writer = writer
        self._with_content = with_content

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: Mapping[str, Any] = getattr(record, "fields", {})
            if self._with_content:
                fields = {**fields, **getattr(record, "content", {})}
            self._writer.put(RecordEntry(record, fields), urgent=record.levelno >= logging.WARNING)
        except Exception:  # noqa: BLE001 - as the base class demands
            self.handleError(record)

    def close(self) -> None:
        self._writer.close()
        super().close()


def correlate(line: LogLine, known: Correlation, position: TraceContext | None) -> None:
    """Adds the ids of the request, the job and the trace."""
    line.request_id, line.client_request_id = known.request_id, known.client_request_id
    line.project, line.key_id, line.client = known.project_id, known.key_id, known.client
    line.run_id, line.job = known.run_id, known.job
    if position is not None:
        line.trace_id, line.span_id = position.trace_id, position.span_id


def _repeat_of(record: logging.LogRecord) -> Repeat | None:
    if hasattr(record, "repeat"):
        repeat: Repeat | tuple[str, ...] | None = record.repeat
        return None if repeat is None else Repeat(repeat, 1)
    if record.levelno < logging.WARNING:
        return None
    return Repeat((record.name, record.lineno, record.levelno), _REPEATS_A_MINUTE)

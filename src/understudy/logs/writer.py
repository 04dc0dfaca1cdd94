"""Writes log lines from a thread of its own: the callers append to a queue, and never wait.

An entry of the queue renders itself in the thread. Lines are collected for a moment and written together; those of
level warning and above are written at once. A full queue drops lines and counts them.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple, Protocol, cast

from understudy.logs.line import RENDERERS, LogFormat, LogLine, format_time
from understudy.logs.redactor import Redactor
from understudy.logs.repeats import RepeatLimiter

_COLLECT_SECONDS: Final = 0.05
_CLOSE_SECONDS: Final = 2.0
_MAX_LINES: Final = 10_000
# Writes of up to PIPE_BUF bytes are atomic, so lines of several processes on one pipe do not mix.
_MAX_WRITE: Final = 4096


class Repeat(NamedTuple):
    """At most `limit` lines with this key are written a minute."""

    key: Hashable
    limit: int


class Entry(Protocol):
    """A line that is not rendered yet. `time` is in Unix seconds."""

    time: float
    repeat: Repeat | None

    def to_line(self) -> LogLine: ...


class ClientEntry(Entry, Protocol):
    """A line without a limit, in which only `client_texts` can have secrets."""

    @property
    def client_texts(self) -> str: ...

    def to_json(self) -> bytes: ...


class LineWriter:
    """`write` receives whole lines as bytes, and may block; OSError loses them."""

    def __init__(
        self,
        log_format: LogFormat,
        redactor: Redactor,
        write: Callable[[bytes], None],
        *,
        max_lines: int = _MAX_LINES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._render = RENDERERS[log_format]
        self._redactor = redactor
        self._write = write
        self._max_lines = max_lines
        self._now = now
        self._is_json = log_format == "json"
        self._queue: deque[Entry | ClientEntry] = deque()
        self._limiter: RepeatLimiter[LogLine] = RepeatLimiter()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._is_awake = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Lines that were dropped since the start."""
        self._reported_lost = 0

    def start(self) -> None:
        self._thread = threading.Thread(target=self._write_lines, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, entry: Entry | ClientEntry, *, urgent: bool = False) -> None:
        """Queues a line; never waits."""
        if len(self._queue) >= self._max_lines:
            self.lost += 1
            return
        self._queue.append(entry)
        if not self._is_awake:
            self._is_awake = True
            self._wake.set()
        if urgent:
            self._urgent.set()

    def close(self) -> None:
        """Writes what is queued, for at most two seconds."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_SECONDS)
            self._thread = None

    def _write_lines(self) -> None:
        while not self._closing:
            self._wake.wait(self._wait_seconds())
            self._wake.clear()
            self._urgent.wait(_COLLECT_SECONDS)
            self._urgent.clear()
            self._is_awake = False
            self.flush()
        self.flush(final=True)

    def _wait_seconds(self) -> float | None:
        end = self._limiter.next_end
        return None if end is None else max(end - self._now(), 0.0)

    def flush(self, *, final: bool = False) -> None:
        """Writes the queued lines, and the counts of repeats whose time is over; with `final`, all counts."""
        chunk = bytearray()
        while self._queue:
            entry = self._queue.popleft()
            if (texts := getattr(entry, "client_texts", None)) is None:
                self._append_entry(chunk, entry)
            else:
                self._append_client_entry(chunk, cast("ClientEntry", entry), texts)
        now = self._now()
        for repeated, count in self._limiter.collect_all() if final else self._limiter.collect(now):
            self._append(chunk, self._render_repeats(repeated, count, now))
        if (lost := self.lost) > self._reported_lost:
            self._append(chunk, self._render_lost(lost - self._reported_lost, now))
            self._reported_lost = lost
        self._flush_chunk(chunk)

    def _append_entry(self, chunk: bytearray, entry: Entry) -> None:
        line, repeat = entry.to_line(), entry.repeat
        if repeat is not None:
            for repeated, count in self._limiter.collect(entry.time):
                self._append(chunk, self._render_repeats(repeated, count, entry.time))
            if not self._limiter.admit(repeat.key, repeat.limit, line, entry.time):
                return
        self._append(chunk, self._redactor.redact(self._render(line, entry.time)))

    def _append_client_entry(self, chunk: bytearray, entry: ClientEntry, texts: str) -> None:
        """To search the whole line for secrets would cost more than all else."""
        rendered = entry.to_json() if self._is_json else self._render(entry.to_line(), entry.time)
        self._append(chunk, self._redactor.redact(rendered) if self._redactor.matches(texts) else rendered)

    def _render_repeats(self, line: LogLine, count: int, now: float) -> bytes:
        line.time, line.repeated, line.stack = format_time(now), count, ""
        line.message = f"{line.message} (repeated {count} times)"
        return self._redactor.redact(self._render(line, now))

    def _render_lost(self, count: int, now: float) -> bytes:
        message = f"{count} log lines were dropped: the output is too slow"
        return self._render(
            LogLine(time=format_time(now), level="warning", event="log.lost", message=message, lost=count), now
        )

    def _append(self, chunk: bytearray, line: bytes) -> None:
        if chunk and len(chunk) + len(line) >= _MAX_WRITE:
            self._flush_chunk(chunk)
        chunk += line
        chunk += b"\n"

    def _flush_chunk(self, chunk: bytearray) -> None:
        if chunk:
            data = bytes(chunk)
            chunk.clear()
            try:
                self._write(data)
            except OSError:
                self.lost += data.count(b"\n")


def write_to(descriptor: int) -> Callable[[bytes], None]:
    """Writes all bytes to a file descriptor. The result raises OSError."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write

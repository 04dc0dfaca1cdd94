"""Sets up the log of a process: level, format, access log and redaction by the settings."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from understudy import telemetry
from understudy.errors import UpstreamError
from understudy.logs.handler import QueueHandler
from understudy.logs.redactor import Redactor
from understudy.logs.requests import log_requests
from understudy.logs.writer import LineWriter, write_to
from understudy.settings import Settings, list_secrets

_log = logging.getLogger("understudy.server")
# One list a process, as the root logger is.
_subscriptions: list[Callable[[], None]] = []


def configure(settings: Settings) -> LineWriter:
    """Replaces the handlers of the root logger, also those of an earlier call, whose lines are written first.

    `logging.shutdown`, which runs at exit, writes what is queued.
    """
    while _subscriptions:
        _subscriptions.pop()()
    writer = LineWriter(settings.log_format, Redactor(list_secrets(settings)), write_to(sys.stderr.fileno()))
    writer.start()
    logging.basicConfig(
        handlers=[QueueHandler(writer, with_content=settings.log_content)],
        level=settings.log_level.upper(),
        force=True,
    )
    logging.captureWarnings(capture=True)
    logging.getLogger("uvicorn.error").addFilter(_summarize_unfinished)
    set_level(settings.log_level)
    if settings.log_level == "debug":
        _subscriptions.append(telemetry.log_events(logging.getLogger("understudy.telemetry")))
    if settings.access_log:
        _subscriptions.append(log_requests(writer))
    if settings.log_format == "json":
        _log_uncaught_errors()
    return writer


def set_level(level: str) -> None:
    """Changes the minimum severity of the running process."""
    logging.getLogger().setLevel(level.upper())
    # uvicorn logs start and stop as we do, `mcp` two lines for each request.
    quiet = logging.WARNING if level == "info" else logging.NOTSET
    for name in ("uvicorn", "mcp"):
        logger = logging.getLogger(name)
        if logger.level < logging.CRITICAL:
            logger.setLevel(quiet)


def _summarize_unfinished(record: logging.LogRecord) -> bool:
    """A response that ends with its provider's, or at a stop, is an exception to uvicorn, which logs it as a fault."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, asyncio.CancelledError):
        # The server has logged how many requests its stop has cancelled.
        return False
    if isinstance(error, UpstreamError):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args, record.exc_info = "a response was cut off: %s", (error.message,), None
    return True


def _log_uncaught_errors() -> None:
    """Without this the interpreter prints them to stderr as text."""

    def log_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log.critical("uncaught error", exc_info=(kind, error, trace))

    def log_thread_error(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None:
            _log.error("uncaught error in a thread", exc_info=failed.exc_value)

    def log_unraisable(failed: Any) -> None:
        _log.error("exception ignored in %r", failed.object, exc_info=failed.exc_value)

    sys.excepthook = log_error
    threading.excepthook = log_thread_error
    sys.unraisablehook = log_unraisable

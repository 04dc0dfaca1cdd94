"""Starts the export of traces, if the settings or the standard variables of OpenTelemetry ask for it."""

import logging
import os
from contextlib import AsyncExitStack
from typing import Final

from understudy import __version__, tracing
from understudy.errors import SettingsError
from understudy.settings import Settings

_log = logging.getLogger(__name__)
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_INSTALL: Final = "pip install 'understudy[otel]'"


def open_tracer(stack: AsyncExitStack, settings: Settings, instance: str) -> None:
    """Installs a tracer until the end of `stack`; `instance` names the process. Raises SettingsError."""
    if settings.tracing.endpoint is None and not _is_requested_by_variables():
        return
    try:
        from understudy.otel import OtelTracer  # noqa: PLC0415 - of an extra
    except ImportError:
        if settings.tracing.endpoint is not None:
            raise SettingsError(f"`tracing.endpoint` needs the extra `otel`: {_INSTALL}") from None
        _log.warning("the variables OTEL_* name a collector, but the extra `otel` is not installed: %s", _INSTALL)
        return
    tracer = OtelTracer(settings.tracing, __version__, instance, captures_content=settings.log_content)
    stack.push_async_callback(tracer.close)
    stack.callback(tracing.install(tracer))


def _is_requested_by_variables() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)

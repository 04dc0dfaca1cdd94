"""Exports spans over OTLP/HTTP with the OpenTelemetry SDK, the extra `otel`. Loaded only where tracing is configured.

The SDK reads the standard variables `OTEL_*`: settings of `[tracing]` come first, and what they leave unset is theirs.
"""

import asyncio
import os
import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as ApiSpan

from understudy.correlation import TraceContext
from understudy.settings import TracingSettings
from understudy.tracing import Kind, Span, Value

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai/0.1.0"
_TRACES_PATH: Final = "/v1/traces"
_FLUSH_SECONDS: Final = 2.0
_KINDS: Final[dict[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
    "producer": SpanKind.PRODUCER,
}


class OtelSpan:
    def __init__(self, span: ApiSpan) -> None:
        self._span = span
        known = span.get_span_context()
        self.context = TraceContext(
            format_trace_id(known.trace_id),
            format_span_id(known.span_id),
            known.trace_flags.sampled,
            known.trace_state.to_header(),
        )

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, code: str, message: str = "") -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR, message or None))

    def end(self) -> None:
        self._span.end()


class OtelTracer:
    """Starts spans of one provider. Exporting takes place in a thread of the SDK."""

    def __init__(self, settings: TracingSettings, version: str, instance: str, *, captures_content: bool) -> None:
        self.captures_content = captures_content
        resource = {SERVICE_VERSION: version, SERVICE_INSTANCE_ID: instance}
        if "OTEL_SERVICE_NAME" not in os.environ:
            resource[SERVICE_NAME] = settings.service_name
        sampler = None
        # The sampler of requests whose callers ask for a record; None if those decide.
        self._caller_sampler: TraceIdRatioBased | None = None
        if "OTEL_TRACES_SAMPLER" not in os.environ:
            ratio = TraceIdRatioBased(settings.sample_ratio)
            sampler = ParentBased(ratio)
            self._caller_sampler = None if settings.follow_caller else ratio
        self._provider = TracerProvider(sampler, Resource.create(resource), shutdown_on_exit=False)
        endpoint = None if settings.endpoint is None else settings.endpoint.rstrip("/").removesuffix(_TRACES_PATH)
        exporter = OTLPSpanExporter(
            endpoint=None if endpoint is None else endpoint + _TRACES_PATH, headers=dict(settings.headers) or None
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("understudy", version, SCHEMA_URL)

    def start(self, name: str, kind: Kind, parent: TraceContext | None, attributes: Mapping[str, Value]) -> Span:
        if parent is not None and kind == "server" and parent.sampled and self._caller_sampler is not None:
            result = self._caller_sampler.should_sample(None, int(parent.trace_id, 16), name)
            parent = parent._replace(sampled=result.decision is Decision.RECORD_AND_SAMPLE)
        context = None if parent is None else set_span_in_context(NonRecordingSpan(_to_span_context(parent)))
        return OtelSpan(self._tracer.start_span(name, context, _KINDS[kind], dict(attributes)))

    async def close(self) -> None:
        """Exports what is left, for at most two seconds."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        # A collector that is unavailable must not delay the end of the process.
        threading.Thread(target=shut_down, name="otel-shutdown", daemon=True).start()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await done.wait()
        except TimeoutError:
            return


def _to_span_context(known: TraceContext) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if known.sampled else TraceFlags.DEFAULT)
    state = TraceState.from_header([known.state]) if known.state else None
    return SpanContext(
        int(known.trace_id, 16), int(known.span_id, 16), is_remote=True, trace_flags=flags, trace_state=state
    )

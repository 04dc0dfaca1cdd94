"""The table `[tracing]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class TracingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Traces over OTLP/HTTP (extra `otel`). The standard variables `OTEL_*` apply to what is unset here."""

    endpoint: Annotated[
        Text | None,
        Meta(
            description="Base URL of an OTLP/HTTP collector, like `http://127.0.0.1:4318`; when unset, that of"
            " `OTEL_EXPORTER_OTLP_ENDPOINT`, and without it nothing is traced."
        ),
    ] = None
    headers: Annotated[
        dict[Text, Text],
        Meta(description="Headers of each export, such as a token; they are secret."),
    ] = {}
    sample_ratio: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Share of traces to record: of those that begin here, and of those that callers record.",
        ),
    ] = 1.0
    follow_caller: Annotated[
        bool,
        Meta(
            description="Whether a request whose `traceparent` is sampled is always recorded. Otherwise `sample_ratio`"
            " decides by the trace id, so that clients cannot have all of their traces recorded."
        ),
    ] = False
    service_name: Annotated[
        Text,
        Meta(description="The resource's `service.name`, unless `OTEL_SERVICE_NAME` is set."),
    ] = "understudy"

"""The table `[metrics]`."""

from typing import Annotated

from msgspec import Meta, Struct

from understudy.settings.text import Text


class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Metrics for Prometheus. `GET /metrics` of the API needs an admin key or `metrics.token`."""

    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)] | None,
        Meta(
            description="Port of a second address with `/metrics` and `/health` only, of servers and workers; 0 picks a"
            " free one, and process N of `--processes` adds N. When unset, the address is not opened.",
        ),
    ] = None
    host: Annotated[
        Text,
        Meta(description="The second address; `0.0.0.0` is every address of the machine."),
    ] = "127.0.0.1"
    token: Annotated[
        Text | None,
        Meta(
            description="Secret that reads `/metrics` and nothing else, as `Authorization: Bearer`. The second address"
            " needs none while it is unset."
        ),
    ] = None

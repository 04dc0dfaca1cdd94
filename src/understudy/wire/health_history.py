"""The last hour of the nodes in minutes. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.health import Seconds

Quantile = Annotated[float | None, Meta(description="In milliseconds, estimated; null without a request.")]


class HealthMinute(Struct, kw_only=True):
    """`errors` are responses with a status of 500 or more, `limited` those with 429. A request's latency ends where
    its response begins; the first delta is that of streamed replies. Checks of health and unknown paths do not count.

    `loop_lag_ms` is the longest delay of an event loop. `oldest_waiting_seconds` is the age of the oldest job that
    waits for a worker; null if none does, and for keys of projects.
    """

    started_at: Seconds
    seconds: Annotated[float, Meta(description="Length: less than 60 for the first minute, and the current one.")]
    requests: int
    errors: int
    limited: int
    latency_p50_ms: Quantile
    latency_p95_ms: Quantile
    first_delta_p50_ms: Quantile
    first_delta_p95_ms: Quantile
    loop_lag_ms: float | None
    oldest_waiting_seconds: float | None


class HealthHistoryObject(Struct, kw_only=True):
    """The minutes of the live nodes since their start, at most 60, oldest first; the last one is the current minute.

    `scope`: an admin key gets the figures of all requests, a key of a project those of its project.
    """

    object: Literal["health.history"] = "health.history"
    node_id: Annotated[str, Meta(description="The node that responds.")]
    node_ids: Annotated[list[str], Meta(description="The nodes whose figures these are, which have replied in time.")]
    scope: Literal["server", "project"]
    minutes: list[HealthMinute]

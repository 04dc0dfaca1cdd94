"""The health of a server and its cluster. Not of the hosted API; names no object of a project."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[int, Meta(description="Unix time in seconds.")]


class HealthNode(Struct, kw_only=True):
    """A process on the database: live, or dead for less than an hour. `live`: it has renewed its lease in time."""

    id: str
    role: Annotated[str, Meta(description="`server`, `server without jobs` or `worker`.")]
    version: str
    host: str
    live: bool
    started_at: Seconds
    last_seen_at: Seconds


class HealthQueue(Struct, kw_only=True):
    """Jobs of all projects. `runs` has responses too, `transfers` imports, exports and deletions, and `vectors` the
    documents that a better embedder embeds again; it is absent without one.

    `oldest_created_at` is of the jobs that wait; null if none does, or if it is unknown.
    """

    name: Literal["runs", "batches", "files", "vectors", "videos", "transcriptions", "deliveries", "transfers"]
    waiting: Annotated[int, Meta(description="Jobs without a worker, also those to retry later; counted up to 10,000.")]
    oldest_created_at: Seconds | None


class HealthDatabase(Struct, kw_only=True):
    kind: Literal["sqlite", "postgres"]
    latency_ms: float


class HealthBroker(Struct, kw_only=True):
    """`memory` connects nothing but this process. Without it, everything is served, but slower."""

    kind: Literal["memory", "shared"]
    available: bool


class HealthBlobs(Struct, kw_only=True):
    """The contents of files. The sizes are of the disk, null for a bucket."""

    kind: Literal["directory", "s3"]
    free_bytes: int | None
    total_bytes: int | None


class HealthSandbox(Struct, kw_only=True):
    """Where the code of `code_interpreter` runs. `available` is null while it is being checked."""

    kind: str
    available: bool | None
    problem: str | None
    sessions: int
    max_sessions: int


class HealthEmbedder(Struct, kw_only=True):
    """`successor` embeds documents again in the background, null for none."""

    name: str
    successor: str | None


class HealthProvider(Struct, kw_only=True):
    """The calls of one node since its start. `last_error` is a kind, such as `rate_limited` or `timeout`.

    Requests that the provider refused as invalid are calls, and neither successes nor errors.
    """

    name: str
    calls: int
    errors: int
    last_success_at: Seconds | None
    last_error_at: Seconds | None
    last_error: str | None
    skipped_models: Annotated[
        list[str],
        Meta(
            description="Its models that requests with fallbacks try last, since they have failed call after call; in"
            " the health report those of all nodes."
        ),
    ]


class HealthObject(Struct, kw_only=True):
    """The cluster as the node `node_id` sees it; the members from `blobs` on are of this node alone."""

    object: Literal["health"] = "health"
    status: Literal["ok", "degraded"]
    checked_at: Seconds
    node_id: str
    version: str
    uptime_seconds: int
    nodes: list[HealthNode]
    queues: list[HealthQueue]
    database: HealthDatabase
    broker: HealthBroker
    blobs: HealthBlobs
    sandbox: Annotated[HealthSandbox | None, Meta(description="Null on a server without jobs, whose workers run code.")]
    embedder: HealthEmbedder
    providers: list[HealthProvider]

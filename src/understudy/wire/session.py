"""What a key may do on this server: its project, its limits, and the features that are on. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.billing import KeyDetails


class SessionProject(Struct, kw_only=True):
    id: str
    name: str


class SessionBalance(Struct, kw_only=True):
    """In US dollars. Without a budget, use is recorded and not limited."""

    is_limited: bool
    amount: float
    is_low: bool


class Feature(Struct, kw_only=True):
    """`available` is null while it is being checked. `reason` says why it is off, and what to do."""

    available: bool | None
    reason: str | None


class SessionFeatures(Struct, kw_only=True):
    """`semantic_search`: vector stores compare meanings. `providers`: models other than the embedded one."""

    code_interpreter: Feature
    mcp: Feature
    videos: Feature
    semantic_search: Feature
    providers: Feature


class SessionLimits(Struct, kw_only=True):
    """In bytes."""

    body_bytes: Annotated[int, Meta(description="Of a JSON request.")]
    file_bytes: Annotated[int, Meta(description="Of a file in one request.")]
    upload_bytes: Annotated[int, Meta(description="Of a file that is uploaded in parts.")]


class SessionRetention(Struct, kw_only=True):
    """What is not listed here is stored until a client deletes it, or until the time that it has chosen."""

    run_events_seconds: Annotated[float, Meta(description="Until the events of an ended run cannot be replayed.")]
    videos_days: Annotated[float | None, Meta(description="Until a video is deleted; null for never.")]


class SessionObject(Struct, kw_only=True):
    object: Literal["session"] = "session"
    version: str
    project: SessionProject
    key: KeyDetails
    balance: SessionBalance
    features: SessionFeatures
    limits: SessionLimits
    retention: SessionRetention

"""Traces: what the time of a run or a response went into. Not of the hosted API."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.run_outcome import RunStatus

SpanKind = Literal["queued", "model_turn", "tool", "wait"]
SpanStatus = Literal["in_progress", "completed", "failed", "interrupted"]
Milliseconds = Annotated[int, Meta(description="Unix time in milliseconds.")]


class SpanUsage(Struct):
    prompt_tokens: int
    completion_tokens: int


class SpanObject(Struct, kw_only=True):
    """`name` is the model, the tool, or the functions that the client executes. `cost` is in USD, null where the
    price is unknown. `interrupted`: the server died meanwhile, and the turn or call was repeated."""

    id: str
    kind: SpanKind
    name: str
    status: SpanStatus
    started_at_ms: Milliseconds
    first_delta_at_ms: Milliseconds | None
    ended_at_ms: Milliseconds | None
    call_id: str | None
    usage: SpanUsage | None
    cost: float | None


class TraceObject(Struct, kw_only=True):
    object: Literal["trace"] = "trace"
    run_id: Annotated[str, Meta(description="The run, or the response.")]
    status: RunStatus
    created_at: int
    cost: Annotated[float | None, Meta(description="In USD; null where a price is unknown.")]
    spans: list[SpanObject]

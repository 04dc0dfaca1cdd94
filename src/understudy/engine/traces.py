"""What the time of a run or a response went into: from the memory of its worker, or else from the store."""

from collections.abc import Sequence

from understudy.engine.jobs.runs import RunWorker
from understudy.llm.prices import CREDITS_PER_USD
from understudy.store import Store
from understudy.store.run_state import Span
from understudy.wire.run_outcome import RunStatus
from understudy.wire.traces import SpanObject, SpanUsage, TraceObject


class Traces:
    def __init__(self, store: Store, worker: RunWorker) -> None:
        self._store = store
        self._worker = worker

    async def get(self, run_id: str, status: RunStatus, created_at: int) -> TraceObject:
        """The trace of a run or response that exists and has that status. One without spans is of an older version."""
        rendered = [_render_span(number, span) for number, span in enumerate(await self.spans_of(run_id))]
        costs = [span.cost for span in rendered if span.kind == "model_turn" and span.ended_at_ms is not None]
        cost = None if None in costs else sum(cost for cost in costs if cost is not None)
        return TraceObject(run_id=run_id, status=status, created_at=created_at, cost=cost, spans=rendered)

    async def spans_of(self, run_id: str) -> Sequence[Span]:
        active = self._worker.active(run_id)
        if active is not None:
            return active.spans
        progress = await self._store.runs.progress(run_id)
        return () if progress is None else progress.spans


def _render_span(number: int, span: Span) -> SpanObject:
    is_turn = span.kind == "model_turn"
    return SpanObject(
        id=f"span_{number}",
        kind=span.kind,
        name=span.name,
        status="in_progress" if span.ended_at is None else span.outcome,
        started_at_ms=round(span.started_at * 1000),
        first_delta_at_ms=_to_milliseconds(span.first_delta_at),
        ended_at_ms=_to_milliseconds(span.ended_at),
        call_id=span.call_id or None,
        usage=SpanUsage(span.prompt_tokens, span.completion_tokens) if is_turn else None,
        cost=span.credits / CREDITS_PER_USD if is_turn and span.credits is not None else None,
    )


def _to_milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)

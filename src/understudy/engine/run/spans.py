"""How long each part of a run took, as spans in its progress: see `Span` in store/run_state.py."""

from typing import Final

from understudy.store.run_state import Progress, Span

# Enough for every turn of a run with a few calls each. Further spans are not recorded.
_MAX_SPANS: Final = 1_000


def open_span(progress: Progress, span: Span) -> Span:
    """Adds a span that lasts until its `ended_at` is set; returns it."""
    if len(progress.spans) < _MAX_SPANS:
        progress.spans.append(span)
    return span


def begin_execution(progress: Progress, now: float) -> None:
    """A worker begins, or continues after another one: what that one was doing is over."""
    if not progress.spans and progress.accepted_at:
        open_span(progress, Span("queued", progress.accepted_at, now))
    for span in progress.spans:
        if span.ended_at is None:
            span.ended_at = now
            if span.kind != "wait":
                span.outcome = "interrupted"


def end_wait(progress: Progress, now: float) -> None:
    """The client has acted."""
    for span in progress.spans:
        if span.kind == "wait" and span.ended_at is None:
            span.ended_at = now

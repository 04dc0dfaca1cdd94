"""What logs, traces and metrics get of one run: its span, its failure, and the time to its first delta."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from understudy import telemetry, tracing
from understudy.engine.run.checkpoint import RunWriter
from understudy.engine.run.outcome import Outcome
from understudy.store.run_state import Span

logger = logging.getLogger(__name__)


async def run_in_span(writer: RunWriter, work: Callable[[], Awaitable[None]], failure_code: Callable[[], str]) -> None:
    """Awaits `work` in a span; `failure_code` is that of the run's failure afterwards, or empty."""
    spec, progress = writer.spec, writer.progress
    attributes: dict[str, tracing.Value] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.conversation.id": spec.thread_id,
        "gen_ai.request.model": spec.model,
        "understudy.run.id": spec.id,
        "understudy.run.kind": spec.label,
        "understudy.project.id": writer.project_id,
    }
    with tracing.span("invoke_agent", attributes=attributes) as span:
        await work()
        status = writer.state.status
        span.set("understudy.run.status", status)
        span.set("gen_ai.usage.input_tokens", progress.used.prompt_tokens)
        span.set("gen_ai.usage.output_tokens", progress.used.completion_tokens)
        if status in {"failed", "expired"}:
            span.fail(failure_code() or status)


def emit_first_delta(writer: RunWriter, span: Span, began_at: float) -> None:
    """`span` is that of the first model turn; `began_at` is when the run was executed, in Unix seconds."""
    if span.first_delta_at is not None:
        telemetry.publish(
            telemetry.FirstDelta(
                kind=writer.spec.label,
                project_id=writer.project_id,
                duration=max(span.first_delta_at - began_at, 0.0),
            )
        )


def log_failure(writer: RunWriter, outcome: Outcome) -> None:
    code, text = "", ""
    if outcome.error is not None:
        code, text = outcome.error.code, outcome.error.message
    # The text about an invalid prompt may quote it.
    extra = log_extra(code, text, is_content=code == "invalid_prompt")
    logger.warning("%s %s %s", writer.spec.label, writer.spec.id, outcome.status, extra=extra)


def log_extra(code: str, text: str, *, is_content: bool) -> dict[str, Any]:
    """The members of a log record about a failed run; `is_content`: the text is only for logs with content."""
    error = {"error": text}
    fields = {"code": code} if is_content else {"code": code, **error}
    return {"event": "run.failed", "repeat": None, "fields": fields, "content": error if is_content else {}}

"""The events of a run that nobody remembers any more, told again from what is stored. Pure.

Each text is one delta here, and the numbers are those of this telling; what is said, and in which order, is the same.
"""

from collections.abc import Iterator

import msgspec

from understudy.engine import events
from understudy.store.runs import RunHistory
from understudy.store.states import TERMINAL
from understudy.wire.messages import MessageContentRefusalObject, MessageContentTextObject, MessageObject
from understudy.wire.runs import RunCompletionUsage, RunObject
from understudy.wire.steps import (
    FunctionCall,
    RunStepDetailsMessageCreationObject,
    RunStepDetailsToolCallsObject,
    RunStepObject,
)

_NOTHING = RunCompletionUsage()


def retell(history: RunHistory, run_seconds: float) -> Iterator[events.Event]:
    """`run_seconds` is how long after its creation a run expires; an ended run does not say it any more."""
    run = history.run
    yield events.RunQueued(_as_queued(run, run_seconds))
    if run.started_at is not None:
        yield events.RunStarted(history.steps[0].created_at if history.steps else run.started_at)
    for step in history.steps:
        if isinstance(step.step_details, RunStepDetailsMessageCreationObject):
            yield from _message(step, history.messages.get(step.step_details.message_creation.message_id))
        else:
            yield from _calls(run, step, step.step_details)
    if run.status == "requires_action":
        yield events.ActionRequired()
    yield from _end(history)


def _as_queued(run: RunObject, run_seconds: float) -> RunObject:
    return msgspec.structs.replace(
        run,
        status="queued",
        started_at=None,
        expires_at=run.expires_at or run.created_at + int(run_seconds),
        cancelled_at=None,
        failed_at=None,
        completed_at=None,
        required_action=None,
        last_error=None,
        incomplete_details=None,
        usage=None,
    )


def _message(step: RunStepObject, message: MessageObject | None) -> Iterator[events.Event]:
    details = step.step_details
    assert isinstance(details, RunStepDetailsMessageCreationObject)
    yield events.MessageOpened(step.id, details.message_creation.message_id, step.created_at)
    for part in message.content if message is not None else ():
        if isinstance(part, MessageContentTextObject):
            yield events.TextDelta(part.text.value)
        elif isinstance(part, MessageContentRefusalObject):
            yield events.RefusalDelta(part.refusal)
    if step.status == "completed" and (message is None or message.status == "completed"):
        yield events.MessageClosed(step.completed_at or step.created_at, step.usage or _NOTHING)


def _calls(run: RunObject, step: RunStepObject, details: RunStepDetailsToolCallsObject) -> Iterator[events.Event]:
    yield events.CallsOpened(step.id, step.created_at)
    outputs: dict[str, str] = {}
    for index, call in enumerate(details.tool_calls):
        if not isinstance(call.function, FunctionCall):
            continue
        yield events.CallOpened(index, call.id, call.function.name)
        yield events.ArgumentsDelta(index, call.function.arguments)
        if call.function.output is not None:
            outputs[call.id] = call.function.output
    if outputs:
        at = step.completed_at or step.created_at
        yield events.ActionRequired()
        yield events.OutputsSubmitted(outputs, at, step.usage or _NOTHING)
        yield events.RunStarted(run.started_at or at)


def _end(history: RunHistory) -> Iterator[events.Event]:
    run = history.run
    if run.status not in TERMINAL:
        return
    last = history.steps[-1] if history.steps else None
    at = _ended_at(history)
    if run.status == "cancelled":
        yield events.CancelRequested(at)
    cut = next(
        (message.incomplete_details for message in history.messages.values() if message.incomplete_details), None
    )
    yield events.RunEnded(
        run.status,
        at,
        run.usage or _NOTHING,
        last.usage if last is not None else None,
        run.last_error,
        run.incomplete_details,
        cut.reason if cut is not None else None,
    )


def _ended_at(history: RunHistory) -> int:
    run = history.run
    known = run.completed_at or run.failed_at or run.cancelled_at
    if known is not None:
        return known
    times = [step.expired_at or step.completed_at or step.created_at for step in history.steps]
    return max(times, default=run.created_at)

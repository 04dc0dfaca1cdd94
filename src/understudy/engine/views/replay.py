"""Replays the events of a run without a log from the store. Pure.

Each text is one delta, and the events have new numbers; their content and order are the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec
from msgspec import UNSET

from understudy.engine.run import events
from understudy.engine.run.checkpoint import Abandoned
from understudy.engine.run.state import RunState
from understudy.engine.run_specs import build_spec
from understudy.engine.views.origins import FinishedStep, OpenCall, Origin, RestoredOrigin
from understudy.engine.views.takeovers import message_id_of, opening_event, takeover_events
from understudy.store.run_state import DroppedStep, RunHistory, StoredRun, Takeover
from understudy.store.states import TERMINAL
from understudy.wire.items import CodeOutput, FileSearchResult
from understudy.wire.messages import (
    FilePathAnnotation,
    MessageContentImageFileObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageObject,
    TextContent,
    UrlCitationAnnotation,
)
from understudy.wire.run_outcome import RunCompletionUsage
from understudy.wire.runs import RunObject, SubmitToolApproval
from understudy.wire.steps import (
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    RunStepDetailsMessageCreationObject,
    RunStepDetailsToolCallsObject,
    RunStepObject,
    RunStepToolCall,
)

_NO_USAGE = RunCompletionUsage()
# Between the last boundary and the end of a process its readers may have seen so many events, of which nothing is kept.
# Later events have higher numbers, so that a reader who resumes receives all of them.
SEQUENCE_STEP = 1_000_000


def stored_run_events(stored: StoredRun, history: RunHistory | None) -> list[events.Event]:
    """The events of a run up to what is stored of it; none where `history` is unknown, or of another time."""
    if history is None or stored.response is not None:
        return []
    # Without what owners dropped, which is open in no state.
    state = RunState.of(_replay(stored, history, ()))
    replayed = {one for one in (state.message_step_id, state.calls_step_id) if one is not None}
    return _replay(stored, history, stored.progress.takeovers) if replayed == {step.id for step in stored.steps} else []


def _replay(stored: StoredRun, history: RunHistory, takeovers: Sequence[Takeover]) -> list[events.Event]:
    replay = list(run_events(history, 0, takeovers, detailed=stored.progress.detailed))
    if stored.run.status == "queued" and isinstance(replay[-1], events.RunStarted):
        del replay[-1]  # outputs were taken, and nobody has gone on yet
    return replay


def restored_event(stored: StoredRun, history: RunHistory | None = None, at: int = 0) -> events.RunRestored:
    """The event with which a run's next owner begins at the time `at`.

    `history` has the steps that have ended, where it is known.
    """
    steps = _continued_steps(stored)
    origin = msgspec.structs.replace(_restored_origin(stored, steps, _finished_steps(history)), at=at)
    return events.RunRestored(
        build_spec(stored.run, stored.progress.plan),
        stored.run.status,
        origin,
        next((step.id for step in steps), None),
        tuple(call.index for call in origin.calls),
    )


def as_past(event: events.Event) -> events.Event:
    """The event as a later owner rebuilds it."""
    return msgspec.structs.replace(event, is_past=True) if isinstance(event, events.RunRestored) else event


def past_takeovers(stored: StoredRun, history: RunHistory | None = None, at: int = 0) -> list[events.Event]:
    """What owners have sent that died before they stored anything: the ends of what the last one before had open.

    None of a run that nobody has followed, where it is not known who has stored what.
    """
    progress = stored.progress
    if stored.run.status != "in_progress" or not (progress.sent or progress.plan):
        return []
    owners = range(max(progress.epoch, 1) + 1, stored.epoch)
    return [as_past(restored_event(replace(stored, epoch=epoch), history, at)) for epoch in owners]


def abandoned_objects(stored: StoredRun) -> Abandoned:
    """The open steps and messages that no owner continues."""
    continued = {step.id for step in _continued_steps(stored)}
    steps = [step for step in stored.steps if step.id not in continued]
    messages = [
        step.step_details.message_creation.message_id
        for step in steps
        if isinstance(step.step_details, RunStepDetailsMessageCreationObject)
    ]
    return Abandoned([step.id for step in steps], messages)


def note_takeover(stored: StoredRun, history: RunHistory | None, at: int) -> None:
    """Records in the progress of a run that its next owner continues it at the time `at`.

    Nothing if nobody has followed the run, or if that owner continues a step, of which clients may have any part.
    """
    progress = stored.progress
    is_followed = progress.sent > 0 and progress.plan is None and stored.run.status == "in_progress"
    if not is_followed or history is None or _continued_steps(stored):
        return
    ended = sum(step.status != "in_progress" for step in history.steps)
    dropped = [DroppedStep(step.id, message_id_of(step), step.created_at) for step in stored.steps]
    progress.takeovers.append(Takeover(stored.epoch, progress.sent, ended, at, dropped))


def unsent_openings(
    stored: StoredRun, log: Iterable[events.Event], history: RunHistory | None = None
) -> list[events.Event]:
    """The beginnings of the abandoned objects that a log lacks; their owner may have sent them.

    None for a log that lacks the end of a message, too, since `RunRestored` is what continues that one.
    """
    opened: set[str] = set()
    open_message = None
    for event in log:
        if isinstance(event, events.MessageOpened):
            open_message = event.message_id
        elif isinstance(event, events.MessageClosed):
            open_message = None
        if isinstance(event, events.MessageOpened | events.CallsStepOpened):
            opened.add(event.step_id)
    if open_message in _ended_messages(stored, history):
        return []
    abandoned = set(abandoned_objects(stored).steps) - opened
    return [
        opening_event(step.id, message_id_of(step), step.created_at) for step in stored.steps if step.id in abandoned
    ]


def _ended_messages(stored: StoredRun, history: RunHistory | None) -> set[str | None]:
    """The stored messages that have ended."""
    if stored.response is not None:
        return {item.id for item in stored.response.output}
    messages = history.messages.values() if history is not None else ()
    return {message.id for message in messages if message.status != "in_progress"}


def _continued_steps(stored: StoredRun) -> tuple[RunStepObject, ...]:
    """The open step whose calls are complete. A run that is being cancelled may have waited for their outputs."""
    if stored.run.status in {"queued", "in_progress"} and not stored.progress.calls:
        return ()
    return tuple(step for step in stored.steps if step.type == "tool_calls")


def _finished_steps(history: RunHistory | None) -> tuple[FinishedStep, ...]:
    if history is None:
        return ()
    ended = [step for step in history.steps if step.status != "in_progress"]
    return tuple(FinishedStep(step, history.messages.get(message_id_of(step))) for step in ended)


def _restored_origin(
    stored: StoredRun, steps: tuple[RunStepObject, ...], finished: tuple[FinishedStep, ...]
) -> RestoredOrigin:
    progress = stored.progress
    if stored.response is None or progress.plan is None:
        return RestoredOrigin(stored.run, steps, finished, progress.detailed)
    calls = [
        OpenCall(
            call.index,
            call.item_id,
            call.id,
            call.kind,
            call.name,
            call.arguments,
            call.server_label,
            call.approval_id,
            call.client,
        )
        for call in progress.calls
        if not call.done
    ]
    plan = progress.plan
    sequence = plan.sequence
    if stored.run.status != "queued":
        sequence += SEQUENCE_STEP - sequence % SEQUENCE_STEP
        # An owner may have died before it stored anything.
        sequence = max(sequence, (stored.epoch - 1) * SEQUENCE_STEP)
    return RestoredOrigin(
        stored.run, steps, (), progress.detailed, stored.response, tuple(calls), plan.container, sequence
    )


def run_events(
    history: RunHistory, run_seconds: float, takeovers: Sequence[Takeover] = (), *, detailed: bool = False
) -> Iterator[events.Event]:
    """`run_seconds` is how long after its creation a run expires; an ended run does not say it any more."""
    run = history.run
    queued = _queued_run(run, run_seconds)
    yield events.RunQueued(build_spec(queued, None), Origin(queued, detailed=detailed))
    if run.started_at is not None:
        yield events.RunStarted(history.steps[0].created_at if history.steps else run.started_at)
    for ended, step in enumerate(history.steps):
        yield from takeover_events(history, takeovers, ended, detailed=detailed)
        yield from step_events(run, step, history.messages.get(message_id_of(step)))
    yield from takeover_events(history, takeovers, len(history.steps), detailed=detailed)
    if run.status == "requires_action":
        yield _waiting_event(run)
    yield from end_events(history)


def step_events(run: RunObject, step: RunStepObject, message: MessageObject | None) -> Iterator[events.Event]:
    """The events of a step of the run; `message` is what the step made, where it made one."""
    if isinstance(step.step_details, RunStepDetailsMessageCreationObject):
        yield from _message_events(step, message)
    else:
        yield from _call_events(run, step, step.step_details)


def _waiting_event(run: RunObject) -> events.Event:
    """What the run waits for."""
    approval = run.required_action.submit_tool_approval if run.required_action is not None else UNSET
    if isinstance(approval, SubmitToolApproval):
        return events.ApprovalRequired(tuple(call.id for call in approval.tool_calls))
    return events.ActionRequired()


def _queued_run(run: RunObject, run_seconds: float) -> RunObject:
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


def _message_events(step: RunStepObject, message: MessageObject | None) -> Iterator[events.Event]:
    details = step.step_details
    assert isinstance(details, RunStepDetailsMessageCreationObject)
    yield events.MessageOpened(step.id, details.message_creation.message_id, step.created_at)
    for part in message.content if message is not None else ():
        if isinstance(part, MessageContentTextObject):
            yield from _text_events(part.text)
        elif isinstance(part, MessageContentImageFileObject):
            yield events.ImageAdded(part.image_file.file_id)
        elif isinstance(part, MessageContentRefusalObject):
            yield events.RefusalDelta(part.refusal)
    if step.status == "completed" and (message is None or message.status == "completed"):
        yield events.MessageClosed(step.completed_at or step.created_at, step.usage or _NO_USAGE)


def _text_events(text: TextContent) -> Iterator[events.Event]:
    """The text between its references, and these."""
    end = 0
    for one in text.annotations:
        if before := text.value[end : one.start_index]:
            yield events.TextDelta(before)
        end = one.end_index
        span = one.text, one.start_index, end
        if isinstance(one, UrlCitationAnnotation):
            yield events.UrlCited(*span, one.url_citation.url, one.url_citation.title)
            continue
        if isinstance(one, FilePathAnnotation):
            yield events.CitationAdded(*span, one.file_path.file_id, is_path=True)
        else:
            cited = one.file_citation
            page, headings = cited.page or None, tuple(cited.heading_path or ())
            yield events.CitationAdded(*span, cited.file_id, page=page, heading_path=headings)
    if end < len(text.value) or not text.value:
        yield events.TextDelta(text.value[end:])


def _call_events(run: RunObject, step: RunStepObject, details: RunStepDetailsToolCallsObject) -> Iterator[events.Event]:
    yield events.CallsStepOpened(step.id, step.created_at)
    outputs: dict[str, str] = {}
    for index, call in enumerate(details.tool_calls):
        if isinstance(call.function, FunctionCall):
            yield events.CallOpened(index, call.id, call.function.name)
            yield events.ArgumentsDelta(index, call.function.arguments)
            if call.function.output is not None:
                outputs[call.id] = call.function.output
        elif isinstance(call.file_search, FileSearchCall):
            yield from _search_events(index, call.id, call.file_search)
        elif isinstance(call.code_interpreter, CodeInterpreterCall):
            yield from _code_events(index, call.id, call.code_interpreter)
        elif call.type == "mcp":
            yield from _remote_events(index, call)
    at, cost = step.completed_at or step.created_at, step.usage or _NO_USAGE
    if outputs:
        yield events.ActionRequired()
        yield events.OutputsSubmitted(outputs, at, cost)
        yield events.RunStarted(run.started_at or at)
    elif step.status == "completed":
        yield events.CallsStepClosed(at, cost)


def _search_events(index: int, call_id: str, search: FileSearchCall) -> Iterator[events.Event]:
    yield events.SearchOpened(index, call_id, search.ranking_options)
    results = (
        FileSearchResult(
            file_id=result["file_id"],
            filename=result["file_name"],
            score=result["score"],
            attributes=result["attributes"],
            text=result["content"][0]["text"],
            page=result.get("page"),
            heading_path=result.get("heading_path", []),
            vector_store_id=result.get("vector_store_id", ""),
            chunk_index=result.get("chunk_index"),
        )
        for result in search.results
    )
    yield events.SearchDone(index, tuple(results))


def _code_events(index: int, call_id: str, code: CodeInterpreterCall) -> Iterator[events.Event]:
    yield events.CodeOpened(index, call_id)
    if code.input:
        yield events.CodeDelta(index, code.input)
    for output in code.outputs:
        if output["type"] == "logs":
            yield events.CodeOutputDelta(index, CodeOutput(type="logs", logs=output["logs"]))
        else:
            yield events.CodeOutputDelta(index, CodeOutput(type="image", file_id=output["image"]["file_id"]))


def _remote_events(index: int, call: RunStepToolCall) -> Iterator[events.Event]:
    yield events.RemoteCallOpened(index, call.id, call.server_label or "", call.name or "")
    yield events.ArgumentsDelta(index, call.arguments or "")
    if call.output or call.error:
        yield events.RemoteCallDone(index, call.output or None, call.error or None)


def end_events(history: RunHistory) -> Iterator[events.Event]:
    """The last events of a run that has ended; none of another."""
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
        run.usage or _NO_USAGE,
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

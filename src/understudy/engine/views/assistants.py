"""The Assistants view of a run: events in, public objects and the typed events of streams out. Pure.

Checkpoints store the objects of this view, so that a stream and a later read cannot differ. Every object is replaced
and never changed, so that whatever holds one has it as it was. Order and shapes: the hosted API's recorded streams.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views.difference import RenderedMessage, remaining_calls, remaining_message
from understudy.engine.views.origins import FinishedStep, Origin, RestoredOrigin
from understudy.engine.views.replay import step_events
from understudy.engine.views.steps import StepView, opening_events
from understudy.wire.messages import (
    Annotation,
    FileCitation,
    FileCitationAnnotation,
    FilePath,
    FilePathAnnotation,
    ImageFile,
    MessageContent,
    MessageContentImageFileObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageIncompleteDetails,
    MessageObject,
    TextContent,
    UrlCitation,
    UrlCitationAnnotation,
)
from understudy.wire.run_events import (
    CitationDelta,
    ContentDelta,
    FileQuote,
    MessageContentDelta,
    MessageDelta,
    MessageDeltaEvent,
    MessageEvent,
    RunEvent,
    RunStreamEvent,
    TextValue,
    ThreadEvent,
)
from understudy.wire.runs import RequiredAction, RunObject, SubmitToolApproval, SubmitToolOutputs
from understudy.wire.steps import MessageCreation, RunStepDetailsMessageCreationObject, RunStepObject, StepStatus
from understudy.wire.threads import ThreadObject

_replace: Final = msgspec.structs.replace
_STEP_STATUS_AT_END: Final[dict[str, StepStatus]] = {
    "completed": "completed",
    "incomplete": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
_Stream = Sequence[RunStreamEvent]


class RunView:
    """The run as its events so far describe it.

    `run`, `steps` and `message` are the public objects as REST serves them; `steps` and `message` are the open ones.
    `closed_messages` have ended since they were last stored.
    """

    def __init__(self) -> None:
        self.run: RunObject
        self.thread: ThreadObject | None = None
        self.message: MessageObject | None = None
        self.closed_messages: list[MessageObject] = []
        self.ended = False
        self._is_loaded = False
        self._steps = StepView()
        self._reset_parts()

    @property
    def steps(self) -> list[RunStepObject]:
        return self._steps.steps

    @property
    def closed_steps(self) -> list[RunStepObject]:
        """The steps that have ended since they were last stored."""
        return self._steps.closed

    def clear_closed(self) -> None:
        """Drops the objects that have ended: they are stored."""
        self._steps.closed = []
        self.closed_messages = []

    @classmethod
    def of(cls, history: Iterable[events.Event]) -> "RunView":
        view = cls()
        for event in history:
            view.apply(event)
        return view

    def apply(self, event: events.Event) -> Sequence[RunStreamEvent]:
        """Applies the event; returns what streams show of it."""
        handler = _HANDLERS.get(type(event))
        return () if handler is None else handler(self, event)

    def extend_text(self, *texts: str) -> bool:
        """Applies text deltas that only continue the text; False where they would open it."""
        if not self._text:
            return False
        self._text += texts
        return True

    # -- the run -----------------------------------------------------------------------------------------------

    def _on_queued(self, event: events.RunQueued) -> _Stream:
        self._load_run(event)
        self.thread = event.origin.thread
        created = self._run_event("created")
        stream: list[RunStreamEvent] = [created, RunEvent("thread.run.queued", created.data)]
        if self.thread is not None:
            resources = self.thread.tool_resources.as_read()
            stream.insert(0, ThreadEvent("thread.created", _replace(self.thread, tool_resources=resources)))
        return stream

    def _on_restored(self, event: events.RunRestored) -> _Stream:
        """What the stored run has and this view has not, and the end of what this view has and the run has not."""
        origin: RestoredOrigin = event.origin
        missed: list[RunStreamEvent] = []
        before = None
        if self._is_loaded:  # this view has rendered the events of an earlier owner
            # An owner that this view has missed may have begun the turn again, and ended it.
            missed = [*self._abandon_steps(origin), *self._finish_missed_steps(origin)]
            if self.message is not None:
                missed.append(self._abandon_message(origin.at))
            before = self.run.status
        self._load_run(event)
        run = [] if event.status == before else [self._run_event(event.status)]
        return [*missed, *run, *self._steps.restore(origin.steps, origin.at)]

    def _abandon_steps(self, origin: RestoredOrigin) -> list[RunStreamEvent]:
        """Ends the open steps and the message that are not stored."""
        steps = {*(one.step.id for one in origin.finished), *(step.id for step in origin.steps)}
        messages = {one.message.id for one in origin.finished if one.message is not None}
        is_abandoned = self.message is not None and self.message.id not in messages
        stream: list[RunStreamEvent] = [self._abandon_message(origin.at)] if is_abandoned else []
        return [*stream, *self._steps.abandon_all_but(steps, origin.at)]

    def _finish_missed_steps(self, origin: RestoredOrigin) -> list[RunStreamEvent]:
        """The rest of the steps that are stored."""
        missed: list[events.Event] = []
        if self.run.status == "queued" and origin.run.started_at is not None:
            missed.append(events.RunStarted(origin.run.started_at))
        for one in (*origin.finished, *map(FinishedStep, origin.steps)):
            if one.step.id not in self._steps.ended:
                missed += self._remaining_events(one, step_events(self.run, one.step, one.message))
        return [stream for event in missed for stream in self.apply(event)]

    def _remaining_events(self, finished: FinishedStep, replay: Iterable[events.Event]) -> Iterable[events.Event]:
        if self.run.status == "requires_action":
            replay = [event for event in replay if not isinstance(event, events.ActionRequired)]
        if finished.message is not None:
            is_open = self.message is not None and self.message.id == finished.message.id
            return remaining_message(replay, self._rendered_message()) if is_open else replay
        calls = self._steps.rendered_calls(finished.step.id)
        return replay if calls is None else remaining_calls(replay, calls)

    def _rendered_message(self) -> RenderedMessage:
        text, refusal = sum(map(len, self._text)), sum(map(len, self._refusal))
        return RenderedMessage(text, refusal, len(self._annotations), len(self._images))

    def _on_started(self, event: events.RunStarted) -> _Stream:
        self.run = _replace(self.run, status="in_progress", started_at=event.at)
        return [self._run_event("in_progress")]

    def _on_action_required(self, _: events.ActionRequired) -> _Stream:
        action = RequiredAction(submit_tool_outputs=SubmitToolOutputs(self._steps.required_calls()))
        self.run = _replace(self.run, status="requires_action", required_action=action)
        return [self._run_event("requires_action")]

    def _on_approval_required(self, event: events.ApprovalRequired) -> _Stream:
        approval = SubmitToolApproval(self._steps.approval_calls(event.call_ids))
        action = RequiredAction(type="submit_tool_approval", submit_tool_approval=approval)
        self.run = _replace(self.run, status="requires_action", required_action=action)
        return [self._run_event("requires_action")]

    def _on_approvals_submitted(self, _: events.ApprovalsSubmitted) -> _Stream:
        self.run = _replace(self.run, status="queued", required_action=None)
        return [self._run_event("queued")]

    def _on_outputs_submitted(self, event: events.OutputsSubmitted) -> _Stream:
        self._steps.set_outputs(event.outputs)
        closed = self._steps.close("completed", event.at, event.usage, kind="tool_calls")
        self.run = _replace(self.run, status="queued", required_action=None)
        return [*closed, self._run_event("queued")]

    def _on_cancel_requested(self, _: events.CancelRequested) -> _Stream:
        self.run = _replace(self.run, status="cancelling", required_action=None)
        return [self._run_event("cancelling")]

    def _on_ended(self, event: events.RunEnded) -> _Stream:
        cut = [self._cut_message(event.at, event.cut or "run_failed")] if self.message is not None else []
        steps = self._end(event)
        return [*cut, *map(self._steps.ended_event, steps), self._run_event(event.status)]

    def _end(self, event: events.RunEnded) -> list[RunStepObject]:
        """Ends the run, and what it has open; returns the steps of that."""
        if self.message is not None:
            self._cut_message(event.at, event.cut or "run_failed")
        steps = self._steps.end(_STEP_STATUS_AT_END[event.status], event.at, event.turn, error=event.error)
        self.run = run = _replace(
            self.run,
            status=event.status,
            expires_at=None,
            required_action=None,
            last_error=event.error,
            incomplete_details=event.incomplete,
            usage=event.usage,
        )
        time = f"{event.status}_at"
        if time in {"completed_at", "failed_at", "cancelled_at"}:
            setattr(run, time, event.at)
        self.ended = True
        return steps

    def _load_run(self, event: events.RunQueued | events.RunRestored) -> None:
        origin: Origin | RestoredOrigin = event.origin
        self.run = origin.run
        self._is_loaded = True
        self._steps.expires_at = origin.run.expires_at
        self._steps.detailed = origin.detailed

    def _run_event(self, name: str) -> RunEvent:
        run, resources = self.run, self.run.tool_resources.as_read()
        if resources is not run.tool_resources:
            run = _replace(run, tool_resources=resources)
        return RunEvent(f"thread.run.{name}", run)  # type: ignore[arg-type]

    # -- messages ----------------------------------------------------------------------------------------------

    def _on_message_opened(self, event: events.MessageOpened) -> _Stream:
        # What an owner between opened, whose log is lost, begins while the message of the owner before it is open.
        abandoned = [self._abandon_message(event.at)] if self.message is not None else []
        step, message = self._add_message_step(event), self._open_message(event)
        return [*abandoned, *opening_events(step), *_opening_events(message)]

    def _add_message_step(self, event: events.MessageOpened) -> RunStepObject:
        details = RunStepDetailsMessageCreationObject(MessageCreation(event.message_id))
        return self._steps.add(self.run, event.step_id, "message_creation", details, event.at)

    def _open_message(self, event: events.MessageOpened) -> MessageObject:
        phase: Any = event.phase or msgspec.UNSET
        self._reset_parts()
        self.message = message = MessageObject(
            id=event.message_id,
            created_at=event.at,
            assistant_id=self.run.assistant_id or None,
            thread_id=self.run.thread_id,
            run_id=self.run.id,
            status="in_progress",
            role="assistant",
            content=[],
            attachments=[],
            metadata={},
            phase=phase,
        )
        return message

    def _on_text_delta(self, event: events.TextDelta) -> _Stream:
        value = TextValue(event.text) if self._text else TextValue(event.text, [])
        self._text.append(event.text)
        return [self._content_event(ContentDelta(index=self._part_index("text"), type="text", text=value))]

    def _on_citation_added(self, event: events.CitationAdded) -> _Stream:
        value = TextValue(event.text, [_citation_delta(event, len(self._annotations))])
        self._text.append(event.text)
        self._annotations.append(_annotation(event))
        return [self._content_event(ContentDelta(index=self._part_index("text"), type="text", text=value))]

    def _on_url_cited(self, event: events.UrlCited) -> _Stream:
        """Only responses cite pages; their streams are those of the other view."""
        cited = UrlCitation(event.url, event.title)
        self._text.append(event.text)
        self._annotations.append(UrlCitationAnnotation(event.text, event.start, event.end, cited))
        self._part_index("text")
        return ()

    def _on_image_added(self, event: events.ImageAdded) -> _Stream:
        self._images.append(event.file_id)
        image = ImageFile(event.file_id)
        return [self._content_event(ContentDelta(index=len(self._images) - 1, type="image_file", image_file=image))]

    def _on_refusal_delta(self, event: events.RefusalDelta) -> _Stream:
        self._refusal.append(event.text)
        delta = ContentDelta(index=self._part_index("refusal"), type="refusal", refusal=event.text)
        return [self._content_event(delta)]

    def _part_index(self, kind: str) -> int:
        """The number of the message's text or refusal; parts are numbered as they appear."""
        return self._parts.setdefault(kind, len(self._images) + len(self._parts))

    def _content_event(self, delta: ContentDelta) -> MessageDeltaEvent:
        assert self.message is not None
        return MessageDeltaEvent(MessageDelta(id=self.message.id, delta=MessageContentDelta([delta])))

    def _on_message_closed(self, event: events.MessageClosed) -> _Stream:
        message = self._close_message(status="completed", completed_at=event.at)
        step = self._steps.close("completed", event.at, event.usage, kind="message_creation")
        return [MessageEvent("thread.message.completed", message), *step]

    def _cut_message(self, at: int, reason: str) -> RunStreamEvent:
        details = MessageIncompleteDetails(reason)  # type: ignore[arg-type]
        message = self._close_message(status="incomplete", incomplete_at=at, incomplete_details=details)
        return MessageEvent("thread.message.incomplete", message)

    def _abandon_message(self, at: int) -> RunStreamEvent:
        """Ends the message of an earlier owner, of which clients may have more than this view.

        The official clients look up the part of the message whose deltas they have.
        """
        self._part_index("text")
        return self._cut_message(at, "run_failed")

    def _close_message(self, **changes: Any) -> MessageObject:
        assert self.message is not None
        message = _replace(self.message, content=[*self.message.content, *self._content()], **changes)
        self.message = None
        self.closed_messages.append(message)
        self._reset_parts()
        return message

    def _content(self) -> list[MessageContent]:
        content: list[MessageContent] = []
        if self._images:
            content += [MessageContentImageFileObject(ImageFile(image)) for image in self._images]
        for kind in self._parts:
            if kind == "text":
                content.append(MessageContentTextObject(TextContent("".join(self._text), self._annotations)))
            else:
                content.append(MessageContentRefusalObject("".join(self._refusal)))
        return content

    def _reset_parts(self) -> None:
        self._parts: dict[str, int] = {}
        self._images: list[str] = []
        self._text: list[str] = []
        self._annotations: list[Annotation] = []
        self._refusal: list[str] = []

    # -- tool calls --------------------------------------------------------------------------------------------

    def _on_calls_opened(self, event: events.CallsStepOpened) -> _Stream:
        return self._steps.open_calls(self.run, event)

    def _on_calls_closed(self, event: events.CallsStepClosed) -> _Stream:
        return self._steps.close("completed", event.at, event.usage, kind="tool_calls")

    def _on_call_opened(self, event: events.CallOpened) -> _Stream:
        return [self._steps.open_call(event)]

    def _on_arguments_delta(self, event: events.ArgumentsDelta) -> _Stream:
        return [self._steps.add_arguments(event)]

    def _on_search_opened(self, event: events.SearchOpened) -> _Stream:
        return [self._steps.open_search(event)]

    def _on_search_done(self, event: events.SearchDone) -> _Stream:
        self._steps.end_search(event)
        return ()

    def _on_remote_opened(self, event: events.RemoteCallOpened) -> _Stream:
        return [self._steps.open_remote(event)]

    def _on_remote_done(self, event: events.RemoteCallDone) -> _Stream:
        return [self._steps.end_remote(event)]

    def _on_hosted_opened(
        self, event: events.WebCallOpened | events.ImageCallOpened | events.ToolSearchOpened
    ) -> _Stream:
        return [self._steps.open_hosted_call(event)]

    def _on_code_opened(self, event: events.CodeOpened) -> _Stream:
        return [self._steps.open_code(event)]

    def _on_code_delta(self, event: events.CodeDelta) -> _Stream:
        return [self._steps.add_code(event)]

    def _on_code_output_delta(self, event: events.CodeOutputDelta) -> _Stream:
        return [self._steps.add_output(event)]


def _opening_events(message: MessageObject) -> list[MessageEvent]:
    return [MessageEvent("thread.message.created", message), MessageEvent("thread.message.in_progress", message)]


def _citation_delta(event: events.CitationAdded, index: int) -> CitationDelta:
    span: dict[str, Any] = {"index": index, "text": event.text, "start_index": event.start, "end_index": event.end}
    if event.is_path:
        return CitationDelta(type="file_path", file_path=FilePath(event.file_id), **span)
    return CitationDelta(type="file_citation", file_citation=FileQuote(event.file_id, **event.place), **span)


def _annotation(event: events.CitationAdded) -> Annotation:
    span = event.text, event.start, event.end
    if event.is_path:
        return FilePathAnnotation(*span, FilePath(event.file_id))
    return FileCitationAnnotation(*span, FileCitation(event.file_id, **event.place))


# Events without an entry are of the other dialect: reasoning, listed tools, log probabilities, compaction.
_HANDLERS: Final[dict[type[events.Event], Callable[[RunView, Any], _Stream]]] = {
    events.RunQueued: RunView._on_queued,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: RunView._on_restored,  # noqa: SLF001
    events.RunStarted: RunView._on_started,  # noqa: SLF001
    events.MessageOpened: RunView._on_message_opened,  # noqa: SLF001
    events.TextDelta: RunView._on_text_delta,  # noqa: SLF001
    events.UrlCited: RunView._on_url_cited,  # noqa: SLF001
    events.ImageAdded: RunView._on_image_added,  # noqa: SLF001
    events.CitationAdded: RunView._on_citation_added,  # noqa: SLF001
    events.RefusalDelta: RunView._on_refusal_delta,  # noqa: SLF001
    events.MessageClosed: RunView._on_message_closed,  # noqa: SLF001
    events.CallsStepOpened: RunView._on_calls_opened,  # noqa: SLF001
    events.CallOpened: RunView._on_call_opened,  # noqa: SLF001
    events.ArgumentsDelta: RunView._on_arguments_delta,  # noqa: SLF001
    events.SearchOpened: RunView._on_search_opened,  # noqa: SLF001
    events.SearchDone: RunView._on_search_done,  # noqa: SLF001
    events.RemoteCallOpened: RunView._on_remote_opened,  # noqa: SLF001
    events.RemoteCallDone: RunView._on_remote_done,  # noqa: SLF001
    events.ApprovalRequired: RunView._on_approval_required,  # noqa: SLF001
    events.ApprovalsSubmitted: RunView._on_approvals_submitted,  # noqa: SLF001
    events.WebCallOpened: RunView._on_hosted_opened,  # noqa: SLF001
    events.ImageCallOpened: RunView._on_hosted_opened,  # noqa: SLF001
    events.ToolSearchOpened: RunView._on_hosted_opened,  # noqa: SLF001
    events.CodeOpened: RunView._on_code_opened,  # noqa: SLF001
    events.CodeDelta: RunView._on_code_delta,  # noqa: SLF001
    events.CodeOutputDelta: RunView._on_code_output_delta,  # noqa: SLF001
    events.CallsStepClosed: RunView._on_calls_closed,  # noqa: SLF001
    events.ActionRequired: RunView._on_action_required,  # noqa: SLF001
    events.OutputsSubmitted: RunView._on_outputs_submitted,  # noqa: SLF001
    events.CancelRequested: RunView._on_cancel_requested,  # noqa: SLF001
    events.RunEnded: RunView._on_ended,  # noqa: SLF001
}

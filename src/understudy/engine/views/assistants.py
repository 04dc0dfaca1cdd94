"""The Assistants view of a run: its events in, its objects and its server-sent events out. Pure: no clock, no store.

The engine stores the objects that this view holds at the boundaries of a run, so what is streamed and what is read
later cannot differ. Order and shapes: the hosted API's recorded streams.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views.steps import StepView, encode_frame, frame_prefix
from understudy.wire.messages import (
    Annotation,
    FileCitation,
    FileCitationAnnotation,
    FilePathAnnotation,
    ImageFile,
    MessageContentImageFileObject,
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageIncompleteDetails,
    MessageObject,
    TextContent,
)
from understudy.wire.runs import RequiredAction, RunObject, SubmitToolApproval, SubmitToolOutputs
from understudy.wire.steps import MessageCreation, RunStepDetailsMessageCreationObject, RunStepObject, StepStatus
from understudy.wire.threads import ThreadObject

DONE_FRAME: Final = b"event: done\ndata: [DONE]\n\n"
_encode_json = msgspec.json.encode
_STEP_STATUS_AT_END: Final[dict[str, StepStatus]] = {
    "completed": "completed",
    "incomplete": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}


class RunView:
    """The run as its events so far describe it.

    `run`, `steps` and `message` are the public objects as REST serves them; `steps` and `message` are those still open.
    An event changes them in place, so whoever held one before the event has it as the event left it.
    """

    def __init__(self) -> None:
        self.run: RunObject
        self.thread: ThreadObject | None = None
        self.message: MessageObject | None = None
        self.ended = False
        self._steps = StepView()
        self._images: list[str] = []
        self._text: list[str] = []
        self._annotations: list[Annotation] = []
        self._refusal: list[str] = []
        self._heads: dict[str, bytes] = {}

    @property
    def steps(self) -> list[RunStepObject]:
        return self._steps.steps

    @property
    def is_message_empty(self) -> bool:
        """Whether the open message has said nothing yet."""
        return self.message is not None and not self._heads and not self._images

    def settle(self) -> None:
        """Makes open calls show all of what was written in them so far."""
        self._steps.settle()

    @classmethod
    def of(cls, history: Iterable[events.Event]) -> "RunView":
        view = cls()
        for event in history:
            view.apply(event)
        return view

    def apply(self, event: events.Event) -> bytes:
        """Applies the event; returns the frames that streams show of it, empty where they show nothing."""
        return _HANDLERS[type(event)](self, event)

    def encode(self, event: events.Event, merged: int = 0) -> bytes:  # noqa: ARG002 - these frames have no numbers
        return self.apply(event)

    # -- the run -----------------------------------------------------------------------------------------------

    def _on_queued(self, event: events.RunQueued) -> bytes:
        self._load_run(event)
        self.thread = event.thread
        head = b"" if event.thread is None else encode_frame(b"thread.created", _encode_without_texts(event.thread))
        return head + self._run_frame(b"created") + self._run_frame(b"queued")

    def _on_restored(self, event: events.RunRestored) -> bytes:
        self._load_run(event)
        self.message = deepcopy(event.message)
        frames = self._run_frame(event.run.status.encode()) + self._steps.restore(event.steps)
        if event.message is not None:
            frames += frame_prefix(b"thread.message.", _encode_json(event.message))
        return frames

    def _on_started(self, event: events.RunStarted) -> bytes:
        self.run.status = "in_progress"
        self.run.started_at = event.at
        return self._run_frame(b"in_progress")

    def _on_action_required(self, _: events.ActionRequired) -> bytes:
        self._steps.settle()
        self.run.status = "requires_action"
        self.run.required_action = RequiredAction(submit_tool_outputs=SubmitToolOutputs(self._steps.required_calls()))
        return self._run_frame(b"requires_action")

    def _on_approval_required(self, event: events.ApprovalRequired) -> bytes:
        self._steps.settle()
        self.run.status = "requires_action"
        asked = SubmitToolApproval(self._steps.unapproved(event.call_ids))
        self.run.required_action = RequiredAction(type="submit_tool_approval", submit_tool_approval=asked)
        return self._run_frame(b"requires_action")

    def _on_approval_given(self, _: events.ApprovalGiven) -> bytes:
        self.run.status = "queued"
        self.run.required_action = None
        return self._run_frame(b"queued")

    def _on_outputs_submitted(self, event: events.OutputsSubmitted) -> bytes:
        self._steps.set_outputs(event.outputs)
        frames = self._steps.close("completed", event.at, event.usage, kind="tool_calls")
        self.run.status = "queued"
        self.run.required_action = None
        return frames + self._run_frame(b"queued")

    def _on_cancel_requested(self, _: events.CancelRequested) -> bytes:
        self.run.status = "cancelling"
        self.run.required_action = None
        return self._run_frame(b"cancelling")

    def _on_released(self, _: events.RunReleased) -> bytes:
        return b""

    def _on_ended(self, event: events.RunEnded) -> bytes:
        cut = self._close_incomplete_message(event) if self.message is not None else b""
        steps = self._steps.close(_STEP_STATUS_AT_END[event.status], event.at, event.turn, error=event.error)
        self._apply_end(event)
        self.ended = True
        return cut + steps + self._run_frame(event.status.encode())

    def _ignore(self, _: events.Event) -> bytes:
        """Only the other dialect has a word for it."""
        return b""

    def _apply_end(self, event: events.RunEnded) -> None:
        run = self.run
        run.status = event.status
        run.expires_at = None
        run.required_action = None
        run.last_error = event.error
        run.incomplete_details = event.incomplete
        run.usage = event.usage
        match event.status:
            case "completed":
                run.completed_at = event.at
            case "failed":
                run.failed_at = event.at
            case "cancelled":
                run.cancelled_at = event.at
            case _:
                pass

    def _load_run(self, event: events.RunQueued | events.RunRestored) -> None:
        # The view owns what it changes; the event keeps what it said.
        self.run = msgspec.structs.replace(event.run)
        self._steps.expires_at = event.run.expires_at
        self._steps.detailed = event.detailed

    def _run_frame(self, name: bytes) -> bytes:
        return encode_frame(b"thread.run." + name, _encode_without_texts(self.run))

    # -- messages ----------------------------------------------------------------------------------------------

    def _on_message_opened(self, event: events.MessageOpened) -> bytes:
        details = RunStepDetailsMessageCreationObject(MessageCreation(event.message_id))
        step = self._steps.open(self.run, event.step_id, "message_creation", details, event.at)
        self.message = message = self._new_message(event)
        self._reset_parts()
        return step + frame_prefix(b"thread.message.", _encode_json(message))

    def _new_message(self, event: events.MessageOpened) -> MessageObject:
        return MessageObject(
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
        )

    def _on_text_delta(self, event: events.TextDelta) -> bytes:
        head = self._heads.get("text") or self._open_part("text", b'"text":{"value":')
        tail = b"}}]}}\n\n" if self._text else b',"annotations":[]}}]}}\n\n'
        self._text.append(event.text)
        return head + _encode_json(event.text) + tail

    def _on_citation_added(self, event: events.CitationAdded) -> bytes:
        head = self._heads.get("text") or self._open_part("text", b'"text":{"value":')
        named = b'"file_id":' + _encode_json(event.file_id)
        # A stream's citation still has the quote of the API's first version, always empty.
        target = b'"file_path":{%b}' % named if event.is_path else b'"file_citation":{%b,"quote":""}' % named
        text = _encode_json(event.text)
        annotation = b'{"index":%d,"type":"%b","text":%b,"start_index":%d,"end_index":%d,%b}' % (
            len(self._annotations),
            b"file_path" if event.is_path else b"file_citation",
            text,
            event.start,
            event.end,
            target,
        )
        self._text.append(event.text)
        self._annotations.append(_annotation(event))
        return head + text + b',"annotations":[' + annotation + b"]}}]}}\n\n"

    def _on_image_added(self, event: events.ImageAdded) -> bytes:
        assert self.message is not None
        self._images.append(event.file_id)
        part = b'"image_file","image_file":' + _encode_json(ImageFile(event.file_id))
        return self._delta_prefix(len(self._images) - 1) + part + b"}]}}\n\n"

    def _on_refusal_delta(self, event: events.RefusalDelta) -> bytes:
        head = self._heads.get("refusal") or self._open_part("refusal", b'"refusal":')
        self._refusal.append(event.text)
        return head + _encode_json(event.text) + b"}]}}\n\n"

    def _open_part(self, kind: str, value: bytes) -> bytes:
        """The bytes that all deltas of one content part begin with; parts are numbered as they appear."""
        head = self._delta_prefix(len(self._images) + len(self._heads)) + b'"%b",%b' % (kind.encode(), value)
        self._heads[kind] = head
        return head

    def _delta_prefix(self, index: int) -> bytes:
        assert self.message is not None
        return (
            b'event: thread.message.delta\ndata: {"id":"%b","object":"thread.message.delta","delta":'
            b'{"content":[{"index":%d,"type":'
        ) % (self.message.id.encode(), index)

    def _on_message_closed(self, event: events.MessageClosed) -> bytes:
        message = self._join_message_parts()
        message.status = "completed"
        message.completed_at = event.at
        self.message = None
        step = self._steps.close("completed", event.at, event.usage, kind="message_creation")
        return encode_frame(b"thread.message.completed", _encode_json(message)) + step

    def _close_incomplete_message(self, event: events.RunEnded) -> bytes:
        message = self._join_message_parts()
        message.status = "incomplete"
        message.incomplete_at = event.at
        message.incomplete_details = MessageIncompleteDetails(event.cut or "run_failed")  # type: ignore[arg-type]
        self.message = None
        return encode_frame(b"thread.message.incomplete", _encode_json(message))

    def _join_message_parts(self) -> MessageObject:
        assert self.message is not None
        content = self.message.content
        content += [MessageContentImageFileObject(ImageFile(file_id)) for file_id in self._images]
        for kind in self._heads:
            if kind == "text":
                content.append(MessageContentTextObject(TextContent("".join(self._text), self._annotations)))
            else:
                content.append(MessageContentRefusalObject("".join(self._refusal)))
        self._reset_parts()
        return self.message

    def _reset_parts(self) -> None:
        self._images, self._text, self._annotations, self._refusal, self._heads = [], [], [], [], {}

    # -- tool calls --------------------------------------------------------------------------------------------

    def _on_calls_opened(self, event: events.CallsStepOpened) -> bytes:
        return self._steps.open_calls(self.run, event)

    def _on_calls_closed(self, event: events.CallsStepClosed) -> bytes:
        return self._steps.close("completed", event.at, event.usage, kind="tool_calls")

    def _on_call_opened(self, event: events.CallOpened) -> bytes:
        return self._steps.open_call(event)

    def _on_arguments_delta(self, event: events.ArgumentsDelta) -> bytes:
        return self._steps.add_arguments(event)

    def _on_search_opened(self, event: events.SearchOpened) -> bytes:
        return self._steps.open_search(event)

    def _on_search_done(self, event: events.SearchDone) -> bytes:
        return self._steps.end_search(event)

    def _on_remote_opened(self, event: events.RemoteCallOpened) -> bytes:
        return self._steps.open_remote(event)

    def _on_remote_done(self, event: events.RemoteCallDone) -> bytes:
        return self._steps.end_remote(event)

    def _on_code_opened(self, event: events.CodeOpened) -> bytes:
        return self._steps.open_code(event)

    def _on_code_delta(self, event: events.CodeDelta) -> bytes:
        return self._steps.add_code(event)

    def _on_code_output_delta(self, event: events.CodeOutputDelta) -> bytes:
        return self._steps.add_output(event)


def _encode_without_texts(subject: RunObject | ThreadObject) -> bytes:
    return _encode_json(msgspec.structs.replace(subject, tool_resources=subject.tool_resources.as_read()))


def _annotation(event: events.CitationAdded) -> Annotation:
    target = FileCitation(event.file_id)
    if event.is_path:
        return FilePathAnnotation(event.text, event.start, event.end, target)
    return FileCitationAnnotation(event.text, event.start, event.end, target)


_HANDLERS: Final[dict[type[events.Event], Callable[[RunView, Any], bytes]]] = {
    events.RunQueued: RunView._on_queued,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: RunView._on_restored,  # noqa: SLF001
    events.RunStarted: RunView._on_started,  # noqa: SLF001
    events.MessageOpened: RunView._on_message_opened,  # noqa: SLF001
    events.TextDelta: RunView._on_text_delta,  # noqa: SLF001
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
    events.ApprovalGiven: RunView._on_approval_given,  # noqa: SLF001
    events.CodeOpened: RunView._on_code_opened,  # noqa: SLF001
    events.CodeDelta: RunView._on_code_delta,  # noqa: SLF001
    events.CodeOutputDelta: RunView._on_code_output_delta,  # noqa: SLF001
    events.CallsStepClosed: RunView._on_calls_closed,  # noqa: SLF001
    events.ActionRequired: RunView._on_action_required,  # noqa: SLF001
    events.OutputsSubmitted: RunView._on_outputs_submitted,  # noqa: SLF001
    events.CancelRequested: RunView._on_cancel_requested,  # noqa: SLF001
    events.RunEnded: RunView._on_ended,  # noqa: SLF001
    events.RunReleased: RunView._on_released,  # noqa: SLF001
    **dict.fromkeys(
        (
            *(events.CodeRunning, events.CodeDone, events.CallsReceived),
            *(events.ReasoningOpened, events.ReasoningDelta, events.ReasoningClosed, events.ToolsListed),
            *(events.ContextCompacted, events.LogprobsReceived),
        ),
        RunView._ignore,  # noqa: SLF001
    ),
}

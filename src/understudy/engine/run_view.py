"""The Assistants view of a run: its events in, its objects and its server-sent events out. Pure: no clock, no store.

The engine stores the objects that this view holds at the boundaries of a run, so what is streamed and what is read
later cannot differ. Order and shapes: the hosted API's recorded streams.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Final, assert_never

import msgspec

from understudy.engine import events
from understudy.wire.messages import (
    MessageContentRefusalObject,
    MessageContentTextObject,
    MessageIncompleteDetails,
    MessageObject,
    TextContent,
)
from understudy.wire.runs import (
    LastError,
    RequiredAction,
    RunCompletionUsage,
    RunObject,
    RunToolCallFunction,
    RunToolCallObject,
    SubmitToolOutputs,
)
from understudy.wire.steps import (
    FunctionCall,
    MessageCreation,
    RunStepDetailsMessageCreationObject,
    RunStepDetailsToolCallsObject,
    RunStepObject,
    RunStepToolCall,
    StepStatus,
)
from understudy.wire.threads import ThreadObject

DONE: Final = b"event: done\ndata: [DONE]\n\n"
_encode = msgspec.json.encode
_STEP_STATUS: Final[dict[str, StepStatus]] = {
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
        self.steps: list[RunStepObject] = []
        self.message: MessageObject | None = None
        self.ended = False
        self._expires_at: int | None = None
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._heads: dict[str, bytes] = {}
        self._call_heads: dict[int, bytes] = {}
        self._arguments: dict[int, list[str]] = {}

    @property
    def is_silent(self) -> bool:
        """Whether the open message has said nothing yet."""
        return self.message is not None and not self._heads

    @classmethod
    def of(cls, history: Iterable[events.Event]) -> "RunView":
        view = cls()
        for event in history:
            view.apply(event)
        return view

    def apply(self, event: events.Event) -> bytes:
        """Takes the event in and returns what a stream shows of it, framed; empty where it shows nothing."""
        return _HANDLERS[type(event)](self, event)

    # -- the run -----------------------------------------------------------------------------------------------

    def _queued(self, event: events.RunQueued) -> bytes:
        self._adopt(event.run)
        self.thread = event.thread
        head = b"" if event.thread is None else _frame(b"thread.created", _encode_streamed(event.thread))
        return head + self._run_frame(b"created") + self._run_frame(b"queued")

    def _restored(self, event: events.RunRestored) -> bytes:
        self._adopt(event.run)
        self.steps = [deepcopy(step) for step in event.steps]
        self.message = deepcopy(event.message)
        frames = [self._run_frame(event.run.status.encode())]
        for step in self.steps:
            calls = enumerate(_calls(step))
            self._arguments = {index: [_function(call).arguments] for index, call in calls}
            frames.append(_begin(b"thread.run.step.", _encode(step)))
        if event.message is not None:
            frames.append(_begin(b"thread.message.", _encode(event.message)))
        return b"".join(frames)

    def _started(self, event: events.RunStarted) -> bytes:
        self.run.status = "in_progress"
        self.run.started_at = event.at
        return self._run_frame(b"in_progress")

    def _action_required(self, _: events.ActionRequired) -> bytes:
        self._settle_arguments()
        calls = [call for step in self.steps if step.type == "tool_calls" for call in _calls(step)]
        self.run.status = "requires_action"
        self.run.required_action = RequiredAction(
            submit_tool_outputs=SubmitToolOutputs([_required(call) for call in calls])
        )
        return self._run_frame(b"requires_action")

    def _outputs_submitted(self, event: events.OutputsSubmitted) -> bytes:
        for step in self.steps:
            for call in _calls(step):
                _function(call).output = event.outputs[call.id]
        frames = b"".join(self._close_steps("completed", event.at, event.usage, kind="tool_calls"))
        self.run.status = "queued"
        self.run.required_action = None
        return frames + self._run_frame(b"queued")

    def _cancel_requested(self, _: events.CancelRequested) -> bytes:
        self.run.status = "cancelling"
        self.run.required_action = None
        return self._run_frame(b"cancelling")

    def _released(self, _: events.RunReleased) -> bytes:
        return b""

    def _ended(self, event: events.RunEnded) -> bytes:
        self._settle_arguments()
        frames = [self._cut_message(event)] if self.message is not None else []
        frames += self._close_steps(_STEP_STATUS[event.status], event.at, event.turn, error=event.error)
        self._end_run(event)
        self.ended = True
        return b"".join(frames) + self._run_frame(event.status.encode())

    def _end_run(self, event: events.RunEnded) -> None:
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

    def _adopt(self, run: RunObject) -> None:
        # The view owns what it changes; the event keeps what it said.
        self.run = msgspec.structs.replace(run)
        self._expires_at = run.expires_at

    # -- messages ----------------------------------------------------------------------------------------------

    def _message_opened(self, event: events.MessageOpened) -> bytes:
        details = RunStepDetailsMessageCreationObject(MessageCreation(event.message_id))
        step = self._open_step(event.step_id, "message_creation", details, event.at)
        message = self._new_message(event)
        self.message = message
        self._text, self._refusal, self._heads = [], [], {}
        return step + _begin(b"thread.message.", _encode(message))

    def _new_message(self, event: events.MessageOpened) -> MessageObject:
        return MessageObject(
            id=event.message_id,
            created_at=event.at,
            assistant_id=self.run.assistant_id,
            thread_id=self.run.thread_id,
            run_id=self.run.id,
            status="in_progress",
            role="assistant",
            content=[],
            attachments=[],
            metadata={},
        )

    def _text_delta(self, event: events.TextDelta) -> bytes:
        head = self._heads.get("text") or self._open_part("text", b'"text":{"value":')
        tail = b"}}]}}\n\n" if self._text else b',"annotations":[]}}]}}\n\n'
        self._text.append(event.text)
        return head + _encode(event.text) + tail

    def _refusal_delta(self, event: events.RefusalDelta) -> bytes:
        head = self._heads.get("refusal") or self._open_part("refusal", b'"refusal":')
        self._refusal.append(event.text)
        return head + _encode(event.text) + b"}]}}\n\n"

    def _open_part(self, kind: str, value: bytes) -> bytes:
        """The bytes that all deltas of one content part begin with; parts are numbered as they appear."""
        assert self.message is not None
        head = (
            b'event: thread.message.delta\ndata: {"id":"%b","object":"thread.message.delta","delta":'
            b'{"content":[{"index":%d,"type":"%b",%b'
        ) % (self.message.id.encode(), len(self._heads), kind.encode(), value)
        self._heads[kind] = head
        return head

    def _message_closed(self, event: events.MessageClosed) -> bytes:
        message = self._fill_message()
        message.status = "completed"
        message.completed_at = event.at
        self.message = None
        frames = self._close_steps("completed", event.at, event.usage, kind="message_creation")
        return _frame(b"thread.message.completed", _encode(message)) + b"".join(frames)

    def _cut_message(self, event: events.RunEnded) -> bytes:
        message = self._fill_message()
        message.status = "incomplete"
        message.incomplete_at = event.at
        message.incomplete_details = MessageIncompleteDetails(event.cut or "run_failed")  # type: ignore[arg-type]
        self.message = None
        return _frame(b"thread.message.incomplete", _encode(message))

    def _fill_message(self) -> MessageObject:
        assert self.message is not None
        for kind in self._heads:
            if kind == "text":
                self.message.content.append(MessageContentTextObject(TextContent("".join(self._text))))
            else:
                self.message.content.append(MessageContentRefusalObject("".join(self._refusal)))
        self._text, self._refusal, self._heads = [], [], {}
        return self.message

    # -- steps and their calls ---------------------------------------------------------------------------------

    def _calls_opened(self, event: events.CallsOpened) -> bytes:
        self._arguments, self._call_heads = {}, {}
        return self._open_step(event.step_id, "tool_calls", RunStepDetailsToolCallsObject([]), event.at)

    def _call_opened(self, event: events.CallOpened) -> bytes:
        step = self.steps[-1]
        function = FunctionCall(name=event.name, arguments="", output=None)
        call = RunStepToolCall(id=event.call_id, type="function", function=function)
        _calls(step).append(call)
        self._arguments[event.index] = []
        head = (
            b'event: thread.run.step.delta\ndata: {"id":"%b","object":"thread.run.step.delta","delta":'
            b'{"step_details":{"type":"tool_calls","tool_calls":[{"index":%d,'
        ) % (step.id.encode(), event.index)
        self._call_heads[event.index] = head + b'"type":"function","function":{"arguments":'
        return (
            head
            + b'"id":'
            + _encode(event.call_id)
            + b',"type":"function","function":'
            + _encode(function)
            + b"}]}}}\n\n"
        )

    def _arguments_delta(self, event: events.ArgumentsDelta) -> bytes:
        self._arguments[event.index].append(event.text)
        return self._call_heads[event.index] + _encode(event.text) + b"}}]}}}\n\n"

    def _settle_arguments(self) -> None:
        for step in self.steps:
            for index, call in enumerate(_calls(step)):
                _function(call).arguments = "".join(self._arguments.get(index, ()))

    def _open_step(self, step_id: str, kind: Any, details: Any, at: int) -> bytes:
        step = RunStepObject(
            id=step_id,
            created_at=at,
            run_id=self.run.id,
            assistant_id=self.run.assistant_id,
            thread_id=self.run.thread_id,
            type=kind,
            status="in_progress",
            expires_at=self._expires_at,
            step_details=details,
        )
        self.steps.append(step)
        return _begin(b"thread.run.step.", _encode(step))

    def _close_steps(
        self,
        status: StepStatus,
        at: int,
        usage: RunCompletionUsage | None,
        *,
        kind: str | None = None,
        error: LastError | None = None,
    ) -> list[bytes]:
        closing = [step for step in self.steps if kind in {None, step.type}]
        self.steps = [step for step in self.steps if kind not in {None, step.type}]
        return [_close_step(step, status, at, usage, error) for step in closing]

    def _run_frame(self, name: bytes) -> bytes:
        return _frame(b"thread.run." + name, _encode_streamed(self.run))


def _frame(name: bytes, data: bytes) -> bytes:
    return b"event: " + name + b"\ndata: " + data + b"\n\n"


def _begin(family: bytes, data: bytes) -> bytes:
    return _frame(family + b"created", data) + _frame(family + b"in_progress", data)


def _encode_streamed(subject: RunObject | ThreadObject) -> bytes:
    return _encode(msgspec.structs.replace(subject, tool_resources=subject.tool_resources.as_read()))


def _calls(step: RunStepObject) -> list[RunStepToolCall]:
    details = step.step_details
    return details.tool_calls if isinstance(details, RunStepDetailsToolCallsObject) else []


def _function(call: RunStepToolCall) -> FunctionCall:
    assert isinstance(call.function, FunctionCall)
    return call.function


def _required(call: RunStepToolCall) -> RunToolCallObject:
    function = _function(call)
    return RunToolCallObject(id=call.id, function=RunToolCallFunction(function.name, function.arguments))


def _close_step(
    step: RunStepObject, status: StepStatus, at: int, usage: RunCompletionUsage | None, error: LastError | None
) -> bytes:
    step.status = status
    step.usage = usage
    step.last_error = error if status == "failed" else None
    _stamp(step, at)
    frame = _frame(b"thread.run.step." + status.encode(), _encode(step))
    # A stream still shows when the step would have expired; the stored step does not.
    step.expires_at = None
    return frame


def _stamp(step: RunStepObject, at: int) -> None:
    match step.status:
        case "completed":
            step.completed_at = at
        case "failed":
            step.failed_at = at
        case "cancelled":
            step.cancelled_at = at
        case "expired":
            step.expired_at = at
        case "in_progress":
            pass
        case _:
            assert_never(step.status)


_HANDLERS: Final[dict[type[events.Event], Callable[[RunView, Any], bytes]]] = {
    events.RunQueued: RunView._queued,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: RunView._restored,  # noqa: SLF001
    events.RunStarted: RunView._started,  # noqa: SLF001
    events.MessageOpened: RunView._message_opened,  # noqa: SLF001
    events.TextDelta: RunView._text_delta,  # noqa: SLF001
    events.RefusalDelta: RunView._refusal_delta,  # noqa: SLF001
    events.MessageClosed: RunView._message_closed,  # noqa: SLF001
    events.CallsOpened: RunView._calls_opened,  # noqa: SLF001
    events.CallOpened: RunView._call_opened,  # noqa: SLF001
    events.ArgumentsDelta: RunView._arguments_delta,  # noqa: SLF001
    events.ActionRequired: RunView._action_required,  # noqa: SLF001
    events.OutputsSubmitted: RunView._outputs_submitted,  # noqa: SLF001
    events.CancelRequested: RunView._cancel_requested,  # noqa: SLF001
    events.RunEnded: RunView._ended,  # noqa: SLF001
    events.RunReleased: RunView._released,  # noqa: SLF001
}

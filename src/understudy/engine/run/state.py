"""The state of one run, reduced from its events. Pure: draws no ids, reads no clock, and knows neither dialect.

The executor, its tools and the checkpoints read this state. The views render it for clients.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from understudy.engine.run import events
from understudy.engine.run.spec import RunSpec
from understudy.wire.run_outcome import RunCompletionUsage, RunStatus


class RunState:
    """The run as its events so far describe it.

    The ids are those of the open message and of the open steps, and `open_calls` are the numbers in their turn of the
    calls without a result.
    """

    __slots__ = (
        *("calls_step_id", "ended", "is_message_empty", "message_id", "message_step_id"),
        *("open_calls", "spec", "status", "usage"),
    )

    def __init__(self) -> None:
        self.spec: RunSpec
        self.status: RunStatus = "queued"
        self.ended = False
        self.usage = RunCompletionUsage()
        self.message_id: str | None = None
        self.is_message_empty = False
        self.message_step_id: str | None = None
        self.calls_step_id: str | None = None
        self.open_calls: set[int] = set()

    @property
    def has_open_step(self) -> bool:
        return self.message_step_id is not None or self.calls_step_id is not None

    @classmethod
    def of(cls, history: Iterable[events.Event]) -> "RunState":
        state = cls()
        for event in history:
            state.apply(event)
        return state

    def apply(self, event: events.Event) -> None:
        kind = type(event)
        if kind is events.TextDelta:
            # Nearly every event.
            self.is_message_empty = False
            return
        reducer = _REDUCERS.get(kind)
        if reducer is not None:
            reducer(self, event)

    # -- the run -----------------------------------------------------------------------------------------------

    def _queue(self, event: events.RunQueued) -> None:
        self.spec = event.spec

    def _restore(self, event: events.RunRestored) -> None:
        self.spec = event.spec
        self.status = event.status
        self.calls_step_id = event.calls_step_id
        self.message_id = self.message_step_id = None
        self.is_message_empty = False
        self.open_calls = set(event.open_calls)

    def _start(self, _: events.RunStarted) -> None:
        self.status = "in_progress"

    def _require_action(self, _: events.Event) -> None:
        self.status = "requires_action"

    def _resume(self, _: events.ApprovalsSubmitted) -> None:
        self.status = "queued"

    def _submit_outputs(self, _: events.OutputsSubmitted) -> None:
        self._close_calls()
        self.status = "queued"

    def _cancel(self, _: events.CancelRequested) -> None:
        self.status = "cancelling"

    def _end(self, event: events.RunEnded) -> None:
        self.status = event.status
        self.usage = event.usage
        self.ended = True
        self.message_id = self.message_step_id = None
        self._close_calls()

    # -- messages ----------------------------------------------------------------------------------------------

    def _open_message(self, event: events.MessageOpened) -> None:
        self.message_step_id = event.step_id
        self.message_id = event.message_id
        self.is_message_empty = True

    def _add_content(self, _: events.Event) -> None:
        self.is_message_empty = False

    def _close_message(self, _: events.MessageClosed) -> None:
        self.message_id = self.message_step_id = None
        self.is_message_empty = False

    # -- calls -------------------------------------------------------------------------------------------------

    def _open_calls_step(self, event: events.CallsStepOpened) -> None:
        self.calls_step_id = event.step_id
        self.open_calls = set()

    def _open_call(self, event: Any) -> None:
        self.open_calls.add(event.index)

    def _close_call(self, event: Any) -> None:
        self.open_calls.discard(event.index)

    def _close_calls(self, _: events.Event | None = None) -> None:
        self.calls_step_id = None
        self.open_calls = set()


_REDUCERS: Final[dict[type[events.Event], Callable[[RunState, Any], None]]] = {
    events.RunQueued: RunState._queue,  # noqa: SLF001 - the table of this module's own class
    events.RunRestored: RunState._restore,  # noqa: SLF001
    events.RunStarted: RunState._start,  # noqa: SLF001
    events.ActionRequired: RunState._require_action,  # noqa: SLF001
    events.ApprovalRequired: RunState._require_action,  # noqa: SLF001
    events.ApprovalsSubmitted: RunState._resume,  # noqa: SLF001
    events.OutputsSubmitted: RunState._submit_outputs,  # noqa: SLF001
    events.CancelRequested: RunState._cancel,  # noqa: SLF001
    events.RunEnded: RunState._end,  # noqa: SLF001
    events.MessageOpened: RunState._open_message,  # noqa: SLF001
    events.CitationAdded: RunState._add_content,  # noqa: SLF001
    events.UrlCited: RunState._add_content,  # noqa: SLF001
    events.RefusalDelta: RunState._add_content,  # noqa: SLF001
    events.ImageAdded: RunState._add_content,  # noqa: SLF001
    events.MessageClosed: RunState._close_message,  # noqa: SLF001
    events.CallsStepOpened: RunState._open_calls_step,  # noqa: SLF001
    events.CallsStepClosed: RunState._close_calls,  # noqa: SLF001
    **dict.fromkeys(
        (
            events.CallOpened,
            events.SearchOpened,
            events.CodeOpened,
            events.RemoteCallOpened,
            events.WebCallOpened,
            events.ImageCallOpened,
            events.ToolSearchOpened,
        ),
        RunState._open_call,  # noqa: SLF001
    ),
    **dict.fromkeys(
        (
            *(events.SearchDone, events.CodeDone, events.RemoteCallDone, events.WebCallDone, events.ImageCallDone),
            events.ToolSearchDone,
        ),
        RunState._close_call,  # noqa: SLF001
    ),
}

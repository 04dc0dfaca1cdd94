"""The run behind a response, as the store has it. Pure; no stream shows it, and no client reads its steps."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from understudy.engine.run import events
from understudy.engine.views.assistants import RunView
from understudy.wire.steps import RunStepObject


class RecordedRun(RunView):
    """The objects of the run; the step of a message is made where it is stored before the message ends.

    The next owner needs it then. Most messages end before anything stores them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._opened: events.MessageOpened | None = None
        """The beginning of a step that is not made."""

    @property
    def steps(self) -> list[RunStepObject]:
        self._make_step()
        return self._steps.steps

    def record(self, event: events.Event) -> None:
        """Applies the event."""
        recorder = _RECORDERS.get(type(event))
        if recorder is None:
            self._make_step()
            self.apply(event)
        else:
            recorder(self, event)

    def _make_step(self) -> None:
        if self._opened is not None:
            self._add_message_step(self._opened)
            self._opened = None

    def _record_start(self, event: events.RunStarted) -> None:
        self.run = msgspec.structs.replace(self.run, status="in_progress", started_at=event.at)

    def _record_message(self, event: events.MessageOpened) -> None:
        if self.message is not None:
            self._make_step()
            self._abandon_message(event.at)
        self._open_message(event)
        self._opened = event

    def _record_text(self, event: events.TextDelta) -> None:
        self._text.append(event.text)
        self._part_index("text")

    def _record_message_end(self, event: events.MessageClosed) -> None:
        self._close_message(status="completed", completed_at=event.at)
        if self._opened is None:
            self._steps.end("completed", event.at, event.usage, kind="message_creation")
        self._opened = None

    def _record_end(self, event: events.RunEnded) -> None:
        self._opened = None
        self._end(event)


# What most responses consist of. Other events are rendered for nobody.
_RECORDERS: Final[dict[type[events.Event], Callable[[RecordedRun, Any], object]]] = {
    events.RunQueued: RecordedRun._load_run,  # noqa: SLF001 - the table of this module's own class
    events.RunStarted: RecordedRun._record_start,  # noqa: SLF001
    events.MessageOpened: RecordedRun._record_message,  # noqa: SLF001
    events.TextDelta: RecordedRun._record_text,  # noqa: SLF001
    events.MessageClosed: RecordedRun._record_message_end,  # noqa: SLF001
    events.RunEnded: RecordedRun._record_end,  # noqa: SLF001
}

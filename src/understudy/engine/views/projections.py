"""The public objects of a run as its events change them: what checkpoints store, and the frames that streams show.

The engine sees them only through `Projection`; here each dialect has its own.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from understudy.engine.run import events
from understudy.engine.run.log import Encoder
from understudy.engine.views.assistants import RunView
from understudy.engine.views.responses import ResponseView
from understudy.store.run_state import Checkpoint, Progress
from understudy.wire.responses import ResponseObject
from understudy.wire.runs import RunObject


class RunProjection:
    """The objects of a run of the Assistants API."""

    def __init__(self) -> None:
        self._view = RunView()
        self._status = ""
        self._stored_steps = list(self._view.steps)
        self._stored_message = self._view.message

    def encode(self, event: events.Event) -> bytes:
        frames = self._view.apply(event)
        if isinstance(event, events.RunRestored | events.RunQueued):
            self._mark_stored()
        return frames

    def settle(self) -> None:
        """Writes into open calls what was received of their arguments so far."""
        self._view.settle()

    def body(self) -> bytes:
        """The run as JSON, as it is at this event."""
        return msgspec.json.encode(self._view.run)

    def stored_run(self) -> RunObject:
        """The run as a transaction stores it that creates it; the next checkpoint has what changes afterwards."""
        self._mark_stored()
        return msgspec.structs.replace(self._view.run)

    def checkpoint(self, progress: Progress, *, with_run: bool) -> Checkpoint:
        """What has changed since the last checkpoint; the run itself where its status did, or `with_run`."""
        view = self._view
        steps, message = self._stored_steps, self._stored_message
        changed = with_run or view.run.status != self._status
        checkpoint = Checkpoint(
            run_id=view.run.id,
            # A copy: the store keeps the run as it is at this event.
            run=msgspec.structs.replace(view.run) if changed else None,
            progress=progress,
            new_steps=[step for step in view.steps if all(step is not known for known in steps)],
            changed_steps=steps,
            new_messages=[view.message] if view.message is not None and view.message is not message else [],
            changed_messages=[message] if message is not None else [],
        )
        self._mark_stored()
        return checkpoint

    def _mark_stored(self) -> None:
        view = self._view
        self._status, self._stored_steps, self._stored_message = view.run.status, list(view.steps), view.message


class ResponseProjection(RunProjection):
    """The objects of a response; its thread's items are stored as those of any run."""

    def __init__(self, included: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._response_view = ResponseView(included)

    def encode(self, event: events.Event) -> bytes:
        super().encode(event)
        return self._response_view.apply(event)

    def stored_response(self, progress: Progress) -> ResponseObject:
        """The response with the items that are complete; records in `progress` how far its stream is."""
        if progress.plan is not None:
            progress.plan.sequence = self._response_view.sequence
        return self._response_view.settled()

    def checkpoint(self, progress: Progress, *, with_run: bool) -> Checkpoint:
        return replace(super().checkpoint(progress, with_run=with_run), response=self.stored_response(progress))


def new_encoder(progress: Progress) -> Callable[[], Encoder]:
    """What makes the encoders of the run's log."""
    return RunView if progress.plan is None else partial(ResponseView, frozenset(progress.plan.included))


def new_projection(progress: Progress) -> RunProjection:
    """The projection of a run with this progress."""
    return RunProjection() if progress.plan is None else ResponseProjection(frozenset(progress.plan.included))

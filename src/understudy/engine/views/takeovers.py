"""Rebuilds how earlier owners of a run continued it, for clients that have events of none of the later ones. Pure.

Such a client knows steps and messages that the next owner dropped, and that the store does not have any more.
"""

from collections.abc import Iterator, Sequence

import msgspec

from understudy.engine.run import events
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH
from understudy.engine.run_specs import build_spec
from understudy.engine.views.origins import FinishedStep, RestoredOrigin
from understudy.store.run_state import RunHistory, Takeover
from understudy.wire.steps import RunStepDetailsMessageCreationObject, RunStepObject


def takeover_events(
    history: RunHistory, takeovers: Sequence[Takeover], ended: int, *, detailed: bool
) -> Iterator[events.Event]:
    """The takeovers at which that many steps had ended: what their owners dropped begins and ends."""
    for one in takeovers:
        if one.ended != ended:
            continue
        for step in one.dropped:
            yield opening_event(step.step_id, step.message_id, step.created_at)
        run = msgspec.structs.replace(history.run, status="in_progress", required_action=None)
        finished = tuple(
            FinishedStep(step, history.messages.get(message_id_of(step))) for step in history.steps[:ended]
        )
        yield events.RunRestored(
            build_spec(run, None),
            run.status,
            RestoredOrigin(run, (), finished, detailed, at=one.at),
            resumable_from=one.sent,
            is_past=True,
            resumable_to=(one.epoch - 1) * EVENTS_PER_EPOCH,
        )


def opening_event(step_id: str, message_id: str, at: int) -> events.Event:
    return events.MessageOpened(step_id, message_id, at) if message_id else events.CallsStepOpened(step_id, at)


def message_id_of(step: RunStepObject) -> str:
    details = step.step_details
    return details.message_creation.message_id if isinstance(details, RunStepDetailsMessageCreationObject) else ""

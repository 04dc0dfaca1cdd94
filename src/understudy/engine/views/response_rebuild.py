"""Rebuilds the log of a background response whose owner died with it, from what is stored. Pure.

Clients of the lost log resume with the numbers of its stream, so the events of the rebuilt one have to have the same.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from understudy.engine.run import events
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.views.origins import decode_origin
from understudy.engine.views.replay import unsent_openings
from understudy.engine.views.response_replay import response_events
from understudy.engine.views.responses import ResponseView
from understudy.engine.views.stream_outline import take_ends, unpack_outline
from understudy.store.run_state import Plan, StoredRun

_decode_entries = EventCodec(decode_origin).decode_entries


class RebuiltEvent(NamedTuple):
    """`ends` says where in its text each delta of the lost log ended; None for one event."""

    event: events.Event
    ends: "array[int] | None" = None

    @property
    def length(self) -> int:
        """How many events of the lost log it stands for."""
        return 1 if self.ends is None else len(self.ends)


def stored_tail(stored: StoredRun) -> list[LogEntry]:
    """The last entries of the lost log, with its numbers, as far as they are stored beside the response."""
    plan = stored.progress.plan
    return _decode_entries(plan.tail) if plan is not None and plan.tail else []


def rebuild_response(stored: StoredRun) -> tuple[list[RebuiltEvent], bool]:
    """The events of the lost log, and whether its stream had the same numbers up to the last checkpoint."""
    response, plan = stored.response, stored.progress.plan
    if response is None:
        return [], True
    plan, tail = plan or Plan(), stored_tail(stored)
    if tail:
        response = msgspec.structs.replace(response, output=response.output[: plan.outlined])
    past = [*response_events(response, started=stored.run.status != "queued")]
    marks = unpack_outline(plan.outline) if plan.outline else None
    rebuilt = [*_divide(past, marks, plan), *(RebuiltEvent(entry.event, entry.ends) for entry in tail)]
    rebuilt += map(RebuiltEvent, unsent_openings(stored, [one.event for one in rebuilt]))
    view = ResponseView(frozenset(plan.included))
    for event, ends in rebuilt:
        view.apply(event, 0 if ends is None else len(ends) - 1)
    return rebuilt, view.sequence == plan.sequence


def _divide(past: Sequence[events.Event], outline: "array[int] | None", plan: Plan) -> Iterator[RebuiltEvent]:
    """The events with their texts divided as the outline says, as long as it matches."""
    view = ResponseView(frozenset(plan.included))
    marks = iter(outline or ())
    matches = outline is not None
    for event in past:
        divided: array[int] | None = None
        for one in view.apply(event):
            ends = take_ends(one, marks) if matches else None
            matches = ends is not None
            if ends is not None and len(ends) > 1:
                divided = array("I", ends)
        yield RebuiltEvent(event, divided)

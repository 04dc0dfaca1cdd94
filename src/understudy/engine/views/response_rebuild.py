"""Rebuilds the log of a background response whose owner died with it, from what is stored. Pure.

Clients of the lost log resume with the numbers of its stream, so the events of the rebuilt one have to have the same.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from understudy.engine.run import events
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log import Encoder, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.views.frames import ResponseEncoder
from understudy.engine.views.origins import decode_origin
from understudy.engine.views.replay import as_past, unsent_openings
from understudy.engine.views.response_replay import response_events
from understudy.engine.views.responses import ResponseView
from understudy.engine.views.stream_outline import take_ends, unpack_outline
from understudy.store.run_state import Plan, StoredRun
from understudy.wire.responses import ResponseObject

_decode_entries = EventCodec(decode_origin).decode_entries


class RebuiltEvent(NamedTuple):
    """`ends` says where in its text each delta of the lost log ended; None for one event."""

    event: events.Event
    ends: "array[int] | None" = None

    @property
    def length(self) -> int:
        """How many events of the lost log it stands for."""
        return 1 if self.ends is None else len(self.ends)


class RebuiltResponse(NamedTuple):
    """The events of a lost log. The outline of its stream has the first `outlined` of them, counted as they were sent.

    `is_exact`: the stream had the same numbers up to the last checkpoint.
    """

    events: list[RebuiltEvent]
    is_exact: bool
    outlined: int


def stored_tail(stored: StoredRun) -> list[LogEntry]:
    """The last entries of the lost log, with its numbers, as far as they are stored beside the response."""
    plan = stored.progress.plan
    return _decode_entries(plan.tail) if plan is not None and plan.tail else []


def rebuild_response(stored: StoredRun) -> RebuiltResponse:
    response, plan = stored.response, stored.progress.plan
    if response is None:
        return RebuiltResponse([], True, 0)
    plan = plan or Plan()
    rebuilt = _rebuild_outlined(response, plan, started=stored.run.status != "queued")
    outlined = sum([one.length for one in rebuilt])
    rebuilt += [RebuiltEvent(as_past(entry.event), entry.ends) for entry in stored_tail(stored)]
    rebuilt += map(RebuiltEvent, unsent_openings(stored, [one.event for one in rebuilt]))
    view = ResponseView(frozenset(plan.included))
    for event, ends in rebuilt:
        view.apply(event, 0 if ends is None else len(ends) - 1)
    return RebuiltResponse(rebuilt, view.sequence == plan.sequence, outlined)


def ended_log(response: ResponseObject, plan: Plan) -> RunLog | None:
    """The whole log of a response that has ended, and that an owner died over; None if it is not stored."""
    if not plan.tail:
        return None
    tail = [RebuiltEvent(entry.event, entry.ends) for entry in _decode_entries(plan.tail)]
    log = RunLog(partial(ResponseEncoder, frozenset(plan.included)))
    encoder = log.new_encoder()
    for event, ends in (*_rebuild_outlined(response, plan, started=True), *tail):
        count = 1 if ends is None else len(ends)
        frames = encoder.encode(event, count - 1)
        log.append_entry(LogEntry(log.length + count, event, log.length + 1, ends=ends), frames)
    log.close()
    assert isinstance(encoder, ResponseEncoder)
    return log if log.has_ended and encoder.view.sequence == plan.sequence else None


def _rebuild_outlined(response: ResponseObject, plan: Plan, *, started: bool) -> list[RebuiltEvent]:
    """What the outline of a response has, or all of it without a stored end of its log."""
    if plan.tail:
        response = msgspec.structs.replace(response, output=response.output[: plan.outlined])
    past = [*response_events(response, started=started)]
    return [*_divide(past, unpack_outline(plan.outline) if plan.outline else None, plan)]


def outlined_length(log: RunLog, encoder: Encoder, stored: StoredRun) -> int | None:
    """The last event of the log that the stored outline has; None where the log cannot be rebuilt from there.

    The log has events of the last owner of a response, or will have those that are stored.
    """
    if stored.response is None or stored.run.status != "in_progress" or not rebuild_response(stored).is_exact:
        return None
    if tail := stored_tail(stored):
        first = tail[0].first
        follows = first == log.length + 1
        return first - 1 if follows or any(entry.first == first for entry in log.entries()) else None
    plan = stored.progress.plan or Plan()
    return log.length if isinstance(encoder, ResponseEncoder) and encoder.view.sequence == plan.sequence else None


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

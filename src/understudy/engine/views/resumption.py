"""Whether a client can resume a stream after an event that the log lacks, since its owner died too early. Pure.

The next owner continues with the difference between its log and what is stored. If that has more than the ends of what
was open, the client may have received a part of it: the stream would repeat that.
"""

import re
from collections.abc import Iterable
from typing import Final

from understudy.engine.run import events
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH, FIRST_EVENTS, resumes_at_past
from understudy.engine.run.log import RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.views.replay import SEQUENCE_STEP
from understudy.engine.views.responses import RESTORED_NUMBERS
from understudy.store.run_state import StoredRun

# Events that a run has as often when it is replayed.
_BOUNDARIES: Final = (
    events.RunQueued,
    events.RunStarted,
    events.MessageOpened,
    events.MessageClosed,
    events.CallsStepOpened,
    events.CallOpened,
    events.CallsStepClosed,
    events.ActionRequired,
)
_END: Final = re.compile(rb"event: thread\.(message\.incomplete|run\.step\.(cancelled|failed|expired))\n")


def last_resumable(log: RunLog, after: int) -> int | None:
    """The last event after which the log can be resumed, where it is earlier than `after`."""
    previous, following = _find_gap(log, after)
    if previous is None or following is None:
        return None
    encoder = log.new_encoder()
    for entry in log.entries():
        frames = encoder.encode(entry.event, entry.number - entry.first)
        if entry is following:
            return None if all(_END.match(frame) for frame in frames) else previous.number
    return None


def first_resumable(stored: StoredRun, rebuilt: Iterable[events.Event] = (), *, is_exact: bool = True) -> int:
    """The first number after which a client resumes at the next owner of a run, whose log begins with what is stored.

    The last owner may have dropped what clients of earlier ones have open, and a client of its own has to have all that
    is stored: `rebuilt`. `is_exact`: what is stored of a response has the numbers that it was sent with.
    """
    plan = stored.progress.plan
    if stored.response is None or plan is None:
        first = (stored.epoch - 2) * EVENTS_PER_EPOCH + 1
        if stored.progress.sent >= first:
            return stored.progress.sent
        # Nobody had followed the run. Each of these had at least this number in the log of the first owner.
        return max(first, sum(isinstance(event, _BOUNDARIES) for event in rebuilt)) if stored.epoch == 2 else first
    if is_exact and any(isinstance(event, events.RunRestored) for event in rebuilt):
        # So what earlier owners have dropped is rebuilt as well, and its end.
        return 0
    # The owner that starts a response continues the numbers of those that have queued it.
    has_stored = max(stored.progress.epoch, 1) >= stored.epoch - 1
    block = plan.sequence // SEQUENCE_STEP if has_stored else stored.epoch - 2
    first = block * SEQUENCE_STEP - RESTORED_NUMBERS
    # The next owner has sent none of what is stored before it resumed with it.
    return max(first, plan.sequence - 1) if has_stored and not is_exact else first


def is_lost(log: RunLog, number: int) -> bool:
    """Whether the log may not end what a client has open that has the events up to that number."""
    if not FIRST_EVENTS < number < log.first_resumable:
        return False
    return not any(resumes_at_past(entry.event, number) for entry in log.entries())


def _find_gap(log: RunLog, after: int) -> tuple[LogEntry | None, LogEntry | None]:
    """The entries around a number that the log jumps over."""
    previous = None
    for entry in log.entries():
        if entry.number >= after:
            return (previous, entry) if previous is not None and entry.first > after else (None, None)
        previous = entry
    return None, None

"""The numbers of a run's events, which distinguish the events of its owners.

Each owner of a run begins a new epoch, and numbers its events from the epoch's first number. A replay of
what is stored of a run has numbers near the end of an epoch.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeGuard

from understudy.engine.run.events import Event, RunRestored
from understudy.engine.run.log_entries import LogEntry

EVENTS_PER_EPOCH: Final = 1_000_000
"""Event `n` of epoch `e` of a run has the number `(e - 1) * EVENTS_PER_EPOCH + n`; both count from 1."""
FIRST_EVENTS: Final = 2
"""Runs and responses are queued and started before they open anything: their first events, or numbers of a stream."""
FIRST_REPLAYED: Final = EVENTS_PER_EPOCH - 20_000
"""The place in its epoch of a replay's first event: an owner's own events end before it (`checkpoint.py`)."""


def epoch_of(number: int) -> int:
    """The epoch of the event with that number."""
    return (number - 1) // EVENTS_PER_EPOCH + 1


def resume_position(log: Sequence[LogEntry], number: int, entries: Iterable[LogEntry] | None = None) -> int:
    """The position from which a reader of a lost log resumes, who has its events up to `number`: the next owner's part.

    What that owner has rebuilt of the lost events before has other numbers, all above those of the lost log. A reader
    of an owner before the last one resumes at the takeover that its part ends with, if that is known. `log` is a whole
    log, or its beginning, and then `entries` are all of it.
    """
    if not log or not 0 < number < log[0].first - 1:
        return number
    for entry in entries or log:
        if is_takeover(entry.event):
            return entry.first - 1
        if resumes_at_past(entry.event, number):
            # An owner that has stored nothing had ended what was open.
            has_ended = epoch_of(number) > epoch_of(entry.event.resumable_from)
            return entry.number if has_ended else entry.first - 1
    return number


def resumes_at_past(event: Event, number: int) -> TypeGuard[RunRestored]:
    """Whether a reader who has the events up to that number resumes at the event: an earlier owner's takeover."""
    return isinstance(event, RunRestored) and event.is_past and 0 < event.resumable_from <= number <= event.resumable_to


def is_takeover(event: Event) -> bool:
    """Whether an owner continues the run with this event, which ends what it has rebuilt of earlier owners."""
    return isinstance(event, RunRestored) and not event.is_past

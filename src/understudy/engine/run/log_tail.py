"""The end of a background response's log, stored with its checkpoints. Knows no view.

The stored response has the items that are complete, and how long its stream was then. A client may have more: items
that are open, or that their owner has not stored yet. The next owner ends those, so it has to know them. The response
never has them, so from there on, the rest of the log is stored, and with the end of the response all of it.
"""

from collections.abc import Callable, Sequence
from typing import Final

from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.events import Event
from understudy.engine.run.log import RunLog
from understudy.engine.run.log_entries import LogEntry, merge_deltas
from understudy.store.run_state import Plan

# A checkpoint writes it whole. Without it, the next owner does not end all that clients have open.
_MAX_BYTES: Final = 1 << 18
_encode: Final = EventCodec(lambda _, value: value).encode_entries


class LogTail:
    """`set_outline` records in the plan the stream up to an event after which nothing is open."""

    def __init__(self, log: RunLog, plan: Plan, set_outline: Callable[[Plan], None]) -> None:
        self._log = log
        self._plan = plan
        self._set_outline = set_outline
        self.stores_rest = log.outlined is not None
        """Whether all following events are stored, since the outline ends before an earlier owner's end."""
        self._start = log.length if log.outlined is None else log.outlined
        plan.tail = b""

    def record(self, happened: Sequence[Event], *, is_open: bool) -> None:
        """Before the log has what happened: records it, and what clients have, in the plan.

        `is_open`: after it, an item is open, or has ended and is not stored.
        """
        log, number = self._log, self._log.length
        self._plan.tail = b""
        if not is_open:
            self._start = number + len(happened)
            self._set_outline(self._plan)
            return
        entries = log.entries_after(self._start) if self._start < number else []
        new = [LogEntry(number + count, event, number + count) for count, event in enumerate(happened, 1)]
        encoded = _encode(merge_deltas([*entries, *new]))
        if len(encoded) <= _MAX_BYTES:
            self._plan.tail = encoded

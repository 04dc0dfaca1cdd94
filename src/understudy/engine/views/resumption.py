"""Whether a client can resume a stream behind an event that the log lacks, since its owner died too early. Pure.

The next owner continues with the difference between its log and what is stored. If that has more than the ends of what
was open, the client may have received a part of it: the stream would repeat that.
"""

import re
from typing import Final

from understudy.engine.run.log import LogEntry, RunLog

_END: Final = re.compile(rb"event: thread\.(message\.incomplete|run\.step\.(cancelled|failed|expired))\n")


def last_resumable(log: RunLog, after: int) -> int | None:
    """The last event up to `after` behind which the log can be resumed, where that is an earlier one than `after`."""
    previous, following = _find_gap(log, after)
    if previous is None or following is None:
        return None
    encoder = log.new_encoder()
    for entry in log.entries():
        frames = encoder.encode(entry.event, entry.number - entry.first)
        if entry is following:
            return None if all(_END.match(frame) for frame in frames) else previous.number
    return None


def _find_gap(log: RunLog, after: int) -> tuple[LogEntry | None, LogEntry | None]:
    """The entries around a number that the log jumps over."""
    previous = None
    for entry in log.entries():
        if entry.number >= after:
            return (previous, entry) if previous is not None and entry.first > after else (None, None)
        previous = entry
    return None, None

"""Log lines of a process: text or JSON, one line an event, written by a thread of their own.

`configure` sets up the root logger, so that lines of libraries have the same format. A line never blocks its caller:
lines beyond the queue's limit are counted and dropped.
"""

from understudy.logs.setup import configure, set_level

__all__ = ["configure", "set_level"]

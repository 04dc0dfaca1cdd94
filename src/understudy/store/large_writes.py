"""Whether a request may store so much data that its statements would block other requests.

Set once, when the body of a request has arrived, for everything that runs in its context.
"""

from contextvars import ContextVar

_large_write_expected: ContextVar[bool] = ContextVar("expected", default=False)


def mark_expected() -> None:
    _large_write_expected.set(True)


def is_expected() -> bool:
    return _large_write_expected.get()

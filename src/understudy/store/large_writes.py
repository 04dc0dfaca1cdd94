"""Whether the data that a request stores may be so large that its statements would block the others.

It is set once, where a request's body has come, and holds for all that is done in its context.
"""

from contextvars import ContextVar

_large_write_expected: ContextVar[bool] = ContextVar("expected", default=False)


def mark_expected() -> None:
    _large_write_expected.set(True)


def is_expected() -> bool:
    return _large_write_expected.get()

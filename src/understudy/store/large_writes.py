"""Whether the data that a request stores may be so large that its statements would block the others.

It is set once, where a request's body has come, and holds for all that is done in its context.
"""

from contextvars import ContextVar

_expected: ContextVar[bool] = ContextVar("expected", default=False)


def expect() -> None:
    _expected.set(True)


def are_expected() -> bool:
    return _expected.get()

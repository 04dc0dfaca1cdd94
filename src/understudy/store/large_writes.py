"""Whether what is stored for a request may be so large that its statements would hold up everybody else.

It is said once, where a request's body has come, and holds for all that is done in its context.
"""

from contextvars import ContextVar

_expected: ContextVar[bool] = ContextVar("expected", default=False)


def expect() -> None:
    _expected.set(True)


def are_expected() -> bool:
    return _expected.get()

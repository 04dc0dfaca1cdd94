"""Waiting with a bound: the one place of the tests where time is let pass."""

import time

WITHIN = 15.0


def eventually(check, within=WITHIN):
    """What `check` returns as soon as it is true; fails when it never is within so many seconds."""
    deadline = time.monotonic() + within
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {check}"
        time.sleep(0.01)
    return found

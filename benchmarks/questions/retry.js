"""Calling a service that may be down for a moment."""

import random
import time


class GiveUp(Exception):
    """Raised when every attempt failed; the last error is its cause."""


def with_backoff(call, attempts=5, base=0.2, ceiling=8.0):
    """Calls until it works. Waits twice as long each time, with full jitter, never longer than `ceiling` seconds."""
    for number in range(attempts):
        try:
            return call()
        except ConnectionError as error:
            last = error
            time.sleep(random.uniform(0, min(ceiling, base * 2**number)))
    raise GiveUp(f"gave up after {attempts} attempts") from last


def parse_retry_after(header):
    """The seconds of a Retry-After header; None where it is a date or nonsense."""
    return int(header) if header and header.isdecimal() else None

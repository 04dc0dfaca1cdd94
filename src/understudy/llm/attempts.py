"""Which target each attempt of a call goes to, and the backoff between attempts. Knows no HTTP and no dialect."""

import random
from collections.abc import Iterator
from typing import Final

from understudy.errors import UpstreamError
from understudy.llm.models import Target

_FIRST_DELAY: Final = 0.5
_MAX_DELAY: Final = 8.0
_MAX_RETRY_AFTER: Final = 30.0
"""Seconds; after a longer `retry-after` the next provider is called."""


class Attempts:
    """Iterates over the targets of attempts: retries of one target, then the next target."""

    def __init__(self, targets: tuple[Target, ...], chance: random.Random) -> None:
        self._targets = targets
        self._chance = chance
        self._position = 0
        self._attempts_made = 0
        self._first_error: UpstreamError | None = None

    def __iter__(self) -> Iterator[Target]:
        while self._position < len(self._targets):
            yield self._targets[self._position]

    @property
    def error(self) -> UpstreamError:
        assert self._first_error is not None
        return self._first_error

    def record_failure(self, error: UpstreamError) -> float:
        """Seconds to wait before the next attempt. Raises the error if the request is invalid."""
        if error.kind == "invalid_request":
            raise error
        self._first_error = self._first_error or error
        delay = self._delay(error.retry_after)
        if error.is_retryable and self._attempts_made < self._targets[self._position].retries and delay is not None:
            self._attempts_made += 1
            return delay
        self._position += 1
        self._attempts_made = 0
        return 0.0

    def _delay(self, retry_after: float | None) -> float | None:
        """None if the provider's `retry-after` exceeds the limit."""
        if retry_after is not None and retry_after > _MAX_RETRY_AFTER:
            return None
        backoff: float = min(_FIRST_DELAY * 2**self._attempts_made, _MAX_DELAY) * self._chance.uniform(0.5, 1.0)
        return max(backoff, retry_after or 0.0)

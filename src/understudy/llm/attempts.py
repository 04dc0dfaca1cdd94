"""Which target each attempt of a call goes to, and the backoff between attempts. Knows no HTTP and no dialect.

Where a call has fallbacks, models that have failed call after call are tried last, and without retries.
"""

import random
from collections.abc import Iterator
from typing import Final

from understudy.errors import UpstreamError
from understudy.llm.circuits import Circuits
from understudy.llm.models import Target

_FIRST_DELAY: Final = 0.5
_MAX_DELAY: Final = 8.0
_MAX_RETRY_AFTER: Final = 30.0
"""Seconds; after a longer `retry-after` the next provider is called."""


class Attempts:
    """Iterates over the targets of attempts: retries of one target, then the next target.

    `circuits` is None for calls whose outcome proves nothing about a provider.
    """

    def __init__(self, targets: tuple[Target, ...], chance: random.Random, circuits: Circuits | None) -> None:
        self._configured = self._targets = targets
        self._circuits = circuits if len(targets) > 1 else None
        if self._circuits is not None and self._circuits.failing:
            self._targets = self._circuits.order(targets)
        self._chance = chance
        self._position = 0
        self._attempts_made = 0
        self._error: UpstreamError | None = None
        self._error_place = len(targets)

    def __iter__(self) -> Iterator[Target]:
        while self._position < len(self._targets):
            yield self._targets[self._position]

    @property
    def error(self) -> UpstreamError:
        """The first one of the first target in configured order."""
        assert self._error is not None
        return self._error

    def record_success(self, *, is_opening: bool = False) -> None:
        """`is_opening`: of a stream, which may still die."""
        if self._circuits is not None and self._circuits.failing:
            record = self._circuits.record_opening if is_opening else self._circuits.record_success
            record(self._targets[self._position])

    def record_failure(self, error: UpstreamError) -> float:
        """Seconds to wait before the next attempt. Raises the error if the request is invalid."""
        target = self._targets[self._position]
        if self._circuits is not None:
            self._circuits.record_failure(target, error)
        if error.kind == "invalid_request":
            raise error
        if (place := self._configured.index(target)) < self._error_place:
            self._error, self._error_place = error, place
        delay = self._delay(error.retry_after)
        if self._may_retry(target, error) and delay is not None:
            self._attempts_made += 1
            return delay
        self._position += 1
        self._attempts_made = 0
        return 0.0

    def _may_retry(self, target: Target, error: UpstreamError) -> bool:
        if not error.is_retryable or self._attempts_made >= target.retries:
            return False
        return self._circuits is None or not self._circuits.is_open(target)

    def _delay(self, retry_after: float | None) -> float | None:
        """None if the provider's `retry-after` exceeds the limit."""
        if retry_after is not None and retry_after > _MAX_RETRY_AFTER:
            return None
        backoff: float = min(_FIRST_DELAY * 2**self._attempts_made, _MAX_DELAY) * self._chance.uniform(0.5, 1.0)
        return max(backoff, retry_after or 0.0)

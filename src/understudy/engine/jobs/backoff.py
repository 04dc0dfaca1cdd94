"""Backoff: how long a failed attempt waits for the next one. The only place that computes it for jobs."""

import math
import random
from dataclasses import dataclass
from typing import Final

# A larger exponent would overflow; every `longest` is reached before.
_MAX_EXPONENT: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits `first` seconds, then `factor` times as long after each attempt, at most `longest`.

    A random share between the two bounds of `jitter` is waited, so that what failed together is not retried together.
    """

    first: float
    factor: float = 2.0
    longest: float = math.inf
    max_attempts: float = math.inf
    jitter: tuple[float, float] = (1.0, 1.0)

    def delay(self, attempts: int, at_least: float = 0.0) -> float | None:
        """Seconds until the next attempt after `attempts` failed ones; None if that was the last."""
        if attempts >= self.max_attempts:
            return None
        return max(at_least, self._spread(self.first * self.factor ** min(attempts - 1, _MAX_EXPONENT)))

    def delay_by_age(self, age: float) -> float:
        """Seconds until the next attempt, `age` seconds after the first: as long again, so the waits about double."""
        return self._spread(max(age, self.first))

    def _spread(self, seconds: float) -> float:
        return min(seconds, self.longest) * random.uniform(*self.jitter)  # noqa: S311 - spreads load, hides nothing

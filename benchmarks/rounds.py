"""What one round of a case gave, and how rounds are put together: interleaved, and told by their medians.

Cases take turns, round after round, so that what else the machine does falls on all of them alike.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

_QUANTILES = {"min": 0.0, "p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}


def quantiles(samples: Sequence[float]) -> dict[str, float]:
    ordered = sorted(samples) or [0.0]
    last = len(ordered) - 1
    return {name: ordered[round(share * last)] for name, share in _QUANTILES.items()}


class Round(msgspec.Struct, frozen=True):
    """`quantiles` are of the samples, in seconds; `cpu` (seconds) and `peak_rss` (bytes) are the measured process's."""

    count: int
    seconds: float
    errors: dict[str, int]
    quantiles: dict[str, float]
    cpu: float | None = None
    peak_rss: int | None = None

    @classmethod
    def of(cls, samples: Sequence[float], seconds: float, errors: Mapping[str, int], weight: int = 1) -> "Round":
        """`weight` is how many operations each sample stands for."""
        return cls(len(samples) * weight, seconds, dict(errors), quantiles(samples))

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.count / self.seconds if self.seconds > 0 else 0.0


class Case(Protocol):
    @property
    def name(self) -> str: ...

    async def run(self, seconds: float) -> Round: ...


class Series(msgspec.Struct, frozen=True):
    """All rounds of one case."""

    name: str
    rounds: list[Round]

    @property
    def rate(self) -> float:
        return statistics.median(one.rate for one in self.rounds)

    def quantile(self, name: str) -> float:
        return statistics.median(one.quantiles[name] for one in self.rounds)

    @property
    def cpu(self) -> float | None:
        """Seconds of processor time for one operation; other processes on the core do not add to it."""
        spent = [one.cpu / one.count for one in self.rounds if one.cpu is not None and one.count]
        return statistics.median(spent) if spent else None

    @property
    def peak_rss(self) -> int | None:
        return max((one.peak_rss for one in self.rounds if one.peak_rss is not None), default=None)

    @property
    def errors(self) -> int:
        return sum(sum(one.errors.values()) for one in self.rounds)

    def rate_against(self, other: "Series") -> float:
        """How many times the other's rate, as the median over the rounds."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(one.rate / two.rate if two.rate else 0.0 for one, two in pairs)

    def added(self, other: "Series", quantile: str = "p50") -> float:
        """Seconds more than the other, as the median over the rounds."""
        pairs = zip(self.rounds, other.rounds, strict=True)
        return statistics.median(one.quantiles[quantile] - two.quantiles[quantile] for one, two in pairs)


async def interleave(cases: Sequence[Case], count: int, seconds: float, warm_up: float = 0.3) -> list[Series]:
    """`count` rounds of each case, `seconds` long, after a warm-up that is not counted."""
    series = [Series(case.name, []) for case in cases]
    for case in cases:
        await case.run(warm_up)
    for _ in range(count):
        for case, taken in zip(cases, series, strict=True):
            taken.rounds.append(await case.run(seconds))
    return series

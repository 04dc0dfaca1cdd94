"""Counters and distributions that cost a fraction of a microsecond to add to. Knows no metric and no format.

The client library of Prometheus takes several times as long for each of them, and is used to render only.
"""

from bisect import bisect_left
from typing import Final

Labels = tuple[str, ...]

OTHER: Final = "other"
"""The label of every name beyond the limit."""


class Counter:
    """Sums by label values."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels, amount: float = 1) -> None:
        values = self.values
        values[labels] = values.get(labels, 0) + amount

    def copy(self) -> dict[Labels, float]:
        """The sums now, for another thread."""
        return dict(self.values)


class Distribution:
    """How many values are at most each of `bounds`, which ascend; the last count is of those above them all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def add(self, other: "Distribution") -> None:
        """Adds the values of a distribution with the same bounds."""
        self.counts = [own + more for own, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    def quantile(self, share: float) -> float | None:
        """Interpolated within its bucket, as `histogram_quantile` of Prometheus does; None without values."""
        count = sum(self.counts)
        if not count:
            return None
        rank, below = share * count, 0
        for place, bucket in enumerate(self.counts[:-1]):
            if bucket and below + bucket >= rank:
                lower = self.bounds[place - 1] if place else 0.0
                return lower + (self.bounds[place] - lower) * (rank - below) / bucket
            below += bucket
        return self.bounds[-1]


class Histogram:
    """Distributions by label values."""

    __slots__ = ("bounds", "series")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.series: dict[Labels, Distribution] = {}

    def observe(self, labels: Labels, value: float) -> None:
        (self.series.get(labels) or self.find(labels)).observe(value)

    def find(self, labels: Labels) -> Distribution:
        """The distribution of the labels, which is made if needed."""
        series = self.series.get(labels)
        if series is None:
            series = self.series[labels] = Distribution(self.bounds)
        return series

    def copy(self) -> dict[Labels, tuple[list[int], float]]:
        """The counts and totals now, for another thread."""
        return {labels: (list(one.counts), one.total) for labels, one in self.series.items()}


class NameLimit:
    """Bounds the values of a label: the first `most` names stay as they are, and the others become OTHER."""

    __slots__ = ("_most", "_names")

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def limit(self, name: str) -> str:
        if name not in self._names:
            if len(self._names) >= self._most:
                return OTHER
            self._names.add(name)
        return name

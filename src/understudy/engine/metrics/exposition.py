"""Renders a snapshot in the formats of Prometheus, by its client library. Takes milliseconds: for a thread.

Imported at the first scrape, since the library takes longer to import than many parts of a server.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder

from understudy.engine.metrics.families import FAMILIES, PREFIX, Family
from understudy.engine.metrics.snapshot import Distributions, Snapshot, Values

_PROCESS: Final = CollectorRegistry()
ProcessCollector(registry=_PROCESS)
GCCollector(registry=_PROCESS)


def render(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The text and its content type: OpenMetrics if the `Accept` header has it, else the older text format."""
    encode, content_type = choose_encoder(accept)
    text: bytes = encode(_Scrape(snapshot))
    return text, content_type


class _Scrape:
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            if family.kind == "histogram":
                yield _render_histogram(family, self._snapshot.distributions.get(family, {}))
            else:
                yield _render_values(family, self._snapshot.values.get(family, {}))
        yield from _PROCESS.collect()


def _render_values(family: Family, values: Values) -> Metric:
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(PREFIX + family.name, family.meaning, labels=family.labels)
    for labels, value in values.items():
        metric.add_metric(labels, value)
    if not family.labels and not values and family.kind == "counter":
        metric.add_metric((), 0)
    return metric


def _render_histogram(family: Family, distributions: Distributions) -> Metric:
    metric = HistogramMetricFamily(PREFIX + family.name, family.meaning, labels=family.labels)
    for labels, (counts, total) in distributions.items():
        metric.add_metric(labels, list(_cumulate(family.bounds, counts)), total)
    return metric


def _cumulate(bounds: Sequence[float], counts: Sequence[int]) -> Iterator[tuple[str, float]]:
    """Each bound with the number of values up to it."""
    total = 0
    for bound, count in zip((*bounds, math.inf), counts, strict=True):
        total += count
        yield "+Inf" if bound == math.inf else str(bound), total

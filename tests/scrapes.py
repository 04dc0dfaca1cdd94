"""Reads `/metrics` as Prometheus does, with the parser of its client library."""

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from waiting import eventually

_ADDRESS = re.compile(r"metrics at (http://\S+/metrics)")


@dataclass(frozen=True)
class Scrape:
    """`kinds` by the name of a family; `samples` by the name of a sample, with their labels."""

    kinds: Mapping[str, str]
    samples: Mapping[str, list[tuple[Mapping[str, str], float]]]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels; 0 without one."""
        found = [value for own, value in self.samples.get(name, []) if labels.items() <= own.items()]
        return sum(found)

    def labels(self, name: str, label: str) -> set[str]:
        """All values of a label."""
        return {own[label] for own, _ in self.samples.get(name, [])}


def parse(text: str) -> Scrape:
    kinds: dict[str, str] = {}
    samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return Scrape(kinds, samples)


def read_addresses(log: Path, count: int = 1) -> list[str]:
    """The addresses of metrics that processes have logged."""
    return eventually(lambda: found if len(found := _ADDRESS.findall(log.read_text())) >= count else [])


def scrape(address: str, token: str | None = None, **headers: str) -> Scrape:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return parse(response.read().decode())

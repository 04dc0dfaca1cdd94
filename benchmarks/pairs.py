"""The same load on two checkouts in alternating rounds, and the ratio of each pair of rounds."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from benchmarks import postgres, server
from benchmarks.cases import HttpCase
from benchmarks.checkout import Checkout
from benchmarks.load import Script
from benchmarks.rounds import Case, Round
from benchmarks.stage import Service, Stage

_ROUNDS, _SHORTEST_ROUND = 5, 2.0


@dataclass(frozen=True, slots=True)
class Row:
    """`pairs` are (this, against), one a round; `cpu` the pairs of processor time for one operation, where measured."""

    name: str
    unit: str
    pairs: Sequence[tuple[float, float]]
    lower_is_better: bool = False
    cpu: Sequence[tuple[float, float]] = ()

    @property
    def ratios(self) -> list[float]:
        return [_ratio(*pair, lower_is_better=self.lower_is_better) for pair in self.pairs]

    @property
    def cpu_ratio(self) -> float | None:
        return statistics.median(_ratio(*pair, lower_is_better=True) for pair in self.cpu) if self.cpu else None


@dataclass(frozen=True, slots=True)
class Match:
    """What a group of rows finds ready. `stacks` end what it started; each checkout has a database of its own."""

    stage: Stage
    this: Checkout
    against: Checkout

    @property
    def checkouts(self) -> tuple[Checkout, Checkout]:
        return self.this, self.against

    async def start(self, upstream: Service) -> tuple[Service, Service]:
        """Both servers, each on an empty database."""
        stages = [await self._stage_of(checkout) for checkout in self.checkouts]
        first, second = (
            server.start(stage, upstream, checkout) for stage, checkout in zip(stages, self.checkouts, strict=True)
        )
        return first, second

    async def _stage_of(self, checkout: Checkout) -> Stage:
        options = self.stage.options
        if options.database is None:
            return self.stage
        database = await postgres.create_database(options.database, f"{checkout.name}_{self.stage.directory.name}")
        return replace(self.stage, options=replace(options, database=database))


@dataclass(frozen=True, slots=True)
class Pair:
    """The same case on both servers."""

    name: str
    unit: str
    this: Case
    against: Case
    rounds: list[tuple[Round, Round]] = field(default_factory=list)

    async def run(self, number: int, seconds: float) -> None:
        """One round on each; odd rounds begin with the other checkout."""
        cases = (self.this, self.against) if number % 2 == 0 else (self.against, self.this)
        done = [await case.run(seconds) for case in cases]
        first, second = done if number % 2 == 0 else reversed(done)
        self.rounds.append((first, second))

    async def warm_up(self, seconds: float) -> None:
        for case in (self.this, self.against):
            await case.run(seconds)

    def row(self) -> Row:
        rates = [(this.rate, against.rate) for this, against in self.rounds]
        return Row(self.name, self.unit, rates, cpu=[(_cpu(this), _cpu(against)) for this, against in self.rounds])

    def errors(self) -> Iterable[str]:
        for label, index in (("this", 0), ("against", 1)):
            for pair in self.rounds:
                for error, count in pair[index].errors.items():
                    yield f"{self.name}, {label}: {count} times {error}"


Rows = tuple[list[Row], list[str]]
"""The rows of a group, and notes on errors."""


async def alternate(match: Match, pairs: Sequence[Pair], seconds: float | None = None, warm_up: float = 1.0) -> Rows:
    for one in pairs:
        await one.warm_up(warm_up)
    length = seconds or max(_SHORTEST_ROUND, match.stage.options.round_seconds)
    for number in range(max(_ROUNDS, match.stage.options.rounds)):
        for one in pairs:
            await one.run(number, length)
    return [one.row() for one in pairs], [note for one in pairs for note in one.errors()]


def pair(match: Match, name: str, services: Sequence[Service], scripts: Sequence[Callable[[], Script]]) -> Pair:
    many = match.stage.options.concurrency
    this, against = (HttpCase(name, one, script, many) for one, script in zip(services, scripts, strict=True))
    return Pair(name, "1/s", this, against)


def _cpu(done: Round) -> float:
    return (done.cpu or 0.0) / done.count if done.count else 0.0


def _ratio(this: float, against: float, *, lower_is_better: bool) -> float:
    better, worse = (against, this) if lower_is_better else (this, against)
    return better / worse if worse else 0.0

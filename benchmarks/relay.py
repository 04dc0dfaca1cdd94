"""Text deltas relayed in a second: a few streams at once that are very long, from an upstream without delay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from benchmarks import assistants, chat, report, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.load import Script
from benchmarks.report import Report
from benchmarks.rounds import Round, Series
from benchmarks.stage import Service, Stage

_AT_ONCE = 4
_DELTAS = 20_000
_LONGEST_ROUND = 60.0
_WARM_UP = 20.0
_COLUMNS = ("case", "deltas/s", "of upstream", "CPU µs a delta", "deltas/s of CPU", "received", "errors", "peak MB")
_NOTE = (
    "Of upstream: of the deltas that load and upstream manage alone, on the core that they share."
    " Received: deltas for each chunk that was written; fewer where a reader that fell behind was given merged ones."
)


@dataclass(frozen=True, slots=True)
class _Case:
    """Its rounds count deltas, where those of an `HttpCase` count streams."""

    streams: HttpCase
    counted: list[int]

    @property
    def name(self) -> str:
        return self.streams.name

    async def run(self, seconds: float) -> Round:
        self.counted.clear()
        done = await self.streams.run(seconds)
        return msgspec.structs.replace(done, count=sum(self.counted))


async def measure(stage: Stage) -> Report:
    cases = await _cases(stage)
    series = await rounds.interleave(cases, stage.options.rounds, _LONGEST_ROUND, _WARM_UP)
    return _report(stage, series)


async def _cases(stage: Stage) -> list[_Case]:
    upstream = stage.upstream(stage.options.deltas)
    tested, bare = server.start(stage, upstream), stage.passthrough(upstream)
    (assistant_id,) = await assistants.made(tested.port, assistants.create_assistant())
    return [
        run_case(tested, assistant_id),
        chat_case(tested),
        _case("pass-through", bare, chat.relayed),
        _case("upstream itself", upstream, chat.relayed),
    ]


def run_case(service: Service, assistant_id: str) -> _Case:
    return _case("run", service, lambda count: assistants.relayed(assistant_id, count))


def chat_case(service: Service) -> _Case:
    return _case("chat", service, chat.relayed)


def _case(name: str, service: Service, script: Callable[[Callable[[int], None]], Callable[[], Script]]) -> _Case:
    counted: list[int] = []
    return _Case(HttpCase(name, service, script(counted.append), _AT_ONCE, _AT_ONCE), counted)


def _report(stage: Stage, series: Sequence[Series]) -> Report:
    deltas = stage.options.deltas
    conditions = (
        f"Medians of {stage.options.rounds} interleaved rounds: {_AT_ONCE} streams at once with {deltas:,} chunks each."
    )
    done = Report("relay", _COLUMNS, notes=[_NOTE], conditions=conditions)
    for one in series:
        received = min(round_.count for round_ in one.rounds) / (_AT_ONCE * deltas)
        done.add(
            one.name,
            report.rate(one),
            f"{one.rate_against(series[-1]):.2f}",
            "" if one.cpu is None else f"{one.cpu * 1e6:.1f}",
            "" if not one.cpu else f"{1 / one.cpu:,.0f}",
            f"{received:.3f}",
            one.errors,
            report.mb(one.peak_rss),
            goals=[report.at_least(_DELTAS, one.rate, "/s")] if one.name in ("run", "chat") else [],
        )
    done.keep(series)
    return done

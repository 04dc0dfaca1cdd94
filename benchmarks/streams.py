"""Many runs at once, each streamed at a reader's pace: how evenly their text comes, and what they cost."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from benchmarks import assistants, chat, files, http, load, report, rounds, server
from benchmarks.followers import Crowd, Wanted, without_collector
from benchmarks.process import Process
from benchmarks.report import Goal, Report
from benchmarks.stage import Service, Stage

PACE = 20
_STEADY = 15.0
_JOINING = 250.0
_SETTLING = 3.0
_SPARE = 2.0
_LEAVING = 60.0
SPARE_FILES = 100
_GAP_MS, _KB = 150, 150
_COLUMNS = (
    *("case", "streams", "deltas/s", "gap p50 ms", "p99 ms", "max ms", "deltas a read"),
    *("cores used", "KB a stream", "load late p99 ms", "upstream late p99 ms", "load's cores", "errors"),
)
_NOTE = (
    "A gap is from one read with deltas to the next of the same stream. Late: behind their own clocks, the load and the"
    " upstream, which share a core."
)


class Steady(msgspec.Struct, frozen=True):
    """The steady state of one case. Gaps and latenesses in seconds, `cpu` and `load_cpu` in cores, memory in bytes."""

    name: str
    streams: int
    seconds: float
    deltas: int
    gaps: dict[str, float]
    reads: int
    cpu: float
    load_cpu: float
    rss_before: int
    rss: int
    load_late: dict[str, float]
    upstream_late: dict[str, float]
    errors: dict[str, int]

    @property
    def rate(self) -> float:
        return self.deltas / self.seconds

    @property
    def kb(self) -> float:
        return (self.rss - self.rss_before) / self.streams / 1e3


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    service: Service
    wanted: Wanted


async def measure(stage: Stage) -> Report:
    count = stage.options.streams
    files.allow(count + SPARE_FILES)
    chunks = chunks_needed(count, _STEADY)
    upstream = stage.upstream(chunks, PACE, count + SPARE_FILES)
    without_collector()
    found = [await steady(case, upstream, count, chunks, _STEADY) for case in await _cases(stage, upstream)]
    return _report(stage, found)


async def _cases(stage: Stage, upstream: Service) -> list[_Case]:
    count = stage.options.streams
    tested, bare = server.start(stage, upstream), stage.passthrough(upstream, 2 * count + SPARE_FILES)
    called = Wanted(chat.stream(), chat.TEXT, b"data: [DONE]")
    return [
        _Case("upstream itself", upstream, called),
        _Case("pass-through", bare, called),
        await run_case(tested),
    ]


async def run_case(service: Service) -> _Case:
    (assistant_id,) = await assistants.made(service.port, assistants.create_assistant())
    wanted = Wanted(assistants.stream(assistant_id), assistants.DELTA, b"event: thread.run.completed")
    return _Case("run", service, wanted)


def chunks_needed(count: int, seconds: float) -> int:
    """How many chunks a stream needs to last from the first join to the end of `seconds` of steady state."""
    return round(PACE * (count / _JOINING + _SETTLING + seconds + _SPARE))


async def steady(case: _Case, upstream: Service, count: int, chunks: int, length: float) -> Steady:
    """Opens `count` streams, measures `length` seconds of them and waits for their ends."""
    crowd = Crowd(case.wanted, chunks)
    before = server.settled_rss(case.service)
    try:
        await crowd.join(case.service.port, count, _JOINING)
    except OSError:
        case.service.process.check()
        raise
    await asyncio.sleep(_SETTLING)
    await _upstream_late(upstream)
    meter = _Meter(case.service.process, upstream.process)
    seconds = await crowd.watch(length)
    spent = meter.read()
    late = await _upstream_late(upstream)
    if crowd.streaming < count:
        crowd.errors["was not streaming in the steady state"] += count - crowd.streaming
    await crowd.leave(_LEAVING)
    return Steady(
        name=case.name,
        streams=count,
        seconds=seconds,
        deltas=crowd.deltas,
        gaps=rounds.quantiles(crowd.gaps),
        reads=len(crowd.gaps),
        cpu=spent.cpu / seconds,
        load_cpu=spent.load_cpu / seconds,
        rss_before=before,
        rss=spent.rss,
        load_late=rounds.quantiles(crowd.lateness),
        upstream_late=late,
        errors=dict(crowd.errors),
    )


async def _upstream_late(upstream: Service) -> dict[str, float]:
    """The lateness of its chunks since it was asked the last time, in quantiles."""
    (answer,) = await load.ask(upstream.port, [http.get("/lateness")])
    return answer.json()


@dataclass(frozen=True, slots=True)
class _Spent:
    cpu: float
    load_cpu: float
    rss: int


class _Meter:
    """Processor time from its making to its reading, and the memory then, when logs and buffers are fullest."""

    def __init__(self, measured: Process, upstream: Process) -> None:
        self._measured = measured
        self._upstream = upstream
        self._cpu, self._load_cpu = self._now()

    def read(self) -> _Spent:
        cpu, load_cpu = self._now()
        return _Spent(cpu - self._cpu, load_cpu - self._load_cpu, self._measured.rss())

    def _now(self) -> tuple[float, float]:
        return self._measured.cpu(), time.process_time() + self._upstream.cpu()


def _report(stage: Stage, found: Sequence[Steady]) -> Report:
    conditions = (
        f"{stage.options.streams:,} streams at once, {PACE} chunks a second each, {_STEADY:g} s of steady state, once."
    )
    done = Report("streams", _COLUMNS, conditions=conditions)
    for one in found:
        _add(done, one)
        done.notes += [f"{one.name}: {count} times {error}" for error, count in one.errors.items() if count]
    done.notes.append(_NOTE)
    done.raw["cases"] = msgspec.to_builtins(found)
    return done


def _add(done: Report, one: Steady) -> None:
    beside = one.name == "upstream itself"
    done.add(
        one.name,
        one.streams,
        f"{one.rate:,.0f}",
        report.ms(one.gaps["p50"]),
        report.ms(one.gaps["p99"]),
        report.ms(one.gaps["max"]),
        f"{one.deltas / max(1, one.reads):.2f}",
        f"{one.cpu:.2f}",
        "" if beside else f"{one.kb:.0f}",
        report.ms(one.load_late["p99"]),
        report.ms(one.upstream_late["p99"]),
        f"{one.load_cpu:.2f}",
        sum(one.errors.values()),
        goals=_goals(one) if one.name == "run" else [],
    )


def _goals(one: Steady) -> list[Goal]:
    return [
        report.at_most(_GAP_MS, one.gaps["p99"] * 1000, " ms p99"),
        report.at_most(_KB, one.kb, " KB a stream"),
    ]

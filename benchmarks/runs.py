"""Complete streamed runs, responses and chat completions, against a bare FastAPI pass-through of the same chat call."""

from dataclasses import dataclass

from benchmarks import assistants, chat, report, responses, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Service, Stage

_RUNS, _SHARE_OF_STREAMS = 500, 0.45
_RESPONSES_SHARE_OF_RUNS = 0.95
_CHAT_SHARE = {"stream": 0.95, "whole": 1.0}
_ADDED = 0.0005
_COLUMNS = ("case", "at once", "per second", "p50 ms", "p99 ms", "CPU µs", "ratio", "added ms", "errors", "peak MB")


@dataclass(frozen=True, slots=True)
class _Line:
    """A case, the case that it is compared with, and what it should reach.

    `of_runs` is the least share of the rate of streamed runs.
    """

    case: HttpCase
    against: str = ""
    rate: float = 0.0
    ratio: float = 0.0
    added: float = 0.0
    of_runs: float = 0.0

    def goals(self, one: Series, against: Series | None, runs: Series) -> list[Goal]:
        goals = [report.at_least(self.rate, one.rate, "/s")] if self.rate else []
        if against is not None and self.ratio:
            goals.append(Goal(f"ratio ≥ {self.ratio:.2f}", one.rate_against(against) >= self.ratio))
        if self.of_runs:
            share = one.rate_against(runs)
            goals.append(Goal(f"{share:.2f} of runs ≥ {self.of_runs:.2f}", share >= self.of_runs))
        if against is not None and self.added:
            goals.append(Goal(f"added ≤ {self.added * 1000:g} ms", one.added(against) <= self.added))
        return goals


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    tested = server.start(stage, upstream)
    idle = server.settled_rss(tested)
    lines = [*await _runs(stage, tested), *_responses(stage, tested), *_chats(stage, tested, upstream)]
    series = await rounds.interleave([line.case for line in lines], stage.options.rounds, stage.options.round_seconds)
    return _report(lines, series, idle, server.settled_rss(tested))


async def _runs(stage: Stage, tested: Service) -> list[_Line]:
    plain, calling = await assistants.made(
        tested.port, assistants.create_assistant(), assistants.create_assistant(calls=True)
    )
    many = stage.options.concurrency
    streamed = HttpCase(_name("run", many), tested, assistants.thread_and_run(plain), many)
    called = HttpCase(_name("run with a function call", many), tested, assistants.function_round_trip(calling), many)
    against = _name("pass-through, stream", many)
    return [_Line(streamed, against, rate=_RUNS, ratio=_SHARE_OF_STREAMS), _Line(called, against)]


def _responses(stage: Stage, tested: Service) -> list[_Line]:
    many = stage.options.concurrency
    kinds = (
        ("response, stream", responses.streamed(), "pass-through, stream", _RESPONSES_SHARE_OF_RUNS),
        ("response, whole", responses.whole(), "pass-through, whole", 0.0),
        ("response that is not stored", responses.unstored(), "pass-through, whole", 0.0),
    )
    return [
        _Line(HttpCase(_name(kind, many), tested, script, many), _name(bare, many), of_runs=of_runs)
        for kind, script, bare, of_runs in kinds
    ]


def _chats(stage: Stage, tested: Service, upstream: Service) -> list[_Line]:
    bare = stage.passthrough(upstream)
    many = stage.options.concurrency
    lines = []
    for kind, script in (("stream", chat.streamed()), ("whole", chat.whole())):
        for number, ratio, added in ((many, _CHAT_SHARE[kind], 0.0), (1, 0.0, _ADDED)):
            against = _name(f"pass-through, {kind}", number)
            lines += [
                _Line(HttpCase(_name(f"chat, {kind}", number), tested, script, number), against, 0, ratio, added),
                _Line(HttpCase(against, bare, script, number)),
                _Line(HttpCase(_name(f"upstream itself, {kind}", number), upstream, script, number)),
            ]
    return lines


def _name(kind: str, number: int) -> str:
    return f"{kind}, {number} at once"


def _report(lines: list[_Line], series: list[Series], idle: int, after: int) -> Report:
    done = Report("runs", _COLUMNS)
    named = {one.name: one for one in series}
    runs = series[0]
    for line, one in zip(lines, series, strict=True):
        _add(done, line, one, named.get(line.against), runs)
    done.keep(series)
    done.raw["rss"] = {"idle": idle, "after": after}
    done.notes.append("Ratio: of rates; added: of medians; both against the pass-through.")
    done.notes.append(report.memory(idle, after))
    return done


def _add(done: Report, line: _Line, one: Series, against: Series | None, runs: Series) -> None:
    done.add(
        one.name.rsplit(", ", 1)[0],
        line.case.concurrency,
        report.rate(one),
        report.ms(one.quantile("p50")),
        report.ms(one.quantile("p99")),
        report.us(one.cpu),
        "" if against is None else f"{one.rate_against(against):.2f}",
        "" if against is None else report.ms(one.added(against)),
        one.errors,
        report.mb(one.peak_rss),
        goals=line.goals(one, against, runs),
    )

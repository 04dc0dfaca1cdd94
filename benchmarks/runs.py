"""Complete streamed runs and chat completions, against a bare FastAPI pass-through of the same chat call."""

from dataclasses import dataclass

from benchmarks import assistants, chat, report, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Service, Stage

_RUNS, _SHARE_OF_STREAMS = 500, 1 / 3
_SHARE_OF_CHAT, _ADDED = 0.75, 0.0005


@dataclass(frozen=True, slots=True)
class _Line:
    """A case and the case that it is compared with."""

    case: HttpCase
    against: str = ""


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    tested = server.start(stage, upstream)
    idle = server.settled_rss(tested)
    lines = [*await _runs(stage, tested), *_chats(stage, tested, upstream)]
    series = await rounds.interleave([line.case for line in lines], stage.options.rounds, stage.options.round_seconds)
    done = Report("runs", ["case", "at once", "per second", "p50 ms", "p99 ms", "CPU µs", "ratio", "added ms", "errors", "peak MB"])
    named = {one.name: one for one in series}
    for line, one in zip(lines, series, strict=True):
        _add(done, line, one, named.get(line.against))
    done.keep(series)
    after = server.settled_rss(tested)
    done.raw["rss"] = {"idle": idle, "after": after}
    done.notes.append(f"The ratio is of rates, the added time of medians, both to the pass-through. The server's memory: {report.mb(idle)} MB before, {report.mb(after)} MB after.")
    return done


async def _runs(stage: Stage, tested: Service) -> list[_Line]:
    plain, calling = await assistants.made(
        tested.port, assistants.create_assistant(), assistants.create_assistant(calls=True)
    )
    many = stage.options.concurrency
    stream = f"pass-through, stream × {many}"
    return [
        _Line(HttpCase("run, streamed", tested, assistants.thread_and_run(plain), many), stream),
        _Line(HttpCase("run with a function call", tested, assistants.function_round_trip(calling), many), stream),
    ]


def _chats(stage: Stage, tested: Service, upstream: Service) -> list[_Line]:
    bare = stage.passthrough(upstream)
    lines = []
    for kind, script in (("stream", chat.streamed()), ("whole", chat.whole())):
        for many in (stage.options.concurrency, 1):
            name = f"pass-through, {kind} × {many}"
            lines += [
                _Line(HttpCase(f"chat, {kind} × {many}", tested, script, many), name),
                _Line(HttpCase(name, bare, script, many)),
                _Line(HttpCase(f"upstream itself, {kind} × {many}", upstream, script, many)),
            ]
    return lines


def _add(done: Report, line: _Line, one: Series, against: Series | None) -> None:
    done.add(
        one.name.split(" ×")[0],
        line.case.concurrency,
        report.rate(one),
        report.ms(one.quantile("p50")),
        report.ms(one.quantile("p99")),
        report.us(one.cpu),
        "" if against is None else f"{one.rate_against(against):.2f}",
        "" if against is None else report.ms(one.added(against)),
        one.errors,
        report.mb(one.peak_rss),
        goals=[] if against is None else _goals(line, one, against),
    )


def _goals(line: _Line, one: Series, against: Series) -> list[Goal]:
    ratio = one.rate_against(against)
    if one.name == "run, streamed":
        return [report.at_least(_RUNS, one.rate, "/s"), Goal("ratio ≥ 1/3", ratio >= _SHARE_OF_STREAMS)]
    if not one.name.startswith("chat"):
        return []
    if line.case.concurrency == 1:
        return [Goal("added ≤ 0.5 ms", one.added(against) <= _ADDED)]
    return [Goal("ratio ≥ 0.75", ratio >= _SHARE_OF_CHAT)]

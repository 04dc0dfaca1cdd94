"""From the request for a streamed run to its first text, beyond what the upstream itself takes to say it."""

import math
from collections.abc import Mapping, Sequence

from benchmarks import assistants, chat, report, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Stage

SAMPLES = 300
"""At least so many of each case, over all its rounds."""

_AT_ONCE = (1, 16)
_BEYOND_MS = 5
_TIMES_THE_PASSTHROUGH = 2
_LONGEST_ROUND = 30.0
_COLUMNS = ("case", "at once", "samples", "p50 ms", "p99 ms", "beyond ms", "peak MB")
_NOTE = (
    "Beyond: the medians' difference to the upstream's own. 16 at once never pause, so they queue for the core as well."
)


async def measure(stage: Stage) -> Report:
    cases = await _cases(stage)
    series = await rounds.interleave(cases, stage.options.rounds, _LONGEST_ROUND)
    done = Report("first_delta", _COLUMNS, notes=[_NOTE])
    named = {one.name: one for one in series}
    for case, one in zip(cases, series, strict=True):
        _add(done, case, one, named[f"upstream itself, {case.concurrency}"], _goals(one, named))
    done.keep(series)
    return done


async def _cases(stage: Stage) -> list[HttpCase]:
    upstream = stage.upstream()
    tested, bare = server.start(stage, upstream), stage.passthrough(upstream)
    (assistant_id,) = await assistants.made(tested.port, assistants.create_assistant())
    kinds = (
        ("run", tested, assistants.first_delta(assistant_id)),
        ("chat", tested, chat.first_delta()),
        ("pass-through", bare, chat.first_delta()),
        ("upstream itself", upstream, chat.first_delta()),
    )
    each = math.ceil(SAMPLES / stage.options.rounds)
    return [
        HttpCase(f"{name}, {many}", service, script, many, each * max(1, many // 4))
        for many in _AT_ONCE
        for name, service, script in kinds
    ]


def _goals(one: Series, named: Mapping[str, Series]) -> list[Goal]:
    if one.name == "run, 1":
        return [report.at_most(_BEYOND_MS, one.added(named["upstream itself, 1"]) * 1000, " ms beyond")]
    if one.name == "run, 16":
        times = one.quantile("p50") / named["pass-through, 16"].quantile("p50")
        return [Goal(f"{times:.2f} of the pass-through ≤ {_TIMES_THE_PASSTHROUGH}", times <= _TIMES_THE_PASSTHROUGH)]
    return []


def _add(done: Report, case: HttpCase, one: Series, upstream: Series, goals: Sequence[Goal]) -> None:
    done.add(
        one.name.split(",")[0],
        case.concurrency,
        sum(taken.count for taken in one.rounds),
        report.ms(one.quantile("p50")),
        report.ms(one.quantile("p99")),
        "" if one is upstream else report.ms(one.added(upstream)),
        report.mb(one.peak_rss),
        goals=goals,
    )

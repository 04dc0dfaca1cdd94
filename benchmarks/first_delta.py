"""From the request for a streamed run to its first text, beyond what the upstream itself takes to say it."""

import math

from benchmarks import assistants, chat, report, rounds, server
from benchmarks.cases import HttpCase
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Stage

SAMPLES = 300
"""Of each case over all its rounds, however short the rounds would be."""

_AT_ONCE = (1, 16)
_BEYOND = 0.005
_LONGEST_ROUND = 30.0


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    tested, bare = server.start(stage, upstream), stage.passthrough(upstream)
    (assistant_id,) = await assistants.made(tested.port, assistants.create_assistant())
    scripts = {
        "run": (tested, assistants.first_delta(assistant_id)),
        "chat": (tested, chat.first_delta()),
        "pass-through": (bare, chat.first_delta()),
        "upstream itself": (upstream, chat.first_delta()),
    }
    limit = math.ceil(SAMPLES / stage.options.rounds)
    cases = [
        HttpCase(f"{name} × {many}", service, script, many, max(limit, limit * many // 4))
        for many in _AT_ONCE
        for name, (service, script) in scripts.items()
    ]
    series = await rounds.interleave(cases, stage.options.rounds, _LONGEST_ROUND)
    done = Report("first_delta", ["case", "at once", "samples", "p50 ms", "p99 ms", "beyond ms", "peak MB"])
    named = {one.name: one for one in series}
    for case, one in zip(cases, series, strict=True):
        _add(done, case, one, named[f"upstream itself × {case.concurrency}"])
    done.keep(series)
    done.notes.append("Beyond: the median less the upstream's own. 16 at once follow each other without a pause, so they also wait for each other.")
    return done


def _add(done: Report, case: HttpCase, one: Series, upstream: Series) -> None:
    beyond = one.added(upstream)
    goals: list[Goal] = []
    if one.name == "run × 1":
        goals.append(Goal("beyond ≤ 5 ms", beyond <= _BEYOND))
    done.add(
        one.name.split(" ×")[0],
        case.concurrency,
        sum(taken.count for taken in one.rounds),
        report.ms(one.quantile("p50")),
        report.ms(one.quantile("p99")),
        "" if one is upstream else report.ms(beyond),
        report.mb(one.peak_rss),
        goals=goals,
    )

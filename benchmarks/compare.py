"""Two checkouts of this project side by side: alternating rounds of the same load, one ratio a row.

Both servers of a group run at the same time on the server's core and one upstream serves both; the load goes to one of
them at a time, in the order A B, B A, A B …, so that whatever else the machine does falls on both alike. A ratio is
the median over the pairs of rounds and above 1 where this checkout is better: its rate divided by the other's, or the
other's seconds, bytes or processor time divided by its own.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import (
    assistants,
    chat,
    crud,
    files,
    followers,
    pairs,
    relay,
    report,
    responses,
    server,
    size,
    startup,
    streams,
)
from benchmarks.checkout import Checkout
from benchmarks.pairs import Match, Pair, Row, Rows
from benchmarks.report import Report
from benchmarks.stage import Stage

LOWEST = 0.97
_STREAMS, _STREAM_ROUNDS, _STREAM_SECONDS = 400, 3, 6.0
_RELAY_ROUND, _RELAY_WARM_UP = 60.0, 20.0
_STARTS = 7
_Starts = tuple[tuple[float, int], tuple[float, int]]
_COLUMNS = ("case", "this", "against", "ratio", "lowest", "highest", "CPU ratio")


async def _runs(match: Match) -> Rows:
    both = await match.start(match.stage.upstream())
    plain = [await assistants.made(one.port, assistants.create_assistant()) for one in both]
    calling = [await assistants.made(one.port, assistants.create_assistant(calls=True)) for one in both]
    cases = [
        pairs.pair(match, "run, streamed", both, [assistants.thread_and_run(ids[0]) for ids in plain]),
        pairs.pair(
            match, "run with a function call", both, [assistants.function_round_trip(ids[0]) for ids in calling]
        ),
    ]
    return await pairs.alternate(match, cases)


async def _chat(match: Match) -> Rows:
    both = await match.start(match.stage.upstream())
    cases = [
        pairs.pair(match, "chat, whole", both, [chat.whole()] * 2),
        pairs.pair(match, "chat, streamed", both, [chat.streamed()] * 2),
    ]
    return await pairs.alternate(match, cases)


async def _responses(match: Match) -> Rows:
    both = await match.start(match.stage.upstream())
    cases = [
        pairs.pair(match, "response, streamed", both, [responses.streamed()] * 2),
        pairs.pair(match, "response, whole", both, [responses.whole()] * 2),
        pairs.pair(match, "response, not stored", both, [responses.unstored()] * 2),
    ]
    return await pairs.alternate(match, cases)


async def _relay(match: Match) -> Rows:
    both = await match.start(match.stage.upstream(match.stage.options.deltas))
    runs = [await assistants.made(one.port, assistants.create_assistant()) for one in both]
    through_runs = [relay.run_case(one, ids[0]) for one, ids in zip(both, runs, strict=True)]
    through_chat = [relay.chat_case(one) for one in both]
    cases = [
        Pair("relay through runs", "deltas/s", through_runs[0], through_runs[1]),
        Pair("relay through chat", "deltas/s", through_chat[0], through_chat[1]),
    ]
    return await pairs.alternate(match, cases, _RELAY_ROUND, _RELAY_WARM_UP)


async def _crud(match: Match) -> Rows:
    both = await match.start(match.stage.upstream())
    this, against = [await crud.scripts(one) for one in both]
    cases = [pairs.pair(match, name, both, [this[name], against[name]]) for name in this]
    return await pairs.alternate(match, cases)


async def _streams(match: Match) -> Rows:
    count = min(match.stage.options.streams, _STREAMS)
    files.allow(2 * count + streams.SPARE_FILES)
    chunks = streams.chunks_needed(count, _STREAM_SECONDS)
    upstream = match.stage.upstream(chunks, streams.PACE, 2 * count + streams.SPARE_FILES)
    both = await match.start(upstream)
    cases = [await streams.run_case(one) for one in both]
    followers.without_collector()
    done: list[tuple[streams.Steady, streams.Steady]] = []
    for number in range(_STREAM_ROUNDS):
        order = cases if number % 2 == 0 else cases[::-1]
        both_done = [await streams.steady(case, upstream, count, chunks, _STREAM_SECONDS) for case in order]
        done.append((both_done[0], both_done[1]) if number % 2 == 0 else (both_done[1], both_done[0]))
    return _stream_rows(count, done)


def _stream_rows(count: int, rounds: Sequence[tuple[streams.Steady, streams.Steady]]) -> Rows:
    gaps = [(this.gaps["p99"] * 1000, against.gaps["p99"] * 1000) for this, against in rounds]
    cpu = [(this.cpu / this.rate, against.cpu / against.rate) for this, against in rounds]
    memory = [(this.kb, against.kb) for this, against in rounds[:1]]
    rows = [
        Row(f"{count} streams, gap p99", "ms", gaps, lower_is_better=True, cpu=cpu),
        Row(f"{count} streams, memory a stream", "KB", memory, lower_is_better=True),
    ]
    notes = [f"streams: {n} times {error}" for pair in rounds for one in pair for error, n in one.errors.items() if n]
    return rows, notes


async def _startup(match: Match) -> Rows:
    upstream = match.stage.upstream()
    for checkout in match.checkouts:
        startup.start(match.stage, match.stage.directory / f"warm-{checkout.name}", upstream.url, checkout)
    fresh: list[_Starts] = []
    existing: list[_Starts] = []
    for number in range(_STARTS):
        for starts in (fresh, existing):
            found = {}
            for checkout in match.checkouts if number % 2 == 0 else match.checkouts[::-1]:
                directory = match.stage.directory / f"start-{checkout.name}-{number}"
                found[checkout.name] = startup.start(match.stage, directory, upstream.url, checkout)
            starts.append((found[match.this.name], found[match.against.name]))
    rows = [
        _start_row("ready, fresh data directory", fresh),
        _start_row("ready, existing data directory", existing),
        Row("memory when ready", "MB", [(a[1] / 1e6, b[1] / 1e6) for a, b in existing], lower_is_better=True),
    ]
    return rows, []


def _start_row(name: str, starts: Sequence[_Starts]) -> Row:
    return Row(name, "s", [(this[0], against[0]) for this, against in starts], lower_is_better=True)


async def _memory(match: Match) -> Rows:
    """After a load of all kinds, which ends before the memory is read."""
    both = await match.start(match.stage.upstream())
    plain = [await assistants.made(one.port, assistants.create_assistant()) for one in both]
    cases = [
        pairs.pair(match, "run, streamed", both, [assistants.thread_and_run(ids[0]) for ids in plain]),
        pairs.pair(match, "chat, streamed", both, [chat.streamed()] * 2),
        pairs.pair(match, "response, streamed", both, [responses.streamed()] * 2),
        pairs.pair(match, "create thread", both, [crud.create_thread()] * 2),
    ]
    for case in cases:
        await case.run(0, match.stage.options.seconds)
    resident = [server.settled_rss(one) / 1e6 for one in both]
    errors = [note for case in cases for note in case.errors()]
    return [Row("memory after load", "MB", [(resident[0], resident[1])], lower_is_better=True)], errors


async def _size(match: Match) -> Rows:
    this, against = (_installed(checkout) / 1e6 for checkout in match.checkouts)
    return [Row("installed size", "MB", [(this, against)], lower_is_better=True)], []


def _installed(checkout: Checkout) -> int:
    """Bytes; counted by the interpreter that has the packages."""
    command = [str(checkout.python), size.__file__, str(checkout.root)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


GROUPS: dict[str, Callable[[Match], Awaitable[Rows]]] = {
    "runs": _runs,
    "chat": _chat,
    "responses": _responses,
    "relay": _relay,
    "streams": _streams,
    "crud": _crud,
    "startup": _startup,
    "memory": _memory,
    "size": _size,
}


async def measure(stage: Stage, against: Path, names: Sequence[str]) -> Report:
    """The rows of the groups with these names, or of all."""
    this, other = Checkout.current(), Checkout.prepare(against)
    done = Report("compare", _COLUMNS, conditions=f"This checkout against {against}, alternating rounds, medians.")
    for name in names or GROUPS:
        rows, notes = await _measure_group(stage, this, other, name)
        for row in rows:
            _add(done, row)
        done.notes += notes
    done.notes.append("Ratio: above 1 where this checkout is better. CPU ratio: of processor time for one operation.")
    return done


async def _measure_group(stage: Stage, this: Checkout, against: Checkout, name: str) -> Rows:
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=stage.directory) as directory, ExitStack() as stack:
        return await GROUPS[name](Match(replace(stage, directory=Path(directory), stack=stack), this, against))


def _add(done: Report, row: Row) -> None:
    ratio = statistics.median(row.ratios)
    done.add(
        f"{row.name}, {row.unit}",
        f"{statistics.median(this for this, _ in row.pairs):,.4g}",
        f"{statistics.median(against for _, against in row.pairs):,.4g}",
        f"{ratio:.2f}",
        f"{min(row.ratios):.2f}",
        f"{max(row.ratios):.2f}",
        "" if row.cpu_ratio is None else f"{row.cpu_ratio:.2f}",
        goals=[report.at_least(LOWEST, ratio)],
    )
    kept: list[Any] = done.raw.setdefault("rows", [])
    kept.append(msgspec.to_builtins({"name": row.name, "unit": row.unit, "pairs": row.pairs, "ratio": ratio}))

"""The command: `python -m benchmarks NAME | all`, or `compare --against PATH [NAME …]`."""

import argparse
import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import uvloop

from benchmarks import (
    cluster,
    compare,
    console,
    costs,
    crud,
    first_delta,
    growth,
    hostile,
    imports,
    ingestion,
    labelled,
    peers,
    relay,
    report,
    retrieval,
    runs,
    sandbox,
    search_quality,
    search_scale,
    startup,
    streams,
    uploads,
)
from benchmarks.cores import Cores
from benchmarks.report import Report
from benchmarks.stage import Options, Stage

_BENCHMARKS = {
    "crud": crud,
    "runs": runs,
    "first_delta": first_delta,
    "startup": startup,
    "relay": relay,
    "streams": streams,
    "growth": growth,
    "hostile": hostile,
    "retrieval": retrieval,
    "ingestion": ingestion,
    "imports": imports,
    "cluster": cluster,
    "uploads": uploads,
    "sandbox": sandbox,
    "search_quality": search_quality,
    "search_scale": search_scale,
    "console": console,
    "peers": peers,
    "costs": costs,
}
_ALONE = {"cluster", "peers"}
"""Not part of `all`: they need a PostgreSQL, or packages of other servers."""
_MESSAGES, _MESSAGES_IN_ALL = 1_000_000, 100_000
_RESULTS = Path(__file__).parent / "results"


def main() -> None:
    arguments = parse_command_line()
    names = (
        [name for name in _BENCHMARKS if name not in _ALONE] if arguments.benchmark == "all" else [arguments.benchmark]
    )
    cores = Cores.found()
    if cores.load is not None:
        os.sched_setaffinity(0, {cores.load})
    signal.signal(signal.SIGTERM, _exit)
    with ExitStack() as stack:
        options = _options(arguments, stack)
        for name in names:
            measure = _comparison(arguments) if name == "compare" else _BENCHMARKS[name].measure
            _measure(measure, options, cores, arguments.json or _result(name, options))


def parse_command_line(words: list[str] | None = None) -> argparse.Namespace:
    """`words` are the process's own arguments when None; a wrong one ends the process with exit code 2."""
    parser = _parser()
    arguments = parser.parse_intermixed_args(words)
    _check(parser, arguments)
    return arguments


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.json is not None and arguments.benchmark == "all":
        parser.error("--json names the file of one benchmark, and all write several")
    if (arguments.benchmark == "compare") != (arguments.against is not None):
        parser.error("compare requires --against PATH, and no other benchmark takes it")
    if arguments.database == search_quality.BOTH_DATABASES and arguments.benchmark != "search_quality":
        parser.error("--database both requires search_quality")
    for name in arguments.names:
        if arguments.benchmark != "compare" or name not in compare.GROUPS:
            parser.error(f"unknown name {name!r}; compare takes {', '.join(compare.GROUPS)}")


def _comparison(arguments: argparse.Namespace) -> Callable[[Stage], Awaitable[Report]]:
    async def measure(stage: Stage) -> Report:
        return await compare.measure(stage, arguments.against, arguments.names)

    return measure


def _measure(measure: Callable[[Stage], Awaitable[Report]], options: Options, cores: Cores, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="understudy-bench-") as directory, ExitStack() as stack:
        stage = Stage(options, cores, Path(directory), os.getloadavg()[0], stack)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(_run(measure, stage))
        report.show(done, stage)
        report.write(done, stage, path)


async def _run(measure: Callable[[Stage], Awaitable[Report]], stage: Stage) -> Report:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await measure(stage)
    except asyncio.CancelledError:
        _exit()
        raise
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, _exit)


def _exit(*_: object) -> None:
    """Ends everything that was started: PostgreSQL is no child of this process, and outlives it otherwise."""
    raise SystemExit(128 + signal.SIGTERM)


def _result(name: str, options: Options) -> Path:
    return _RESULTS / f"{name}{'' if options.database in {None, search_quality.BOTH_DATABASES} else '-postgresql'}.json"


def _options(arguments: argparse.Namespace, stack: ExitStack) -> Options:
    database = arguments.database
    if arguments.postgres:
        from benchmarks import postgres  # noqa: PLC0415 - its package looks about when it is imported

        database = stack.enter_context(postgres.started(arguments.data))
    return Options(
        seconds=arguments.seconds,
        rounds=arguments.runs,
        concurrency=arguments.concurrency,
        chunks=arguments.chunks,
        deltas=arguments.deltas,
        streams=arguments.streams,
        messages=arguments.messages or (_MESSAGES_IN_ALL if arguments.benchmark == "all" else _MESSAGES),
        database=database,
        inputs=arguments.inputs,
        collections=None if arguments.collections is None else str(arguments.collections.resolve()),
        half=arguments.half,
        limit=arguments.limit,
        embedder=arguments.embedder,
        passages=arguments.passages,
        data=None if arguments.data is None else str(arguments.data.resolve()),
    )


def _parse_sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("benchmark", choices=[*_BENCHMARKS, "compare", "all"])
    parser.add_argument("names", nargs="*", help=f"what compare measures (all of {', '.join(compare.GROUPS)})")
    parser.add_argument("--against", type=Path, metavar="PATH", help="the other checkout of compare")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each case, over all its rounds")
    parser.add_argument("--runs", type=int, default=3, help="interleaved rounds")
    parser.add_argument("--concurrency", type=int, default=32, help="requests at once")
    parser.add_argument("--chunks", type=int, default=20, help="chunks of text in a stream")
    parser.add_argument("--deltas", type=int, default=20_000, help="chunks of text in a stream of relay")
    parser.add_argument("--streams", type=int, default=2000, help="runs at once in streams")
    parser.add_argument(
        "--messages", type=int, help=f"in the big thread of growth ({_MESSAGES}; {_MESSAGES_IN_ALL} in all)"
    )
    parser.add_argument("--inputs", default="", help="of hostile, those whose names have this in them")
    parser.add_argument("--json", type=Path, help="where everything measured goes (benchmarks/results/NAME.json)")
    parser.add_argument("--collections", type=Path, metavar="DIR", help="of search_quality: public collections")
    parser.add_argument("--half", choices=labelled.HALVES, default="all", help="of the questions of search_quality")
    parser.add_argument("--limit", type=int, help="questions of each language and collection in search_quality")
    parser.add_argument("--embedder", help="the setting embeddings.model of the servers; by default `builtin`")
    parser.add_argument(
        "--passages", type=_parse_sizes, default=(100_000,), help="sizes for search_scale: 100000,1000000"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="of search_scale: where filled databases stay")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--database", help="a postgresql:// URL; a database that may be filled; `both` in search_quality"
    )
    where.add_argument("--postgres", action="store_true", help="start a PostgreSQL of its own")
    return parser


if __name__ == "__main__":
    main()

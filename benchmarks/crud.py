"""Objects over HTTP: created, read and listed, against a bare FastAPI constant and bare statements of the database."""

from collections.abc import Callable, Iterable
from itertools import cycle

from benchmarks import assistants, http, load, report, rounds, server
from benchmarks.cases import HttpCase, StatementCase
from benchmarks.http import Request
from benchmarks.load import Script
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Service, Stage
from benchmarks.statements import GROUP

_THREADS = 100
_MESSAGES = 40
_CREATES, _READS = 3500, 7000


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    tested = server.start(stage, upstream)
    idle = server.settled_rss(tested)
    many = stage.options.concurrency
    measured = [HttpCase(name, tested, script, many) for name, script in (await scripts(tested)).items()]
    cases = [*measured, *_baselines(stage, upstream)]
    series = await rounds.interleave(cases, stage.options.rounds, stage.options.round_seconds)
    return _report(stage, series, idle, server.settled_rss(tested))


async def scripts(tested: Service) -> dict[str, Callable[[], Script]]:
    """The script of each case by its name, on objects made for it."""
    assistant_ids = await assistants.made(tested.port, *[assistants.create_assistant()] * _THREADS)
    thread_ids = await assistants.made(tested.port, *[assistants.create_thread()] * _THREADS)
    messages = [assistants.create_message(thread_id) for thread_id in thread_ids for _ in range(_MESSAGES)]
    await load.ask(tested.port, messages)
    writable = await assistants.made(tested.port, *[assistants.create_thread()] * _THREADS)
    return {
        "create assistant": load.once(assistants.create_assistant()),
        "create thread": create_thread(),
        "create thread with a message": load.once(assistants.create_thread([assistants.QUESTION])),
        "create message": _each(assistants.create_message(thread_id) for thread_id in writable),
        "read assistant": _each(http.get(f"/v1/assistants/{found}") for found in assistant_ids),
        "read thread": _each(http.get(f"/v1/threads/{thread_id}") for thread_id in thread_ids),
        "list 20 messages": _each(http.get(f"/v1/threads/{thread_id}/messages") for thread_id in thread_ids),
    }


def create_thread() -> Callable[[], Script]:
    return load.once(assistants.create_thread())


def _baselines(stage: Stage, upstream: Service) -> list[HttpCase | StatementCase]:
    bare = stage.passthrough(upstream)
    create = load.once(http.post("/constant", {"model": "scripted", "name": "Geographer"}))
    read = load.once(http.get("/constant/asst_0123456789abcdefghijklmn"))
    return [
        HttpCase("bare FastAPI, POST", bare, create, stage.options.concurrency),
        HttpCase("bare FastAPI, GET", bare, read, stage.options.concurrency),
        StatementCase("bare insert", stage, "insert"),
        StatementCase(f"bare inserts in groups of {GROUP}", stage, "group"),
        StatementCase("bare point read", stage, "read"),
    ]


def _each(requests: Iterable[Request]) -> Callable[[], Script]:
    """The requests in turn, each answer timed."""
    scripts = cycle([load.once(request) for request in requests])

    def script() -> Script:
        return next(scripts)()

    return script


def _report(stage: Stage, series: list[Series], idle: int, after: int) -> Report:
    done = Report(
        "crud", ["case", "per second", "p50 ms", "p99 ms", "CPU µs", "of FastAPI", "of statements", "peak MB"]
    )
    named = {one.name: one for one in series}
    for one in series:
        done.add(
            one.name,
            report.rate(one),
            report.ms(one.quantile("p50")),
            report.ms(one.quantile("p99")),
            report.us(one.cpu),
            *_ratios(one, named),
            report.mb(one.peak_rss),
            goals=_goals(one),
        )
    done.keep(series)
    done.raw["rss"] = {"idle": idle, "after": after}
    done.notes.append(f"{stage.options.concurrency} requests at once. {report.memory(idle, after)}")
    return done


def _ratios(one: Series, named: dict[str, Series]) -> tuple[str, str]:
    if one.name.startswith("bare"):
        return "", ""
    creates = one.name.startswith("create")
    web = named[f"bare FastAPI, {'POST' if creates else 'GET'}"]
    statement = named[f"bare inserts in groups of {GROUP}" if creates else "bare point read"]
    return f"{one.rate_against(web):.2f}", f"{one.rate_against(statement):.2f}"


def _goals(one: Series) -> list[Goal]:
    match one.name.split()[0]:
        case "create":
            return [report.at_least(_CREATES, one.rate, "/s")]
        case "read":
            return [report.at_least(_READS, one.rate, "/s")]
        case _:
            return []

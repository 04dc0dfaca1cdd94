"""Whether a thread stays as fast as it was: pages and new messages of a thread of 10 against one of very many."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from benchmarks import assistants, http, load, report, rounds, seed, server
from benchmarks.cases import HttpCase
from benchmarks.load import Script
from benchmarks.report import Goal, Report
from benchmarks.rounds import Series
from benchmarks.stage import Service, Stage

_FEW = 10
_PAGE = 20
_TWO_PAGES = 2 * _PAGE
_WRITTEN = 200
_TIMES = 1.2
_COLUMNS = ("case", "messages", "p50 ms", "p99 ms", "CPU µs", "times a small thread's", "errors")
_NOTE = (
    f"One request at a time. The first page of a thread of {_FEW} has {_FEW} messages, every other one {_PAGE};"
    f" new messages go to {_WRITTEN} threads that had {_FEW}, and to the big one."
)


@dataclass(frozen=True, slots=True)
class _Thread:
    """`message_ids`, the oldest first."""

    thread_id: str
    message_ids: Sequence[str]

    def first_page(self) -> Callable[[], Script]:
        return self._list(f"limit={_PAGE}", min(_PAGE, len(self.message_ids)))

    def middle_page(self) -> Callable[[], Script]:
        cursor = self.message_ids[len(self.message_ids) // 2]
        return self._list(f"limit={_PAGE}&after={cursor}", _PAGE)

    def create(self) -> Callable[[], Script]:
        return load.once(assistants.create_message(self.thread_id))

    def _list(self, query: str, expected: int) -> Callable[[], Script]:
        request = http.get(f"/v1/threads/{self.thread_id}/messages?{query}")

        def script() -> Script:
            answer = load.expect((yield request))
            found = answer.body.count(b'"thread.message"')
            if found != expected:
                raise load.Failed(f"{found} messages and not {expected}")
            return answer.seconds

        return script


@dataclass(frozen=True, slots=True)
class _Line:
    """A case, the one of a small thread that it is compared with, and whether that is a goal."""

    case: HttpCase
    messages: int
    against: str = ""
    judged: bool = False

    def goals(self, times: float) -> list[Goal]:
        return [report.at_most(_TIMES, times, " times")] if self.judged else []


async def measure(stage: Stage) -> Report:
    upstream = stage.upstream()
    few, two_pages, many, seconds = await _threads(stage, upstream)
    tested = server.start(stage, upstream)
    lines = await _lines(tested, few, two_pages, many)
    series = await rounds.interleave([line.case for line in lines], stage.options.rounds, stage.options.round_seconds)
    done = _report(lines, series)
    done.notes.append(f"Filling the big thread took {seconds:.1f} s.")
    done.raw["filling_seconds"] = seconds
    return done


async def _threads(stage: Stage, upstream: Service) -> tuple[_Thread, _Thread, _Thread, float]:
    """A thread of a few messages, one of two pages, the big one, and the seconds that filling it took."""
    tested = server.start(stage, upstream)
    thread_ids = await assistants.made(tested.port, *[assistants.create_thread()] * 3)
    tested.process.stop()
    filled = []
    for thread_id, count in zip(thread_ids, (_FEW, _TWO_PAGES, stage.options.messages), strict=True):
        started = time.perf_counter()
        message_ids = await seed.fill(server.data(stage), stage.options.database, thread_id, count)
        filled.append(_Thread(thread_id, message_ids))
    return filled[0], filled[1], filled[2], time.perf_counter() - started


async def _lines(tested: Service, few: _Thread, two_pages: _Thread, many: _Thread) -> list[_Line]:
    written = await assistants.made(tested.port, *[assistants.create_thread([assistants.QUESTION] * _FEW)] * _WRITTEN)
    creates = cycle([_Thread(thread_id, []).create() for thread_id in written])

    def create_in_next() -> Script:
        return next(creates)()

    number = len(many.message_ids)

    def line(
        name: str, messages: int, script: Callable[[], Script], against: str = "", *, judged: bool = False
    ) -> _Line:
        return _Line(HttpCase(name, tested, script, 1), messages, against, judged)

    first, middle, create = "first page", "page after a cursor in the middle", "create a message"
    return [
        line(f"{first}, few", _FEW, few.first_page()),
        line(f"{first}, two pages", _TWO_PAGES, two_pages.first_page(), f"{first}, few"),
        line(f"{first}, many", number, many.first_page(), f"{first}, few", judged=True),
        line(f"{middle}, two pages", _TWO_PAGES, two_pages.middle_page()),
        line(f"{middle}, many", number, many.middle_page(), f"{middle}, two pages", judged=True),
        line(f"{create}, few", _FEW, create_in_next),
        line(f"{create}, many", number, many.create(), f"{create}, few"),
    ]


def _report(lines: Sequence[_Line], series: Sequence[Series]) -> Report:
    done = Report("growth", _COLUMNS, notes=[_NOTE])
    named = {one.name: one for one in series}
    for line, one in zip(lines, series, strict=True):
        against = named.get(line.against)
        times = 0.0 if against is None else one.quantile("p50") / against.quantile("p50")
        done.add(
            one.name.rsplit(", ", 1)[0],
            f"{line.messages:,}",
            report.ms(one.quantile("p50")),
            report.ms(one.quantile("p99")),
            report.us(one.cpu),
            f"{times:.2f}" if times else "",
            one.errors,
            goals=line.goals(times),
        )
    done.keep(series)
    return done

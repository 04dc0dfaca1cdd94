"""How soon code runs: in a kernel that waited for it, in one that has to be started, in one that ran code before."""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from benchmarks import report
from benchmarks.report import Report
from benchmarks.stage import Stage
from understudy.clock import SystemClock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import Session
from understudy.tools.sandbox.embedded import EmbeddedSandbox
from understudy.tools.sandbox.session import KernelSession
from understudy.tools.sandbox.usage import measure_shared_memory

_COLD, _WARM, _LATER, _FIGURES, _AT_ONCE = 7, 15, 300, 7, 50
_FIRST_MS, _LATER_MS = 300, 30
_POLL = 0.01
_CELL = "6 * 7"
_FILE = b"a,b\n" + b"1,2\n" * 250_000
_FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
_HOME = Path(__file__).parents[1] / ".venv-interpreter" / "bin" / "python"


async def measure(stage: Stage) -> Report:
    if stage.cores.server is not None and stage.cores.load is not None:
        # A sandbox takes the cores of its server, and here that is this process.
        os.sched_setaffinity(0, {stage.cores.server, stage.cores.load})
    settings = SandboxSettings(python=_HOME if _HOME.exists() else None, warm=0)
    done = Report("sandbox", ["case", "median ms", "p90 ms", "max ms"])
    done.conditions = "On both cores, in this process: from opening the session to the end of its first cell."
    async with _opened(settings) as sandbox:
        _add(done, "first cell, kernel to be started", [await _first(sandbox, n) for n in range(_COLD)])
    warm = msgspec.structs.replace(settings, warm=1)
    async with _opened(warm) as sandbox:
        first = [await _first(sandbox, n, warm=True) for n in range(_WARM)]
        _add(done, "first cell, kernel waiting", first, _FIRST_MS)
        filled = [await _first(sandbox, n, warm=True, file=_FILE) for n in range(_WARM)]
        _add(done, "first cell, kernel waiting, with a file of 1 MB", filled, _FIRST_MS)
        session = await sandbox.open("later")
        _add(done, "later cell", [await _cell(session, _CELL) for _ in range(_LATER)], _LATER_MS)
        _add(done, "first figure", [await _cell(session, _FIGURE)])
        _add(done, "later figure", [await _cell(session, _FIGURE) for _ in range(_FIGURES)])
    await _at_once(done, settings)
    return done


@asynccontextmanager
async def _opened(settings: SandboxSettings) -> AsyncIterator[EmbeddedSandbox]:
    sandbox = EmbeddedSandbox(settings, SystemClock())
    if problem := await sandbox.check():
        raise SystemExit(problem)
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


async def _first(sandbox: EmbeddedSandbox, number: int, *, warm: bool = False, file: bytes = b"") -> float:
    """Seconds of a new session, which ends afterwards."""
    while warm and not sandbox.count_warm:  # noqa: ASYNC110 - nobody is told when one is
        await asyncio.sleep(_POLL)
    began = time.perf_counter()
    session = await sandbox.open(f"first {number}")
    if file:
        await session.put("file-1", _once(file))
    await _cell(session, _CELL)
    taken = time.perf_counter() - began
    await session.close()
    return taken


async def _cell(session: Session, code: str) -> float:
    began = time.perf_counter()
    *_, last = [output async for output in session.execute(code)]
    if getattr(last, "status", "") != "ok":
        raise SystemExit(f"A cell did not end well: {last}")
    return time.perf_counter() - began


async def _at_once(done: Report, settings: SandboxSettings) -> None:
    """Sessions that are all asked for in the same moment, and stay."""
    async with _opened(settings) as sandbox:
        began = time.perf_counter()

        async def use(number: int) -> tuple[float, KernelSession]:
            session = await sandbox.open(f"session {number}")
            await _cell(session, _CELL)
            return time.perf_counter() - began, session

        used = await asyncio.gather(*map(use, range(_AT_ONCE)))
        memory = [
            measure_shared_memory(jail.processes) / 1e6 for jail in sandbox.list_sandboxes if jail.processes is not None
        ]
        _add(done, f"each of {_AT_ONCE} sessions asked for at once", [taken for taken, _ in used])
        later = await asyncio.gather(*(_cell(session, _CELL) for _, session in used))
        _add(done, f"later cell, in {_AT_ONCE} at once", later)
    done.notes.append(f"Memory of an idle session: {statistics.median(memory):.0f} MB. No session failed.")
    done.raw["session_mb"] = memory


def _add(done: Report, name: str, taken: Sequence[float], most: float | None = None) -> None:
    milliseconds = sorted(one * 1000 for one in taken)
    median, late = statistics.median(milliseconds), milliseconds[int(0.9 * (len(milliseconds) - 1))]
    goals = [] if most is None else [report.at_most(most, median, " ms")]
    done.add(name, *(f"{one:.1f}" for one in (median, late, milliseconds[-1])), goals=goals)
    done.raw.setdefault("cases", {})[name] = milliseconds


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

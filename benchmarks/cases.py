"""The kinds of cases that rounds are made of: a load on a service, or a round of bare statements."""

import asyncio
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import cores, load
from benchmarks.load import Script
from benchmarks.process import WAIT, Process
from benchmarks.rounds import Round
from benchmarks.stage import Service, Stage

_SAMPLED_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class HttpCase:
    """Ends after `limit` scripts where that comes before the end of the round."""

    name: str
    service: Service
    script: Callable[[], Script]
    concurrency: int
    limit: float = math.inf

    async def run(self, seconds: float) -> Round:
        process = self.service.process
        peak, before = _Peak(process), process.cpu()
        watching = asyncio.create_task(peak.watch())
        try:
            done = await load.run(self.script, self.service.port, self.concurrency, seconds, self.limit)
        finally:
            watching.cancel()
        return msgspec.structs.replace(done, cpu=process.cpu() - before, peak_rss=peak.rss)


class _Peak:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.rss = process.rss()

    async def watch(self) -> None:
        while True:
            self.rss = max(self.rss, self._process.rss())
            await asyncio.sleep(_SAMPLED_EVERY)


@dataclass(frozen=True, slots=True)
class StatementCase:
    """`kind` is one of `statements.KINDS`; the statements run on the server's core."""

    name: str
    stage: Stage
    kind: str

    async def run(self, seconds: float) -> Round:
        with cores.on(self.stage.cores.server):
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.statements", self.kind, "--seconds", str(seconds), *self._place()),
                cwd=Path(__file__).parents[1],
                stdout=asyncio.subprocess.PIPE,
            )
        printed, _ = await asyncio.wait_for(child.communicate(), seconds + WAIT)
        if child.returncode != 0:
            raise SystemExit("The bare statements failed; what they said stands above.")
        return msgspec.json.decode(printed, type=Round)

    def _place(self) -> tuple[str, str]:
        database = self.stage.options.database
        return ("--directory", str(self.stage.directory)) if database is None else ("--database", database)

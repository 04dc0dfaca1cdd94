"""The kinds of cases that rounds are made of: a load on a service, or a round of bare statements."""

import asyncio
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import cores, load
from benchmarks.load import Script
from benchmarks.process import Process
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
        where = (
            ["--directory", str(self.stage.directory)]
            if self.stage.options.database is None
            else ["--database", self.stage.options.database]
        )
        command = [sys.executable, "-m", "benchmarks.statements", self.kind, "--seconds", str(seconds), *where]
        with cores.on(self.stage.cores.server):
            done = subprocess.run(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, check=True)
        return msgspec.json.decode(done.stdout, type=Round)

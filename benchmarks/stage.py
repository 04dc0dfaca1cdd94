"""What a benchmark finds ready: its options, a directory, the cores, and the processes that it asks for.

Everything that is started here ends with the stage.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import process
from benchmarks.cores import Cores
from benchmarks.process import Process


@dataclass(frozen=True, slots=True)
class Options:
    """`seconds` is for one case over all its rounds; `database` None is SQLite in the server's data directory.

    `deltas` are the chunks of a stream of `relay`, `streams` how many `streams` follows at once, `messages` what the
    big thread of `growth` holds, `inputs` a part of the names of those that `hostile` sends. `collections`, `half` and
    `limit` select the questions of `search_quality`, `embedder` the embedder of all servers (None: the default).
    `search_scale` measures projects of `passages`, in databases that stay in the directory `data`.
    """

    seconds: float
    rounds: int
    concurrency: int
    chunks: int
    deltas: int
    streams: int
    messages: int
    database: str | None
    inputs: str = ""
    collections: str | None = None
    half: str = "all"
    limit: int | None = None
    embedder: str | None = None
    passages: tuple[int, ...] = (100_000,)
    data: str | None = None

    @property
    def round_seconds(self) -> float:
        return self.seconds / self.rounds


@dataclass(frozen=True, slots=True)
class Service:
    """A process that answers HTTP on 127.0.0.1."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Stage:
    """`busy` is the machine's load average before anything was started: what others do on it spoils numbers."""

    options: Options
    cores: Cores
    directory: Path
    busy: float
    stack: ExitStack = field(default_factory=ExitStack)

    def upstream(self, chunks: int | None = None, pace: float = 0.0, files: int = 256, *, lead: float = 0.0) -> Service:
        """The scripted provider, on the load's core. `pace` is chunks a second of each stream, 0 all at once.

        `lead` is how many seconds each stream waits before its first chunk.
        """
        number = self.options.chunks if chunks is None else chunks
        arguments = ["--chunks", str(number), "--pace", str(pace), "--lead", str(lead), "--files", str(files)]
        return self._start("upstream", arguments, self.cores.load)

    def passthrough(self, upstream: Service, files: int = 256) -> Service:
        """The bare FastAPI application, on the server's core."""
        return self._start("passthrough", ["--upstream", upstream.url, "--files", str(files)], self.cores.server)

    def _start(self, module: str, arguments: list[str], core: int | None) -> Service:
        port = process.free_port()
        command = [sys.executable, "-m", f"benchmarks.{module}", "--port", str(port), *arguments]
        environ = process.bare_environment() | {"PYTHONPATH": str(Path(__file__).parents[1])}
        child = self.stack.enter_context(Process(command, core, self.directory / f"{module}.log", environ))
        child.await_port(port)
        return Service(child, port)

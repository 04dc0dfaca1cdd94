"""The server under test, started as a user starts it: `understudy serve` with a file that names the provider."""

import re
import sys
import time
from pathlib import Path

from benchmarks import process
from benchmarks.http import KEY
from benchmarks.process import WAIT, Process
from benchmarks.stage import Service, Stage

_SETTLED = 1.0
_ADDRESS = re.compile(r"Base URL +http://127\.0\.0\.1:(\d+)")


def start(stage: Stage, upstream: Service) -> Service:
    """The server, once it says where it listens; on a fresh data directory, when it is the stage's first."""
    directory = _directory(stage)
    child = stage.stack.enter_context(launch(stage, directory, upstream.url, 0))
    deadline = time.perf_counter() + WAIT
    while (found := _ADDRESS.search(child.printed)) is None:
        child.check()
        if time.perf_counter() > deadline:
            raise SystemExit(f"The server was not ready within {WAIT:g} s:\n{child.printed}")
        time.sleep(0.01)
    return Service(child, int(found[1]))


def data(stage: Stage) -> Path:
    """The data directory of `start`."""
    return _directory(stage) / "data"


def _directory(stage: Stage) -> Path:
    return stage.directory / "server"


def launch(stage: Stage, directory: Path, upstream: str, port: int) -> Process:
    """The process alone, however far it has come; its data are kept in `directory`."""
    directory.mkdir(exist_ok=True)
    (directory / "understudy.toml").write_text(f'[providers.scripted]\nbase_url = "{upstream}/v1"\n')
    command = [sys.executable, "-m", "understudy", "serve", "--port", str(port), "--data", str(directory / "data")]
    environ = process.bare_environment() | {"UNDERSTUDY_API_KEY": KEY}
    if stage.options.database is not None:
        environ["UNDERSTUDY_DATABASE"] = stage.options.database
    return Process(command, stage.cores.server, directory / "server.log", environ)


def settled_rss(service: Service) -> int:
    """Resident bytes after a moment without work."""
    time.sleep(_SETTLED)
    return service.process.rss()

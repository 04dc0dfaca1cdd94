"""The server under test, started as a user starts it: `understudy serve` with a file that names the provider."""

import time
from pathlib import Path

from benchmarks import process
from benchmarks.checkout import Checkout
from benchmarks.http import KEY
from benchmarks.process import Process
from benchmarks.stage import Service, Stage

_SETTLED = 1.0


def start(stage: Stage, upstream: Service, checkout: Checkout | None = None) -> Service:
    """The server of a checkout (this one by default), listening; the stage's first has a fresh data directory."""
    port, code = process.free_port(), checkout or Checkout.current()
    child = stage.stack.enter_context(launch(stage, stage.directory / code.name, upstream.url, port, code))
    child.await_port(port)
    return Service(child, port)


def data(stage: Stage) -> Path:
    """The data directory of `start`."""
    return stage.directory / Checkout.current().name / "data"


def launch(stage: Stage, directory: Path, upstream: str, port: int, checkout: Checkout | None = None) -> Process:
    """The process alone, ready or not; `directory` holds its data."""
    python = (checkout or Checkout.current()).python
    directory.mkdir(exist_ok=True)
    (directory / "understudy.toml").write_text(f'[providers.scripted]\nbase_url = "{upstream}/v1"\n')
    command = [str(python), "-m", "understudy", "serve", "--port", str(port), "--data", str(directory / "data")]
    environ = process.bare_environment() | {"UNDERSTUDY_API_KEY": KEY, "UNDERSTUDY_REHEARSAL__TOKENS_PER_SECOND": "0"}
    if stage.options.database is not None:
        environ["UNDERSTUDY_DATABASE"] = stage.options.database
    # The vectors of an extra would be made in the background of what is measured.
    environ["UNDERSTUDY_EMBEDDINGS__MODEL"] = stage.options.embedder or "builtin"
    return Process(command, stage.cores.server, directory / "server.log", environ)


def settled_rss(service: Service) -> int:
    """Resident bytes after a moment without work."""
    time.sleep(_SETTLED)
    return service.process.rss()

"""The server under test: `understudy serve` of this checkout on a fresh data directory, with the model of the suites."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.environments import ROOT, UnavailableError

from redis_servers import free_port
from suites.catalog import MCP_PORTS
from suites.model import EMBEDDING_MODEL, IMAGE_MODEL, MODEL

_INTERPRETER: Final = ROOT / ".venv-interpreter" / "bin" / "python"
_START_SECONDS: Final = 240.0
_POLL_SECONDS: Final = 0.05
_END_SECONDS: Final = 30.0
_CONFIGURING: Final = ("UNDERSTUDY_", "OPENAI_", "AIML_", "ANTHROPIC_", "OLLAMA_")


_CONFIG: Final = """
[providers.suites]
base_url = "http://127.0.0.1:{port}/v1"
models = ["{model}", "{embedding_model}", "{image_model}", "gpt-*", "o*"]
aliases = {{ "gpt-*" = "{model}", "o*" = "{model}" }}

[rehearsal]
enabled = false

[mcp]
allowed = {allowed}

[embeddings]
model = "builtin"

[responses]
image_model = "{image_model}"

[web_search]
provider = "searxng"
url = "http://127.0.0.1:{port}"
"""
"""Suites name models of the vendor, some of them in their texts only."""


@contextmanager
def start(directory: Path) -> Iterator[tuple[str, str]]:
    """Its URL and its key. Code runs if `scripts/setup interpreter` has installed the interpreter's environment."""
    port, provider_port, key = free_port(), free_port(), f"sk-understudy-{secrets.token_hex(16)}"
    allowed = json.dumps([f"http://localhost:{number}" for number in MCP_PORTS])
    names = {"model": MODEL, "embedding_model": EMBEDDING_MODEL, "image_model": IMAGE_MODEL}
    config = _CONFIG.format(port=provider_port, allowed=allowed, **names)
    (directory / "understudy.toml").write_text(config, "utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_CONFIGURING)}
    environ["UNDERSTUDY_API_KEY"] = key
    if _INTERPRETER.exists():
        environ["UNDERSTUDY_SANDBOX__PYTHON"] = str(_INTERPRETER)
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    serve = ["-m", "understudy", "serve", "--port", str(port), "--data", str(directory / "data")]
    with ExitStack() as stack:
        for words, place in ((["-m", "suites.model", "--port", str(provider_port)], provider_port), (serve, port)):
            log = directory / f"{words[1]}.log"
            child = _launch([sys.executable, *words], directory, {**environ, **paths}, log)
            stack.callback(_end, child)
            _await_port(child, place, log)
        yield f"http://127.0.0.1:{port}", key


def _launch(command: Sequence[str], directory: Path, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=directory, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    child.wait(_END_SECONDS)


def _await_port(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _accepts(port):
        if child.poll() is not None or time.monotonic() > deadline:
            raise UnavailableError(f"the server did not start:\n{log.read_text('utf-8', errors='replace')}")
        time.sleep(_POLL_SECONDS)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

"""Servers as users start them: one process and one data directory each, on a real socket.

server = Server(directory, upstream.url).start()
server.client.beta.threads.create()                     # the official package
server.ask("POST", "/threads", {"metadata": None})      # bare HTTP, where its bytes matter
server.stop()                                           # SIGTERM; checks the exit code and what was logged
"""

import contextlib
import http.client
import json
import os
import queue
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any, Self

import openai
import pytest
from click.testing import CliRunner, Result

import launches
from databases import copy_sqlite
from forking import RESOURCE_WARNINGS
from understudy.cli import commands
from waiting import eventually

KEY = "sk-test-0123456789abcdef"
WAIT = 30.0
TLS = ssl.create_default_context()
"""Shared by clients: to load the certificates takes longer than a request."""
# uvicorn logs an error when a stop cancels a request, which is expected.
_TROUBLE = re.compile(
    r"Traceback|Exception ignored|never retrieved|never awaited|ResourceWarning"
    r"| ERROR (?!uvicorn\.error: Cancel \d+ running task)"
)


@dataclass(frozen=True)
class Reply:
    """A reply over bare HTTP; its headers ignore case."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @cached_property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """One data directory, and the process that serves it. `settings` become environment variables: `log_level="debug"`.

    A double underscore is a table: `limits__run_seconds=1`. Without an `upstream_url` there is no provider, and the
    embedded model answers.
    """

    def __init__(self, directory: Path, upstream_url: str | None, config: str = "", **settings: Any) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.config = directory / "understudy.toml"
        providers = _PROVIDERS.format(url=upstream_url) if upstream_url else ""
        embeddings = "" if "[embeddings]" in config else BUILTIN_VECTORS
        self.config.write_text(providers + _EMBEDDED_MODEL + config + embeddings)
        self.log = directory / "log"
        self._settings = settings
        self.variables: dict[str, str] = {}
        self.flags: tuple[str, ...] = ()
        """Of `serve`, in addition to those of every test."""
        self.prefix: tuple[str, ...] = ()
        """Of the command that starts the server, such as `limit_files`."""
        self._closing = contextlib.ExitStack()
        self.process: launches.Process | None = None
        self.url = ""

    def start(self) -> Self:
        """Starts the process, and waits until it prints its base URL.

        Its first start finds an empty database, unless there is a data directory: to create one takes as long as all
        else that a start does.
        """
        if "database" not in self._settings and not self.data.exists():
            self.data.mkdir(mode=0o700)
            copy_sqlite(self.data)
        with self.log.open("ab") as log:
            self.process = launches.start(
                self.arguments("serve", "--port", "0", *self.flags),
                self.environ,
                stdout=launches.PIPE,
                stderr=log,
                prefix=self.prefix,
            )
        assert self.process.stdout is not None
        if self._settings.get("log_format") == "json":
            self._closing.enter_context(self.process.stdout)
            self.url = eventually(lambda: next(self.logged("server.ready"), {"url": ""})["url"], within=WAIT)
            return self
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(self.process.stdout, lines), daemon=True).start()
        printed = ""
        while not (match := re.search(r"Base URL +(\S+)\n", printed)):
            line = lines.get(timeout=WAIT)
            assert line, f"the server did not start: {self.log.read_text()}"
            printed += line
        self.url = match[1]
        return self

    def logged(self, event: str) -> Iterator[dict[str, Any]]:
        """The lines of `log_format="json"` about an event, the latest first; fails on a line that is no object."""
        lines = self.log.read_text().splitlines()
        return (line for line in map(json.loads, reversed(lines)) if line.get("event") == event)

    def start_worker(self) -> Self:
        """Starts `understudy worker` in place of a server."""
        with self.log.open("ab") as log:
            self.process = launches.start(self.arguments("worker"), self.environ, stdout=launches.PIPE, stderr=log)
        assert self.process.stdout is not None
        self._closing.enter_context(self.process.stdout)
        if self._settings.get("log_format") == "json":
            eventually(lambda: next(self.logged("server.ready"), None), within=WAIT)
            return self
        printed = self.process.stdout.readline()
        assert "a worker, is ready in" in printed, self.log.read_text()
        return self

    def share_files(self, other: "Server") -> Self:
        """Uses the blobs of `other`, as nodes with one mounted directory do. Call before `start`."""
        self.data.mkdir()
        (self.data / "blobs").symlink_to(other.data / "blobs")
        return self

    def refusal(self, code: int = 1) -> str:
        """The error output of a start that fails with that exit code."""
        return self.failure("serve", "--port", "0", *self.flags, code=code)

    def failure(self, *arguments: str, code: int = 1) -> str:
        """The error output of a command that fails with that exit code."""
        return self.execute(*arguments, code=code).stderr

    def execute(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The outputs of a command in a process of its own, which exits with that code."""
        done = launches.run(self.arguments(*arguments), self.environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def run(self, *arguments: str, code: int = 0) -> str:
        """The output of a command beside the server; it runs in this process, which saves a start."""
        options = ["--config", str(self.config), "--data", str(self.data)]
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("UNDERSTUDY_")]:
                patch.delenv(name)
            invoke: Callable[[], Result] = partial(
                CliRunner().invoke, commands, [*arguments, *options], env=self.environ
            )
            with ThreadPoolExecutor(1) as thread:  # since a test may have an event loop of its own
                done = thread.submit(invoke).result()
        assert done.exit_code == code, done.output
        return done.stdout

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "understudy", *self.arguments(*arguments)]

    def arguments(self, *arguments: str) -> list[str]:
        return [*arguments, "--config", str(self.config), "--data", str(self.data)]

    @property
    def environ(self) -> dict[str, str]:
        settings = {f"UNDERSTUDY_{name.upper()}": str(value) for name, value in self._settings.items()}
        own = {"PATH": os.environ["PATH"], "UNDERSTUDY_API_KEY": KEY, "PYTHONWARNINGS": RESOURCE_WARNINGS}
        return own | settings | self.variables

    def create_admin_key(self, name: str = "operator") -> str:
        key: str = json.loads(self.run("keys", "create", "--admin", "--name", name, "--json"))["key"]
        return key

    def stop(self, within: float = WAIT) -> None:
        """Sends SIGTERM, as a supervisor does; asserts exit code 0 and a log without errors."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.ended(within)

    def ended(self, within: float = WAIT) -> None:
        """Waits for the process to exit; asserts exit code 0 and a log without errors."""
        assert self.process is not None
        code = self.process.wait(within)
        self._forget()
        logged = self.log.read_text()
        assert code == 0, logged
        assert not _TROUBLE.search(logged), logged

    def kill(self) -> None:
        """Sends SIGKILL, as a crash or a power cut would end the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT)
            self._forget()

    def _forget(self) -> None:
        self._closing.close()
        self._closing = contextlib.ExitStack()
        self.process = None
        self.__dict__.pop("client", None)

    @cached_property
    def client(self) -> openai.OpenAI:
        """The official client, closed with the process."""
        return self._closing.enter_context(self.new_client())

    def new_client(self, **options: Any) -> openai.OpenAI:
        defaults: dict[str, Any] = {"base_url": self.url, "api_key": KEY, "max_retries": 0, "timeout": WAIT}
        if "http_client" not in options:
            defaults["http_client"] = openai.DefaultHttpxClient(verify=TLS)
        return openai.OpenAI(**(defaults | options))

    @contextlib.contextmanager
    def opened(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, key: str | None = KEY
    ) -> Iterator[http.client.HTTPResponse]:
        """Sends a request, and yields the unread response. A dict is sent as JSON, an iterator of bytes in chunks."""
        host = self.url.removeprefix("http://").removesuffix("/v1")
        all_headers = {"Authorization": f"Bearer {key}"} if key else {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            all_headers["Content-Type"] = "application/json"
        with contextlib.closing(http.client.HTTPConnection(host, timeout=WAIT)) as connection:
            connection.request(method, path, body, all_headers | dict(headers or {}))
            with connection.getresponse() as response:
                yield response

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, key: str | None = KEY
    ) -> Reply:
        """Sends a request, and returns the whole reply."""
        with self.opened(method, path, body, headers, key) as response:
            return Reply(response.status, response.headers, response.read())

    def events(self, path: str, body: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """All events of a streamed POST as `(name, data)`; the data is JSON, except for the final `[DONE]`."""
        with self.opened("POST", path, {**body, "stream": True}) as response:
            assert response.status == 200, response.read()
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            return list(parse_events(response.read()))


def serve(server: Server) -> Iterator[Server]:
    """For fixtures with a scope beyond a test: starts the server, and asserts in the end that it stops without errors."""
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill()


def limit_files(kilobytes: int) -> tuple[str, ...]:
    """A `Server.prefix`: no file of the server may grow beyond that, so what is written there is on a full disk."""
    return ("sh", "-c", f'ulimit -f {2 * kilobytes}; exec "$@"', "sh")


def parse_events(data: bytes) -> Iterator[tuple[str, Any]]:
    """Requires exactly one `event` line and one `data` line a block, as the strictest client does."""
    text = data.decode()
    assert text.endswith("\n\n")
    for block in text[:-2].split("\n\n"):
        name, line = block.split("\n")
        assert name.startswith("event: ")
        assert line.startswith("data: ")
        payload = line.removeprefix("data: ")
        yield name.removeprefix("event: "), payload if payload == "[DONE]" else json.loads(payload)


def _read(stream: IO[str], lines: "queue.Queue[str]") -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put("")


_PROVIDERS = """
[providers.scripted]
base_url = "{url}"
api_key = "upstream-key"
models = ["gpt-4o", "gpt-4o-mini", "org/with/slashes"]
retries = 0

[providers.impatient]
base_url = "{url}"
models = ["slow"]
first_byte_timeout = 0.3
idle_timeout = 0.3
retries = 0
"""
# No second process that embeds in the background of each test.
BUILTIN_VECTORS = """
[embeddings]
model = "builtin"
"""
_EMBEDDED_MODEL = """
[rehearsal]
tokens_per_second = 0
"""

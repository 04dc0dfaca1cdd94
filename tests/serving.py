"""Servers as users start them: a process each, with a data directory, asked over a real socket.

server = Server(directory, upstream.url).start()
server.client.beta.threads.create()                     # the official package
server.ask("POST", "/threads", {"metadata": None})      # and bare HTTP, where its bytes matter
server.stop()                                           # SIGTERM; checks the exit code and what was logged
"""

import contextlib
import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial

import openai
import pytest
from click.testing import CliRunner

from understudy.cli import commands

KEY = "sk-test-0123456789abcdef"
WAIT = 30.0
# That a stop did not wait any longer for a request is uvicorn's to say, and no trouble.
_TROUBLE = re.compile(
    r"Traceback|Exception ignored|never retrieved|never awaited|ResourceWarning"
    r"| ERROR (?!uvicorn\.error: Cancel \d+ running task)"
)


@dataclass(frozen=True)
class Reply:
    """An answer over bare HTTP; its headers are found by any spelling."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @cached_property
    def json(self):
        return json.loads(self.body)


class Server:
    """One data directory, and the process that serves it. `settings` are those of the environment: `log_level="debug"`.

    A double underscore steps into a table: `limits__run_seconds=1`. Without an `upstream_url` there is no provider, and
    the embedded model stands in.
    """

    def __init__(self, directory, upstream_url, config="", **settings):
        self.directory = directory
        self.data = directory / "data"
        self.config = directory / "understudy.toml"
        providers = _PROVIDERS.format(url=upstream_url) if upstream_url else ""
        self.config.write_text(providers + _EMBEDDED_MODEL + config)
        self.log = directory / "log"
        self._settings = settings
        self._closing = contextlib.ExitStack()
        self.process = None
        self.url = None

    def start(self):
        """Waits until the server says where it is."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("serve", "--port", "0"), stdout=subprocess.PIPE, stderr=log, env=self.environ, text=True
            )
        lines = queue.Queue()
        threading.Thread(target=_read, args=(self.process.stdout, lines), daemon=True).start()
        printed = ""
        while not (found := re.search(r"Base URL +(\S+)\n", printed)):
            line = lines.get(timeout=WAIT)
            assert line, f"the server did not start: {self.log.read_text()}"
            printed += line
        self.url = found[1]
        return self

    def share_files(self, other):
        """Looks for its files where `other` keeps them, as nodes with one mounted directory do. Before `start`."""
        self.data.mkdir()
        (self.data / "blobs").symlink_to(other.data / "blobs")
        return self

    def refusal(self, code=1):
        """What a start says that ends with that exit code."""
        return self.failure("serve", "--port", "0", code=code)

    def failure(self, *arguments, code=1):
        """What a command says that ends with that exit code."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, env=self.environ, text=True, timeout=WAIT, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr

    def run(self, *arguments, code=0):
        """What a command of the program prints, beside the server; it runs in this process, which starts at once."""
        options = ["--config", str(self.config), "--data", str(self.data)]
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("UNDERSTUDY_")]:
                patch.delenv(name)
            invoke = partial(CliRunner().invoke, commands, [*arguments, *options], env=self.environ)
            with ThreadPoolExecutor(1) as thread:  # since a test may have an event loop of its own
                done = thread.submit(invoke).result()
        assert done.exit_code == code, done.output
        return done.stdout

    def command(self, *arguments):
        return [sys.executable, "-m", "understudy", *arguments, "--config", str(self.config), "--data", str(self.data)]

    @property
    def environ(self):
        given = {f"UNDERSTUDY_{name.upper()}": str(value) for name, value in self._settings.items()}
        own = {"PATH": os.environ["PATH"], "UNDERSTUDY_API_KEY": KEY, "PYTHONWARNINGS": "default::ResourceWarning"}
        return own | given

    def stop(self, within=WAIT):
        """Asks the server to stop, as a supervisor does; it has to end well and to have logged no trouble."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.ended(within)

    def ended(self, within=WAIT):
        """The server ends by itself or by a signal that it was sent: with exit code 0 and nothing to complain of."""
        code = self.process.wait(within)
        self._forget()
        logged = self.log.read_text()
        assert code == 0, logged
        assert not _TROUBLE.search(logged), logged

    def kill(self):
        """What a crash or a power cut does to the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT)
            self._forget()

    def _forget(self):
        self._closing.close()
        self._closing = contextlib.ExitStack()
        self.process = None
        self.__dict__.pop("client", None)

    @cached_property
    def client(self):
        """The official client; it lives as long as the process."""
        return self._closing.enter_context(self.new_client())

    def new_client(self, **options):
        return openai.OpenAI(**{"base_url": self.url, "api_key": KEY, "max_retries": 0, "timeout": WAIT, **options})

    @contextlib.contextmanager
    def opened(self, method, path, body=None, headers=None, key=KEY):
        """An HTTP exchange whose answer is yet to be read. A dict is sent as JSON, an iterator of bytes in chunks."""
        host = self.url.removeprefix("http://").removesuffix("/v1")
        given = {"Authorization": f"Bearer {key}"} if key else {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            given["Content-Type"] = "application/json"
        with contextlib.closing(http.client.HTTPConnection(host, timeout=WAIT)) as connection:
            connection.request(method, path, body, given | (headers or {}))
            with connection.getresponse() as response:
                yield response

    def ask(self, method, path, body=None, headers=None, key=KEY):
        with self.opened(method, path, body, headers, key) as response:
            return Reply(response.status, response.headers, response.read())

    def events(self, path, body):
        """The whole stream of a POST, as `(name, data)`; the last block's data is not JSON and stays a text."""
        with self.opened("POST", path, {**body, "stream": True}) as response:
            assert response.status == 200, response.read()
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            return list(parse_events(response.read()))


def serve(server):
    """For fixtures that serve longer than a test: the running server, which has to stop well in the end."""
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill()


def parse_events(data):
    """Strictly one `event` line and one `data` line a block, as the pickiest of the clients wants it."""
    text = data.decode()
    assert text.endswith("\n\n")
    for block in text[:-2].split("\n\n"):
        name, line = block.split("\n")
        assert name.startswith("event: ")
        assert line.startswith("data: ")
        shown = line.removeprefix("data: ")
        yield name.removeprefix("event: "), shown if shown == "[DONE]" else json.loads(shown)


def _read(stream, lines):
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
_EMBEDDED_MODEL = """
[rehearsal]
tokens_per_second = 0
"""

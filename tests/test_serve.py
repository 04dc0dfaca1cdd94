"""`understudy serve` as a process: what it prints, what it refuses, and how it stops."""

import os
import pty
import queue
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

import launches

WAIT = 30


class Process:
    """A running command whose output is read as it comes; every wait has a bound."""

    def __init__(self, process):
        self.process = process
        self.printed = ""
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, text):
        """Everything printed up to the line that holds `text`."""
        while text not in self.printed:
            line = self._lines.get(timeout=WAIT)
            assert line is not None, f"the process ended: {self.process.stderr.read()}"
            self.printed += line
        return self.printed

    def logged(self, *texts):
        """Everything logged, up to the line by which each of the texts was seen."""
        logged = ""
        while not all(text in logged for text in texts):
            assert select.select([self.process.stderr], [], [], WAIT)[0], logged
            logged += os.read(self.process.stderr.fileno(), 65536).decode()
        return logged

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        assert self.process.wait(WAIT) == 0, self.process.stderr.read()


@pytest.fixture
def serve(tmp_path):
    """Starts it with flags and variables; behind a prefix the process begins with the interpreter."""

    @contextmanager
    def start(*flags, prefix=(), **environ):
        environ = {"PATH": os.environ["PATH"], "UNDERSTUDY_REHEARSAL__TOKENS_PER_SECOND": "0", **environ}
        pipes = {"stdout": launches.PIPE, "stderr": launches.PIPE}
        with launches.start(
            ["serve", "--port", "0", *flags], environ, directory=tmp_path, prefix=prefix, **pipes
        ) as process:
            try:
                yield Process(process)
            finally:
                process.kill()

    return start


def client(printed):
    url = re.search(r"Base URL +(\S+)", printed)[1]
    key = first_key(printed) if "in the file" in printed else "none"
    return openai.OpenAI(base_url=url, api_key=key, timeout=WAIT, max_retries=0)


def first_key(printed):
    """Read from where the first start has put it."""
    return Path(re.search(r"API key +in the file (\S+)", printed)[1]).read_text().strip()


def run_program(program, directory):
    """Pasted as it is into a Python of its own, with no variable that could name another server or a provider."""
    environ = {"PATH": os.environ["PATH"]}
    command, pipes = [sys.executable, "-"], {"capture_output": True, "text": True, "timeout": WAIT}
    ran = subprocess.run(command, input=program, cwd=directory, env=environ, check=False, **pipes)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def printed_program(printed):
    return printed[printed.index("import warnings") :]


@pytest.mark.parametrize(
    "config",
    ["", '[providers.local]\nbase_url = "http://127.0.0.1:9/v1"\naliases = {"gpt-4o" = "qwen3-32b"}\n'],
    ids=["without a provider", "beside a provider that is down"],
)
def test_the_first_start_prints_a_program_that_runs_as_it_is(serve, tmp_path, config):
    (tmp_path / "understudy.toml").write_text(config)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with serve(prefix=["env"]) as server:
        program = printed_program(server.until("print()\n"))
        calls, answer = run_program(program, elsewhere)
        api = client(server.printed)
        assistant = api.beta.assistants.list().data[0]
        server.stop()
    assert calls.replace(" ", "") == '[get_weather({"city":"Lisbon"})]'
    assert "18 degrees, clear sky" in answer
    assert assistant.model == "rehearsal"
    assert [tool.function.name for tool in assistant.tools] == ["get_weather"]


def test_a_first_start_without_a_terminal_puts_the_key_into_a_private_file_and_not_into_the_journal(serve, tmp_path):
    with serve() as server:
        printed = server.until("print()\n")
        key = first_key(printed)
        server.stop()
        logged = server.process.stderr.read()
    file = tmp_path / "understudy-data" / "first-api-key"
    assert key.startswith("sk-understudy-")
    assert key not in printed + logged
    assert f"the first API key is in the file {file}; delete the file" in logged
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_first_start_on_a_terminal_prints_the_key_inside_of_the_program_and_writes_it_nowhere(tmp_path):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "understudy", "serve", "--port", "0"]
    environ = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        try:
            printed = ""
            while "print()" not in printed:
                assert select.select([ours], [], [], WAIT)[0], printed
                printed += os.read(ours, 65536).decode()
            calls, answer = run_program(printed_program(printed.replace("\r\n", "\n")), tmp_path)
        finally:
            process.kill()
            os.close(ours)
    key = re.search(r"API key +(sk-understudy-\S+)", printed)[1]
    assert f'api_key="{key}"' in printed
    assert not (tmp_path / "understudy-data" / "first-api-key").exists()
    assert calls.startswith("[get_weather(")
    assert "18 degrees" in answer


def test_everything_in_the_data_directory_is_its_owners_alone(serve, tmp_path):
    before = os.umask(0)
    try:
        with serve() as server:
            api = client(server.until("print()\n"))
            file = api.files.create(file=("notes.txt", b"The harbour is blue."), purpose="assistants")
            store = api.vector_stores.create(name="notes")
            api.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=50)
            upload = api.uploads.create(bytes=3, filename="a.txt", mime_type="text/plain", purpose="assistants")
            api.uploads.parts.create(upload.id, data=b"abc")
            api.responses.create(model="gpt-4o", input="hello", background=True)
            data = tmp_path / "understudy-data"
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.rglob("*"))}
            server.stop()
    finally:
        os.umask(before)
    assert {path for path, mode in modes.items() if mode & 0o077} == set()
    assert any("blobs" in path.parts for path in modes)
    assert data / "understudy.sqlite3-wal" in modes


def test_the_banner_recommends_the_embeddings_of_a_provider(serve, tmp_path):
    provider = '[providers.local]\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["qwen3-32b", "nomic-embed-text"]\n'
    (tmp_path / "understudy.toml").write_text(provider)
    with serve() as server:
        printed = server.until("Database")
        server.stop()
    assert 'Better: `[embeddings] model = "local/nomic-embed-text"`' in printed
    (tmp_path / "understudy.toml").write_text(provider + '[embeddings]\nmodel = "local/nomic-embed-text"\n')
    with serve() as server:
        printed = server.until("Database")
        server.stop()
    assert "  File search       on, with the embedder 'local/nomic-embed-text'\n" in printed


def test_the_banner_lists_the_enabled_features(serve, tmp_path):
    config = """
[providers.local]
base_url = "http://127.0.0.1:9/v1"
aliases = {"gpt-4o" = "qwen3-32b"}
[sandbox]
python = "/nowhere/python"
"""
    with serve() as server:
        alone = server.until("print()\n")
        server.stop()
    (tmp_path / "understudy.toml").write_text(config)
    with serve() as server:
        printed = server.until("Database")
        logged = server.logged("`providers.local.base_url`", "/nowhere/python")
        server.stop()
    assert "  Models            rehearsal: the embedded model" in alone
    assert "It stands in for gpt-…, chatgpt-…, claude-…" in alone
    assert "  File search       on, with the embedder '" in alone
    assert f"  Database          SQLite in {tmp_path / 'understudy-data'}" in alone
    assert "  Code interpreter  o" in alone
    assert "  Models            local: http://127.0.0.1:9/v1 (gpt-4o)" in printed
    assert "stands in" not in printed
    assert "off: `sandbox.python` '/nowhere/python' does not exist" in printed
    assert "The provider 'local' at http://127.0.0.1:9/v1 is unreachable: Connection refused. Check" in logged


def test_a_later_start_prints_no_key_and_the_first_one_still_works(serve):
    with serve() as server:
        first = client(server.until("print()\n"))
        server.stop()
    with serve() as server:
        printed = server.until("keys create")
        assert "sk-" not in printed
        assert client(printed).with_options(api_key=first.api_key).models.list().data
        server.stop()


def test_a_key_of_the_environment_is_accepted_and_not_printed(serve):
    with serve(UNDERSTUDY_API_KEY="0123456789abcdef") as server:
        printed = server.until("keys create")
        assert "0123456789abcdef" not in printed
        assert client(printed).with_options(api_key="0123456789abcdef").models.list().data
        server.stop()


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_ends_the_server_with_exit_code_0(serve, sig):
    with serve() as server:
        server.until("Base URL")
        server.stop(sig)


def refused(serve, *flags, **environ):
    with serve(*flags, **environ) as server:
        return server.process.wait(WAIT), server.process.stderr.read()


def test_a_taken_port_is_refused_before_anything_is_made(serve, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        code, error = refused(serve, "--port", port)
    assert code == 1
    assert error.startswith(f"Error: Cannot listen on 127.0.0.1:{port}: ")
    assert list(tmp_path.iterdir()) == []


def test_two_servers_do_not_share_a_data_directory(serve):
    with serve() as server:
        server.until("Base URL")
        code, error = refused(serve)
        assert code == 1
        assert "uses the data directory" in error
        assert "Traceback" not in error
        server.stop()


def test_other_machines_are_not_served_without_an_active_key(serve, tmp_path):
    with serve() as server:
        printed = server.until("print()\n")
        server.stop()
    key = first_key(printed)
    revoked = launches.run(["keys", "revoke", key], {"PATH": os.environ["PATH"]}, directory=tmp_path)
    assert revoked.returncode == 0, revoked.stderr
    code, error = refused(serve, "--host", "0.0.0.0")
    assert code == 2
    assert error.startswith("Error: No key is active, and on '0.0.0.0' other machines could reach the server.")


def test_a_first_start_for_other_machines_makes_a_key_for_them(serve):
    with serve("--host", "0.0.0.0") as server:
        printed = server.until("print()\n")
        assert client(printed).models.list().data
        server.stop()
        assert "plain HTTP" in server.process.stderr.read()

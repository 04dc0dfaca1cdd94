"""`understudy serve` as a process: what it prints, what it refuses, and how it stops."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import openai
import pytest

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

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        assert self.process.wait(WAIT) == 0, self.process.stderr.read()


@pytest.fixture
def serve(tmp_path):
    @contextmanager
    def start(*flags, **environ):
        command = [sys.executable, "-m", "understudy", "serve", "--port", "0", *flags]
        environ = {"PATH": os.environ["PATH"], "UNDERSTUDY_REHEARSAL__TOKENS_PER_SECOND": "0", **environ}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, cwd=tmp_path, env=environ, **pipes) as process:
            try:
                yield Process(process)
            finally:
                process.kill()

    return start


def client(printed):
    url = re.search(r"Base URL +(\S+)", printed)[1]
    key = re.search(r"API key +(sk-\S+)", printed)
    return openai.OpenAI(base_url=url, api_key=key[1] if key else "none", timeout=WAIT, max_retries=0)


def test_the_first_start_prints_a_program_that_works_as_it_stands(serve):
    with serve() as server:
        printed = server.until("print()\n")
        program = printed[printed.index("import warnings") :]
        done = subprocess.run(
            [sys.executable, "-"], input=program, capture_output=True, text=True, timeout=WAIT, check=False
        )
        server.stop()
    assert done.stderr == ""
    assert '[get_weather({"city"' in done.stdout
    assert "18 degrees" in done.stdout


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
        _, error = server.process.communicate(timeout=WAIT)
        return server.process.returncode, error


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
    key = re.search(r"API key +(sk-\S+)", printed)[1]
    revoke = [sys.executable, "-m", "understudy", "keys", "revoke", key]
    subprocess.run(revoke, cwd=tmp_path, check=True, timeout=WAIT, capture_output=True)
    code, error = refused(serve, "--host", "0.0.0.0")
    assert code == 2
    assert error.startswith("Error: No key is active, and on '0.0.0.0' other machines could reach the server.")


def test_a_first_start_for_other_machines_makes_a_key_for_them(serve):
    with serve("--host", "0.0.0.0") as server:
        printed = server.until("print()\n")
        assert client(printed).models.list().data
        server.stop()

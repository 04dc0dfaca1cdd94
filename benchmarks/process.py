"""A process that a benchmark starts, waits for, measures and ends. Every wait has a bound."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from benchmarks import cores

WAIT = 120.0
_POLL = 0.002


class Process:
    """A child with its output in `log`. Ended by `stop`, or with the `with` block."""

    def __init__(
        self, command: Sequence[str], core: int | None, log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        self.started = time.perf_counter()
        with log.open("wb") as output, cores.on(core):
            self._child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environ, cwd=log.parent
            )
        self._stats = psutil.Process(self._child.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def printed(self) -> str:
        return self._log.read_text(errors="replace")

    def rss(self) -> int:
        """Resident bytes now."""
        resident: int = self._stats.memory_info().rss
        return resident

    def cpu(self) -> float:
        """Seconds of processor time that it has had so far, all threads together."""
        times = self._stats.cpu_times()
        spent: float = times.user + times.system
        return spent

    def cpu_with_children(self) -> float:
        """The same with its children, those that have ended included."""
        times = self._stats.cpu_times()
        running = sum(sum(child.cpu_times()[:2]) for child in self._stats.children(recursive=True))
        return float(times.user + times.system + times.children_user + times.children_system + running)

    def worked(self) -> float:
        """The same to the microsecond, where the system tells: tasks are looked at one after another."""
        return _worked(self._stats)

    def worked_with_children(self) -> float:
        """The same with its children that run."""
        return sum(_worked(process) for process in (self._stats, *self._stats.children(recursive=True)))

    def await_port(self, port: int, seconds: float = WAIT) -> None:
        """Returns once something listens there; raises SystemExit if nothing does within the seconds."""
        deadline = time.perf_counter() + seconds
        while not accepts(port):
            self.check()
            if time.perf_counter() > deadline:
                raise SystemExit(f"Nothing listened on port {port} within {seconds:g} s:\n{self.printed}")
            time.sleep(_POLL)

    def check(self) -> None:
        """Raises SystemExit with what it printed where it has ended by itself."""
        if self._child.poll() is not None:
            raise SystemExit(f"{self._child.args!r} ended with {self._child.returncode}:\n{self.printed}")

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(WAIT)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _worked(process: psutil.Process) -> float:
    try:
        tasks = list(Path(f"/proc/{process.pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        return float(sum(process.cpu_times()[:2]))


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def bare_environment() -> dict[str, str]:
    """Ours without what configures the server or names providers."""
    ours = ("UNDERSTUDY_", "OPENAI_", "AIML_", "ANTHROPIC_", "OLLAMA_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}

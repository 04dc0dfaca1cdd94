"""`understudy` in processes of its own, forked from one that has imported the server: that saves most of each start.

process = start(["serve", "--port", "0"], environ, stdout=PIPE)     # as subprocess.Popen
done = run(["keys", "list"], environ)                               # as subprocess.run

Where a process has to begin with the interpreter, use `subprocess`. So do these two for variables that are read by the
interpreter, and where Linux is missing.
"""

import atexit
import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from forking import NUMBER, RESOURCE_WARNINGS

PIPE = subprocess.PIPE
WAIT = 30.0
_INTERPRETER_VARIABLES = ("PYTHON", "LD_", "LC_", "LANG", "TZ", "MALLOC", "OPENSSL", "SSL_")
_lock = threading.Lock()


class Process(Protocol):
    """What tests use of `subprocess.Popen`."""

    pid: int
    returncode: int | Any
    stdout: IO[str] | None
    stderr: IO[str] | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class _Forked:
    """A process that the forking program has started, and waits for."""

    def __init__(self, status: int, stdout: IO[str] | None, stderr: IO[str] | None) -> None:
        self._status = status
        self._lock = threading.Lock()
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self.pid = self._read(WAIT)

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        with self._lock:
            if self.returncode is None:
                self.returncode = os.waitstatus_to_exitcode(self._read(timeout))
                os.close(self._status)
            return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def _read(self, timeout: float | None) -> int:
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("understudy", timeout or 0)
        data = os.read(self._status, NUMBER.size)
        assert data, "the forking program has ended"
        number: int = NUMBER.unpack(data)[0]
        return number


class _Forking:
    """The program `forking`, with an environment that is empty as far as the interpreter is concerned."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, str(Path(__file__).with_name("forking.py")), str(theirs.fileno())]
            environ = {"PATH": os.environ["PATH"]}
            self._process = subprocess.Popen(
                command, env=environ, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        atexit.register(self._stop)

    def start(
        self, arguments: Sequence[str], environ: Mapping[str, str], directory: Path | None, outputs: Sequence[Any]
    ) -> _Forked:
        request = {
            "arguments": list(arguments),
            "environ": dict(environ),
            "directory": str(directory or Path.cwd()),
            "umask": _read_umask(),
        }
        status, theirs = os.pipe()
        with contextlib.ExitStack() as closing:
            closing.callback(os.close, theirs)
            pipes = []
            descriptors = [os.open(os.devnull, os.O_RDONLY)]
            closing.callback(os.close, descriptors[0])
            for output in outputs:
                pipe = None
                if output == PIPE:
                    reading, descriptor = os.pipe()
                    closing.callback(os.close, descriptor)
                    pipe = os.fdopen(reading, encoding="utf-8")
                else:
                    descriptor = output if isinstance(output, int) else output.fileno()
                pipes.append(pipe)
                descriptors.append(descriptor)
            socket.send_fds(self._control, [json.dumps(request).encode()], [*descriptors, theirs])
        return _Forked(status, *pipes)

    def _stop(self) -> None:
        self._control.close()
        self._process.wait()


def _read_umask() -> int:
    """Without a change of it, which other threads would see."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1], 8) for line in status.splitlines() if line.startswith("Umask:"))


def _is_read_by_interpreter(environ: Mapping[str, str]) -> bool:
    ours = {name for name, value in environ.items() if (name, value) != ("PYTHONWARNINGS", RESOURCE_WARNINGS)}
    return any(name.startswith(_INTERPRETER_VARIABLES) for name in ours)


@functools.cache
def _start_forking() -> _Forking:
    return _Forking()


def start(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    directory: Path | None = None,
    stdout: Any = 1,
    stderr: Any = 2,
    prefix: Sequence[str] = (),
) -> Process:
    """Starts `PREFIX… python -m understudy ARGUMENTS…` with this environment and no input.

    The outputs are files, descriptors or PIPE. Those that are pipes are read as text.
    """
    if prefix or sys.platform != "linux" or _is_read_by_interpreter(environ):
        command = [*prefix, sys.executable, "-m", "understudy", *arguments]
        return subprocess.Popen(
            command, cwd=directory, env=environ, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, text=True
        )
    with _lock:
        forking = _start_forking()
    return forking.start(arguments, environ, directory, (stdout, stderr))


def run(
    arguments: Sequence[str], environ: Mapping[str, str], *, directory: Path | None = None, timeout: float = WAIT
) -> subprocess.CompletedProcess[str]:
    """Waits for the end of the process, and captures its outputs."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = start(arguments, environ, directory=directory, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        for output in (stdout, stderr):
            output.seek(0)
        return subprocess.CompletedProcess(list(arguments), code, stdout.read(), stderr.read())

"""A program that has imported the server, and forks `understudy` processes; `launches` starts and uses it.

A request is one message on the socket whose number is the program's argument: JSON with `arguments`, `environ`,
`directory` and `umask`, and four descriptors: the standard streams, and a pipe. The number of the new process goes into
the pipe, and its status as of `waitpid` when it ends.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NUMBER = struct.Struct("i")
RESOURCE_WARNINGS = "default::ResourceWarning"
"""The value of PYTHONWARNINGS that a process may have, as it is read at the start of the interpreter."""
_MODULES = (
    "understudy.cli.server",
    "understudy.cli.protocol",
    "asyncpg",
    "genai_prices.data",
    "genai_prices.data_snapshot",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)
_MESSAGE_BYTES = 1 << 20
_STREAMS = 3


@dataclass(frozen=True)
class _Child:
    number: int
    status: int
    """A pipe."""


def _serve_requests(control: socket.socket) -> dict[str, Any]:
    """Forks a process for each request, and returns in the new one. Ends with all of them when the socket is closed."""
    children: dict[int, _Child] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor != control.fileno():
                poll.unregister(descriptor)
                os.close(descriptor)
                _report_end(children.pop(descriptor))
                continue
            message, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, _STREAMS + 1)
            if not message:
                for child in children.values():
                    os.kill(child.number, signal.SIGKILL)
                os._exit(0)
            *streams, status = descriptors
            number = os.fork()
            if number == 0:
                control.detach()
                _take_streams(streams)
                request: dict[str, Any] = json.loads(message)
                return request
            for stream in streams:
                os.close(stream)
            _write(status, number)
            ending = os.pidfd_open(number)
            children[ending] = _Child(number, status)
            poll.register(ending, select.POLLIN)


def _report_end(child: _Child) -> None:
    _, status = os.waitpid(child.number, 0)
    _write(child.status, status)
    os.close(child.status)


def _write(pipe: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # a test that fails does not wait
        os.write(pipe, NUMBER.pack(number))


def _take_streams(streams: list[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(_STREAMS, 1 + max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()))
    sys.stdin = os.fdopen(0, encoding="utf-8", errors=sys.stdin.errors, closefd=False)
    sys.stdout = _open_output(1, sys.stdout.errors)
    sys.stderr = _open_output(2, sys.stderr.errors)


def _open_output(number: int, errors: str | None) -> io.TextIOWrapper:
    """Line by line where the interpreter would do so."""
    buffering = 1 if number != 1 or os.isatty(number) else -1
    return os.fdopen(number, "w", buffering, encoding="utf-8", errors=errors, closefd=False)


def _become(request: dict[str, Any]) -> None:
    """Runs `python -m understudy` with what the request has."""
    os.environ.clear()
    os.environ.update(request["environ"])
    if request["environ"].get("PYTHONWARNINGS") == RESOURCE_WARNINGS:
        warnings.simplefilter("default", ResourceWarning)
    os.umask(request["umask"])
    os.chdir(request["directory"])
    sys.path[0] = str(Path.cwd())
    sys.argv = ["understudy", *request["arguments"]]  # the module sets the first one
    sys.orig_argv = [sys.executable, "-m", *sys.argv]
    try:
        runpy.run_module("understudy", run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        _exit_early(ending.code)


def _exit_early(code: Any) -> None:
    """Exits as the interpreter does, but leaves all memory to the kernel: to free it object by object, most of which the
    forking process shares, would copy it and take as long as the start. What the process has left open is reported.
    """
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter calls
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    del sys.path[0]  # the tests
    for _name in _MODULES:
        importlib.import_module(_name)
    sys.path.insert(0, "")
    gc.collect()
    gc.freeze()
    _become(_serve_requests(socket.socket(fileno=int(sys.argv[1]))))

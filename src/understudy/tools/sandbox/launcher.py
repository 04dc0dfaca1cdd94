"""Starts processes through the reaper, which kills them when this process exits. See `reaper`."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.errors import SandboxError
from understudy.tools.sandbox import reaper

# Library paths that a Python may need; no secrets of the server.
_INHERITED: Final = ("LD_LIBRARY_PATH",)
_REAPER_PROGRAM: Final = Path(reaper.__file__)
_REPLY_SECONDS: Final = 30.0
_REPLY_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class LaunchedProcess:
    """A started process. The holder owns `pidfd`."""

    pid: int
    pidfd: int

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


class Launcher:
    """One reaper, started on first use. For threads; `close` kills all processes that it started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: socket.socket | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._closed = False

    def launch(
        self, command: Sequence[str], environment: Mapping[str, str], descriptors: Mapping[int, int]
    ) -> LaunchedProcess:
        """Starts a process. `descriptors` are ours, by their number in the new process, which has no others but 0, 1
        and 2.

        The process has a session of its own, in `/`. Raises SandboxError.
        """
        order = {"argv": list(command), "env": dict(environment), "places": list(descriptors)}
        message = json.dumps(order).encode()
        with self._lock:
            for attempt in range(2):
                server = self._connect_reaper()
                try:
                    return _exchange(server, message, list(descriptors.values()))
                except OSError as error:
                    self._stop_reaper()
                    if attempt:
                        raise SandboxError(f"The process that starts sandboxes failed: {error}") from error
        raise AssertionError

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._stop_reaper()

    def _connect_reaper(self) -> socket.socket:
        if self._closed:
            raise SandboxError("The sandbox is closed.")
        if self._server is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.settimeout(_REPLY_SECONDS)
            with theirs:
                command = [sys.executable, "-I", "-S", str(_REAPER_PROGRAM), str(theirs.fileno())]
                self._reaper = _spawn_reaper(command, theirs.fileno())
            self._server = ours
        return self._server

    def _stop_reaper(self) -> None:
        """The reaper kills its processes when the connection is closed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._reaper is not None:
            self._reaper.wait()
            self._reaper = None


def _spawn_reaper(command: list[str], channel: int) -> subprocess.Popen[bytes]:
    """In a session of its own: a Ctrl-C, or a signal to the server's process group, must not end it."""
    try:
        return subprocess.Popen(  # noqa: S603 - our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(channel,),
            cwd="/",
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxError(f"The process that starts sandboxes cannot be run: {error}") from error


def _exchange(server: socket.socket, message: bytes, descriptors: list[int]) -> LaunchedProcess:
    """Raises OSError if the reaper has exited."""
    socket.send_fds(server, [message], descriptors)
    reply, descriptors, _, _ = socket.recv_fds(server, _REPLY_BYTES, 1)
    if not reply:
        raise ConnectionResetError("it ended")
    if not descriptors:
        raise SandboxError(f"The sandbox did not start: {reply.decode()}")
    (pidfd,) = descriptors
    os.set_inheritable(pidfd, False)
    return LaunchedProcess(int(reply), pidfd)

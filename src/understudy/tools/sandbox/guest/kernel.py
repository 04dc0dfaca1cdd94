"""The Jupyter kernel as a child process: forked from a parent that has imported it, so that it starts at once."""

import fcntl
import gc
import json
import os
import select
import signal
import sys
import termios
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Final

import ipykernel.ipkernel  # noqa: F401 - imported before the fork, for all kernels
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.jsonutil import json_clean, json_default
from traitlets.config import Config

from .confinement import confine_kernel

_RUN: Final = Path("/run/kernels")
_PORTS: Final = ("shell", "iopub", "stdin", "control", "hb")
_COLLECTED_WITHIN: Final = 5.0
_DRAIN_SECONDS: Final = 2.0
_PIECE: Final = 64 * 1024


class Kernel:
    """A kernel process. `connection` is the connection info of a Jupyter client; its sockets are in a new directory."""

    def __init__(self, generation: int, key: str, cpu_seconds: int) -> None:
        directory = _RUN / str(generation)
        directory.mkdir(mode=0o700, parents=True)
        ports = {f"{name}_port": number for number, name in enumerate(_PORTS, 1)}
        self.connection: dict[str, Any] = {"transport": "ipc", "ip": f"{directory}/s", "key": key, **ports}
        self.connection["signature_scheme"] = "hmac-sha256"
        file = directory / "connection.json"
        file.write_text(json.dumps(self.connection), "ascii")
        gc.collect()
        gc.freeze()
        self.pid = _fork()
        if self.pid == 0:
            _become(file, cpu_seconds)
        self.descriptor = os.pidfd_open(self.pid)

    def address(self, name: str) -> str:
        return f"ipc://{self.connection['ip']}-{self.connection[f'{name}_port']}"

    def interrupt(self) -> None:
        """Sends SIGINT, as Ctrl-C does: to the kernel and to the programs that the code started."""
        os.killpg(self.pid, signal.SIGINT)

    def end(self) -> str:
        """Kills all processes but the relay, and returns the exit code or signal of the kernel."""
        os.kill(-1, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        _reap()
        if os.WIFSIGNALED(status):
            return signal.Signals(os.WTERMSIG(status)).name
        return f"exit code {os.WEXITSTATUS(status)}"


def _fork() -> int:
    """Processes of a killed kernel count until the first process of the sandbox has reaped them."""
    deadline = time.monotonic() + _COLLECTED_WITHIN
    while True:
        try:
            return os.fork()
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _become(file: Path, cpu_seconds: int) -> None:
    """Never returns."""
    try:
        os.setsid()
        os.closerange(3, 4096)
        confine_kernel(cpu_seconds)
        os.chdir("/mnt/data")
        sys.path[:] = ["", *(path for path in sys.path if path != sys.path[0])]
        _serve_kernel(file)
    except BaseException:  # noqa: BLE001 - whatever it is, the child must not continue as a copy of the relay
        traceback.print_exc()
    finally:
        os._exit(1)


class _OutputDrain:
    """Child processes print into a pipe that is read in a thread; the end of a cell waits until it is empty."""

    def __init__(self) -> None:
        self._reading = threading.Lock()

    def watch(self, stream: Any) -> None:
        """Replaces Jupyter's own watcher, which does not report whether it has read everything."""
        pipe = _pipe(stream)
        while pipe is not None and select.select([pipe], [], []):
            with self._reading:
                printed = os.read(pipe, _PIECE)
                if not printed:
                    return
                stream.write(printed.decode(errors="replace"))

    def await_all(self, _: object) -> None:
        deadline = time.monotonic() + _DRAIN_SECONDS
        pipes = [pipe for pipe in (_pipe(sys.stdout), _pipe(sys.stderr)) if pipe is not None]
        while time.monotonic() < deadline and any(_waits(pipe) for pipe in pipes):
            time.sleep(0.001)
        # The reader holds the lock until it has written what it read.
        if self._reading.acquire(timeout=_DRAIN_SECONDS):
            self._reading.release()


def _pipe(stream: object) -> int | None:
    """The descriptor of a stream's pipe; None if the code has replaced the stream."""
    descriptor = getattr(stream, "_fid", None)
    return descriptor if isinstance(descriptor, int) else None


def _waits(pipe: int) -> bool:
    """Whether the pipe has unread data. Code may have closed it."""
    try:
        left = bytearray(4)
        fcntl.ioctl(pipe, termios.FIONREAD, left)
    except OSError:
        return False
    return any(left)


def _serve_kernel(file: Path) -> None:
    drain = _OutputDrain()

    def watch(stream: Any) -> None:
        drain.watch(stream)

    OutStream._watch_pipe_fd = watch  # noqa: SLF001 - ipykernel has no public hook
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.Session.packer = f"{__name__}.packed"
    app = IPKernelApp.instance(config=config)
    app.initialize(["-f", str(file)])
    # IPython's own functions would end the kernel with its variables.
    app.shell.user_ns.update(exit=sys.exit, quit=sys.exit)
    app.shell.events.register("post_run_cell", drain.await_all)
    app.start()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def packed(message: object) -> bytes:
    """Encodes as JSON. Jupyter's own encoder raises for a lone surrogate, and would lose the printed text."""
    text = json.dumps(json_clean(message), default=json_default, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass

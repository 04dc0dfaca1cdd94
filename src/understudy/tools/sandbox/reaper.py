"""The process that starts the sandboxes, and kills them all when the server exits for any reason.

bubblewrap binds a sandbox to its parent in several steps; if the parent dies between two of them, the sandbox hangs. So
the parent is this process, which outlives the server: orphaned processes become its children (a "subreaper"), and it
kills them. It runs by itself (`python -I -S reaper.py DESCRIPTOR`), imports nothing of ours and trusts its one peer.

An order is one message: JSON with `argv`, `env` and `places`, the numbers that the descriptors of the message have in
the new process. The reply is its process id with a pidfd, or the error.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

ORDER_BYTES: Final = 128 * 1024
DESCRIPTORS: Final = 16
_SET_CHILD_SUBREAPER: Final = 36  # of prctl(2)
_OPEN_FILES: Final = 65536


def main(channel: int) -> None:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    server = socket.socket(fileno=channel)
    server.set_inheritable(False)
    try:
        _serve_orders(server, _wake_on_child_end())
    finally:
        while _collect(set()):
            _kill_children(set())
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)


def _wake_on_child_end() -> int:
    """A descriptor that becomes readable when a child has exited."""
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    os.set_blocking(writes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    return reads


def _serve_orders(server: socket.socket, ended: int) -> None:
    """Runs until the server is gone. A child that was not started here is an orphan of a sandbox, and is killed."""
    started: set[int] = set()
    channel = server.fileno()
    while True:
        ready, _, _ = select.select([channel, ended], [], [])
        if ended in ready:
            with suppress(BlockingIOError):
                os.read(ended, 4096)
            _collect(started)
            _kill_children(started)
        if channel in ready:
            order, descriptors, _, _ = socket.recv_fds(server, ORDER_BYTES, DESCRIPTORS)
            if not order:
                return
            started |= _start_process(server, json.loads(order), descriptors)


def _start_process(server: socket.socket, order: dict[str, Any], descriptors: list[int]) -> set[int]:
    """The pid of the process as a set; empty if it could not be started."""
    try:
        pid = os.fork()
        if pid == 0:
            _exec_program(order, descriptors)
        # It is reaped only after this function has returned, so the pid is still valid.
        watched = os.pidfd_open(pid)
    except OSError as error:
        _reply(server, str(error), [])
        return set()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    _reply(server, str(pid), [watched])
    os.close(watched)
    return {pid}


def _reply(server: socket.socket, text: str, descriptors: list[int]) -> None:
    with suppress(OSError):  # the server is gone, which the next message will report
        socket.send_fds(server, [text.encode()], descriptors)


def _exec_program(order: dict[str, Any], descriptors: list[int]) -> None:
    """Never returns."""
    try:
        os.setsid()
        os.umask(0o022)
        os.chdir("/")
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        _place_descriptors(descriptors, order["places"])
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - made by the server
    except OSError as error:
        with suppress(OSError):
            os.write(2, f"{order['argv'][0]}: {error.strerror}".encode())
    finally:
        os._exit(127)


def _place_descriptors(descriptors: list[int], places: list[int]) -> None:
    """Assigns the numbers to the descriptors, /dev/null to missing standard ones, and closes all others."""
    nothing = os.open(os.devnull, os.O_RDWR)
    numbered = {0: nothing, 1: nothing, 2: nothing, **dict(zip(places, descriptors, strict=True))}
    # Moved out of the way first: a target number may be in use by another descriptor.
    free = max(numbered) + 1
    moved = {place: _duplicate_above(descriptor, free) for place, descriptor in numbered.items()}
    for place, descriptor in moved.items():
        os.dup2(descriptor, place, inheritable=True)
    for number in range(free):
        if number not in numbered:
            os.closerange(number, number + 1)  # unlike close, also for a number that is not open
    os.closerange(free, _OPEN_FILES)


def _duplicate_above(descriptor: int, least: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)


def _collect(started: set[int]) -> bool:
    """Removes exited children from `started`; returns whether any child is left."""
    try:
        while ended := os.waitpid(-1, os.WNOHANG)[0]:
            started.discard(ended)
    except ChildProcessError:
        return False
    return True


def _kill_children(spared: set[int]) -> None:
    """Kills all children. Each that exits hands its own children over, which triggers another call."""
    for pid in _children():
        if pid not in spared:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children() -> Iterator[int]:
    """The children from the kernel's list, if it has one; otherwise by the parent of each process."""
    own = os.getpid()
    try:
        names = _read_bytes(f"/proc/self/task/{own}/children").split()
    except FileNotFoundError:
        everything = os.listdir("/proc")  # noqa: PTH208 - no more imports than needed
        names = [name.encode() for name in everything if name.isdigit() and _parent(name) == own]
    return map(int, names)


def _parent(name: str) -> int:
    try:
        return int(_read_bytes(f"/proc/{name}/stat").rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _read_bytes(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - no more imports than needed
        return file.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""One bubblewrap process with a kernel: its start, its connection, and the end of all of its processes.

Knows no time limits of cells and no sessions. Everything that arrives from inside is untrusted: see `frames`.
"""

import asyncio
import logging
import os
import socket
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.errors import SandboxError
from understudy.tools.sandbox import frames
from understudy.tools.sandbox.cgroup import Group, Groups
from understudy.tools.sandbox.command import CHANNEL, CONFIG, GO, INFO, MIB, OPTIONS, SECCOMP, STDERR, WRITABLE, Plan
from understudy.tools.sandbox.files import Folder
from understudy.tools.sandbox.frames import Event, InvalidFrame, KernelReady
from understudy.tools.sandbox.kernel import KernelDied
from understudy.tools.sandbox.launcher import LaunchedProcess, Launcher
from understudy.tools.sandbox.notes import without_host_paths
from understudy.tools.sandbox.processes import WatchedProcess, memory_file, open_stream, read_to_end
from understudy.tools.sandbox.shared_fd import SharedFd

logger = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0
_EXIT_SECONDS: Final = 10.0
_REAP_SECONDS: Final = 2.0
_MAX_STDERR_BYTES: Final = 4096
_MAX_INFO_BYTES: Final = 4096


class _Info(msgspec.Struct, frozen=True):
    """bubblewrap's info line: the pid of the first process inside, as seen from outside."""

    child: int = msgspec.field(name="child-pid")


class Sandbox:
    """Created by `start`. `places` are its writable file systems, `processes` is its /proc."""

    def __init__(self, outer: WatchedProcess, group: Group | None) -> None:
        self._outer = outer
        self.group = group
        self._inner: WatchedProcess | None = None
        self._size: int | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self.files: Folder
        self.places: tuple[SharedFd, ...] = ()
        self.processes: SharedFd | None = None
        self.verdict = ""

    @classmethod
    async def start(cls, plan: Plan, groups: Groups | None, threads: Executor, launcher: Launcher) -> "Sandbox":
        """Starts a sandbox and waits for its kernel. Raises SandboxError with bubblewrap's error output."""
        started = await _start_process(plan, launcher)
        complaint = read_to_end(started.complaint, _MAX_STDERR_BYTES)
        info = read_to_end(started.info, _MAX_INFO_BYTES)
        jail = cls(WatchedProcess(started.process.pid, started.process.pidfd), groups.make() if groups else None)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await jail._connect_reaper(started, info)
            jail._open_file_systems(threads, plan.settings.disk_mb * MIB)
        except (TimeoutError, KernelDied, msgspec.MsgspecError, OSError) as error:
            await jail.kill()
            raise _start_error(await complaint, error) from error
        except BaseException:
            await jail.kill()
            raise
        finally:
            complaint.cancel()
            info.cancel()
            os.close(started.go)
        return jail

    async def _connect_reaper(self, started: "_StartedProcess", info: "asyncio.Future[bytes]") -> None:
        self._reader, self._writer = await open_stream(started.channel)
        inner = msgspec.json.decode(await info, type=_Info).child
        self._inner = WatchedProcess(inner, os.pidfd_open(inner))
        if self.group is not None:
            self.group.add(self._outer.pid, inner)
        os.write(started.go, b"1")
        if not isinstance(await self.receive(), KernelReady):
            raise KernelDied

    def _open_file_systems(self, threads: Executor, disk: int) -> None:
        """Before user code runs: afterwards paths could be redirected, descriptors cannot."""
        assert self._inner is not None
        root = f"/proc/{self._inner.pid}/root"
        self.places = tuple(SharedFd(os.open(root + path, os.O_PATH | os.O_DIRECTORY)) for path in WRITABLE)
        self.processes = SharedFd(os.open(root + "/proc", os.O_RDONLY | os.O_DIRECTORY))
        self.files = Folder(self.places[0], threads, disk)

    @property
    def reference(self) -> str:
        return ""

    @property
    def alive(self) -> bool:
        return not self._outer.gone.is_set() and not (self._inner is None or self._inner.gone.is_set())

    async def receive(self) -> Event:
        """The next event. Raises KernelDied if there will be none. May be cancelled at any point."""
        try:
            if self._size is None:
                self._size = frames.size(await self._reader.readexactly(frames.HEADER.size))
            data = await self._reader.readexactly(self._size)
            self._size = None
            return frames.event(data)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.kill()
            raise KernelDied(self.verdict) from error
        except InvalidFrame as error:
            await self.kill(f"Malformed output of the sandbox: {error}.")
            raise KernelDied(self.verdict) from error

    async def execute(self, cell: int, code: str) -> None:
        self._send_order(op="execute", cell=cell, code=code)

    async def interrupt(self, cell: int) -> None:
        self._send_order(op="interrupt", cell=cell)

    async def restart(self, reason: str = "") -> None:
        self._send_order(op="restart", reason=reason)

    def _send_order(self, **order: object) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frames.encode_frame(**order))

    async def detach(self) -> None:
        """Kills it: no process outlives the one that started it."""
        await self.kill()

    async def kill(self, verdict: str = "") -> None:
        """Kills everything inside, and returns when all processes have exited."""
        self.verdict = self.verdict or verdict
        if self._inner is not None:
            # The outer process exits after it has reaped the inner one; without a known inner one, the reaper kills it.
            self._inner.kill()
            await self._inner.wait_for_exit(_EXIT_SECONDS)
            await self._outer.wait_for_exit(_REAP_SECONDS)
        self._outer.kill()
        await self._outer.wait_for_exit(_EXIT_SECONDS)
        if self._writer is not None:
            self._writer.close()
        if self.group is not None:
            await self.group.remove()
        for descriptor in (*self.places, *filter(None, [self.processes])):
            descriptor.close()


@dataclass(frozen=True, slots=True)
class _StartedProcess:
    """A started process and our ends of its pipes: error output, info, the start signal, and the channel."""

    process: LaunchedProcess
    complaint: int
    info: int
    go: int
    channel: socket.socket

    def discard(self) -> None:
        self.process.kill()
        for descriptor in (self.process.pidfd, self.complaint, self.info, self.go):
            os.close(descriptor)
        self.channel.close()


async def _start_process(plan: Plan, launcher: Launcher) -> _StartedProcess:
    """Starts the process in a thread; after a cancellation, a process that was started meanwhile is killed."""
    starting = asyncio.ensure_future(asyncio.to_thread(_spawn_process, plan, launcher))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_discard_started)
        raise


def _discard_started(starting: "asyncio.Future[_StartedProcess]") -> None:
    if not starting.cancelled() and starting.exception() is None:
        starting.result().discard()


def _spawn_process(plan: Plan, launcher: Launcher) -> _StartedProcess:
    with ExitStack() as theirs, ExitStack() as ours:
        complaint, complains = _pipe(ours, theirs)
        info, informs = _pipe(ours, theirs)
        waits, go = _pipe(theirs, ours)
        channel, inner = socket.socketpair()
        ours.enter_context(channel)
        theirs.enter_context(inner)
        numbered = {STDERR: complains, GO: waits, INFO: informs, CHANNEL: inner.fileno()}
        for number, content in ((SECCOMP, plan.filter), (OPTIONS, plan.options()), (CONFIG, plan.config)):
            if content is not None:
                numbered[number] = memory_file(content)
                theirs.callback(os.close, numbered[number])
        process = launcher.launch(plan.command(), plan.identity.environment(), numbered)
        ours.pop_all()
        return _StartedProcess(process, complaint, info, go, channel)


def _pipe(reads: ExitStack, writes: ExitStack) -> tuple[int, int]:
    """The two ends of a pipe, each closed with its stack."""
    ends = os.pipe()
    for stack, descriptor in zip((reads, writes), ends, strict=True):
        stack.callback(os.close, descriptor)
    return ends


def _start_error(complaint: bytes, error: BaseException) -> SandboxError:
    text = complaint.decode(errors="replace").strip()
    reason = text.splitlines()[-1] if text else f"no reply ({type(error).__name__})"
    logger.warning("starting a sandbox failed: %s", text or repr(error))
    return SandboxError(f"The sandbox did not start: {without_host_paths(reason)}")

"""One bubblewrap with a kernel in it: how it starts, how it is talked to, and how it ends with all that it holds.

Knows nothing of cells' time limits and of sessions. Nothing that comes from inside is believed: see `frames`.
"""

import asyncio
import os
import socket
import subprocess
from concurrent.futures import Executor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import FileIO
from typing import Final

import msgspec

from understudy.errors import SandboxError
from understudy.tools.sandbox import frames
from understudy.tools.sandbox.cgroup import Group, Groups
from understudy.tools.sandbox.command import MIB, WRITABLE, Descriptors, Plan
from understudy.tools.sandbox.files import Folder
from understudy.tools.sandbox.frames import Event, Hostile, Ready
from understudy.tools.sandbox.held import Held
from understudy.tools.sandbox.kernel import KernelGone
from understudy.tools.sandbox.processes import Child, Watched, memory_file, read_to_end

_START_SECONDS: Final = 60.0
_GONE_SECONDS: Final = 10.0
_COLLECTED_SECONDS: Final = 2.0
_COMPLAINT: Final = 4096
_TOLD: Final = 4096
_TOLD_WITHIN: Final = 5.0


class _Told(msgspec.Struct, frozen=True):
    """What bubblewrap says of itself: the first process inside, by its number outside."""

    child: int = msgspec.field(name="child-pid")


class Jail:
    """Made by `start`. `places` are its writable file systems, `processes` is its /proc."""

    def __init__(self, outer: Child, group: Group | None) -> None:
        self._outer = outer
        self.group = group
        self._inner: Watched | None = None
        self._size: int | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self.files: Folder
        self.places: tuple[Held, ...] = ()
        self.processes: Held | None = None
        self.verdict = ""

    @classmethod
    async def start(cls, plan: Plan, groups: Groups | None, threads: Executor) -> "Jail":
        """A jail whose kernel answers. Raises SandboxError with what was said against it."""
        group = groups.make() if groups else None
        launched = _launch(plan)
        jail = cls(launched.process, group)
        complaining = asyncio.create_task(read_to_end(launched.complaint, _COMPLAINT))
        telling = asyncio.create_task(jail._learn(launched.told))
        try:
            async with asyncio.timeout(_START_SECONDS):
                await jail._enter(launched, telling)
            jail._open_places(threads, plan.settings.disk_mb * MIB)
        except (TimeoutError, KernelGone, msgspec.MsgspecError, OSError) as error:
            await jail._abandon(telling)
            raise _failed(await complaining, error) from error
        except BaseException:
            await jail._abandon(telling)
            raise
        finally:
            complaining.cancel()
            launched.go.close()
        return jail

    async def _learn(self, told: int) -> None:
        """Which process is the first inside."""
        found = msgspec.json.decode(await read_to_end(told, _TOLD), type=_Told)
        self._inner = Watched(found.child)

    async def _enter(self, launched: "_Launched", telling: asyncio.Task[None]) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(sock=launched.channel)
        await asyncio.shield(telling)
        assert self._inner is not None
        if self.group is not None:
            self.group.add(self._outer.pid, self._inner.pid)
        launched.go.write(b"1")
        if not isinstance(await self.receive(), Ready):
            raise KernelGone

    async def _abandon(self, telling: asyncio.Task[None]) -> None:
        """Where it did not come to life. What is inside may not be tied to us yet, so it has to be known."""
        with suppress(TimeoutError, msgspec.MsgspecError, OSError):
            async with asyncio.timeout(_TOLD_WITHIN):
                await telling
        await self.kill()

    def _open_places(self, threads: Executor, disk: int) -> None:
        """While nothing of a user has run yet: afterwards the paths could lead elsewhere, the descriptors cannot."""
        assert self._inner is not None
        root = f"/proc/{self._inner.pid}/root"
        self.places = tuple(Held(os.open(root + path, os.O_PATH | os.O_DIRECTORY)) for path in WRITABLE)
        self.processes = Held(os.open(root + "/proc", os.O_RDONLY | os.O_DIRECTORY))
        self.files = Folder(self.places[0], threads, disk)

    @property
    def alive(self) -> bool:
        return not self._outer.gone.is_set() and not (self._inner is None or self._inner.gone.is_set())

    async def receive(self) -> Event:
        """The next event. Raises KernelGone where there will be none. May be cancelled at any point."""
        try:
            if self._size is None:
                self._size = frames.size(await self._reader.readexactly(frames.HEADER.size))
            data = await self._reader.readexactly(self._size)
            self._size = None
            return frames.event(data)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await self.kill()
            raise KernelGone(self.verdict) from error
        except Hostile as error:
            await self.kill(f"What runs the code was tampered with: {error}.")
            raise KernelGone(self.verdict) from error

    async def execute(self, cell: int, code: str) -> None:
        self._send(op="execute", cell=cell, code=code)

    async def interrupt(self, cell: int) -> None:
        self._send(op="interrupt", cell=cell)

    async def restart(self, reason: str = "") -> None:
        self._send(op="restart", reason=reason)

    def _send(self, **order: object) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frames.framed(**order))

    async def kill(self, verdict: str = "") -> None:
        """Ends everything inside, and returns when it has ended."""
        self.verdict = self.verdict or verdict
        if self._inner is not None:
            # The outer one ends when it has collected the inner one, and nobody else would.
            self._inner.kill()
            await self._inner.ended(_GONE_SECONDS)
            await self._outer.ended(_COLLECTED_SECONDS)
        self._outer.kill()
        await self._outer.ended(_GONE_SECONDS)
        if self._writer is not None:
            self._writer.close()
        if self.group is not None:
            await self.group.remove()
        for held in (*self.places, *filter(None, [self.processes])):
            held.close()


@dataclass(frozen=True, slots=True)
class _Launched:
    """Our ends: what is complained of, what is told, the word to go on, the channel."""

    process: Child
    complaint: int
    told: int
    go: FileIO
    channel: socket.socket


def _launch(plan: Plan) -> _Launched:
    ours, theirs = socket.socketpair()
    complaint, complains = os.pipe()
    told, tells = os.pipe()
    waits, go = os.pipe()
    filtering = None if plan.filter is None else memory_file(plan.filter)
    given = Descriptors(filtering, waits, tells, theirs.fileno())
    with ExitStack() as stack:
        stack.enter_context(theirs)
        for descriptor in (complains, *given.pipes()):
            stack.callback(os.close, descriptor)
        # In this thread: the sandbox ends when the thread ends that started it.
        started = subprocess.Popen(  # noqa: S603 - made of our own words and the operator's paths
            plan.command(given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complains,
            pass_fds=(*given.pipes(), given.channel),
            cwd="/",
            env=plan.identity.environment(),
            start_new_session=True,
            umask=0o022,
        )
    return _Launched(Child(started), complaint, told, FileIO(go, "w"), ours)


def _failed(complaint: bytes, error: BaseException) -> SandboxError:
    said = complaint.decode(errors="replace").strip()
    reason = said.splitlines()[-1] if said else f"no answer ({type(error).__name__})"
    return SandboxError(f"The sandbox did not start: {reason}")

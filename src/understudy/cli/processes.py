"""`understudy serve --processes N`: servers on one port and one data directory, each a process of its own.

The parent listens, starts the processes and restarts those that end; it serves nothing. The processes inherit its
sockets, so connections that wait when one of them dies are accepted by the others.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from understudy import logs
from understudy.cli.balanced_listener import ConnectionCounts
from understudy.cli.listen import Listeners, open_listeners
from understudy.cli.service_manager import ServiceManager, Terminal
from understudy.engine.jobs.backoff import Backoff
from understudy.errors import SettingsError
from understudy.parent_death import die_with_parent
from understudy.settings import MEMORY_BROKER, Settings
from understudy.store import data_directory
from understudy.store.lock import DirectoryLock

_BACKOFF: Final = Backoff(first=0.5, longest=30.0)
# A process that has lived so long has not failed at its start.
_SETTLED_SECONDS: Final = 60.0
_REPORTS_A_TIMEOUT: Final = 3
_log = logging.getLogger("understudy.server")


@dataclass(frozen=True, slots=True)
class Child:
    """What a process has from its parent. `is_first`: it prints the banner and prepares the keys.

    `sockets`, `ready` and `counts` are descriptors. With `watchdog`, in seconds, the parent kills it if it reports
    nothing for so long.
    """

    process: int
    parent: int
    sockets: tuple[int, ...]
    ready: int
    counts: int
    is_first: bool
    watchdog: float = 0.0

    def to_text(self) -> str:
        numbers = (self.process, self.parent, self.ready, self.counts, int(self.is_first), self.watchdog, *self.sockets)
        return ",".join(map(str, numbers))

    @classmethod
    def from_text(cls, text: str) -> "Child":
        process, parent, ready, counts, is_first, watchdog, *sockets = text.split(",")
        numbers = tuple(map(int, sockets))
        return cls(int(process), int(parent), numbers, int(ready), int(counts), bool(int(is_first)), float(watchdog))

    @contextmanager
    def open_listeners(self) -> Iterator[Listeners]:
        """The sockets of the parent, which owns their files; from here on this process ends with it."""
        die_with_parent(self.parent)
        for descriptor in (*self.sockets, self.ready):
            os.set_inheritable(descriptor, False)
        sockets = [socket.socket(fileno=descriptor) for descriptor in self.sockets]
        for bound in sockets:
            # Else a duplicate of it would make it blocking, in all processes: their event loops would wait in accept.
            bound.setblocking(False)
        with ExitStack() as stack:
            for bound in sockets:
                stack.enter_context(bound)
            yield Listeners(sockets, [])

    def open_counts(self) -> ConnectionCounts:
        """The counts of the connections of all processes of the parent."""
        counts = ConnectionCounts(self.counts)
        os.close(self.counts)
        counts.set(self.process, 0)
        return counts

    def report_ready(self) -> None:
        os.write(self.ready, b"1")
        if not self.watchdog:
            os.close(self.ready)

    async def report_alive(self) -> None:
        """Reports to the parent that the event loop runs, until it is cancelled."""
        if self.watchdog:
            os.set_blocking(self.ready, False)
        while self.watchdog:
            await asyncio.sleep(self.watchdog / _REPORTS_A_TIMEOUT)
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self.ready, b"1")


def require_cluster(settings: Settings, name: str) -> None:
    """Raises SettingsError if processes cannot share work. `name` is what needs it: a flag or a command."""
    if settings.broker == MEMORY_BROKER:
        raise SettingsError(
            f"{name} shares work with other processes, and SQLite is used by one process. Use PostgreSQL and Redis:"
            " set --database postgresql://… and --broker redis://…."
        )


def run(settings: Settings, count: int) -> int:
    """Runs `count` processes until a stop signal; returns the exit code. Raises StoreError, SettingsError."""
    require_cluster(settings, f"--processes {count}")
    logs.configure(settings)
    with ExitStack() as stack:
        listeners = stack.enter_context(open_listeners(settings))
        data_directory.create(settings.data)
        stack.callback(DirectoryLock(settings.data).release)
        return asyncio.run(_ProcessGroup(count, listeners).run())


class _ProcessGroup:
    def __init__(self, count: int, listeners: Listeners) -> None:
        self._count = count
        self._listeners = listeners
        self._sockets = tuple(bound.fileno() for bound in listeners.sockets)
        self._counts_descriptor = ConnectionCounts.create(count)
        self._counts = ConnectionCounts(self._counts_descriptor)
        self._manager = ServiceManager()
        self._processes: dict[int, tuple[Process, asyncio.Future[bool]]] = {}
        self._terminal = Terminal()
        self._watching: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """The first process starts alone: it migrates the database, and if it fails, so does the start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        first, ready = await self._start_process(0, is_first=True)
        if not await ready and not self._stopping.is_set():
            return max(await first.wait(), 1)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        pings = asyncio.create_task(self._manager.ping())
        self._manager.report_ready(f"Serving with {self._count} processes")
        await asyncio.gather(self._restart(0, first), *(self._restart(number) for number in range(1, self._count)))
        pings.cancel()
        return 0

    def _reload(self) -> None:
        """Each process loads the settings itself, and logs what it has applied."""
        if self._terminal.is_closed():
            self._stop(signal.SIGTERM)
            return
        self._manager.report_reloading()
        for process, ready in self._processes.values():
            # Before it is ready, the signal would kill it.
            ready.add_done_callback(partial(_send_reload, process))
        self._manager.report_ready(f"Serving with {self._count} processes")

    def _stop(self, number: int) -> None:
        """At the second Ctrl-C the processes drop their connections."""
        sent = signal.SIGTERM if not self._stopping.is_set() else number
        if not self._stopping.is_set():
            self._manager.report_stopping()
            self._listeners.unlink()
        self._stopping.set()
        for process, _ in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(sent)

    async def _restart(self, number: int, process: Process | None = None) -> None:
        """Waits for the end of a process, and starts it again, until the group stops."""
        failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            if process is None:
                process, _ = await self._start_process(number)
            code = await process.wait()
            process = None
            self._counts.set(number, None)
            del self._processes[number]
            if self._stopping.is_set():
                return
            failures = 1 if time.monotonic() - started > _SETTLED_SECONDS else failures + 1
            delay = _BACKOFF.delay(failures) or 0.0
            _log.warning("process %d ended with exit code %d; restarting in %g s", number, code, delay)
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
        if process is not None:
            await process.wait()

    async def _start_process(self, number: int, *, is_first: bool = False) -> tuple[Process, asyncio.Future[bool]]:
        """The process, and whether it became ready: known once it is, or has ended."""
        reader, writer = os.pipe()
        watchdog = self._manager.watchdog_seconds
        counts = self._counts_descriptor
        child = Child(number, os.getpid(), self._sockets, writer, counts, is_first, watchdog or 0.0)
        arguments = [*sys.argv[1:], "--child", child.to_text()]
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "understudy", *arguments),
                pass_fds=(*self._sockets, writer, counts),
                # Ctrl-C reaches the parent alone, which passes it on.
                start_new_session=True,
            )
        finally:
            os.close(writer)
        reports = await _open_pipe(reader)
        ready = asyncio.ensure_future(_read_report(reports))
        if watchdog is not None:
            self._watching.add(task := asyncio.create_task(self._watch(number, process, reports, ready, watchdog)))
            task.add_done_callback(self._watching.discard)
        self._processes[number] = process, ready
        if self._stopping.is_set():
            process.terminate()
        return process, ready

    async def _watch(
        self,
        number: int,
        process: Process,
        reports: asyncio.StreamReader,
        ready: asyncio.Future[bool],
        seconds: float,
    ) -> None:
        """Kills a process whose event loop hangs; it is then restarted."""
        await asyncio.wait([ready])
        try:
            while not self._stopping.is_set():
                async with asyncio.timeout(seconds):
                    if not await _read_report(reports):
                        return
        except TimeoutError:
            if not self._stopping.is_set():
                _log.error("process %d has not reported for %g s, killing it", number, seconds)
                with suppress(ProcessLookupError):
                    process.kill()


def _send_reload(process: Process, _: asyncio.Future[bool]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGHUP)


async def _open_pipe(descriptor: int) -> asyncio.StreamReader:
    """The reading end of a pipe, which closes itself at the end."""
    reports = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reports)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb"))
    return reports


async def _read_report(reports: asyncio.StreamReader) -> bool:
    """Whether the process has reported; false once it has ended."""
    return bool(await reports.read(1))

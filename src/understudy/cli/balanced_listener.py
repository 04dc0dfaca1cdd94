"""Listening sockets that several processes share, with about as many connections in each process.

Every process is woken by a new connection, and the first to accept has it: an idle one would get all connections of a
burst, and keep them. So a process that has more than another one leaves it some time to accept first.
"""

import asyncio
import logging
import mmap
import os
import socket
import tempfile
from array import array
from collections.abc import Callable
from typing import Any, Final

_NOT_RUNNING: Final = 2**31 - 1
# The other process may be busy for long.
_WAIT_SECONDS: Final = 0.002
_ACCEPTS_A_TURN: Final = 16
_PAUSE_SECONDS: Final = 1.0
_log = logging.getLogger("understudy.server")


class ConnectionCounts:
    """How many connections each process of a group has, in memory that they share; those of a dead one are unlimited.

    A process writes only its own number, so no lock is needed.
    """

    def __init__(self, descriptor: int) -> None:
        """`descriptor` is what `create` returned, in this process or in the parent."""
        self._memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self._numbers = memoryview(self._memory).cast("i")

    @staticmethod
    def create(processes: int) -> int:
        """The descriptor of the memory, which the processes inherit."""
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(array("i", [_NOT_RUNNING] * processes).tobytes())
            return os.dup(file.fileno())

    def set(self, process: int, number: int | None) -> None:
        """None for a process that does not run."""
        self._numbers[process] = _NOT_RUNNING if number is None else number

    def least(self) -> int:
        return min(self._numbers)

    def close(self) -> None:
        self._numbers.release()
        self._memory.close()


class BalancedListener:
    """Accepts from one socket; `count` returns the open connections of this process, with the number `process`.

    Has what uvicorn uses of a server.
    """

    def __init__(
        self,
        bound: socket.socket,
        build_protocol: Callable[[], asyncio.Protocol],
        counts: ConnectionCounts,
        process: int,
        count: Callable[[], int],
    ) -> None:
        self._socket = bound
        self._build_protocol = build_protocol
        self._counts = counts
        self._process = process
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.TimerHandle | None = None
        # Accepted, and not yet counted as open connections.
        self._opening: set[asyncio.Task[Any]] = set()

    def start(self, backlog: int) -> None:
        self._socket.listen(backlog)
        self._loop.add_reader(self._socket, self._accept_in_turn)

    def close(self) -> None:
        self._counts.set(self._process, None)
        self._loop.remove_reader(self._socket)
        if self._waiting is not None:
            self._waiting.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _accept_in_turn(self) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            if self._publish() > self._counts.least():
                self._loop.remove_reader(self._socket)
                self._waiting = self._loop.call_later(_WAIT_SECONDS, self._accept_late)
                return
            if not self._accept():
                return

    def _accept_late(self) -> None:
        """Accepts what the others have left."""
        self._waiting = None
        for _ in range(_ACCEPTS_A_TURN):
            if not self._accept():
                break
        if self._waiting is None:
            self._resume()

    def _accept(self) -> bool:
        try:
            accepted, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as error:
            _log.warning("connection not accepted: %s", error.strerror)
            # Too many open files, as a rule. The connection waits; other processes may have room.
            self._loop.remove_reader(self._socket)
            self._waiting = self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return False
        accepted.setblocking(False)
        task = self._loop.create_task(self._open_connection(accepted))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        self._publish()
        return True

    def _resume(self) -> None:
        self._waiting = None
        self._loop.add_reader(self._socket, self._accept_in_turn)

    async def _open_connection(self, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._build_protocol, accepted)
        except OSError:
            # The client has gone.
            accepted.close()

    def _publish(self) -> int:
        number = self._count() + len(self._opening)
        self._counts.set(self._process, number)
        return number

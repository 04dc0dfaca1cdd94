"""A pool of connections to PostgreSQL. Knows no SQL but ROLLBACK.

The driver's own pool makes a task, two proxies and a round trip (which resets the session) each time that a connection
is released. Our transactions leave no state in a session, so that is not needed.
"""

import asyncio
import socket
import time
from collections import deque
from typing import Any, Final

import asyncpg

from understudy.store.database import ConnectionCounts

_MAX_IDLE_SECONDS: Final = 300.0
_CONNECT_SECONDS: Final = 10.0
_COMMAND_SECONDS: Final = 60.0
# A server that takes longer hangs.
_ROLLBACK_SECONDS: Final = 2.0
_CACHED_STATEMENTS: Final = 512
# The third is raised by the driver if the server closes the connection during a call.
FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.InternalClientError,
    OSError,
    TimeoutError,
)

_READ_ONLY: Final = "25006"
_SERVER_STOPS: Final = frozenset({"57P01", "57P02", "57P03"})


# A host that is off or cut off sends no reset: its connections end after about ten seconds, also those that wait for a
# reply. A slow query on a live host is not affected, whose system acknowledges what it gets.
_DEAD_HOST_OPTIONS: Final = {
    "TCP_USER_TIMEOUT": 10_000,
    "TCP_KEEPIDLE": 4,
    "TCP_KEEPINTVL": 2,
    "TCP_KEEPCNT": 3,
}


class DatabaseClosed(asyncpg.InterfaceError):  # type: ignore[misc]  # asyncpg is not typed
    """This process has closed its connections."""


def is_server_loss(error: BaseException) -> bool:
    """Whether the error is about the server rather than about the statement: it stops, is unreachable or a standby."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state == _READ_ONLY or state in _SERVER_STOPS or state.startswith("08")
    if isinstance(error, DatabaseClosed | asyncpg.DataError):
        return False
    return isinstance(error, asyncpg.InterfaceError | OSError | TimeoutError | asyncpg.exceptions.InternalClientError)


class Connections:
    """At most `size` connections; callers wait for a free one. A lost connection is replaced at the next acquire.

    `is_pooled`: the server is a pooler that assigns a backend to each transaction, so no statement is prepared.
    """

    def __init__(self, url: str, size: int, *, is_pooled: bool = False) -> None:
        self._url = url
        self._size = size
        self._cached_statements = 0 if is_pooled else _CACHED_STATEMENTS
        # Those that were opened since the server was last replaced.
        self._current: set[Any] = set()
        self._open = 0
        self._free: deque[tuple[Any, float]] = deque()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._closed = False

    async def acquire(self) -> Any:
        """Raises the driver's error if the server is unreachable."""
        while not self._closed:
            if self._free:
                connection, since = self._free.pop()
                if time.monotonic() - since <= _MAX_IDLE_SECONDS and not connection.is_closed():
                    return connection
                self._discard(connection)
            elif self._open < self._size:
                return await self._open_connection()
            else:
                connection = await self._wait_for_connection()
                if connection is not None:
                    return connection
        raise DatabaseClosed("the database was closed")

    def release(self, connection: Any) -> None:
        """Returns a connection without an open transaction; the longest waiter gets it."""
        if connection.is_closed() or self._closed or connection not in self._current:
            self._discard(connection)
            self._hand_to_waiter(None)
        elif not self._hand_to_waiter(connection):
            self._free.append((connection, time.monotonic()))

    async def recover(self, connection: Any, error: BaseException) -> None:
        """Returns a connection after a failure: rolls its transaction back, or closes it.

        If the server stops, hangs or is no longer the primary, all connections are replaced: they have the same server.
        """
        has_timed_out = isinstance(error, TimeoutError)
        if is_server_loss(error) and not has_timed_out:
            self._retire_all()
        try:
            if not isinstance(error, Exception) or isinstance(error, asyncpg.exceptions.InternalClientError):
                # The caller was cancelled during a call: the state of the protocol is unknown.
                connection.terminate()
            elif not connection.is_closed() and (has_timed_out or connection.is_in_transaction()):
                # The driver has cancelled a statement that took too long, and waits for its end.
                async with asyncio.timeout(_ROLLBACK_SECONDS):
                    await connection.execute("ROLLBACK" if connection.is_in_transaction() else "SELECT 1")
        except FAILURES:
            connection.terminate()
            self._retire_all()
        except BaseException:
            connection.terminate()
            raise
        finally:
            self.release(connection)

    def _retire_all(self) -> None:
        """Closes the free connections now, and the others when they are released."""
        self._current.clear()
        while self._free:
            self._discard(self._free.pop()[0])

    def count(self) -> ConnectionCounts:
        idle = len(self._free)
        return ConnectionCounts(self._size, self._open - idle, idle, len(self._waiting))

    async def close(self) -> None:
        """Waits until every connection is released."""
        self._closed = True
        while self._hand_to_waiter(None):
            pass
        while self._free:
            connection, _ = self._free.pop()
            await connection.close(timeout=10)
            self._open -= 1
        while self._open:
            await self._wait_for_connection()

    async def _open_connection(self) -> Any:
        self._open += 1
        try:
            connection = await asyncpg.connect(
                self._url,
                timeout=_CONNECT_SECONDS,
                command_timeout=_COMMAND_SECONDS,
                statement_cache_size=self._cached_statements,
            )
        except BaseException as error:
            self._open -= 1
            if isinstance(error, Exception) and is_server_loss(error):
                self._fail_waiters(error)
            else:
                self._hand_to_waiter(None)
            raise
        _drop_if_dead(connection)
        self._current.add(connection)
        return connection

    async def _wait_for_connection(self) -> Any:
        """A released connection; None if there is only room for another one."""
        waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                connection = waiter.result()
                if connection is None:
                    self._hand_to_waiter(None)
                else:
                    self.release(connection)
            raise

    def _fail_waiters(self, error: Exception) -> None:
        """Each of them would wait as long for its own attempt to connect."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def _hand_to_waiter(self, connection: Any) -> bool:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False

    def _discard(self, connection: Any) -> None:
        self._open -= 1
        self._current.discard(connection)
        if not connection.is_closed():
            connection.terminate()


def _drop_if_dead(connection: Any) -> None:
    """Lets the system close a TCP connection whose host is dead."""
    open_socket = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no other way
    if open_socket is None or open_socket.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    open_socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _DEAD_HOST_OPTIONS.items():
        if (option := getattr(socket, name, None)) is not None:  # other systems lack some of them
            open_socket.setsockopt(socket.IPPROTO_TCP, option, value)

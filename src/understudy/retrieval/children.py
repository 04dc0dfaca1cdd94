"""Child processes for work that may exhaust memory or never end. Knows no document.

A child is started on first use, reused for a while, and killed on any failure: it holds no state. It inherits no
secret, since it reads untrusted files.
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import msgspec

from understudy.child_processes import start_python, wait_end
from understudy.errors import UnderstudyError
from understudy.retrieval.messages import LENGTH_PREFIX_BYTES, Reply, Request

_MODULE: Final = "understudy.retrieval.child"
_INHERITED_VARIABLES: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
_IDLE_SECONDS: Final = 10.0
_MAX_LEASES: Final = 100
"""Leases of a child, which bounds what libraries leak."""

_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], Reply] = msgspec.msgpack.Decoder(Reply).decode


class ChildRequestError(UnderstudyError):
    """The child timed out or died (`out_of_memory`, and everything else that ends a process)."""

    def __init__(self, reason: Literal["timeout", "died"]) -> None:
        super().__init__(f"A child process {'timed out' if reason == 'timeout' else 'died'}.")
        self.reason = reason


class ChildProcess:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.leases = 0
        self.is_usable = True
        self.expiry: asyncio.TimerHandle | None = None

    async def request(self, request: Request, seconds: float) -> Reply:
        """Raises ChildFailed; discard this child then."""
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except TimeoutError:
            self.kill()
            raise ChildRequestError("timeout") from None
        except (OSError, EOFError, msgspec.DecodeError):
            self.kill()
            raise ChildRequestError("died") from None
        except asyncio.CancelledError:
            self.kill()  # nobody waits for the current request
            raise

    def kill(self) -> None:
        self.is_usable = False
        with suppress(ProcessLookupError):
            self._process.kill()

    async def terminate(self) -> None:
        """Kills the child and waits for its exit."""
        self.kill()
        await wait_end(self._process)

    async def _exchange(self, request: Request) -> Reply:
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        message = _encode(request)
        writer.write(len(message).to_bytes(LENGTH_PREFIX_BYTES, "big") + message)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(LENGTH_PREFIX_BYTES), "big")
        return _decode(await reader.readexactly(length))


class ChildPool:
    def __init__(
        self, limit: int, memory: int, *, idle_seconds: float = _IDLE_SECONDS, max_leases: int = _MAX_LEASES
    ) -> None:
        """At most `limit` children at once, of `memory` bytes each.

        A child ends after `max_leases` leases, or when it was idle for `idle_seconds`.
        """
        self._slots = asyncio.Semaphore(limit)
        self._memory = memory
        self._idle_seconds = idle_seconds
        self._max_leases = max_leases
        self._idle: list[ChildProcess] = []
        self._all: set[ChildProcess] = set()
        self._terminations: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[ChildProcess]:
        """Lends a child for exclusive use; waits while all places are taken."""
        async with self._slots:
            child = await self._acquire()
            try:
                yield child
            finally:
                self._release(child)

    async def close(self) -> None:
        for child in self._idle:
            if child.expiry is not None:
                child.expiry.cancel()
        self._idle.clear()
        await asyncio.gather(*(child.terminate() for child in self._all), *self._terminations)
        self._all.clear()

    async def _acquire(self) -> ChildProcess:
        while self._idle:
            child = self._idle.pop()
            if child.expiry is not None:
                child.expiry.cancel()
            if child.is_usable:
                child.leases += 1
                return child
        return await self._spawn()

    async def _spawn(self) -> ChildProcess:
        environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        arguments = ("-P", "-X", "utf8", "-m", _MODULE, str(self._memory), str(os.getpid()))
        child = ChildProcess(await start_python(*arguments, environment=environment))
        self._all.add(child)
        return child

    def _release(self, child: ChildProcess) -> None:
        if not child.is_usable or child.leases >= self._max_leases:
            self._retire(child)
            return
        self._idle.append(child)
        child.expiry = asyncio.get_running_loop().call_later(self._idle_seconds, self._expire, child)

    def _expire(self, child: ChildProcess) -> None:
        self._idle.remove(child)
        self._retire(child)

    def _retire(self, child: ChildProcess) -> None:
        burial = asyncio.create_task(self._terminate(child))
        self._terminations.add(burial)
        burial.add_done_callback(self._terminations.discard)

    async def _terminate(self, child: ChildProcess) -> None:
        await child.terminate()
        self._all.discard(child)

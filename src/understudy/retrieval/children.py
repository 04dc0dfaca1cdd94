"""Child processes for work that may take all memory or never end. Knows no document.

A child is started when it is first needed, kept for the next while, and killed for whatever goes wrong: it has nothing
that would be missed. It inherits no secret, since what it reads was written by strangers.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal

import msgspec

from understudy.errors import UnderstudyError
from understudy.retrieval.messages import LENGTH, Reply, Request

_MODULE: Final = "understudy.retrieval.child"
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")
_KEPT_SECONDS: Final = 10.0
_LEASES: Final = 100
"""Times that one child is used, so that what a library leaks stays small."""

_encode = msgspec.msgpack.Encoder().encode
_decode: Callable[[bytes], Reply] = msgspec.msgpack.Decoder(Reply).decode


class ChildFailed(UnderstudyError):
    """The child took too long, or died (`out_of_memory` and everything else that ends a process)."""

    def __init__(self, reason: Literal["timeout", "died"]) -> None:
        super().__init__(f"A child process {'took too long' if reason == 'timeout' else 'died'}.")
        self.reason = reason


class Child:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.leases = 0
        self.sound = True
        self.expiry: asyncio.TimerHandle | None = None

    async def ask(self, request: Request, seconds: float) -> Reply:
        """Raises ChildFailed, after which this child is of no use."""
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request)
        except TimeoutError:
            self.kill()
            raise ChildFailed("timeout") from None
        except (OSError, EOFError, msgspec.DecodeError):
            self.kill()
            raise ChildFailed("died") from None
        except asyncio.CancelledError:
            self.kill()  # what it is busy with nobody waits for
            raise

    def kill(self) -> None:
        self.sound = False
        with suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> None:
        """Kills it and waits for its end."""
        self.kill()
        await self._process.wait()

    async def _exchange(self, request: Request) -> Reply:
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        message = _encode(request)
        writer.write(len(message).to_bytes(LENGTH, "big") + message)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(LENGTH), "big")
        return _decode(await reader.readexactly(length))


class Children:
    def __init__(self, limit: int, memory: int) -> None:
        """At most `limit` at a time, of `memory` bytes each."""
        self._places = asyncio.Semaphore(limit)
        self._memory = memory
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._burials: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Child]:
        """A child for oneself; waits for a free place."""
        async with self._places:
            child = await self._take()
            try:
                yield child
            finally:
                self._give_back(child)

    async def close(self) -> None:
        for child in self._idle:
            if child.expiry is not None:
                child.expiry.cancel()
        self._idle.clear()
        await asyncio.gather(*(child.ended() for child in self._all), *self._burials)
        self._all.clear()

    async def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.expiry is not None:
                child.expiry.cancel()
            if child.sound:
                child.leases += 1
                return child
        return await self._start()

    async def _start(self) -> Child:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        arguments = ("-P", "-X", "utf8", "-m", _MODULE, str(self._memory), str(os.getpid()))
        # Own session: a Ctrl+C in the terminal ends the server, and the server its children.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=environment,
            start_new_session=True,
        )
        child = Child(process)
        self._all.add(child)
        return child

    def _give_back(self, child: Child) -> None:
        if not child.sound or child.leases >= _LEASES:
            self._dismiss(child)
            return
        self._idle.append(child)
        child.expiry = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._expire, child)

    def _expire(self, child: Child) -> None:
        self._idle.remove(child)
        self._dismiss(child)

    def _dismiss(self, child: Child) -> None:
        burial = asyncio.create_task(self._bury(child))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _bury(self, child: Child) -> None:
        await child.ended()
        self._all.discard(child)

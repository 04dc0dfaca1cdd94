"""A child process as a descriptor: ended and awaited without a signal, a thread, or a number that may be used again."""

import asyncio
import os
import signal
import subprocess
from contextlib import suppress


class Watched:
    """`gone` is set when the process has ended. Ours to close."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.gone = asyncio.Event()
        self._descriptor = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._ended)

    def kill(self) -> None:
        if not self.gone.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    async def ended(self, within: float) -> None:
        """Waits for its end, and no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.gone.wait()

    def _ended(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.gone.set()


class Child(Watched):
    """A process that we started and have to collect."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        self._started = started
        super().__init__(started.pid)

    def _ended(self) -> None:
        self._started.wait()
        super()._ended()


def memory_file(content: bytes) -> int:
    """A descriptor that reads the content from its beginning."""
    descriptor = os.memfd_create("understudy")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def read_to_end(descriptor: int, most: int) -> bytes:
    """What comes out of a pipe until nobody can write to it any more, or until it is `most`. Closes the descriptor."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    found = bytearray()
    try:
        while len(found) < most and (piece := await reader.read(most - len(found))):
            found += piece
    finally:
        transport.close()
    return bytes(found)

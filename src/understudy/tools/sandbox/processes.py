"""Processes and pipes as descriptors on the event loop. A process is ended and awaited by a pidfd: without a signal, a
thread, or a number that may be used again.

A descriptor has one owner. Where a transport of the loop is not given one to keep, nothing but this module closes it:
uvloop closes the number of a file object that it was given, and then lets the object close it again.
"""

import asyncio
import os
import signal
import socket
from contextlib import suppress


class WatchedProcess:
    """`gone` is set when the process has ended. Takes over the pidfd, and closes it then."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.gone = asyncio.Event()
        self._descriptor = pidfd
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._on_exit)

    def kill(self) -> None:
        if not self.gone.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    async def wait_for_exit(self, within: float) -> None:
        """Waits for its end, and no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.gone.wait()

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.gone.set()


def memory_file(content: bytes) -> int:
    """A descriptor that reads the content from its beginning."""
    descriptor = os.memfd_create("understudy")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_to_end(descriptor: int, most: int) -> "asyncio.Future[bytes]":
    """What comes out of a pipe until nobody can write to it any more, or until it is `most`.

    Takes over the descriptor, and closes it at the end, which may be the future's cancellation.
    """
    loop = asyncio.get_running_loop()
    content: asyncio.Future[bytes] = loop.create_future()
    content_bytes = bytearray()

    def read() -> None:
        if content.done():
            return
        try:
            piece = os.read(descriptor, most - len(content_bytes))
        except BlockingIOError:
            return
        content_bytes.extend(piece)
        if not piece or len(content_bytes) == most:
            content.set_result(bytes(content_bytes))

    def close(_: object) -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, read)
    content.add_done_callback(close)
    return content


async def open_stream(connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connected Unix socket as a stream, which owns it. May be cancelled.

    uvloop must not be cancelled while it takes a socket over: it closes the number, and so does the socket's object.
    """
    opening = asyncio.ensure_future(asyncio.open_unix_connection(sock=connection))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_stream)
        raise


def _close_stream(opened: "asyncio.Task[tuple[asyncio.StreamReader, asyncio.StreamWriter]]") -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result()[1].close()

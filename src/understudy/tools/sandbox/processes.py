"""Processes and pipes as descriptors on the event loop.

A process is killed and awaited by a pidfd: without a signal handler, a thread, or a pid that may be reused. A
descriptor has one owner. Unless a transport of the loop owns it, only this module closes it: uvloop closes the
descriptor of a file object, and the object closes it again.
"""

import asyncio
import os
import signal
import socket
from contextlib import suppress


class WatchedProcess:
    """`gone` is set when the process has exited. Owns the pidfd, and closes it then."""

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
        """Waits for the exit, at most that long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.gone.wait()

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.gone.set()


def memory_file(content: bytes) -> int:
    """A descriptor that reads the content from its start."""
    descriptor = os.memfd_create("understudy")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def read_to_end(descriptor: int, most: int) -> "asyncio.Future[bytes]":
    """Reads a pipe until its end, or up to `most` bytes.

    Owns the descriptor, and closes it when the future is done or cancelled.
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
    """A connected Unix socket as a stream, which owns it.

    May be cancelled. uvloop must not be cancelled while it takes over a socket: it closes the number, and so does the
    socket's object.
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

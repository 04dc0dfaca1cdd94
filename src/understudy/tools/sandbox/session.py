"""A session on a kernel: one cell at a time, one lifetime, and a new kernel after a loss. See `Session`."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from understudy import telemetry
from understudy.clock import Clock
from understudy.errors import SandboxError
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import notes
from understudy.tools.sandbox.cell import Cell
from understudy.tools.sandbox.files import PIECE
from understudy.tools.sandbox.kernel import Kernel
from understudy.tools.sandbox.outputs import ExecutionEnd, Note, Output
from understudy.tools.sandbox.protocol import SandboxFile

_CODE_BYTES: Final = 1 << 20
_SESSION_ENDED_TEXT: Final = "The session has ended."


class KernelSession:
    """`renew` starts another kernel; called when the session has none, or its kernel has ended.

    `kernel` is one that another process has started.
    """

    def __init__(
        self,
        key: str,
        settings: SandboxSettings,
        clock: Clock,
        renew: Callable[[], Awaitable[Kernel]],
        kernel: Kernel | None = None,
    ) -> None:
        self.key = key
        self.id = ""
        self.ended = False
        self._settings = settings
        self._clock = clock
        self._renew = renew
        self._kernel = kernel
        if kernel is not None:
            self.id = kernel.reference
        self._cell: Cell | None = None
        self._cells = 0
        self._turn = asyncio.Lock()
        self._users = 0
        # Whether the current execution has reported that all state was lost, or the next one has to.
        self._loss_reported = self._loss_unreported = False
        self._settling: set[asyncio.Task[None]] = set()
        self._began_at = self.used_at = clock.now()

    @property
    def busy(self) -> bool:
        return self._users > 0 or self._turn.locked()

    @property
    def reference(self) -> str:
        return "" if self._kernel is None else self._kernel.reference

    @property
    def expires_at(self) -> float:
        end = self._began_at + self._settings.session_seconds
        return end if self.busy else min(end, self.used_at + self._settings.idle_seconds)

    async def ready(self) -> None:
        """Ensures that the session has a kernel."""
        async with self._in_use(), self._turn:
            await self._require_kernel()

    def touch(self) -> None:
        self.used_at = self._clock.now()

    async def execute(self, code: str) -> AsyncGenerator[Output, None]:
        if len(code.encode("utf-8", "replace")) > _CODE_BYTES:
            raise SandboxError(f"The code exceeds the limit of {_CODE_BYTES} bytes. Run it in smaller pieces.")
        async with self._in_use():
            await self._turn.acquire()
            try:
                kernel = await self._require_kernel()
                if self._loss_unreported:
                    self._loss_unreported = False
                    yield Note(notes.describe_new_session(), lost="everything")
                self._cells += 1
                self._cell = cell = Cell(kernel, self._cells, self._settings)
                await cell.begin(code)
                while not isinstance(output := await cell.next(), ExecutionEnd):
                    yield output
                self._loss_reported = output.lost == "everything"
            finally:
                self._release_turn()
        # After the cell is settled: a consumer need not read on after the last output.
        yield output

    def _release_turn(self) -> None:
        """Releases the turn: at once after the end, or in the background when the code has stopped."""
        cell, self._cell = self._cell, None
        if cell is None or cell.ended or self.ended:
            self._turn.release()
            return
        cell.stop()
        task = asyncio.create_task(self._drain(cell))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _drain(self, cell: Cell) -> None:
        try:
            while not cell.ended:
                await cell.next()
        finally:
            self._turn.release()

    async def put(self, name: str, content: Path | AsyncIterable[bytes]) -> None:
        async with self._in_use(), self._turn:
            kernel = await self._require_kernel()
            await kernel.files.put(name, split_code(content) if isinstance(content, Path) else content)

    async def link(self, alias: str, name: str) -> None:
        async with self._in_use(), self._turn:
            await (await self._require_kernel()).files.link(alias, name)

    async def list(self) -> Sequence[SandboxFile]:
        async with self._in_use():
            return await self._current_kernel().files.list()

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        async with self._in_use():
            async for piece in self._current_kernel().files.read(name):
                yield piece

    async def remove(self, name: str) -> None:
        async with self._in_use():
            await self._current_kernel().files.remove(name)

    async def interrupt(self) -> None:
        if self._cell is not None:
            self._cell.stop()

    async def detach(self) -> None:
        self.ended = True
        if self._kernel is not None:
            await self._kernel.detach()

    async def close(self) -> None:
        self.ended = True
        if self._kernel is not None:
            await self._kernel.kill()
        for task in tuple(self._settling):
            with suppress(asyncio.CancelledError):
                await task

    @asynccontextmanager
    async def _in_use(self) -> AsyncIterator[None]:
        """Marks the session as used, at the start and at the end."""
        if self.ended:
            raise SandboxError(_SESSION_ENDED_TEXT)
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self.used_at = self._clock.now()

    async def _require_kernel(self) -> Kernel:
        if self._kernel is None or not self._kernel.alive:
            if self._kernel is not None:
                self._loss_unreported = not self._loss_reported
                await self._kernel.kill()
                self._kernel = None
            kernel = await self._start_kernel()
            if self.ended:
                await kernel.kill()
                raise SandboxError(_SESSION_ENDED_TEXT)
            self._kernel = kernel
            self._loss_reported = False
            self.id = kernel.reference or secrets.token_hex(16)
        return self._kernel

    async def _start_kernel(self) -> Kernel:
        started, failed = time.perf_counter(), True
        try:
            kernel = await self._renew()
            failed = False
        finally:
            telemetry.emit(telemetry.KernelStarted, failed=failed, duration=telemetry.elapsed(started))
        return kernel

    def _current_kernel(self) -> Kernel:
        if self._kernel is None:
            raise SandboxError("The session has no files yet.")
        return self._kernel


async def split_code(path: Path) -> AsyncGenerator[bytes, None]:
    """The content of a file of the host, in pieces."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
    finally:
        await asyncio.to_thread(file.close)

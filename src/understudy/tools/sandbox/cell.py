"""One piece of code on a kernel: its time limit, what it says, and how it is stopped step by step.

A stop is first an interrupt, which keeps everything; then a new kernel, which keeps the files; then the end of it all.
"""

import asyncio
from collections import deque
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from understudy.settings import SandboxSettings
from understudy.tools.sandbox import wording
from understudy.tools.sandbox.allowance import Allowance, Flood
from understudy.tools.sandbox.frames import Done, Event, Restarted, Said
from understudy.tools.sandbox.kernel import Kernel, KernelGone
from understudy.tools.sandbox.outputs import Ended, Loss, Note, Output

Cause: TypeAlias = Literal["timed_out", "interrupted"]

_RESTARTS_WITHIN: Final = 15.0


class _Stage(IntEnum):
    RUNS = 0
    INTERRUPTED = 1
    RESTARTED = 2
    KILLED = 3


class Cell:
    """`next` gives its outputs one by one. It may be cancelled, and called again to go on."""

    def __init__(self, kernel: Kernel, number: int, settings: SandboxSettings) -> None:
        self.ended = False
        self._kernel = kernel
        self._number = number
        self._settings = settings
        self._stage = _Stage.RUNS
        self._cause: Cause | None = None
        self._deadline = 0.0
        self._timer: asyncio.Timeout | None = None
        self._allowance = Allowance(settings.output_bytes)
        self._outputs: deque[Output] = deque()

    async def begin(self, code: str) -> None:
        self._deadline = _now() + self._settings.cell_seconds
        try:
            await self._kernel.execute(self._number, code)
        except KernelGone as gone:
            self._lose(gone)

    def stop(self) -> None:
        """Interrupts it, as soon as somebody awaits `next`."""
        if self._cause is None and not self.ended:
            self._cause = "interrupted"
            self._deadline = _now()
            if self._timer is not None:
                self._timer.reschedule(self._deadline)

    async def next(self) -> Output:
        """The next output; `Ended` is the last."""
        while not self._outputs:
            try:
                self._take(await self._event())
            except Flood:
                await self._kernel.kill()
            except KernelGone as gone:
                self._lose(gone)
        output = self._outputs.popleft()
        self.ended = isinstance(output, Ended)
        return output

    async def _event(self) -> Event:
        while True:
            try:
                async with asyncio.timeout_at(self._deadline) as self._timer:
                    return await self._kernel.receive()
            except TimeoutError:
                await self._escalate()
            finally:
                self._timer = None

    async def _escalate(self) -> None:
        self._cause = self._cause or "timed_out"
        self._stage = _Stage(self._stage + 1)
        match self._stage:
            case _Stage.INTERRUPTED:
                self._deadline = _now() + self._settings.interrupt_seconds
                await self._kernel.interrupt(self._number)
            case _Stage.RESTARTED:
                self._deadline = _now() + _RESTARTS_WITHIN
                await self._kernel.restart()
            case _:
                await self._kernel.kill()
                raise KernelGone

    def _take(self, event: Event) -> None:
        """What belongs to another cell came too late for it, and is nobody's."""
        match event:
            case Said(self._number, output):
                self._outputs.extend(self._allowance.granted(output))
            case Done(self._number, ok):
                self._end(wording.kept(self._stopped()), "ok" if ok else "error")
            case Restarted(self._number, reason, how):
                self._end(wording.restarted(reason, how, self._stopped()), lost="variables")
            case Restarted(0, reason, how):
                self._outputs.append(Note(wording.restarted(reason, how, ""), lost="variables"))

    def _end(self, text: str, status: Literal["ok", "error", "died"] = "died", lost: Loss = "nothing") -> None:
        self._outputs.append(Ended(self._cause or status, lost, text))

    def _lose(self, gone: KernelGone) -> None:
        self._end(wording.gone(str(gone), self._stopped()), lost="everything")

    def _stopped(self) -> str:
        """A sentence, where it was."""
        match self._cause:
            case "timed_out":
                return wording.timed_out(self._settings.cell_seconds)
            case "interrupted":
                return wording.INTERRUPTED
        return ""


def _now() -> float:
    return asyncio.get_running_loop().time()

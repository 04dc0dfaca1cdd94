"""One execution of code on a kernel: its time limit, its outputs, and its stop in steps.

A stop is first an interrupt, which preserves all state; then a new kernel, which preserves the files; then the end of
the sandbox.
"""

import asyncio
from collections import deque
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from understudy.settings import SandboxSettings
from understudy.tools.sandbox import notes
from understudy.tools.sandbox.frames import CellDone, CellOutput, Event, KernelRestarted
from understudy.tools.sandbox.kernel import Kernel, KernelDied
from understudy.tools.sandbox.output_limits import OutputFlood, OutputLimiter
from understudy.tools.sandbox.outputs import ExecutionEnd, LostState, Note, Output

Cause: TypeAlias = Literal["timed_out", "interrupted"]

_RESTART_SECONDS: Final = 15.0


class _StopStage(IntEnum):
    RUNS = 0
    INTERRUPTED = 1
    RESTARTED = 2
    KILLED = 3


class Cell:
    """`next` returns the outputs one by one. It may be cancelled and called again."""

    def __init__(self, kernel: Kernel, number: int, settings: SandboxSettings) -> None:
        self.ended = False
        self._kernel = kernel
        self._number = number
        self._settings = settings
        self._stage = _StopStage.RUNS
        self._cause: Cause | None = None
        self._deadline = 0.0
        self._timer: asyncio.Timeout | None = None
        self._allowance = OutputLimiter(settings.output_bytes)
        self._outputs: deque[Output] = deque()

    async def begin(self, code: str) -> None:
        self._deadline = _monotonic() + self._settings.cell_seconds
        try:
            await self._kernel.execute(self._number, code)
        except KernelDied as gone:
            self._finish_after_loss(gone)

    def stop(self) -> None:
        """Interrupts the code during the next call of `next`."""
        if self._cause is None and not self.ended:
            self._cause = "interrupted"
            self._deadline = _monotonic()
            if self._timer is not None:
                self._timer.reschedule(self._deadline)

    async def next(self) -> Output:
        """The next output; `ExecutionEnd` is the last."""
        while not self._outputs:
            try:
                self._handle_event(await self._event())
            except OutputFlood:
                await self._kernel.kill()
            except KernelDied as gone:
                self._finish_after_loss(gone)
        output = self._outputs.popleft()
        self.ended = isinstance(output, ExecutionEnd)
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
        self._stage = _StopStage(self._stage + 1)
        match self._stage:
            case _StopStage.INTERRUPTED:
                self._deadline = _monotonic() + self._settings.interrupt_seconds
                await self._kernel.interrupt(self._number)
            case _StopStage.RESTARTED:
                self._deadline = _monotonic() + _RESTART_SECONDS
                await self._kernel.restart()
            case _StopStage.KILLED:
                await self._kernel.kill()
                raise KernelDied

    def _handle_event(self, event: Event) -> None:
        """Output of an earlier cell that arrived too late is dropped."""
        match event:
            case CellOutput(self._number, output):
                self._outputs.extend(self._allowance.limit_output(output))
            case CellDone(self._number, ok):
                self._finish(notes.describe_stop(self._stop_sentence()), "ok" if ok else "error")
            case KernelRestarted(self._number, reason, how):
                self._finish(notes.describe_restart(reason, how, self._stop_sentence()), lost="variables")
            case KernelRestarted(0, reason, how):
                self._outputs.append(Note(notes.describe_restart(reason, how, ""), lost="variables"))

    def _finish(self, text: str, status: Literal["ok", "error", "died"] = "died", lost: LostState = "nothing") -> None:
        self._outputs.append(ExecutionEnd(self._cause or status, lost, text))

    def _finish_after_loss(self, gone: KernelDied) -> None:
        self._finish(notes.describe_end(str(gone), self._stop_sentence()), lost="everything")

    def _stop_sentence(self) -> str:
        """A sentence, where it was."""
        match self._cause:
            case "timed_out":
                return notes.describe_timeout(self._settings.cell_seconds)
            case "interrupted":
                return notes.INTERRUPTED
        return ""


def _monotonic() -> float:
    return asyncio.get_running_loop().time()

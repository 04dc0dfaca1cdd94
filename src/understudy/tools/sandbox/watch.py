"""Enforces limits on running sandboxes that the kernel does not enforce.

A sandbox above a limit loses its kernel and all its processes; one that is still above it, or has too many files, is
killed.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from understudy import telemetry
from understudy.settings import SandboxSettings
from understudy.tools.sandbox.bwrap import Sandbox
from understudy.tools.sandbox.command import MIB
from understudy.tools.sandbox.shared_fd import SharedFd
from understudy.tools.sandbox.usage import Usage, measure_shared_memory, used

WATCH_SECONDS: Final = 0.25
MAX_INODES: Final = 50_000
MAX_SOCKETS: Final = 128
"""Data queued in a socket is kernel memory: up to some MiB each."""
_MAX_IGNORED_RESTARTS: Final = 8
"""Checks after an order to restart until the sandbox is killed."""


@dataclass(slots=True)
class Watch:
    """The measurements of one sandbox. `before` is the CPU time of former kernels."""

    jail: Sandbox
    settings: SandboxSettings
    before: float = 0.0
    _ordered: int = field(default=0, init=False)

    async def check_usage(self) -> None:
        if not self.jail.alive or self.jail.processes is None:
            return
        with suppress(OSError):  # it exited meanwhile
            await self._enforce_limits(used(self.jail.processes, self.jail.places), self.jail.processes)

    async def _enforce_limits(self, usage: Usage, processes: SharedFd) -> None:
        if usage.inodes > MAX_INODES:
            telemetry.emit(telemetry.KernelStopped, reason="files")
            await self.jail.kill(f"It exceeded the limit of {MAX_INODES} files.")
        elif excess := await self._find_excess(usage, processes):
            await self._restart_or_kill(*excess, usage)
        else:
            self._ordered = 0

    async def _restart_or_kill(self, limit: telemetry.KernelStop, reason: str, usage: Usage) -> None:
        if self._ordered == 0:
            telemetry.emit(telemetry.KernelStopped, reason=limit)
            self.before = usage.cpu_seconds
            await self.jail.restart(reason)
        self._ordered += 1
        if self._ordered > _MAX_IGNORED_RESTARTS:
            await self.jail.kill(reason)

    async def _find_excess(self, usage: Usage, processes: SharedFd) -> tuple[telemetry.KernelStop, str] | None:
        """The limit that is exceeded, and the sentence about it."""
        memory = self.settings.memory_mb
        if usage.cpu_seconds - self.before > self.settings.cpu_seconds:
            return "processor", f"It exceeded the limit of {self.settings.cpu_seconds} seconds of processor time."
        if usage.sockets > MAX_SOCKETS:
            return "sockets", f"It exceeded the limit of {MAX_SOCKETS} sockets."
        if usage.resident > memory * MIB:
            fair = await asyncio.to_thread(measure_shared_memory, processes)
            if fair > memory * MIB:
                return "memory", f"It exceeded the limit of {memory} MiB of memory."
        return None

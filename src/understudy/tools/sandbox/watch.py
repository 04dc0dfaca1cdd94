"""Holds running sandboxes to the limits that the kernel does not hold them to.

A sandbox that uses too much loses its kernel and all its processes; one that still does, or has too many files, is
killed whole.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from understudy.settings import SandboxSettings
from understudy.tools.sandbox.bwrap import Sandbox
from understudy.tools.sandbox.command import MIB
from understudy.tools.sandbox.shared_fd import SharedFd
from understudy.tools.sandbox.usage import Usage, measure_shared_memory, used

WATCH_SECONDS: Final = 0.25
MAX_INODES: Final = 50_000
MAX_SOCKETS: Final = 128
"""What waits in a socket is memory of the kernel's: up to some MiB in each."""
_MAX_IGNORED_RESTARTS: Final = 8
"""Looks after an order to restart at which too much is still in use."""


@dataclass(slots=True)
class Watch:
    """Of one jail. `before` is the processor time of kernels that are gone."""

    jail: Sandbox
    settings: SandboxSettings
    before: float = 0.0
    _ordered: int = field(default=0, init=False)

    async def check_usage(self) -> None:
        if not self.jail.alive or self.jail.processes is None:
            return
        with suppress(OSError):  # it ends meanwhile
            await self._enforce_limits(used(self.jail.processes, self.jail.places), self.jail.processes)

    async def _enforce_limits(self, usage: Usage, processes: SharedFd) -> None:
        if usage.inodes > MAX_INODES:
            await self.jail.kill(f"It had more than {MAX_INODES} files, which is not allowed.")
        elif reason := await self._find_excess(usage, processes):
            await self._restart_or_kill(reason, usage)
        else:
            self._ordered = 0

    async def _restart_or_kill(self, reason: str, usage: Usage) -> None:
        if self._ordered == 0:
            self.before = usage.cpu_seconds
            await self.jail.restart(reason)
        self._ordered += 1
        if self._ordered > _MAX_IGNORED_RESTARTS:
            await self.jail.kill(reason)

    async def _find_excess(self, usage: Usage, processes: SharedFd) -> str | None:
        memory = self.settings.memory_mb
        if usage.cpu_seconds - self.before > self.settings.cpu_seconds:
            return f"It used more than {self.settings.cpu_seconds} seconds of processor time."
        if usage.sockets > MAX_SOCKETS:
            return f"It had more than {MAX_SOCKETS} sockets, which is not allowed."
        if usage.resident > memory * MIB:
            fair = await asyncio.to_thread(measure_shared_memory, processes)
            if fair > memory * MIB:
                return f"It used more than {memory} MiB of memory."
        return None

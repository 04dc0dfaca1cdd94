"""The interface of a kernel, which runs the cells of a session on this machine or behind a gateway."""

from typing import Protocol

from understudy.tools.sandbox.files import Files
from understudy.tools.sandbox.frames import Event


class KernelDied(Exception):
    """The kernel sends no more events; the text is a sentence with the cause, if known."""


class Kernel(Protocol):
    @property
    def files(self) -> Files: ...

    @property
    def alive(self) -> bool: ...

    @property
    def reference(self) -> str:
        """What another process needs to connect to the kernel; empty if it cannot."""
        ...

    async def detach(self) -> None:
        """Disconnects from a kernel with a reference, which stays as it is; ends another one."""
        ...

    async def execute(self, cell: int, code: str) -> None:
        """Starts the code; its events have the number of the cell."""
        ...

    async def receive(self) -> Event:
        """The next event. Raises KernelDied. May be cancelled at any point without losing an event."""
        ...

    async def interrupt(self, cell: int) -> None: ...

    async def restart(self) -> None:
        """Replaces the state by a new one; the event `Restarted` follows. Files are preserved."""
        ...

    async def kill(self) -> None:
        """Ends the kernel, and returns when it has ended."""
        ...

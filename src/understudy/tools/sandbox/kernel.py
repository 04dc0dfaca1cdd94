"""What the cells of a session run on, wherever it is: a kernel on this machine or behind a gateway."""

from typing import Protocol

from understudy.tools.sandbox.files import Files
from understudy.tools.sandbox.frames import Event


class KernelDied(Exception):
    """Nothing more will be heard of it; its text is a sentence that says why, where that is known."""


class Kernel(Protocol):
    @property
    def files(self) -> Files: ...

    @property
    def alive(self) -> bool: ...

    async def execute(self, cell: int, code: str) -> None:
        """Begins; what comes of it is received, with the cell's number."""
        ...

    async def receive(self) -> Event:
        """What happened next. Raises KernelDied. May be cancelled at any point without a loss."""
        ...

    async def interrupt(self, cell: int) -> None: ...

    async def restart(self) -> None:
        """A new state in place of the old one; `Restarted` is received when it is there. Files stay."""
        ...

    async def kill(self) -> None:
        """Ends it, and returns when it has ended."""
        ...

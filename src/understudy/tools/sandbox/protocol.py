"""What a sandbox is to the rest of the program. Knows no kernel, no process and no run.

A session belongs to a key, for instance a thread's id: a Python that keeps its variables from one piece of code to the
next, and a folder `/mnt/data`. All methods raise SandboxError where the sandbox itself fails.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from understudy.tools.sandbox.outputs import Output

FOLDER: Final = "/mnt/data"
"""Where a session's files are, as its code sees them; also the directory that the code starts in."""


@dataclass(frozen=True, slots=True)
class SandboxFile:
    """A regular file below `/mnt/data`; `name` is its path from there, like `figures/a.png`.

    `modified` is in seconds since the epoch, as the code left it; `digest` is the SHA-256 of the content, in hex.
    """

    name: str
    size: int
    modified: float
    digest: str


class Session(Protocol):
    """One at a time: what is asked while code runs waits, except for `read`, `list`, `interrupt` and `close`."""

    key: str
    id: str
    """Another one means other files: it changes when a session is lost with everything in it."""

    @property
    def expires_at(self) -> float:
        """When the session ends if it is not used again, in seconds since the epoch."""
        ...

    @property
    def ended(self) -> bool: ...

    def touch(self) -> None:
        """Counts as use."""
        ...

    def execute(self, code: str) -> AsyncGenerator[Output, None]:
        """Runs the code and gives what it says as it says it; the last output is `Ended`, and only the last.

        Closing the generator, or cancelling whoever awaits it, stops the code at once; variables and files stay.
        """
        ...

    async def put(self, name: str, content: Path | AsyncIterable[bytes]) -> None:
        """Writes the file, in place of one of that name. `name` has no slash; `safe_name` makes one of any text.

        Raises InvalidName, or SandboxFull where it does not fit.
        """
        ...

    async def link(self, alias: str, name: str) -> None:
        """Makes a file known to the code under a second name, which `list` does not show.

        What the code itself has made under that name stays as it is.
        """
        ...

    async def list(self) -> Sequence[SandboxFile]:
        """The regular files, by name; neither links nor hidden ones, and no more than a thousand."""
        ...

    def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """The file's content in pieces. Raises NoSuchFile where there is none, or none that is a regular file."""
        ...

    async def remove(self, name: str) -> None:
        """Raises NoSuchFile."""
        ...

    async def interrupt(self) -> None:
        """Stops what runs; its execution ends as `interrupted`. Nothing where nothing runs."""
        ...

    async def close(self) -> None:
        """Ends the session with everything in it; all of its processes are gone when this returns."""
        ...


class Sandbox(Protocol):
    async def start(self) -> None:
        """Begins what goes on beside the sessions: their expiry, and keeping kernels warm. Waits for nothing."""
        ...

    async def check(self) -> str | None:
        """What keeps code from running here, and how to get it, as a sentence; None where code can run."""
        ...

    def prepare(self) -> None:
        """Somebody may want a session soon: gets ready for it in the background, where that was not done before."""
        ...

    async def open(self, key: str) -> Session:
        """The session of the key: the one that lives, or a new one. Waits for its turn where many start."""
        ...

    def find(self, key: str) -> Session | None:
        """The session of the key where one lives."""
        ...

    async def close(self) -> None:
        """Ends all sessions and whatever else runs."""
        ...

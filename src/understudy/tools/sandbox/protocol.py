"""The interface of a sandbox for the rest of the program. Knows no kernel, no process and no run.

A session belongs to a key, for instance a thread's id: a Python that preserves its variables between executions, and a
folder `/mnt/data`. All methods raise SandboxError if the sandbox itself fails.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from understudy.tools.sandbox.outputs import Output

FOLDER: Final = "/mnt/data"
"""The folder of a session's files as its code sees it; also the working directory."""


@dataclass(frozen=True, slots=True)
class SandboxFile:
    """A regular file below `/mnt/data`; `name` is its relative path, like `figures/a.png`.

    `modified` is in seconds since the epoch, as the code set it; `digest` is the SHA-256 of the content, in hex.
    """

    name: str
    size: int
    modified: float
    digest: str


class Session(Protocol):
    """Runs one request at a time: while code runs, others wait, except `read`, `list`, `interrupt` and `close`."""

    key: str
    id: str
    """Identifies the files: it changes when a session is lost with its files."""

    @property
    def reference(self) -> str:
        """What another process needs to continue the session, see `Sandbox.attach`; empty if it cannot."""
        ...

    @property
    def expires_at(self) -> float:
        """When an unused session ends, in seconds since the epoch."""
        ...

    @property
    def ended(self) -> bool: ...

    @property
    def busy(self) -> bool:
        """Whether a request is being handled."""
        ...

    def touch(self) -> None:
        """Resets the idle time."""
        ...

    def execute(self, code: str) -> AsyncGenerator[Output, None]:
        """Runs the code and yields its outputs as they arrive; only the last one is an `ExecutionEnd`.

        Closing the generator, or cancelling its consumer, stops the code at once; variables and files are preserved.
        """
        ...

    async def put(self, name: str, content: Path | AsyncIterable[bytes]) -> None:
        """Writes the file and replaces one of that name. `name` has no slash; `safe_name` makes one of any text.

        Raises InvalidName, or SandboxFull if it does not fit.
        """
        ...

    async def link(self, alias: str, name: str) -> None:
        """Gives a file a second name, which `list` omits. A file that code created under that name is preserved."""
        ...

    async def list(self) -> Sequence[SandboxFile]:
        """The regular files by name, without links and hidden files, at most a thousand."""
        ...

    def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """The file's content in pieces. Raises NoSuchFile without a regular file of that name."""
        ...

    async def remove(self, name: str) -> None:
        """Raises NoSuchFile."""
        ...

    async def interrupt(self) -> None:
        """Stops the running code; its execution ends as `interrupted`. Does nothing without one."""
        ...

    async def detach(self) -> None:
        """Ends the session here. Another process can continue one with a reference; one without it is closed."""
        ...

    async def close(self) -> None:
        """Ends the session with its files; all of its processes have exited when this returns."""
        ...


class Sandbox(Protocol):
    async def start(self) -> None:
        """Starts the background work: expiry of sessions and idle kernels. Returns at once."""
        ...

    async def check(self) -> str | None:
        """A sentence about what prevents code from running here, and the remedy; None if code can run."""
        ...

    def prepare(self) -> None:
        """Prepares for a new session in the background, unless that is done."""
        ...

    async def open(self, key: str) -> Session:
        """The session of the key, or a new one. Waits while too many are starting."""
        ...

    async def attach(self, key: str, reference: str) -> Session | None:
        """Continues the session of another process, with its variables and files; None if it is gone."""
        ...

    def find(self, key: str) -> Session | None:
        """The session of the key, or None."""
        ...

    def count_sessions(self) -> int:
        """How many sessions are open here."""
        ...

    async def stop(self) -> None:
        """Ends all sessions and all other processes."""
        ...

"""What a process of a cluster does."""

from dataclasses import dataclass
from pathlib import Path

from understudy.store.nodes import ROLE_WITHOUT_JOBS


@dataclass(frozen=True, slots=True)
class Role:
    """What a process of a cluster does. `process` is its number among those that share one data directory.

    `address` is where it serves requests; None for a worker. `runs_transfers`: it executes imports, exports and
    deletions, also without jobs.
    """

    runs_jobs: bool = True
    process: int | None = None
    address: str | None = ""
    runs_transfers: bool = False

    @property
    def name(self) -> str:
        """`server`, `server without jobs` or `worker`."""
        if self.address is None:
            return "worker"
        return "server" if self.runs_jobs else ROLE_WITHOUT_JOBS

    def limit_jobs(self, most: int) -> int:
        """How many jobs may run at a time."""
        return most if self.runs_jobs else 0

    def limit_transfers(self, most: int) -> int:
        """How many imports, exports and deletions may run at a time."""
        return most if self.runs_jobs or self.runs_transfers else 0

    def own_directory(self, directory: Path) -> Path:
        """The part of a directory that belongs to this process alone."""
        return directory if self.process is None else directory / f"process-{self.process}"

"""A leased job, and what its kind has to know. Knows no pool and no lease."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from understudy.correlation import NO_ORIGIN, Origin
from understudy.store.workers import Candidate, Key

Work = TypeVar("Work")

MAX_INTERRUPTIONS: Final = 5
"""Workers that died over a job: it may be the reason."""


class JobKind(ABC, Generic[Key, Work]):
    """One kind of jobs: how they are listed, claimed, executed and released. `Work` is what a claim returns."""

    name: str
    """In logs: `batch`, `run`."""

    guards_writes = False
    """Whether each write of a job checks its claim: then claims are checked rarely, and after failures of the store."""

    claims_at_once = 1
    """How many queued jobs are claimed at a time."""

    sweep_seconds = 1.0
    """Between two sweeps, of few nodes."""

    drain_seconds = 0.0
    """How long a stopping pool lets its jobs continue before it interrupts them."""

    @abstractmethod
    async def list_candidates(self, now: float) -> Sequence[Candidate[Key]]:
        """Jobs that no live worker owns."""

    def has_candidates(self) -> bool:
        """Whether there are candidates that a look at the store for waiting and orphaned jobs would not find."""
        return False

    @abstractmethod
    async def claim(self, candidate: Candidate[Key], owner: str, now: float) -> Work | None:
        """Claims a job; None where another worker has it, or where nothing is left to do."""

    @abstractmethod
    async def run(self, work: Work) -> float | None:
        """Does the job and ends its claim; returns the seconds until the next attempt if this one failed.

        StoreError and other errors end the attempt, which is repeated later.
        """

    @abstractmethod
    async def list_owned(self, owner: str) -> Mapping[Key, Any]:
        """The revisions of the jobs that the owner's claims cover."""

    def origin(self, _work: Work, /) -> Origin:
        """What was stored with the job of the request that created it."""
        return NO_ORIGIN

    def created_at(self, _work: Work, /) -> float | None:
        """When a job was created whose first attempt this is, in Unix seconds; None for a later one, or if unknown."""
        return None

    def is_current(self, _work: Work, _revision: Any, /) -> bool:
        """Whether the claim still covers what is to be done, by the revision that is stored now."""
        return True

    async def release_forgotten(self, owner: str, keys: Sequence[Key]) -> None:
        """Ends claims that no job here belongs to: those of attempts that could not reach the store."""

    async def release_all(self, owner: str) -> None:
        """Ends claims that are left when the pool stops."""

    async def sweep(self, now: float) -> None:
        """Repeated every second, before candidates are listed."""

    def interrupt(self, _work: Work, task: asyncio.Task[None], /) -> None:
        """Makes a job end its attempt soon."""
        task.cancel()

    def job_started(self, work: Work, task: asyncio.Task[None], /) -> None:
        """After the task of a job was created, before it runs."""

    def job_ended(self, work: Work, /) -> None:
        """After the job has left the pool."""


@dataclass(eq=False, slots=True)
class Job(Generic[Key, Work]):
    candidate: Candidate[Key]
    work: Work
    started: float
    task: asyncio.Task[None] = field(init=False)
    retry_delay: float | None = None
    interrupted: bool = False
    ended: bool = False

"""Wake-ups of workers. The database is the truth: a sweep finds the jobs whose announcement was lost."""

from typing import Protocol, TypeVar

T = TypeVar("T")


class Broker(Protocol[T]):
    """`T` names a job with its project."""

    async def announce(self, job: T) -> None:
        """Publishes that a job waits for a worker."""
        ...

    async def next(self) -> T:
        """Waits for an announced job; each announcement reaches one worker."""
        ...

    async def close(self) -> None: ...

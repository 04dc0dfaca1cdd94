"""How a worker learns that a run waits. A wake-up only: the truth is the database, a sweep finds what was missed."""

from typing import Protocol


class Broker(Protocol):
    async def announce(self, run_id: str) -> None:
        """Says that the run waits for a worker."""
        ...

    async def next(self) -> str:
        """Waits for an announced run; each announcement reaches one worker."""
        ...

    async def close(self) -> None: ...

"""The funds that jobs in the background hold from their admission to their end, which may be on another server."""

import time
from collections.abc import Sequence
from typing import Final

from understudy.engine.accounting import Accounting
from understudy.engine.spending_holds import Hold
from understudy.store.billable_jobs import BillableJobs, BillableKind

# A job that is not found may not be stored yet.
_UNSTORED_SECONDS: Final = 30.0


class JobHolds:
    """The holds of the jobs of one kind, by the ids of the jobs."""

    def __init__(self, accounting: Accounting, jobs: BillableJobs, kind: BillableKind) -> None:
        self._accounting = accounting
        self._jobs = jobs
        self._kind: BillableKind = kind
        accounting.releasers.append(self.release_ended)

    async def take(self, project_id: str, key_id: str, costs: Sequence[int]) -> list[Hold]:
        """Returns a hold for each of the costs in credits, which the caller binds to jobs; empty if nothing is limited.

        Raises OutOfFunds and FundsReserved.
        """
        return await self._accounting.hold_credits(project_id, key_id, costs)

    def bind(self, hold: Hold | None, job_id: str) -> None:
        """Makes the job the owner of the hold. An earlier hold of the job is added to it."""
        if hold is not None:
            hold.bind(job_id, self._kind)

    def settle(self, job_id: str, credits_: int) -> None:
        """The job has ended, and a transaction has charged these credits for it."""
        if (hold := self._accounting.holds.bound.get(job_id)) is not None:
            hold.charge(credits_)
            hold.release()

    async def release_ended(self) -> None:
        """Releases the holds of jobs that have ended elsewhere, or were deleted. Raises StoreError."""
        bound = {job_id: hold for job_id, hold in self._accounting.holds.bound.items() if hold.kind == self._kind}
        if not bound:
            return
        found = await self._jobs.find(self._kind, list(bound))
        before = time.monotonic() - _UNSTORED_SECONDS
        for job_id, hold in bound.items():
            if not found.get(job_id, hold.bound_at >= before):
                hold.release()

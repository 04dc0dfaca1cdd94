"""The funds that runs and jobs hold from their admission to their end, which may be on another server."""

import time
from collections.abc import Container, Sequence
from typing import Final

from understudy.engine.accounting import Accounting
from understudy.engine.spending_holds import Hold
from understudy.store.billable_jobs import BillableJobs, BillableKind
from understudy.store.runs import Runs
from understudy.store.states import EXECUTING

# A job that is not found may not be stored yet; a run is stored when its admission has ended.
_UNSTORED_SECONDS: Final = 30.0
_UNSTORED_RUN_SECONDS: Final = 5.0


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


class RunHolds:
    """The holds of runs. `active` are the ids of the runs that this server executes."""

    def __init__(self, accounting: Accounting, runs: Runs, active: Container[str]) -> None:
        self._holds = accounting.holds
        self._runs = runs
        self._active = active
        accounting.releasers.append(self.release_ended)

    def release(self, run_id: str) -> None:
        """The run has ended here."""
        self._holds.release(run_id)

    async def release_ended(self) -> None:
        """Releases the holds of runs that have ended elsewhere, or do not exist. Raises StoreError."""
        bound = self._holds.bound
        elsewhere = {
            run_id: hold for run_id, hold in bound.items() if hold.kind == "run" and run_id not in self._active
        }
        owners = await self._runs.find_owners(list(elsewhere)) if elsewhere else {}
        before = time.monotonic() - _UNSTORED_RUN_SECONDS
        for run_id, hold in elsewhere.items():
            found = owners.get(run_id)
            has_ended = hold.bound_at < before if found is None else found.status not in EXECUTING
            if has_ended and run_id not in self._active:
                hold.release()

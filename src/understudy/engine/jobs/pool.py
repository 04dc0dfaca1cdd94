"""The pool of leased jobs: who works on what, and what happens when a worker or the store fails.

The database is the truth: a claim holds as long as its worker's lease. A sweep finds jobs that no live worker owns, so
a lost wake-up costs a second and a dead worker the rest of its lease. Only its kind knows what a job does.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic

from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.jobs import job_telemetry
from understudy.engine.jobs.claim_checks import ClaimChecks, ClaimInProgress
from understudy.engine.jobs.fair_queue import FairQueue
from understudy.engine.jobs.job import Job, JobKind, Work
from understudy.engine.jobs.lease import HEARTBEAT_SECONDS, LEASE_SECONDS, Lease
from understudy.errors import StoreError, Unavailable
from understudy.looper import Looper
from understudy.store.workers import Candidate, Key, Workers

_MAX_WAKEUPS: Final = 100
_SWEEP_SECONDS_A_NODE: Final = 0.02
_SWEEP_JITTER: Final = 0.3
_BACKOFF_SECONDS: Final = 5.0
logger = logging.getLogger(__name__)


class LeasePool(Generic[Key, Work]):
    """At most `places` jobs at a time; with 0, jobs are only handed to other processes, by waking one of them.

    `token` makes the id of the worker, with the prefix. `is_announced`: jobs are queued here with `announce`, and only
    sweeps and wake-ups list candidates.
    """

    def __init__(
        self,
        kind: JobKind[Key, Work],
        workers: Workers,
        clock: Clock,
        prefix: str,
        places: int,
        broker: Broker,
        extra_loops: Sequence[Looper] = (),
        *,
        is_announced: bool = False,
        token: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = f"{prefix}_{token or secrets.token_hex(12)}"
        self.jobs: dict[Key, Job[Key, Work]] = {}
        self._kind: JobKind[Key, Work] = kind
        self._workers = workers
        self._clock = clock
        self._places = places
        self._broker = broker
        self._is_announced = is_announced
        self._queue: FairQueue[Key] = FairQueue()
        self._claims = 0
        self._backing_off: dict[Key, float] = {}
        self._woken = asyncio.Event()
        # Whether candidates may have been stored since they were listed.
        self._is_outdated = True
        self._place_free = asyncio.Event()
        self._lease = Lease(self.id, workers, monotonic)
        self.claim_checks: ClaimChecks[Key, Work] = ClaimChecks(kind, self.id, self.jobs, self._interrupt, monotonic)
        self.check_soon = self.claim_checks.check_soon
        self._stopping = False
        self._stopped: asyncio.Future[None] | None = None
        self._heartbeat = Looper(HEARTBEAT_SECONDS, self._renew_lease)
        self._loops = [
            self._heartbeat,
            Looper(self._sweep_delay, self._sweep, aligned=not workers.is_shared),
            Looper(0, self._start_jobs),
            *extra_loops,
        ]
        if broker.is_shared and places:
            self._loops.append(Looper(0, self._receive_wakeup))

    async def start(self) -> None:
        """Raises StoreError."""
        if not (self._places or self._is_announced):
            return
        await self._renew_lease()
        await self._sweep()
        for loop in self._loops:
            await loop.start()

    async def stop(self) -> None:
        """Claims nothing more, ends or interrupts the jobs, ends the lease, and wakes another worker for what is left.

        A second call waits for the end of the first.
        """
        if self._stopped is None:
            self._stopped = asyncio.ensure_future(self._stop())
        await asyncio.shield(self._stopped)

    async def _stop(self) -> None:
        self._stopping = True
        for loop in self._loops:
            await loop.stop()
        if self.jobs and self._kind.drain_seconds:
            await asyncio.wait([job.task for job in self.jobs.values()], timeout=self._kind.drain_seconds)
        left = min(len(self.jobs) + len(self._queue), _MAX_WAKEUPS)
        await self._interrupt_all(list(self.jobs.values()))
        try:
            await self._kind.release_all(self.id)
            await self._lease.end()
        except StoreError as error:
            logger.warning("worker %s: lease not ended, it expires in %g s: %s", self.id, LEASE_SECONDS, error)
        if self._broker.is_shared:
            for _ in range(left):
                self._broker.wake(self._kind.name)

    def wake(self) -> None:
        """Makes a pool of this kind look for candidates at once: this one, or that of a process with a free place."""
        self._is_outdated = True
        self._woken.set()
        self._wake_other()

    def announce(self, candidate: Candidate[Key]) -> None:
        """Queues a job that is stored, and wakes another process if this one has no free place."""
        if self._places:
            self._queue.add(candidate)
            self._woken.set()
            if not self.holds_lease:
                # This process was stopped, or could not write: the job does not wait for the next heartbeat.
                self._heartbeat.run_now()
        self._wake_other()

    def _wake_other(self) -> None:
        if self._broker.is_shared and self.free_places < max(len(self._queue), 1):
            self._broker.wake(self._kind.name)

    def resize(self, places: int) -> None:
        """Changes how many jobs run at a time; those that run already continue. A pool without places stays so."""
        if self._places and places != self._places:
            self._places = places
            self._place_free.set()
            self._woken.set()

    def require_running(self) -> None:
        """Raises Unavailable once the pool is stopping: a job accepted now would wait for the next start."""
        if self._stopping:
            raise Unavailable("The server is stopping. Try again in a moment.", headers={"retry-after": "1"})

    @property
    def holds_lease(self) -> bool:
        """Whether the lease still lasts for at least a heartbeat, whatever the database does."""
        return self._lease.is_valid

    @property
    def free_places(self) -> int:
        return 0 if self._stopping or not self.holds_lease else max(self._places - len(self.jobs) - self._claims, 0)

    def has_capacity(self) -> bool:
        """Whether a job may start at once: there is a free place, and nobody waits for it."""
        return self.free_places > 0 and not self._queue

    def launch(self, candidate: Candidate[Key], work: Work) -> None:
        """Starts a job that this worker has claimed, in the transaction that created it for instance."""
        job = self.jobs[candidate.key] = Job(candidate, work, time.perf_counter())
        job.task = asyncio.create_task(self._run_job(job))
        # A task that is cancelled before its first step runs no line of its own.
        job.task.add_done_callback(lambda _: self._remove(job))
        self._queue.job_started(candidate)
        job_telemetry.emit_claim(self._kind, job, self._clock.now())
        self._kind.job_started(work, job.task)

    def claiming(self, key: Key) -> ClaimInProgress[Key]:
        """Wraps a transaction that claims a job for this worker, and its launch.

        The claim may be read before its task resumes: it is not that of a forgotten job, and is not repeated.
        """
        return ClaimInProgress(self.claim_checks.in_progress, key)

    def interrupt(self, key: Key) -> None:
        """Interrupts a job where it runs here."""
        if (job := self.jobs.get(key)) is not None:
            self._interrupt(job)

    # -- claiming ----------------------------------------------------------------------------------------------

    async def _receive_wakeup(self) -> None:
        """Waits for a wake-up while a place is free. One that comes too late is passed on."""
        while not self.free_places:
            self._place_free.clear()
            await self._place_free.wait()
        await self._broker.wait_woken(self._kind.name)
        if not self.free_places:
            self._broker.wake(self._kind.name)
            return
        if self._is_announced:
            await self._queue_candidates()
        self._is_outdated = True
        self._woken.set()

    async def _start_jobs(self) -> None:
        await self._woken.wait()
        self._woken.clear()
        if self._is_announced:
            await self._claim_announced()
            return
        while self.free_places:
            # A list is of use until the next sweep, whatever others claim of it meanwhile.
            is_new = self._is_outdated or not self._queue
            if is_new:
                self._is_outdated = False
                self._queue.clear()
                await self._queue_candidates()
            if not await self._claim_queued() and is_new:
                return
        if self._queue:
            self._wake_other()

    async def _claim_announced(self) -> None:
        await self._claim_queued()
        while self.free_places and self._queue.is_incomplete:
            self._queue.is_incomplete = False
            await self._queue_candidates()
            if not await self._claim_queued():
                return

    async def _queue_candidates(self) -> None:
        now = self._clock.now()
        self._backing_off = {key: until for key, until in self._backing_off.items() if until > now}
        for candidate in await self._kind.list_candidates(now):
            if candidate.key not in self.jobs and candidate.key not in self._backing_off:
                self._queue.add(candidate)

    async def _claim_queued(self) -> bool:
        """Claims candidates until the places or the candidates are used up; returns whether a job started."""
        started = False
        while self._queue and self.free_places:
            started |= await self._claim_jobs(self._pop_candidates())
        return started

    def _pop_candidates(self) -> list[Candidate[Key]]:
        """The next candidates, as many as are claimed at a time; each counts as a running job of its project."""
        candidates: list[Candidate[Key]] = []
        most = min(self._kind.claims_at_once, self.free_places)
        while self._queue and len(candidates) < most:
            candidate = self._queue.pop()
            if candidate.key not in self.jobs and candidate.key not in self.claim_checks.in_progress:
                candidates.append(candidate)
                self._queue.job_started(candidate)
        return candidates

    async def _claim_jobs(self, candidates: Sequence[Candidate[Key]]) -> bool:
        """Whether a job started; raises the first error once all claims have ended."""
        self._claims = len(candidates)
        try:
            claims = await asyncio.gather(*map(self._claim_job, candidates), return_exceptions=True)
        finally:
            self._claims = 0
            for candidate in candidates:
                self._queue.job_ended(candidate)
            self._place_free.set()
        for claim in claims:
            if isinstance(claim, BaseException):
                raise claim
        return any(claims)

    async def _claim_job(self, candidate: Candidate[Key]) -> bool:
        with self.claiming(candidate.key):
            return await self._claim_and_launch(candidate)

    async def _claim_and_launch(self, candidate: Candidate[Key]) -> bool:
        try:
            work = await self._kind.claim(candidate, self.id, self._clock.now())
            if work is None:
                return False
            if not self.holds_lease:
                self.check_soon()
                return False
            self.launch(candidate, work)
        except StoreError:
            # The claim may be stored nevertheless.
            self.check_soon()
            raise
        return True

    # -- leases ------------------------------------------------------------------------------------------------

    async def _renew_lease(self) -> None:
        if await self._lease.renew():
            self.check_soon()
            self._woken.set()
            self._place_free.set()

    def _sweep_delay(self) -> float:
        """Seconds until the next sweep: all nodes together sweep at most 50 times a second."""
        seconds = max(self._kind.sweep_seconds, self._lease.nodes * _SWEEP_SECONDS_A_NODE)
        return seconds * random.uniform(1 - _SWEEP_JITTER, 1 + _SWEEP_JITTER)  # noqa: S311 - not a secret

    async def _sweep(self) -> None:
        if not self.holds_lease:
            return
        await self.claim_checks.check()
        await self._kind.sweep(self._clock.now())
        if not (self._kind.has_candidates() or await self._workers.may_have_candidates(self._kind.name)):
            return
        if self._is_announced and self._places:
            await self._queue_candidates()
        self._is_outdated = True
        self._woken.set()

    async def _interrupt_all(self, jobs: Sequence[Job[Key, Work]]) -> None:
        for job in jobs:
            self._interrupt(job)
        await asyncio.gather(*(job.task for job in jobs), return_exceptions=True)

    # -- one job -----------------------------------------------------------------------------------------------

    def _interrupt(self, job: Job[Key, Work]) -> None:
        job.interrupted = True
        self._kind.interrupt(job.work, job.task)

    async def _run_job(self, job: Job[Key, Work]) -> None:
        key = job.candidate.key
        job_telemetry.correlate(self._kind, job)
        try:
            if job_telemetry.is_traced(job):
                job.retry_delay = await job_telemetry.run_in_span(self._kind, job)
            else:
                job.retry_delay = await self._kind.run(job.work)
        except asyncio.CancelledError:
            pass
        except StoreError as error:
            logger.warning("%s %s: store unavailable, backing off: %s", self._kind.name, key, error)
            self._back_off(job)
        except Exception:
            logger.exception("%s %s: failed, backing off", self._kind.name, key)
            self._back_off(job)
        finally:
            self._remove(job)

    def _remove(self, job: Job[Key, Work]) -> None:
        if job.ended:
            return
        job.ended = True
        if not self._kind.guards_writes:
            # Its claim may not have ended with it.
            self.check_soon()
        key = job.candidate.key
        if self.jobs.get(key) is job:
            del self.jobs[key]
        self._queue.job_ended(job.candidate)
        self._kind.job_ended(job.work)
        job_telemetry.emit_end(self._kind.name, job)
        self._place_free.set()
        if self._queue or self._queue.is_incomplete or not self._is_announced:
            self._woken.set()

    def _back_off(self, job: Job[Key, Work]) -> None:
        job.retry_delay = _BACKOFF_SECONDS
        self._backing_off[job.candidate.key] = self._clock.now() + _BACKOFF_SECONDS

"""Runs as jobs: executed where they are created, resumed after a worker died, expired in time.

Every write of a run is guarded by its owner, so a lost claim is noticed there.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, Protocol

from understudy.broker import Broker
from understudy.clock import Clock
from understudy.correlation import Origin
from understudy.engine.accounting import Accounting
from understudy.engine.job_holds import RunHolds
from understudy.engine.jobs.announced_runs import AnnouncedRuns
from understudy.engine.jobs.job import MAX_INTERRUPTIONS, JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.engine.jobs.reservations import NODE_PREFIX, WORKER_PREFIX, Reservations, node_of
from understudy.engine.jobs.run_interrupts import RunInterrupts
from understudy.engine.jobs.run_logs import NO_PAST, Past, RunLogs
from understudy.engine.jobs.waiters import Waiters
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.run import events
from understudy.engine.run.cancellation import Reason
from understudy.engine.run.checkpoint import NOTHING_ABANDONED, Abandoned, Projection, RunWriter
from understudy.engine.run.early_items import EarlyItems
from understudy.engine.run.end_notices import EndNotices
from understudy.engine.run.executor import RunExecutor
from understudy.engine.run.log import RunLog
from understudy.engine.run.logs import Logs
from understudy.engine.run.openings import UnstoredOpenings
from understudy.engine.run.run_tokens import RunTokens
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import Tools
from understudy.engine.views.frames import Frames
from understudy.engine.views.projections import new_projection
from understudy.engine.views.replay import abandoned_objects, note_takeover, restored_event
from understudy.llm.router import Models
from understudy.store import Store
from understudy.store.fair_candidates import FairCursor
from understudy.store.messages import Item
from understudy.store.run_state import Progress, StoredRun
from understudy.store.states import EXECUTING
from understudy.store.workers import Candidate

_SWEEP_CHUNK: Final = 100
_POLL_SECONDS: Final = 1.0
# Longer than a killed server's lease, of which a new one finds the runs.
_LOG_SECONDS: Final = 15.0


class InitialState(Protocol):
    """The first events of a run or response, with the frames of each, and what they result in."""

    @property
    def state(self) -> RunState: ...

    @property
    def projection(self) -> Projection: ...

    @property
    def history(self) -> Sequence[tuple[events.Event, Frames]]: ...


class RunWorker(JobKind[str, RunExecutor]):
    """Executes at most `concurrent_runs` runs at a time, and stores logs of ended ones for `log_retention` seconds."""

    name = "run"
    guards_writes = True
    # While runs wait, new ones have to as well: claimed one by one, they would never catch up under load.
    claims_at_once = 8

    def __init__(
        self,
        store: Store,
        models: Models,
        tools: Tools,
        accounting: Accounting,
        limiter: RateLimiter,
        broker: Broker,
        logs: Logs,
        clock: Clock,
        concurrent_runs: int,
        log_retention: float = 3600.0,
    ) -> None:
        self._store = store
        self._models = models
        self.tools = tools
        self._accounting = accounting
        self._limiter = limiter
        self._logs = logs
        self._clock = clock
        # The worker of a run names the node that has its events.
        token = broker.node_id.removeprefix(NODE_PREFIX)
        self._pool = LeasePool(
            self, store.workers, clock, WORKER_PREFIX, concurrent_runs, broker, is_announced=True, token=token
        )
        self._broker = broker
        self._run_logs = RunLogs(store, logs, clock, broker, log_retention, self._receive_loss)
        self.load_past = self._run_logs.load_past
        self.streams, self.remote = self._run_logs.streams, self._run_logs.remote
        self._interrupts = RunInterrupts(broker, self._pool.id, self._interrupt_active, self._drop)
        self.interrupt_elsewhere = self._interrupts.interrupt_elsewhere
        self._holds = RunHolds(accounting, store.runs, self._pool.jobs)
        self._announced = AnnouncedRuns(store.runs, self._run_logs, self._pool.jobs)
        self.reservations = Reservations(store.containers, broker, self._pool.announce, self._announced.hand_over)
        # Ours still, since the store failed when they were to end.
        self._abandoned: dict[str, Candidate[str]] = {}
        self._may_have_orphans = True
        self._cursor = FairCursor()
        self._waiters = Waiters()
        self.next_change = self._waiters.next_change
        self._notices = self._new_notices() if broker.is_shared else None
        # Another node would not see them, nor could a reader there store them.
        self._openings = None if broker.is_shared or store.workers.is_shared else UnstoredOpenings()
        self._stopping = False
        pool = self._pool
        self.id, self.start, self.resize = pool.id, pool.start, pool.resize
        self.require_running, self.has_capacity, self.claiming = pool.require_running, pool.has_capacity, pool.claiming

    def _new_notices(self) -> EndNotices:
        """What other nodes learn of the ends of runs."""
        is_active = self._pool.jobs.__contains__
        return EndNotices(self._broker, self._store.runs.find_owners, node_of, is_active, self._waiters.notify)

    async def stop(self) -> None:
        """Claims nothing more, and releases the active runs. A second call does nothing."""
        self._stopping = True
        await self._pool.stop()

    # -- executing ---------------------------------------------------------------------------------------------

    def build_executor(
        self,
        project_id: str,
        state: RunState,
        projection: Projection,
        log: RunLog,
        progress: Progress,
        *,
        epoch: int = 1,
        interrupted: bool = False,
        abandoned: Abandoned = NOTHING_ABANDONED,
        newest: Sequence[Item] | None = None,
    ) -> RunExecutor:
        """An executor that is yet to be launched, of the claim with the number `epoch`.

        `interrupted`: servers died over the run since its last checkpoint; `abandoned`: their open objects. `newest`:
        the newest items of its thread, where they cannot be read yet.
        """
        writer = RunWriter(
            self.id,
            self._store,
            self._clock,
            project_id,
            state,
            projection,
            log,
            progress,
            epoch=epoch,
            interrupted=interrupted,
            abandoned=abandoned,
            holds_lease=self._holds_lease,
            tokens=RunTokens(self._limiter, project_id, state.spec, progress),
            openings=self._openings,
        )
        is_private = progress.plan is not None and progress.plan.is_private
        self._run_logs.write(state.spec.id, log, is_private=is_private)
        messages = self._store.messages
        items = messages if newest is None else EarlyItems(messages, state.spec.thread_id, newest)
        return RunExecutor(writer, self._models.pin(), self.tools, self._accounting, items)

    def _holds_lease(self) -> bool:
        """Whether no other server can have claimed the runs of this one."""
        return self._pool.holds_lease or not self._store.workers.is_shared

    def _interrupt_active(self, run_id: str, reason: Reason) -> None:
        """Interrupts a run where it is executed here."""
        if (active := self.active(run_id)) is not None:
            active.interrupt(reason)

    async def _interrupt_cancelled(self) -> None:
        """Ends the runs that other nodes have cancelled and whose messages were lost."""
        if self._broker.is_shared and self._pool.jobs:
            for run_id in await self._store.runs.list_cancelling(self.id):
                self._interrupt_active(run_id, "cancel")

    def _receive_loss(self, run_id: str) -> None:
        """A later owner of the run has written events."""
        self._interrupt_active(run_id, "lost")

    def reopen_log(self, stored: StoredRun, past: Past, *, is_claimed: bool) -> RunLog:
        """The log of a run that a client resumes, open for new events."""
        return self._run_logs.reopen(stored, past, is_claimed=is_claimed)

    def restore(self, stored: StoredRun, past: Past = NO_PAST) -> RunExecutor:
        """An executor that resumes the run at its stored state."""
        known = self._logs.get(stored.run.id)
        if known is not None and (known.is_remote or known.epoch < stored.epoch - 1):
            known = None
        log = self._run_logs.reopen(stored, past)
        restored, projection = restored_event(stored), new_projection(stored.progress)
        # The frames of the next events continue those of a log that was rebuilt.
        projection.load([restored] if log is known else [entry.event for entry in log.entries()])
        if stored.progress.plan is not None and log.outlined is None:
            projection.set_outline(stored.progress.plan)
        note_takeover(stored, past.history, int(self._clock.now()))
        return self.build_executor(
            stored.project_id,
            RunState.of([restored]),
            projection,
            log,
            stored.progress,
            epoch=stored.epoch,
            interrupted=stored.interruptions > 0,
            abandoned=abandoned_objects(stored),
        )

    async def load_images(self, stored: StoredRun) -> None:
        """Loads the images of a stored response, which its stream ends with."""
        if stored.response is not None:
            await self.tools.images.fill_response(stored.response)

    def launch(self, executor: RunExecutor) -> None:
        self._pool.launch(Candidate(executor.run_id, executor.project_id), executor)

    async def store_openings(self, thread_id: str) -> None:
        """Stores the steps and messages that streams of the thread's runs already have."""
        if self._openings is not None:
            await self._openings.flush(thread_id)

    def withdraw(self, run_id: str) -> None:
        """Stops a run that has begun and could not be stored."""
        self._drop(run_id)

    def active(self, run_id: str) -> RunExecutor | None:
        job = self._pool.jobs.get(run_id)
        return None if job is None else job.work

    async def wait_ended(self, run_id: str, change: asyncio.Future[None] | None = None) -> None:
        """Waits until the run may have ended, at most for some seconds; `change` is its next one. Raises StoreError."""
        with self._waiters.next_change(run_id) as later:
            seconds = _POLL_SECONDS
            if self._notices is not None and self.active(run_id) is None:
                seconds = await self._notices.watch(run_id)
            await asyncio.wait([change or later], timeout=seconds)

    async def wait_log(self, run_id: str) -> RunLog | None:
        """The log of a run that waits for its next owner, once this process executes it.

        None where another node may, where the run has ended or waits for its client, or after some seconds. Raises
        StoreError, and Unavailable once the server is stopping.
        """
        until = time.monotonic() + _LOG_SECONDS
        while self.remote is None and (left := until - time.monotonic()) > 0:
            with self.next_change(run_id) as change:
                log = self._logs.get(run_id)
                if log is not None and not log.is_handed_over:
                    return log
                if await self._store.runs.status(run_id) not in EXECUTING:
                    return None
                self.require_running()
                await asyncio.wait([change], timeout=min(left, _POLL_SECONDS))
        return None

    async def delete(self, run_id: str) -> None:
        """Stops a run that was deleted, and drops its log, on all nodes."""
        self._drop(run_id)
        await self._interrupts.announce_deletion(run_id)
        self._run_logs.erase(run_id)

    def discard_log(self, run_id: str) -> None:
        """Drops the log of a run that has ended, and was not to be stored."""
        self._run_logs.discard(run_id)
        self._run_logs.erase(run_id)

    def _drop(self, run_id: str) -> None:
        if self.streams is not None and self.streams.is_tracked(run_id):
            self.streams.erase(run_id)
        active = self.active(run_id)
        if active is not None:
            active.interrupt("gone")
        else:
            self._run_logs.discard(run_id)
        self._waiters.notify(run_id)

    def begin_run(
        self,
        project_id: str,
        initial: InitialState,
        log: RunLog,
        progress: Progress,
        reserved_for: str | None,
        newest: Sequence[Item] | None,
        *,
        at_once: bool,
    ) -> None:
        """Logs the first events of a new run, and starts it as `start_run` does; `newest` as in `build_executor`."""
        for event, frames in initial.history:
            log.append(event, frames)
        executor = self.build_executor(project_id, initial.state, initial.projection, log, progress, newest=newest)
        self.start_run(executor, reserved_for, at_once=at_once)

    def start_run(self, executor: RunExecutor, reserved_for: str | None, *, at_once: bool) -> None:
        """Executes a stored run at once, or lets it wait for a place, here or on another server.

        First for the worker `reserved_for`, if there is one.
        """
        if at_once:
            self.launch(executor)
            return
        self._announced.add(executor.run_id)
        candidate = Candidate(executor.run_id, executor.project_id)
        if reserved_for is None:
            self._pool.announce(candidate)
        else:
            self.reservations.send(reserved_for, candidate)

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, _now: float, /) -> list[Candidate[str]]:
        runs = self._store.runs
        waiting = await runs.list_waiting(_SWEEP_CHUNK, self._cursor, self.id)
        orphaned = await runs.list_orphaned(_SWEEP_CHUNK) if self._may_have_orphans else []
        # Where no other process has workers, only those of an earlier start have died.
        self._may_have_orphans = bool(orphaned) or self._store.workers.is_shared
        return [*self._abandoned.values(), *orphaned, *waiting]

    def has_candidates(self) -> bool:
        return bool(self._abandoned)

    async def claim(self, candidate: Candidate[str], owner: str, _now: float, /) -> RunExecutor | None:
        stored = await self._store.runs.claim(candidate.key, owner, again=candidate.key in self._abandoned)
        self._abandoned.pop(candidate.key, None)
        executor = None if stored is None else await self._resume(stored)
        if executor is not None and stored is not None and stored.interruptions > MAX_INTERRUPTIONS:
            executor.give_up(stored.interruptions)
        return executor

    async def list_owned(self, owner: str) -> Mapping[str, int]:
        return await self._store.runs.list_owned(owner)

    def origin(self, work: RunExecutor, /) -> Origin:
        return work.origin

    def created_at(self, work: RunExecutor, /) -> float | None:
        return work.accepted_at if work.epoch == 1 else None

    def is_current(self, work: RunExecutor, revision: int) -> bool:
        return work.epoch == revision

    async def release_forgotten(self, _owner: str, keys: Sequence[str], /) -> None:
        """Makes this worker resume its runs that have no execution: the answer to their claim was lost."""
        for run_id in keys:
            self._abandoned.setdefault(run_id, Candidate(run_id, ""))

    def run(self, work: RunExecutor) -> Coroutine[Any, Any, None]:
        return work.work()

    def interrupt(self, work: RunExecutor, _: asyncio.Task[None], /) -> None:
        work.interrupt("stop" if self._stopping else "lost")

    def job_started(self, work: RunExecutor, task: asyncio.Task[None], /) -> None:
        self._announced.discard(work.run_id)
        work.launch(task)
        self._waiters.notify(work.run_id)
        self.reservations.report_started(work.run_id)

    def job_ended(self, work: RunExecutor, /) -> None:
        if not work.is_lost:
            self._holds.release(work.run_id)
        self._waiters.notify(work.run_id)
        if self._notices is not None:
            self._notices.send(work.run_id)
        if work.is_abandoned:
            self._abandoned[work.run_id] = Candidate(work.run_id, work.project_id)
        elif work.is_lost:
            self._run_logs.hand_over(work.run_id)
            # It may be to a later claim of this worker, which has no execution then.
            self._pool.check_soon()
        elif work.log.is_handed_over and self._stopping:
            # What is not stored yet is stored when the streams stop.
            self._logs.discard(work.run_id)
        elif work.log.is_handed_over:
            self._run_logs.discard(work.run_id)
        elif work.state.ended:
            self._run_logs.end(work.run_id, work.log)

    async def release_all(self, owner: str) -> None:
        await self._store.runs.release_runs(owner)

    async def sweep(self, now: float) -> None:
        self._logs.prune()
        await self._holds.release_ended()
        await self._announced.check(self.id)
        await self._interrupt_cancelled()
        await self._run_logs.discard_stale()
        if await self._store.pending_work.has("expired_run"):
            for run_id in await self._store.runs.list_expired(now, _SWEEP_CHUNK):
                await self._expire(run_id)

    async def _resume(self, stored: StoredRun) -> RunExecutor | None:
        """The executor of a claimed run; None where a client's action has launched one meanwhile."""
        await self.load_images(stored)
        past = await self.load_past(stored.project_id, stored.run.thread_id, stored.run.id, stored.epoch - 1)
        return None if self.active(stored.run.id) is not None else self.restore(stored, past)

    async def _expire(self, run_id: str) -> None:
        active = self.active(run_id)
        if active is not None:
            active.interrupt("expire")
            return
        with self.claiming(run_id):
            stored = await self._store.runs.claim(run_id, self.id, due=True)
            executor = None if stored is None else await self._resume(stored)
            if executor is not None:
                executor.interrupt("expire")
                self.launch(executor)

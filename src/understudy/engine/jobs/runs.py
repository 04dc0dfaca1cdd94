"""The worker of this process: gives runs a place to execute, keeps its lease, and finds runs that nobody works on.

A worker's lease covers all its runs, so its renewal is one row however many they are. What is announced is a hint; the
sweep over the database is what makes sure that no run is forgotten.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterable
from typing import Final

from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.accounting import Accounting
from understudy.engine.run import events
from understudy.engine.run.checkpoint import Projection, RunWriter
from understudy.engine.run.executor import RunExecutor
from understudy.engine.run.log import Logs, RunLog
from understudy.engine.run.state import RunState
from understudy.engine.run.tool_use import Tools
from understudy.engine.views.projections import new_encoder, new_projection
from understudy.engine.views.replay import resume_events
from understudy.engine.views.response_replay import response_events
from understudy.errors import NotFound, StoreError, Unavailable
from understudy.llm.router import Models
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.run_state import Progress, RunHistory, StoredRun

LEASE_SECONDS: Final = 8.0
_HEARTBEAT_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 1.0
_SWEEP_CHUNK: Final = 100
# Servers that died over a run since its last checkpoint: the run itself may be the reason.
_MAX_INTERRUPTIONS: Final = 5
_POLL_SECONDS: Final = 1.0
logger = logging.getLogger(__name__)


class RunWorker:
    def __init__(
        self,
        store: Store,
        models: Models,
        tools: Tools,
        accounting: Accounting,
        broker: Broker,
        logs: Logs,
        clock: Clock,
        concurrent_runs: int,
    ) -> None:
        self.id = "worker_" + secrets.token_hex(12)
        self._store = store
        self._models = models
        self._tools = tools
        self._accounting = accounting
        self._broker = broker
        self._logs = logs
        self._clock = clock
        self._places = concurrent_runs
        self._place_free = asyncio.Event()
        self._place_free.set()
        self._active: dict[str, RunExecutor] = {}
        self._stranded: set[str] = set()
        # Announced here, and not yet executed: their clients follow logs that only an execution here feeds.
        self._announced: set[str] = set()
        self._awaited: dict[str, set[asyncio.Future[None]]] = {}
        self._loops = (
            Looper(_HEARTBEAT_SECONDS, self._renew_leases),
            Looper(_SWEEP_SECONDS, self._sweep),
            Looper(0, self._claim_announced),
        )
        self._stopping = False

    async def start(self) -> None:
        await self._renew_leases()
        await self._sweep()
        for loop in self._loops:
            loop.start()

    async def stop(self) -> None:
        """Takes no new run, hands back those under way, and ends the lease. A second call does nothing."""
        if self._stopping:
            return
        self._stopping = True
        for loop in self._loops:
            await loop.stop()
        executions = list(self._active.values())
        for execution in executions:
            execution.interrupt("stop")
        await asyncio.gather(*(execution.task for execution in executions if execution.task is not None))
        try:
            await self._store.runs.release_runs(self.id)
            await self._store.runs.retire(self.id)
        except StoreError:
            logger.warning("the lease could not be ended; the runs are taken up when it runs out")

    # -- executing ---------------------------------------------------------------------------------------------

    def require_running(self) -> None:
        """Raises Unavailable once the worker is stopping: a run that it accepted now would wait for the next start."""
        if self._stopping:
            raise Unavailable("The server is stopping. Try again in a moment.", headers={"retry-after": "1"})

    def has_capacity(self) -> bool:
        return not self._stopping and len(self._active) < self._places

    def execution(
        self,
        project_id: str,
        state: RunState,
        projection: Projection,
        log: RunLog,
        progress: Progress,
        *,
        interrupted: bool = False,
    ) -> RunExecutor:
        """An execution that is yet to be launched.

        `interrupted`: servers died over the run since its last checkpoint.
        """
        stage = RunWriter(
            self.id, self._store, self._clock, project_id, state, projection, log, progress, interrupted=interrupted
        )
        return RunExecutor(stage, self._models, self._tools, self._accounting)

    async def history(self, project_id: str, thread_id: str, run_id: str) -> RunHistory | None:
        """What is stored of a run that no log here knows; None where one does, or where the run is gone."""
        log = self._logs.get(run_id)
        if log is not None and not log.handed_back:
            return None
        try:
            return await self._store.runs.history(project_id, thread_id, run_id)
        except NotFound:
            return None

    def reopen_log(self, stored: StoredRun, history: RunHistory | None) -> RunLog:
        """The run's log, open for what comes next; one that is not known here is told again from what is stored."""
        log = self._logs.get(stored.run.id)
        if log is None or log.handed_back:
            make_encoder = new_encoder(stored.progress)
            log, encoder = self._logs.create(stored.run.id, make_encoder), make_encoder()
            for event in (*_events_elsewhere(stored), *resume_events(stored, history)):
                log.append(event, encoder.encode(event))
        else:
            log.reopen()
        return log

    def restore(self, stored: StoredRun, history: RunHistory | None) -> RunExecutor:
        """An execution that goes on where the store says the run stands."""
        restored, projection = resume_events(stored, None), new_projection(stored.progress)
        for event in restored:
            projection.encode(event)
        log = self.reopen_log(stored, history)
        return self.execution(
            stored.project_id,
            RunState.of(restored),
            projection,
            log,
            stored.progress,
            interrupted=stored.interruptions > 0,
        )

    def launch(self, execution: RunExecutor) -> None:
        self._active[execution.run_id] = execution
        self._announced.discard(execution.run_id)
        execution.launch(asyncio.create_task(self._run(execution)))
        if not self.has_capacity():
            self._place_free.clear()

    def active(self, run_id: str) -> RunExecutor | None:
        return self._active.get(run_id)

    async def wait_ended(self, run_id: str) -> None:
        """Waits until the run may have ended: told so if it ends here, and otherwise looked at now and then."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._awaited.setdefault(run_id, set())
        waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=_POLL_SECONDS)
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._awaited.pop(run_id, None)

    async def announce(self, run_id: str) -> None:
        self._announced.add(run_id)
        await self._broker.announce(run_id)

    async def _run(self, execution: RunExecutor) -> None:
        try:
            await execution.work()
        finally:
            del self._active[execution.run_id]
            self._place_free.set()
            for waiter in self._awaited.pop(execution.run_id, ()):
                waiter.set_result(None)
            if execution.is_abandoned:
                self._stranded.add(execution.run_id)
            elif execution.log.handed_back:
                self._logs.discard(execution.run_id)
            elif execution.state.ended:
                self._logs.finish(execution.run_id)

    # -- finding work ------------------------------------------------------------------------------------------

    async def _claim_announced(self) -> None:
        run_id = await self._broker.next()
        while not self.has_capacity():
            self._place_free.clear()
            await self._place_free.wait()
        await self._claim(run_id)

    async def _sweep(self) -> None:
        now = self._clock.now()
        self._logs.prune()
        await self._discard_claimed_elsewhere()
        for run_id in await self._store.runs.due(now, _SWEEP_CHUNK):
            await self._expire(run_id)
        for run_id in (*self._stranded, *await self._store.runs.abandoned(now, _SWEEP_CHUNK)):
            if self.has_capacity() and run_id not in self._active:
                await self._claim(run_id)

    async def _discard_claimed_elsewhere(self) -> None:
        """Ends the logs of runs that waited here and that another server has taken: nothing would ever follow."""
        announced = self._announced.copy()
        if announced:
            waiting = await self._store.runs.filter_workable(self.id, sorted(announced))
            for run_id in announced - waiting - self._active.keys():
                if run_id in self._announced:
                    self._announced.discard(run_id)
                    self._logs.discard(run_id)

    async def _expire(self, run_id: str) -> None:
        execution = self._active.get(run_id)
        if execution is not None:
            execution.interrupt("expire")
        else:
            await self._claim(run_id, due=True)

    async def _claim(self, run_id: str, *, due: bool = False) -> None:
        if run_id in self._active:
            return
        stored = await self._store.runs.claim(run_id, self.id, self._clock.now(), due=due)
        self._stranded.discard(run_id)
        if stored is None:
            return
        history = await self.history(stored.project_id, stored.run.thread_id, run_id)
        if run_id in self._active:
            return
        execution = self.restore(stored, history)
        if due:
            execution.interrupt("expire")
        elif stored.interruptions > _MAX_INTERRUPTIONS:
            execution.give_up(stored.interruptions)
        self.launch(execution)

    async def _renew_leases(self) -> None:
        await self._store.runs.renew_lease(self.id, self._clock.now() + LEASE_SECONDS)


def _events_elsewhere(stored: StoredRun) -> Iterable[events.Event]:
    """What a reader who begins at the beginning of a response is told of what was done elsewhere."""
    if stored.response is None:
        return ()
    return response_events(stored.response, started=stored.run.status != "queued")

"""The clients' verbs on runs: create, submit outputs, approve, cancel, stream.

Each verb is one transaction, after which the worker executes the run. Knows no HTTP.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec import Struct

from understudy import correlation
from understudy.clock import Clock
from understudy.engine.item_data import ItemData, have_data
from understudy.engine.jobs.run_logs import NO_PAST
from understudy.engine.jobs.runs import RunWorker
from understudy.engine.limits.limiter import RateLimiter
from understudy.engine.new_runs import InitialRun, RequestedRun
from understudy.engine.required_actions import apply_approvals, build_output_item, check_approvals, check_outputs
from understudy.engine.response_streams import lost_event_error
from understudy.engine.run import events
from understudy.engine.run.early_items import may_begin_early
from understudy.engine.run.log import LogReader, RunLog
from understudy.engine.run.logs import Logs
from understudy.engine.run.spans import end_wait
from understudy.engine.run.state import RunState
from understudy.engine.tools.mcp import without_headers
from understudy.engine.views.frames import Frames, RunEncoder
from understudy.engine.views.projections import RunProjection
from understudy.engine.views.replay import restored_event, run_events
from understudy.engine.views.resumption import is_lost, last_resumable
from understudy.errors import InvalidRequest, StoreError, ThreadBusy
from understudy.store import Store
from understudy.store.item_data import NO_DATA, SavedData
from understudy.store.messages import Item
from understudy.store.run_creation import Begun
from understudy.store.run_state import Checkpoint, NewItem, Progress, RunHistory, StoredRun
from understudy.store.states import EXECUTING
from understudy.wire.run_outcome import RunStatus
from understudy.wire.runs import RunObject, ToolApproval, ToolOutput
from understudy.wire.tools import AssistantToolsCode, ToolResources


class StartedRun(Struct, frozen=True):
    """A run that a client has started: its object in the response, and where its stream begins in its log."""

    run: RunObject
    log: RunLog
    after: int

    @property
    def body(self) -> bytes:
        """The run as JSON."""
        return msgspec.json.encode(self.run)

    def reader(self) -> LogReader:
        """A reader of the run's server-sent events, until it ends or waits for its client."""
        return self.log.reader(self.after)


@dataclass(frozen=True, slots=True)
class _ClientAction:
    """What a client's answer makes happen, and the items that it adds."""

    event: events.Event
    calls: Sequence[NewItem] = ()


class Runs:
    def __init__(
        self,
        store: Store,
        worker: RunWorker,
        logs: Logs,
        clock: Clock,
        run_seconds: float,
        limiter: RateLimiter,
        data: ItemData,
    ) -> None:
        self._store = store
        self._worker = worker
        self._logs = logs
        self._clock = clock
        self._limiter = limiter
        self._data = data
        self.run_seconds = run_seconds
        self.store_openings = worker.store_openings
        """Before a client reads messages or steps of a thread: its streams may already have those."""

    async def create(self, project_id: str, requested: RequestedRun) -> StartedRun:
        """Raises NotFound and InvalidRequest as the store does; nothing is stored then."""
        messages = requested.messages
        if not messages or not have_data(messages):
            return await self._create(project_id, requested, NO_DATA)
        param = "additional_messages" if requested.thread is None else "thread.messages"
        async with self._data.saving(project_id, messages, param) as (marked, saved):
            return await self._create(project_id, msgspec.structs.replace(requested, messages=marked), saved)

    async def _create(self, project_id: str, requested: RequestedRun, data: SavedData) -> StartedRun:
        """`data` is what the markers in the messages stand for."""
        self._worker.require_running()
        run, headers = without_headers(requested.run)
        progress = Progress(
            resources=requested.resources or ToolResources(),
            detailed=requested.detailed,
            key_id=requested.key_id,
            headers=headers,
            accepted_at=self._clock.now(),
            origin=correlation.origin(),
        )
        correlation.set_run(run.id)
        thread, messages = requested.thread, requested.messages
        reserved_for = await self._find_container_worker(run) if thread is None else None
        at_once = reserved_for is None and self._worker.has_capacity()
        started_at = int(self._clock.now()) if at_once else None
        initial = InitialRun.of(run, thread, started_at, detailed=requested.detailed)
        log = RunLog(RunEncoder)

        def begin(newest: Sequence[Item] | None) -> None:
            self._logs.add(run.id, log)
            self._worker.begin_run(project_id, initial, log, progress, reserved_for, newest, at_once=at_once)

        insert = partial(
            self._store.runs.create,
            project_id,
            initial.projection.stored_run(),
            self._worker.id if at_once else None,
            messages,
            thread,
            progress,
            requested.fillings,
            reserved_for=reserved_for,
            limits=await self._limiter.run_limits(project_id, requested.key_id),
            data=data,
        )
        early = at_once and not data.blobs and may_begin_early(initial.state.spec, len(messages))
        await self._insert(run.id, insert, begin, early=early)
        return StartedRun(initial.queued, log, 0)

    async def _insert(self, run_id: str, insert: Callable[..., Awaitable[None]], begin: Begun, *, early: bool) -> None:
        """Inserts a run, and begins it after its transaction; `early`: as soon as nothing but the storage can fail."""
        with self._worker.claiming(run_id):
            try:
                await insert(begun=begin if early else None)
            except StoreError:
                self._worker.withdraw(run_id)
                raise
            if not early:
                begin(None)

    async def create_in_turn(self, project_id: str, requested: RequestedRun) -> StartedRun:
        """Like `create`, but a run that is active on the thread is waited for instead of refused.

        The new run's own time begins when its turn comes.
        """
        while True:
            try:
                return await self.create(project_id, requested)
            except ThreadBusy as busy:
                await self._worker.wait_ended(busy.run_id)
                now = int(self._clock.now())
                run = msgspec.structs.replace(requested.run, created_at=now, expires_at=now + int(self.run_seconds))
                requested = msgspec.structs.replace(requested, run=run)

    async def submit(self, project_id: str, thread_id: str, run_id: str, outputs: Sequence[ToolOutput]) -> StartedRun:
        """Submits the outputs of all pending function calls of a run. Raises InvalidRequest if they do not match."""
        by_call = {output.tool_call_id: output.output for output in outputs}

        def accept(stored: StoredRun) -> _ClientAction:
            check_outputs(stored.run, [output.tool_call_id for output in outputs])
            submitted = events.OutputsSubmitted(by_call, int(self._clock.now()), stored.progress.use_pending())
            return _ClientAction(submitted, [build_output_item(call_id, output) for call_id, output in by_call.items()])

        return await self._resume(project_id, thread_id, run_id, accept)

    async def approve(
        self, project_id: str, thread_id: str, run_id: str, approvals: Sequence[ToolApproval]
    ) -> StartedRun:
        """Decides about the remote calls that a run waits with; raises InvalidRequest where they are not those."""

        def accept(stored: StoredRun) -> _ClientAction:
            check_approvals(stored.run, [one.tool_call_id for one in approvals])
            apply_approvals(stored, approvals)
            return _ClientAction(events.ApprovalsSubmitted())

        return await self._resume(project_id, thread_id, run_id, accept)

    async def _resume(
        self, project_id: str, thread_id: str, run_id: str, accept: Callable[[StoredRun], _ClientAction]
    ) -> StartedRun:
        """Resumes a run that waits for its client; `accept` turns the client's request into an action."""
        self._worker.require_running()
        reserved_for = await self._worker.reservations.find_worker(None, thread_id)
        at_once = reserved_for is None and self._worker.has_capacity()
        origin = correlation.origin()
        happened: list[tuple[events.Event, Frames]] = []
        queued: list[RunObject] = []
        resumed: list[tuple[RunState, RunProjection]] = []

        def change(stored: StoredRun) -> Checkpoint:
            happened.clear()
            answered = accept(stored)
            end_wait(stored.progress, self._clock.now())
            stored.progress.origin = origin
            projection = RunProjection()
            restored = [restored_event(stored)]
            projection.load(restored)
            state = RunState.of(restored)
            happened.append((answered.event, projection.encode(answered.event)))
            queued.append(projection.run)
            if at_once:
                started = events.RunStarted(int(self._clock.now()))
                happened.append((started, projection.encode(started)))
            resumed.append((state, projection))
            return msgspec.structs.replace(projection.checkpoint(stored.progress, with_run=True), calls=answered.calls)

        owner = self._worker.id if at_once else None
        # Read beforehand: once the run is taken, nothing is awaited until somebody here works on it.
        past = await self._worker.load_past(project_id, thread_id, run_id)
        with self._worker.claiming(run_id):
            stored = await self._store.runs.transition(
                project_id, thread_id, run_id, owner, change, reserved_for=reserved_for
            )
            correlation.set_run(run_id)
            log = self._worker.reopen_log(stored, past, is_claimed=at_once)
            after = log.length
            state, projection = resumed[-1]
            for event, frames in happened:
                state.apply(event)
                log.append(event, frames)
            executor = self._worker.build_executor(
                project_id, state, projection, log, stored.progress, epoch=stored.epoch
            )
            self._worker.start_run(executor, reserved_for, at_once=at_once)
        return StartedRun(queued[-1], log, after)

    async def cancel(self, project_id: str, thread_id: str, run_id: str) -> bytes:
        """Returns the run as `cancelling`; raises InvalidRequest where it is over or already being cancelled."""

        def request(stored: StoredRun) -> Checkpoint:
            status = stored.run.status
            if status not in {"queued", "in_progress", "requires_action"}:
                raise InvalidRequest(f"Cannot cancel run with status '{status}'.")
            cancelling = msgspec.structs.replace(stored.run, status="cancelling", required_action=None)
            return Checkpoint(run_id, run=cancelling)

        with self._worker.claiming(run_id):
            stored = await self._store.runs.transition(project_id, thread_id, run_id, self._worker.id, request)
            stored.run.status = "cancelling"
            stored.run.required_action = None
            body = msgspec.json.encode(stored.run)
            past = NO_PAST
            if self._worker.active(run_id) is None:
                past = await self._worker.load_past(project_id, thread_id, run_id, stored.epoch - 1)
            active = self._worker.active(run_id)
            if active is not None:
                active.interrupt("cancel")
            elif stored.owner in {None, self._worker.id}:
                self._worker.launch(self._worker.restore(stored, past))
            else:
                await self._worker.interrupt_elsewhere(stored.owner, run_id, "cancel")
            return body

    async def attach(self, project_id: str, thread_id: str, run_id: str, after: int = 0) -> RunLog:
        """The run's log, live or finished; replayed from the store if this process has none.

        For a run that another server executes, the log ends before the run does. Raises InvalidRequest if the events up
        to the number `after` were lost with the server that sent them, and the next ones may repeat or miss some.
        """
        history = await self._store.runs.history(project_id, thread_id, run_id)
        log = await self._find_log(history)
        if log is None and history.run.status in EXECUTING:
            log = await self._worker.wait_log(run_id)
            history = await self._store.runs.history(project_id, thread_id, run_id)
        if log is None:
            return await self._replay(history, after)
        if is_lost(log, after):
            raise lost_event_error(after, "from the start")
        log.is_resumable = True
        await self.store_openings(thread_id)
        if (number := last_resumable(log, after)) is not None:
            raise lost_event_error(after, f"after event {number}, or from the start")
        return log

    async def _find_log(self, history: RunHistory) -> RunLog | None:
        """The log of a run, here or on another node; None where only the store has its events."""
        run_id = history.run.id
        log = await self._logs.find(run_id)
        if log is not None and (not log.closed or await self._is_current(log, history.run)):
            return log
        return await self._find_remote_log(run_id, history.run.status)

    async def _replay(self, history: RunHistory, after: int) -> RunLog:
        """What is stored of a run: each text is one event, so the numbers are others than those of its log."""
        log, encoder = RunLog(RunEncoder), RunEncoder()
        run, is_executing = history.run, history.run.status in EXECUTING
        if not is_executing:
            found = (await self._store.runs.find_owners([run.id])).get(run.id)
            log.begin_replay(1 if found is None else max(found.epoch, 1))
            if 0 < after <= log.length:
                raise lost_event_error(after, "from the start")
        if not (is_executing and after):
            # Else the log of its next owner has the numbers of the client's events.
            for event in run_events(history, self.run_seconds):
                log.append(event, encoder.encode(event))
        log.close(is_handed_over=is_executing)
        return log

    async def _find_remote_log(self, run_id: str, status: RunStatus) -> RunLog | None:
        """The log of a run that another node executes or has executed; None where only the store has it."""
        remote = self._worker.remote
        if remote is None:
            return None
        if status in EXECUTING:
            return await remote.follow(run_id, RunEncoder)
        return await remote.load_closed(run_id, RunEncoder, status)

    async def _is_current(self, log: RunLog, run: RunObject) -> bool:
        """Whether a closed log ends where the run stands by the store: another node may have continued it."""
        if isinstance(log.last_event, events.RunEnded):
            return True
        if run.status != "requires_action" or self._worker.remote is None:
            return run.status == "requires_action"
        owners = await self._store.runs.find_owners([run.id])
        return run.id in owners and owners[run.id].epoch <= log.epoch

    async def stop_deleted(self, run_id: str) -> None:
        """Stops a run whose thread was deleted."""
        await self._worker.delete(run_id)

    async def _find_container_worker(self, run: RunObject) -> str | None:
        """The worker of the other node that has the thread's container, if the run may execute code."""
        if not any(isinstance(tool, AssistantToolsCode) for tool in run.tools):
            return None
        return await self._worker.reservations.find_worker(None, run.thread_id)

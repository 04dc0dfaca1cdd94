"""Logs of runs that other nodes execute: one copy per followed run, whatever the number of its clients here.

A copy is fed by the owner's messages. A hole is closed by asking the owner for what is missing; after a takeover the
next owner continues with a difference. What cannot be closed ends the streams with an error, and never skips an event.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from understudy.broker import Broker, BrokerError
from understudy.engine.run.checkpoint import WAITING_STATUSES
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.events import ActionRequired, ApprovalRequired, RunEnded
from understudy.engine.run.feed import BATCH_TOPIC, EVENTS_TOPIC, SentEvents, decode_batch, decode_sent
from understudy.engine.run.log import Encoder, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.logs import Logs
from understudy.engine.run.node_logs import NodeLogs
from understudy.engine.run.stored_logs import StoredLogs, append_entries, build_log, encoder_at_end
from understudy.errors import StoreError
from understudy.looper import Looper

_CHECK_SECONDS: Final = 1.0
_RENEW_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 2.0
# Streams wait so long for an owner that cannot be reached.
_PATIENCE_SECONDS: Final = 20.0
# A run that has ended is completed from the database after so long, where nobody has the end of its log. Its owner may
# be about to reconnect to the broker, as this node may.
_END_PATIENCE_SECONDS: Final = 3.0
_ACTIVE: Final = frozenset({"queued", "in_progress", "cancelling", "requires_action"})
logger = logging.getLogger(__name__)


class RunOwner(Protocol):
    """Where a run is executed: `owner` is the id of its worker."""

    @property
    def status(self) -> str: ...

    @property
    def owner(self) -> str | None: ...

    @property
    def epoch(self) -> int: ...


@dataclass(slots=True)
class _RemoteRun:
    run_id: str
    log: RunLog
    encoder: Encoder
    node_id: str | None = None
    reached_at: float = field(default_factory=time.monotonic)
    renewed_at: float = field(default_factory=time.monotonic)
    used_at: float = field(default_factory=time.monotonic)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended_at: float | None = None
    """When the end of the run was found, without that of its log."""
    received: list[SentEvents] = field(default_factory=list)
    """What the owner has sent while the copy waits for a reply."""


class RemoteLogs:
    """`find_owners` reads where runs are executed, and `node_of` is the node of a worker.

    `complete` appends the end of a run that the database has to a log that lacks it. `untrack` is called with a run
    whose log here is replaced by a copy: nothing of it may be written any more.
    """

    def __init__(
        self,
        broker: Broker,
        codec: EventCodec,
        stored: StoredLogs,
        node_logs: NodeLogs,
        logs: Logs,
        find_owners: Callable[[Sequence[str]], Awaitable[Mapping[str, RunOwner]]],
        node_of: Callable[[str], str],
        complete: Callable[[str, RunLog, Encoder], Awaitable[None]],
        untrack: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._codec = codec
        self._stored = stored
        self._node_logs = node_logs
        self._logs = logs
        self._find_owners = find_owners
        self._node_of = node_of
        self._complete = complete
        self._untrack = untrack
        self._runs: dict[str, _RemoteRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = Looper(_CHECK_SECONDS, self._check)
        self.start = self._loop.start
        self.stop = self._loop.stop
        broker.receive(BATCH_TOPIC, self._receive_batch)
        broker.receive(EVENTS_TOPIC, self._receive_undivided)
        broker.on_reconnect(self._recover)

    async def follow(self, run_id: str, new_encoder: Callable[[], Encoder]) -> RunLog:
        """The copy of the log of a run that another node executes, or will; with events, unless it is closed.

        The log itself where this process has begun to execute the run since the caller looked for one.
        """
        run, here = self._runs.get(run_id), self._logs.get(run_id)
        if run is None and here is not None and (here.has_ended or not here.closed):
            return here
        if run is None:
            # It may have waited here until another node continued it.
            self._untrack(run_id)
            log = self._logs.create(run_id, new_encoder)
            run = self._add_run(run_id, log)
            await self._find_owner(run)
            # The owner cannot be reached, or the run has no owner yet.
            await self._load_first(run)
        elif run.log.closed:
            await self._find_owner(run)
        await run.log.wait_beginning()
        return run.log

    def adopt(self, run_id: str, node_id: str | None = None) -> None:
        """Continues a local log whose run another node has claimed: `node_id`, where that is known."""
        log = self._logs.get(run_id)
        if log is not None and run_id not in self._runs:
            run = self._add_run(run_id, log)
            run.node_id = node_id
            self._start_task(self._find_owner(run) if node_id is None else self._catch_up(run))

    def release(self, run_id: str) -> None:
        """This process executes the run from now on."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            run.log.is_remote = False

    async def load_closed(self, run_id: str, new_encoder: Callable[[], Encoder], status: str) -> RunLog | None:
        """The log of a run that has ended, or waits for its client; None if neither broker nor nodes have all of it.

        The node that has executed the run may not have written the last events to the broker yet.
        """
        log = build_log(new_encoder, await self._load(run_id))
        found = None if log.has_ended else (await self._find_owners([run_id])).get(run_id)
        if found is not None and not _is_whole(log, found):
            node_id = None if found.owner is None else self._node_of(found.owner)
            log = await self._node_logs.copy(run_id, node_id, new_encoder) or log
            if log.length and not log.has_ended and status not in WAITING_STATUSES:
                await self._complete(run_id, log, encoder_at_end(log))
        if not (log.has_ended or (found is not None and _is_whole(log, found))):
            return None
        log.close()
        return log

    async def _load(self, run_id: str, after: int = 0) -> list[LogEntry]:
        """What owners have stored of a log after that number; empty if the broker is unavailable."""
        try:
            return await self._stored.load(run_id, after)
        except BrokerError:
            return []

    def _add_run(self, run_id: str, log: RunLog) -> _RemoteRun:
        log.is_remote = True
        run = self._runs[run_id] = _RemoteRun(run_id, log, encoder_at_end(log))
        return run

    # -- events ------------------------------------------------------------------------------------------------

    def _receive_batch(self, node_id: str, body: bytes) -> None:
        for sent in decode_batch(body):
            self._receive_events(node_id, sent)

    def _receive_undivided(self, node_id: str, body: bytes) -> None:
        """From a node of an earlier version."""
        self._receive_events(node_id, decode_sent(body))

    def _receive_events(self, node_id: str, sent: SentEvents) -> None:
        run = self._runs.get(sent.run_id)
        if run is None or run.node_id != node_id:
            return
        if run.lock.locked():
            run.received.append(sent)
        elif not self._apply_sent(run, sent):
            self._start_task(self._catch_up(run))

    def _apply_sent(self, run: _RemoteRun, sent: SentEvents) -> bool:
        """Applies what the owner has sent; False where the copy lacks events before these."""
        if sent.is_stored or sent.previous > run.log.length:
            return False
        run.reached_at = time.monotonic()
        try:
            entries = self._codec.decode_entries(sent.entries) if sent.entries else []
        except msgspec.MsgspecError:
            logger.exception("run %s: received events cannot be decoded", run.run_id)
            self._drop(run)
            return True
        if self._apply(run, entries, are_divided=True):
            self._set_state(run, sent)
        return True

    async def _catch_up(self, run: _RemoteRun) -> None:
        """Requests what is missing, and renews the interest."""
        async with run.lock:
            while run.node_id is not None and self._runs.get(run.run_id) is run:
                run.received.clear()
                after = run.log.length
                try:
                    sent, entries = await self._node_logs.request(run.node_id, run.run_id, after)
                except (BrokerError, msgspec.MsgspecError):
                    run.node_id = None
                    return
                if sent.state == "unknown" or self._runs.get(run.run_id) is not run:
                    run.node_id = None
                    return
                run.reached_at = run.renewed_at = time.monotonic()
                if not self._apply(run, entries):
                    return
                if run.log.length >= sent.length:
                    self._set_state(run, sent)
                    if self._apply_received(run):
                        return
                elif run.log.length == after:
                    run.node_id = None
                    return

    def _apply_received(self, run: _RemoteRun) -> bool:
        """Applies what the owner has sent during a request; False where there is a hole."""
        return all(self._apply_sent(run, sent) for sent in run.received if self._runs.get(run.run_id) is run)

    def _apply(self, run: _RemoteRun, entries: Sequence[LogEntry], *, are_divided: bool = False) -> bool:
        """Appends the entries as `append_entries` does.

        False where they do not fit the copy, whose streams end with an error then.
        """
        if run.log.closed and entries and entries[-1].number > run.log.length:
            run.log.reopen()
        try:
            append_entries(run.log, run.encoder, entries, are_divided=are_divided)
        except Exception:
            logger.exception("run %s: received events do not continue its log", run.run_id)
            self._drop(run)
            return False
        return True

    def _set_state(self, run: _RemoteRun, sent: SentEvents) -> None:
        """Closes the copy where it has all events that its owner had. It is opened by later ones.

        What was sent before a reply may be applied after it.
        """
        if run.log.length != sent.length:
            return
        state = sent.state
        if state in {"ended", "waiting"} and not run.log.closed:
            run.log.close()
        if state == "ended":
            self._end(run)
        elif state == "released":
            run.node_id = None
            self._start_task(self._find_owner(run))

    def _end(self, run: _RemoteRun) -> None:
        self._runs.pop(run.run_id, None)
        run.log.close()
        if self._logs.get(run.run_id) is run.log:
            self._logs.finish(run.run_id)

    # -- owners ------------------------------------------------------------------------------------------------

    async def _check(self) -> None:
        """Finds new owners, renews interest, and drops copies without clients."""
        now = time.monotonic()
        idle: list[_RemoteRun] = []
        for run in list(self._runs.values()):
            if run.log.followers and not run.log.closed:
                run.used_at = now
            elif now - run.used_at > _RENEW_SECONDS:
                self._drop(run)
                continue
            is_idle = now - run.reached_at > _IDLE_SECONDS or now - run.renewed_at > _RENEW_SECONDS
            if run.node_id is None or is_idle:
                idle.append(run)
        if not idle:
            return
        owners = await self._find_owners([run.run_id for run in idle])
        await asyncio.gather(*(self._check_owner(run, owners.get(run.run_id)) for run in idle))

    async def _find_owner(self, run: _RemoteRun) -> None:
        owners = await self._find_owners([run.run_id])
        await self._check_owner(run, owners.get(run.run_id))

    async def _check_owner(self, run: _RemoteRun, found: RunOwner | None) -> None:
        node_id = self._node_of(found.owner) if found is not None and found.owner is not None else None
        is_active = found is not None and found.status in _ACTIVE
        if node_id == self._broker.node_id:
            if is_active:
                return  # its execution here is about to continue the copy
            node_id = None
        run.node_id = node_id or run.node_id
        if is_active and node_id is None:
            # It waits for a place, or for its client.
            run.reached_at = time.monotonic()
        await self._catch_up(run)
        if run.node_id is None and found is not None and found.status in WAITING_STATUSES:
            await self._load_waiting(run)
        if self._runs.get(run.run_id) is not run or (is_active and run.node_id is not None):
            return
        if not is_active and not run.log.closed and found is not None:
            await self._append_end(run)
        elif not is_active or time.monotonic() - run.reached_at > _PATIENCE_SECONDS:
            self._drop(run)

    async def _load_first(self, run: _RemoteRun) -> None:
        """Applies what is stored of a log, if its copy is still empty: its owner may be found meanwhile."""
        async with run.lock:
            if run.log.length:
                return
            run.received.clear()
            entries = await self._load(run.run_id)
            if self._runs.get(run.run_id) is not run or not self._apply(run, entries):
                return
            is_complete = self._apply_received(run)
        if not is_complete:
            await self._catch_up(run)

    async def _load_waiting(self, run: _RemoteRun) -> None:
        """Applies the rest of a run that waits for its client: it may do so before its owner was known here."""
        async with run.lock:
            entries = await self._load(run.run_id, run.log.length)
            if self._runs.get(run.run_id) is not run or not self._apply(run, entries):
                return
            if isinstance(run.log.last_event, ActionRequired | ApprovalRequired) and not run.log.closed:
                run.log.close()

    async def _append_end(self, run: _RemoteRun) -> None:
        """Applies the rest of a run that has ended: that of its log, or later what the database has instead.

        What that has has other numbers, and repeats events for clients that have had more of the log elsewhere.
        """
        entries = await self._load(run.run_id, run.log.length)
        if self._runs.get(run.run_id) is run and not _has_end(entries):
            copied = await self._node_logs.copy(run.run_id, None, run.log.new_encoder)
            entries = entries if copied is None else list(copied.entries())
        if self._runs.get(run.run_id) is not run or not self._apply(run, entries):
            return
        if run.log.has_ended:
            self._end(run)
            return
        now = time.monotonic()
        run.ended_at = run.ended_at or now
        if now - run.ended_at > (_END_PATIENCE_SECONDS if self._broker.is_available else _PATIENCE_SECONDS):
            if run.log.length:
                await self._complete(run.run_id, run.log, run.encoder)
            if run.log.has_ended:
                self._end(run)
            else:
                self._drop(run)

    def _drop(self, run: _RemoteRun) -> None:
        if self._runs.get(run.run_id) is run:
            del self._runs[run.run_id]
        if self._logs.get(run.run_id) is run.log:
            self._logs.discard(run.run_id)

    async def _recover(self, _has_lost_data: bool, /) -> None:
        """After a reconnect: messages were lost, and so was perhaps the owner."""
        for run in self._runs.values():
            run.renewed_at = -math.inf
        try:
            await self._check()
        except StoreError as error:
            logger.debug("store unavailable: %s", error)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._run_until_outage(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_until_outage(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreError as error:
            # It is repeated with the next check.
            logger.debug("store unavailable: %s", error)


def _has_end(entries: Sequence[LogEntry]) -> bool:
    return bool(entries) and isinstance(entries[-1].event, RunEnded)


def _is_whole(log: RunLog, found: RunOwner) -> bool:
    """Whether a log has the end of its run, or all up to where the run waits for its client."""
    if log.has_ended or found.status not in WAITING_STATUSES:
        return log.has_ended
    # The run may have waited before, in an earlier epoch.
    return isinstance(log.last_event, ActionRequired | ApprovalRequired) and log.epoch >= found.epoch

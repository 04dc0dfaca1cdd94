"""The logs of runs across owners: continued, rebuilt from what is stored, and connected with other nodes.

With a shared broker, each log that this process writes is stored there too, and those of other nodes are followed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from understudy.broker import Broker, BrokerUnavailable
from understudy.clock import Clock
from understudy.engine.jobs.reservations import node_of
from understudy.engine.run.checkpoint import WAITING_STATUSES
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.event_numbers import EVENTS_PER_EPOCH, resume_position
from understudy.engine.run.feed import EventFeed
from understudy.engine.run.log import Encoder, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.log_streams import LogStreams
from understudy.engine.run.logs import Logs
from understudy.engine.run.node_logs import NodeLogs
from understudy.engine.run.remote_logs import RemoteLogs
from understudy.engine.run.stored_logs import StoredLogs, append_entries, encoder_at_end
from understudy.engine.views.ending import ending_events
from understudy.engine.views.origins import decode_origin
from understudy.engine.views.projections import new_encoder
from understudy.engine.views.replay import past_takeovers, restored_event, stored_run_events, unsent_openings
from understudy.engine.views.response_rebuild import RebuiltEvent, outlined_length, rebuild_response, stored_tail
from understudy.engine.views.resumption import first_resumable
from understudy.errors import NotFound
from understudy.store import Store
from understudy.store.run_state import RunHistory, StoredRun
from understudy.store.states import TERMINAL

_CHECK_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Past:
    """What is stored of a run's earlier events: its steps and messages, and the entries of its log.

    The entries continue a log that ends with the number `after`.
    """

    history: RunHistory | None = None
    entries: Sequence[LogEntry] = ()
    after: int = 0


NO_PAST: Final = Past()


class RunLogs:
    """`retention` is how long logs are stored, in seconds; `report_lost` is called with runs that others own now."""

    def __init__(
        self,
        store: Store,
        logs: Logs,
        clock: Clock,
        broker: Broker,
        retention: float,
        report_lost: Callable[[str], None],
    ) -> None:
        self._store = store
        self._logs = logs
        self._clock = clock
        self._next_check = 0.0
        self._stored: StoredLogs | None = None
        self._feed: EventFeed | None = None
        self.streams: LogStreams | None = None
        self.remote: RemoteLogs | None = None
        """The logs of runs that other nodes execute, where there may be such nodes."""
        if broker.is_shared:
            codec = EventCodec(decode_origin)
            self._stored = StoredLogs(broker, codec)
            self.streams = LogStreams(broker, codec, self._stored, retention, report_lost)
            self._feed = EventFeed(broker, codec, logs, self.streams.flush)
            node_logs = NodeLogs(broker, codec, self._stored, store.nodes.list_live)
            find_owners = store.runs.find_owners
            self.remote = RemoteLogs(
                broker, codec, self._stored, node_logs, logs, find_owners, node_of, self.complete, self.streams.untrack
            )

    async def load_past(self, project_id: str, thread_id: str, run_id: str, last_epoch: int | None = None) -> Past:
        """What is stored of a run whose events up to now are not all in a log here.

        `last_epoch` is that of the last owner, where it is known.
        """
        log = self._logs.get(run_id)
        after = 0 if log is None or log.is_handed_over else log.length
        # Another node may have executed a run since it has waited here.
        may_lack_events = log is None or log.is_handed_over or log.is_remote or (log.closed and self.remote is not None)
        if log is not None and not may_lack_events and (last_epoch is None or log.epoch >= last_epoch):
            return NO_PAST
        entries = await self._load_entries(run_id, after)
        try:
            return Past(await self._store.runs.history(project_id, thread_id, run_id), entries, after)
        except NotFound:
            return Past(None, entries, after)

    async def _load_entries(self, run_id: str, after: int) -> list[LogEntry]:
        if self._stored is None:
            return []
        try:
            return await self._stored.load(run_id, after)
        except BrokerUnavailable:
            return []

    def reopen(self, stored: StoredRun, past: Past, *, is_claimed: bool = True) -> RunLog:
        """The run's log, open for new events; rebuilt from what is stored if this process has none.

        `is_claimed`: this process has begun a new epoch; else the run waits for its next owner.
        """
        last_epoch = stored.epoch - is_claimed
        log = self._logs.get(stored.run.id)
        if log is None or log.is_handed_over:
            log = self._logs.create(stored.run.id, new_encoder(stored.progress))
            log.is_resumable = stored.progress.sent > 0 if stored.response is None else stored.response.background
            return self._begin_epoch(log, stored, past, last_epoch)
        # Others may have owned the run since it has waited here, or the store failed during its execution here.
        is_behind = log.is_remote or log.epoch < last_epoch or (not log.closed and stored.run.status != "queued")
        if self.remote is not None:
            self.remote.release(stored.run.id)
        log.reopen()
        if is_behind:
            return self._begin_epoch(log, stored, past, last_epoch)
        log.begin_epoch(stored.epoch)
        return log

    def _begin_epoch(self, log: RunLog, stored: StoredRun, past: Past, last_epoch: int) -> RunLog:
        """Continues a log with the events of this owner; an empty one begins with what is stored of earlier owners.

        Readers of the lost log may have had other events: what is rebuilt has the numbers of this owner.
        """
        encoder = encoder_at_end(log)
        end = last_epoch * EVENTS_PER_EPOCH
        entries = [entry for entry in past.entries if entry.number <= end] if past.after <= log.length else []
        if not past.after:
            position = resume_position(entries, log.length)
            entries = [entry for entry in entries if entry.number > position]
        append_entries(log, encoder, entries)
        restored = restored_event(stored, past.history, int(self._clock.now()))
        if log.length:
            self._append_tail(log, encoder, stored, past)
        else:
            self._rebuild(log, encoder, stored, past)
            restored = msgspec.structs.replace(restored, resumable_from=log.first_resumable)
        log.begin_epoch(stored.epoch)
        log.append(restored, encoder.encode(restored))
        return log

    def _append_tail(self, log: RunLog, encoder: Encoder, stored: StoredRun, past: Past) -> None:
        """Appends what the last owner has stored of its log, as far as the log lacks it."""
        tail = stored_tail(stored)
        log.outlined = outlined_length(log, encoder, stored)
        if tail and tail[0].first <= log.length + 1:
            append_entries(log, encoder, tail)
        sent = [entry.event for entry in log.entries()]
        for opening in unsent_openings(stored, sent, past.history):
            log.append(opening, encoder.encode(opening))

    def _rebuild(self, log: RunLog, encoder: Encoder, stored: StoredRun, past: Past) -> None:
        rebuilt, is_exact, outlined = rebuild_response(stored)
        rebuilt += map(RebuiltEvent, stored_run_events(stored, past.history))
        rebuilt += map(RebuiltEvent, past_takeovers(stored, past.history, int(self._clock.now())))
        log.begin_epoch(stored.epoch)
        if is_exact and stored.response is not None and stored.run.status == "in_progress":
            log.outlined = log.length + outlined
        log.first_resumable = first_resumable(stored, [one.event for one in rebuilt], is_exact=is_exact)
        for one in rebuilt:
            frames = encoder.encode(one.event, one.length - 1)
            entry = LogEntry(log.length + one.length, one.event, log.length + 1, ends=one.ends)
            log.append_entry(entry, frames)

    async def complete(self, run_id: str, log: RunLog, encoder: Encoder) -> None:
        """Appends the stored end of a run to its log, which lacks it; nothing if the run has not ended."""
        stored = await self._store.runs.load(run_id)
        if stored is None or stored.run.status not in TERMINAL:
            return
        history = None
        if stored.response is None:
            try:
                history = await self._store.runs.history(stored.project_id, stored.run.thread_id, run_id)
            except NotFound:
                return
        if not log.has_ended:
            log.begin_epoch(max(stored.epoch, log.epoch) + 1)
            for event in ending_events(stored, history, int(self._clock.now())):
                log.append(event, encoder.encode(event))

    def write(self, run_id: str, log: RunLog, *, is_private: bool = False) -> None:
        """This process executes the run, or announces it: its events are stored for other nodes."""
        if self.streams is not None:
            self.streams.track(run_id, log, is_private=is_private)

    def end(self, run_id: str, log: RunLog) -> None:
        """The run has ended here."""
        if self.streams is not None:
            self.streams.end(run_id, log)
        self._logs.finish(run_id)

    def hand_over(self, run_id: str, node_id: str | None = None) -> None:
        """Another process executes the run: its clients here follow that one, where there may be other nodes.

        `node_id` is its node, where that is known.
        """
        if self.streams is None or self.remote is None:
            self._logs.discard(run_id)
            return
        self.streams.untrack(run_id)
        self.remote.adopt(run_id, node_id)
        if self._feed is not None:
            self._feed.release(run_id)

    def drop_unread(self, run_id: str) -> bool:
        """Drops the log of a run that waits for a place, if nobody reads it and the broker has all of it."""
        log = self._logs.get(run_id)
        # One reader writes it to the broker.
        if log is None or self.streams is None or not self.streams.is_complete(run_id) or len(log.followers) > 1:
            return False
        self.streams.untrack(run_id)
        self._logs.discard(run_id)
        return True

    def discard(self, run_id: str) -> None:
        """The run is deleted: its clients here cannot follow it any more."""
        if self.streams is not None and self.remote is not None:
            self.streams.untrack(run_id)
            self.remote.release(run_id)
        self._logs.discard(run_id)

    def erase(self, run_id: str) -> None:
        """Deletes what the broker stores of the log."""
        if self.streams is not None:
            self.streams.erase(run_id)

    async def discard_stale(self) -> None:
        """Drops the logs of runs that waited here, and that other nodes have continued, ended or deleted."""
        if self.remote is None or time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + _CHECK_SECONDS
        waiting = self._logs.list_waiting()
        owners = await self._store.runs.find_owners(waiting)
        for run_id in waiting:
            log, found = self._logs.get(run_id), owners.get(run_id)
            is_current = found is not None and found.status in WAITING_STATUSES
            if log is not None and log.closed and not (is_current and found is not None and found.epoch <= log.epoch):
                self.discard(run_id)

"""Writes the logs of this process's runs to their streams in the broker. Exists only with a shared broker.

The logs are the buffer: of each, the number of the last written event is known, so an unavailable broker costs no
memory, and what it has lost is written again after a reconnect. Nothing here delays a run or its local clients.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from understudy.broker import Broker, BrokerUnavailable, EventBatch, EventsMissing
from understudy.engine.run import events
from understudy.engine.run.ended_logs import EndedLogs
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log import LogReader, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.stored_logs import StoredLogs
from understudy.looper import Looper

logger = logging.getLogger(__name__)

_DELAY_SECONDS: Final = 0.25
_DELAYED_CHARACTERS: Final = 4096
_RENEW_SECONDS: Final = 60.0
_MAX_BATCH_BYTES: Final = 1 << 18
_MAX_FLUSH_BYTES: Final = 4 << 20
_RUNS_A_FLUSH: Final = 64
# A log with more batches, or more bytes, is stored whole.
_MAX_BATCHES: Final = 500
_MAX_STREAM_BYTES: Final = 1 << 20
# These wait for the delay. What begins with an event that is also in the database, its next owner rebuilds.
_DELAYED: Final = frozenset(
    {
        events.RunQueued,
        events.RunStarted,
        events.MessageOpened,
        events.CallsStepOpened,
        events.TextDelta,
        events.RefusalDelta,
        events.LogprobsReceived,
        events.ArgumentsDelta,
        events.ReasoningDelta,
        events.CodeDelta,
        events.CodeOutputDelta,
    }
)


@dataclass(eq=False, slots=True)
class _LogStream:
    run_id: str
    log: RunLog
    reader: LogReader
    is_private: bool
    """Events are only written where a message cannot carry them."""
    written: int | None = None
    """The number of the last event in the stream; None if it is unknown."""
    delayed: int = 0
    batches: int = 0
    bytes: int = 0


class LogStreams:
    """`retention` is how long events are stored after their last renewal, in seconds.

    `report_lost` is called with a run of which a later owner has written.
    """

    def __init__(
        self,
        broker: Broker,
        codec: EventCodec,
        stored: StoredLogs,
        retention: float,
        report_lost: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._codec = codec
        self._stored = stored
        self._retention = retention
        self._report_lost = report_lost
        self._streams: dict[str, _LogStream] = {}
        # Dictionaries that are sets in the order of insertion.
        self._due: dict[_LogStream, None] = {}
        self._later: dict[_LogStream, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._ended = EndedLogs(broker, stored, retention)
        self._is_failing = False
        self._renewing = Looper(_RENEW_SECONDS, self._renew)
        broker.on_reconnect(self._recover)

    async def start(self) -> None:
        await self._renewing.start()

    async def stop(self) -> None:
        """Writes what is not written yet."""
        await self._renewing.stop()
        self._start_due(self._unwritten())
        flushing = [self._flushing] if self._flushing is not None else []
        await asyncio.gather(self._ended.stop(), *flushing, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    def track(self, run_id: str, log: RunLog, *, is_private: bool = False) -> None:
        """Writes the events of a run that this process executes, from now on and those that are not written yet.

        Those of a private one are written only by `flush`.
        """
        known = self._streams.get(run_id)
        if known is not None and known.log is log:
            return
        self.untrack(run_id)
        reader = log.reader(log.length)
        # Epoch 1 has no earlier owner who may have written.
        stream = _LogStream(run_id, log, reader, is_private, 0 if log.epoch == 1 else None)
        self._streams[run_id] = stream
        reader.notify = partial(self._add_event, stream)
        log.followers.append(reader)
        if log.length:
            reader.notify()

    def untrack(self, run_id: str) -> None:
        """Another process executes the run, or none does any more."""
        stream = self._streams.pop(run_id, None)
        if stream is not None:
            stream.reader.notify = None
            stream.log.followers.remove(stream.reader)
            self._due.pop(stream, None)
            self._later.pop(stream, None)

    def end(self, run_id: str, log: RunLog) -> None:
        """Stores the log of a run that has ended."""
        stream = self._streams.get(run_id)
        has_batches = stream is None or stream.written != 0 or stream.batches > 0
        self.untrack(run_id)
        if stream is not None and stream.is_private:
            self.erase(run_id)
            return
        self._ended.store(run_id, log, has_batches=has_batches)

    def is_tracked(self, run_id: str) -> bool:
        return run_id in self._streams

    def is_complete(self, run_id: str) -> bool:
        """Whether all events of a tracked run are stored, as far as is known."""
        stream = self._streams.get(run_id)
        return stream is not None and stream.written == stream.log.length

    def erase(self, run_id: str) -> None:
        """Deletes the stream and the stored log of a run that has ended, or is deleted."""
        self.untrack(run_id)
        self._ended.erase(run_id)

    async def flush(self, run_id: str, number: int) -> bool:
        """Writes the events of a run up to that number at once; returns whether they are stored."""
        await self._ended.wait(run_id)
        stream = self._streams.get(run_id)
        if stream is None:
            return self._ended.is_stored(run_id)
        if stream.written is None or stream.written < number:
            self._start_due([stream])
            if self._flushing is not None:
                await asyncio.wait([self._flushing])
        return stream.written is not None and stream.written >= number

    def _unwritten(self) -> list[_LogStream]:
        return [stream for stream in self._streams.values() if not stream.is_private]

    # -- scheduling --------------------------------------------------------------------------------------------

    def _add_event(self, stream: _LogStream) -> None:
        log = stream.log
        # Logs are merged behind their readers, and this one reads at its own time.
        stream.reader.position = log.length
        if stream.is_private:
            return
        event = log.last_event
        if type(event) in _DELAYED:
            stream.delayed += len(getattr(event, "text", ""))
            if stream.delayed < _DELAYED_CHARACTERS:
                self._later[stream] = None
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(_DELAY_SECONDS, self._flush_later)
                return
        if type(event) is events.RunEnded:
            # The whole log is stored now.
            self._due.pop(stream, None)
            self._later.pop(stream, None)
        else:
            self._start_due([stream])

    def _flush_later(self) -> None:
        self._timer = None
        self._start_due(self._later)

    def _start_due(self, streams: Iterable[_LogStream]) -> None:
        self._due.update(dict.fromkeys(streams))
        if self._due and self._flushing is None:
            # The task runs after this turn of the event loop, whose other events it writes as well.
            self._flushing = asyncio.get_running_loop().create_task(self._write_unwritten())

    async def _write_unwritten(self) -> None:
        try:
            while self._due:
                some = list(self._due)[:_RUNS_A_FLUSH]
                for stream in some:
                    del self._due[stream]
                    self._later.pop(stream, None)
                    stream.delayed = 0
                await self._write_batches(some)
        except BrokerUnavailable as error:
            # All are written after the reconnect, or with their next events.
            self._due.clear()
            if self._broker.is_available and not self._is_failing:
                logger.warning("events of runs are not stored for other nodes: %s", error)
                self._is_failing = True
        finally:
            self._flushing = None

    # -- writing -----------------------------------------------------------------------------------------------

    async def _write_batches(self, streams: list[_LogStream]) -> None:
        await self._find_last(streams)
        batches: list[EventBatch] = []
        written: list[tuple[_LogStream, int, int]] = []
        left = _MAX_FLUSH_BYTES
        for stream in streams:
            if left <= 0:
                self._due[stream] = None
                continue
            some = self._new_batches(stream)
            if some:
                batches += some
                size = sum(len(batch.body) for batch in some)
                left -= size
                written.append((stream, some[-1].last, size))
                stream.batches += len(some)
        if not batches:
            return
        try:
            lost = await self._broker.write_events(batches)
        except BrokerUnavailable:
            self._forget_written(streams)
            raise
        except EventsMissing:
            self._forget_written(streams)
            self._due.update(dict.fromkeys(streams))
            return
        # A server that refuses writes still takes a flush without any.
        self._is_failing = False
        for stream, last, size in written:
            if stream.run_id in lost:
                self._lose(stream)
            else:
                stream.written, stream.bytes = last, stream.bytes + size
                await self._compact(stream)

    def _forget_written(self, streams: Iterable[_LogStream]) -> None:
        for stream in streams:
            stream.written = None
            # Whatever the server has lost after the last event of the stream, the stored log has.
            stream.batches = _MAX_BATCHES

    async def _find_last(self, streams: list[_LogStream]) -> None:
        """Reads what is in the streams of which that is unknown: they may have lost a part, or have other writers."""
        unknown = [stream for stream in streams if stream.written is None]
        if not unknown:
            return
        numbers = await self._broker.last_numbers([stream.run_id for stream in unknown])
        for stream in unknown:
            number = numbers[stream.run_id]
            if number > stream.log.length:
                streams.remove(stream)
                self._lose(stream)
            else:
                stream.written = number

    def _new_batches(self, stream: _LogStream) -> list[EventBatch]:
        assert stream.written is not None
        log, previous, batches = stream.log, stream.written, []
        for body, entries in self._encode_entries(log.merged_after(log.position_after(previous))):
            batches.append(EventBatch(stream.run_id, entries[0].first, entries[-1].number, previous, body))
            previous = entries[-1].number
        return batches

    def _encode_entries(self, entries: list[LogEntry]) -> Iterator[tuple[bytes, list[LogEntry]]]:
        """Bodies of a bounded size, except those of one large event."""
        if not entries:
            return
        body = self._codec.encode_entries(entries)
        if len(body) <= _MAX_BATCH_BYTES or (len(entries) == 1 and not entries[0].is_merged):
            yield body, entries
            return
        if len(entries) == 1:
            entries = list(entries[0].halves())
        yield from self._encode_entries(entries[: len(entries) // 2])
        yield from self._encode_entries(entries[len(entries) // 2 :])

    async def _compact(self, stream: _LogStream) -> None:
        """Stores a long log whole, in which neighbouring deltas are one."""
        if stream.batches < _MAX_BATCHES and stream.bytes < _MAX_STREAM_BYTES:
            return
        assert stream.written is not None
        stream.batches, stream.bytes = 0, 0
        entries, last = list(stream.log.entries()), stream.written
        if not await self._stored.store(stream.run_id, entries, last, self._retention, is_whole=False):
            # Another owner has written, or the stream is lost: the next write finds out.
            self._forget_written([stream])

    def _lose(self, stream: _LogStream) -> None:
        if self._streams.get(stream.run_id) is stream:
            self.untrack(stream.run_id)
            self._report_lost(stream.run_id)

    # -- time and failures -------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """Keeps what is stored, and stores again what the server has evicted meanwhile."""
        missing = await self._broker.keep_events(list(self._streams), self._retention)
        streams = [self._streams[run_id] for run_id in missing if run_id in self._streams]
        evicted = [stream for stream in streams if stream.written]
        self._forget_written(evicted)
        self._start_due(stream for stream in evicted if not stream.is_private)

    async def _recover(self, has_lost_data: bool, /) -> None:
        """After a reconnect: the server may have lost a part of any stream."""
        self._forget_written(self._streams.values())
        self._start_due(self._unwritten())
        self._ended.restore(has_lost_data=has_lost_data)

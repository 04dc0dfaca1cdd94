"""The feed of this process's logs to the nodes that follow them. Exists only with a shared broker.

A node registers its interest with the request `run.follow`, whose reply has the events that it lacks; afterwards new
events are sent to its inbox. Interest is a lease: a follower renews it. Nothing here delays the run or its local
clients.

A message to a node has the new events of all runs that it follows, their neighbouring deltas merged; what happens while
a message is on its way is in the next one. Earlier versions read no such messages: their nodes get one for each run.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import msgspec

from understudy.broker import Broker
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log import LogReader, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.logs import Logs

FOLLOW_TOPIC: Final = "run.follow"
BATCH_TOPIC: Final = "run.batch"
EVENTS_TOPIC: Final = "run.events"
"""The topic of a message with the events of one run."""
INTEREST_SECONDS: Final = 30.0
_MAX_BODY_BYTES: Final = 48_000
# A follower applies a message in one turn of its event loop, some microseconds an event.
_BATCH_BYTES: Final = 16_000
_MAX_EVENTS: Final = 2_000
LogState = Literal["open", "waiting", "ended", "released", "unknown"]


class FollowRequest(msgspec.Struct, array_like=True):
    """A node follows a run, of which it has the events up to `after`; `reads_batches`: it handles `BATCH_TOPIC`."""

    run_id: str
    after: int
    reads_batches: bool = False


class SentEvents(msgspec.Struct, array_like=True):
    """Events after the number `previous` up to `last`; `length` is the number of the run's last event.

    With `is_stored` the next event is in the stream of the run, since it is too large for a message.
    """

    run_id: str
    previous: int
    last: int
    length: int
    state: LogState
    entries: bytes = b""
    is_stored: bool = False


decode_sent = msgspec.msgpack.Decoder(SentEvents).decode
decode_batch = msgspec.msgpack.Decoder(list[SentEvents]).decode
_decode_request = msgspec.msgpack.Decoder(FollowRequest).decode
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class _FollowedLog:
    """`nodes` has when the interest of each node ends; `next_end` is the first of these times."""

    log: RunLog
    reader: LogReader
    nodes: dict[str, float] = field(default_factory=dict)
    next_end: float = 0.0

    def add(self, node_id: str) -> None:
        self.nodes[node_id] = time.monotonic() + INTEREST_SECONDS
        self.next_end = min(self.nodes.values())

    def drop_ended(self) -> None:
        now = time.monotonic()
        if now > self.next_end:
            self.nodes = {node: until for node, until in self.nodes.items() if until > now}
            self.next_end = min(self.nodes.values(), default=0.0)


@dataclass(slots=True)
class _Batch:
    """What the next message to a node has."""

    sent: list[msgspec.Raw] = field(default_factory=list)
    bytes: int = 0
    events: int = 0


class EventFeed:
    """`flush` stores the events of a run up to a number, and returns whether they are stored."""

    def __init__(
        self, broker: Broker, codec: EventCodec, logs: Logs, flush: Callable[[str, int], Awaitable[bool]]
    ) -> None:
        self._broker = broker
        self._codec = codec
        self._logs = logs
        self._flush_stream = flush
        # By run, and by whether the nodes read batches.
        self._followed: dict[tuple[str, bool], _FollowedLog] = {}
        # A dictionary that is a set in the order of insertion.
        self._changed: dict[tuple[str, bool], None] = {}
        self._batches: dict[str, _Batch] = {}
        self._flushing: asyncio.Task[None] | None = None
        broker.handle(FOLLOW_TOPIC, self._reply)

    def release(self, run_id: str) -> None:
        """Another node executes the run: the followers look for it at once."""
        for key in ((run_id, True), (run_id, False)):
            if key in self._followed:
                self._mark_changed(key)

    # -- interest ----------------------------------------------------------------------------------------------

    async def _reply(self, node_id: str, body: bytes) -> bytes:
        request = _decode_request(body)
        log = self._logs.get(request.run_id)
        if log is None or log.is_remote:
            return _encode(SentEvents(request.run_id, 0, 0, 0, "unknown"))
        if not _is_over(log):
            log.is_resumable = True
            self._register((request.run_id, request.reads_batches), log, node_id)
        return _encode(await self._pack(request.run_id, log, request.after, log.entries_after(request.after)))

    def _register(self, key: tuple[str, bool], log: RunLog, node_id: str) -> None:
        followed = self._followed.get(key)
        if followed is None or followed.log is not log:
            reader = log.reader(log.length)
            reader.notify = partial(self._mark_changed, key)
            log.followers.append(reader)
            followed = self._followed[key] = _FollowedLog(log, reader)
        followed.add(node_id)

    def _unregister(self, key: tuple[str, bool]) -> None:
        followed = self._followed.pop(key)
        followed.reader.notify = None
        followed.log.followers.remove(followed.reader)

    # -- sending -----------------------------------------------------------------------------------------------

    def _mark_changed(self, key: tuple[str, bool]) -> None:
        self._changed[key] = None
        if self._flushing is None:
            # The task runs after this turn of the event loop, whose other events it sends as well.
            self._flushing = asyncio.get_running_loop().create_task(self._send_batches())

    async def _send_batches(self) -> None:
        try:
            while self._changed:
                changed, self._changed = self._changed, {}
                for key in changed:
                    await self._send_events(key)
                for node_id in list(self._batches):
                    await self._send_batch(node_id)
                # The next events gather meanwhile.
                await self._broker.drain()
        finally:
            self._flushing = None

    async def _send_events(self, key: tuple[str, bool]) -> None:
        followed = self._followed.get(key)
        if followed is None:
            return
        followed.drop_ended()
        run_id, reads_batches = key
        log, reader = followed.log, followed.reader
        while followed.nodes:
            position = reader.position
            entries = log.merged_after(position) if reads_batches else log.entries_after(position)
            sent = await self._pack(run_id, log, position, entries)
            reader.position = sent.last
            body = _encode(sent)
            for node_id in list(followed.nodes):
                if reads_batches:
                    await self._add_to_batch(node_id, body, sent.last - sent.previous)
                else:
                    await self._broker.send(node_id, EVENTS_TOPIC, body)
            if sent.is_stored or sent.last >= sent.length:
                break
        if not followed.nodes or _is_over(log):
            self._unregister(key)

    async def _add_to_batch(self, node_id: str, body: bytes, events: int) -> None:
        batch = self._batches.get(node_id)
        if batch is not None and (batch.bytes + len(body) > _BATCH_BYTES or batch.events + events > _MAX_EVENTS):
            await self._send_batch(node_id)
            batch = None
        if batch is None:
            batch = self._batches[node_id] = _Batch()
        batch.sent.append(msgspec.Raw(body))
        batch.bytes += len(body)
        batch.events += events

    async def _send_batch(self, node_id: str) -> None:
        await self._broker.send(node_id, BATCH_TOPIC, _encode(self._batches.pop(node_id).sent))

    async def _pack(self, run_id: str, log: RunLog, after: int, entries: list[LogEntry]) -> SentEvents:
        """As many of the entries after the number `after` as a message may have."""
        encoded = self._codec.encode_entries(entries)
        while (len(encoded) > _MAX_BODY_BYTES or _count_events(entries) > _MAX_EVENTS) and _is_divisible(entries):
            entries = entries[: len(entries) // 2] if len(entries) > 1 else [entries[0].halves()[0]]
            encoded = self._codec.encode_entries(entries)
        last = entries[-1].number if entries else log.length
        sent = SentEvents(run_id, after, last, log.length, _state_of(log), encoded)
        if len(encoded) > _MAX_BODY_BYTES:
            sent.entries, sent.is_stored = b"", await self._flush_stream(run_id, last)
        return sent


def _count_events(entries: Sequence[LogEntry]) -> int:
    return sum([entry.number - entry.first + 1 for entry in entries])


def _is_divisible(entries: Sequence[LogEntry]) -> bool:
    return len(entries) > 1 or entries[0].is_merged


def _is_over(log: RunLog) -> bool:
    return _state_of(log) in {"ended", "released"}


def _state_of(log: RunLog) -> LogState:
    if log.is_remote:
        return "released"
    if not log.closed:
        return "open"
    if log.is_handed_over:
        return "released"
    return "ended" if log.has_ended else "waiting"

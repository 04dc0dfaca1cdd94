"""The feed of this process's logs to the nodes that follow them. Exists only with a shared broker.

A node registers its interest with the request `run.follow`, whose reply has the events that it lacks; afterwards new
events are sent to its inbox, those of one turn of the event loop together. Interest is a lease: a follower renews it.
Nothing here delays the run or its local clients.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import msgspec

from understudy.broker import Broker
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.log import LogReader, Logs, RunLog

FOLLOW_TOPIC: Final = "run.follow"
EVENTS_TOPIC: Final = "run.events"
INTEREST_SECONDS: Final = 30.0
_MAX_BODY_BYTES: Final = 48_000
LogState = Literal["open", "waiting", "ended", "released", "unknown"]


class FollowRequest(msgspec.Struct, array_like=True):
    """A node follows a run, of which it has the events up to `after`."""

    run_id: str
    after: int


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
_decode_request = msgspec.msgpack.Decoder(FollowRequest).decode
_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class _FollowedLog:
    log: RunLog
    reader: LogReader
    nodes: dict[str, float] = field(default_factory=dict)


class EventFeed:
    """`flush` stores the events of a run up to a number, and returns whether they are stored."""

    def __init__(
        self, broker: Broker, codec: EventCodec, logs: Logs, flush: Callable[[str, int], Awaitable[bool]]
    ) -> None:
        self._broker = broker
        self._codec = codec
        self._logs = logs
        self._flush_stream = flush
        self._followed: dict[str, _FollowedLog] = {}
        self._changed: set[str] = set()
        self._flushing: asyncio.Task[None] | None = None
        broker.handle(FOLLOW_TOPIC, self._reply)

    def release(self, run_id: str) -> None:
        """Another node executes the run: the followers look for it at once."""
        if run_id in self._followed:
            self._mark_changed(run_id)

    # -- interest ----------------------------------------------------------------------------------------------

    async def _reply(self, node_id: str, body: bytes) -> bytes:
        request = _decode_request(body)
        log = self._logs.get(request.run_id)
        if log is None or log.is_remote:
            return _encode(SentEvents(request.run_id, 0, 0, 0, "unknown"))
        if not _is_over(log):
            self._register(request.run_id, log, node_id)
        return _encode(await self._events_after(request.run_id, log, request.after))

    def _register(self, run_id: str, log: RunLog, node_id: str) -> None:
        followed = self._followed.get(run_id)
        if followed is None or followed.log is not log:
            reader = log.reader(log.length)
            reader.notify = partial(self._mark_changed, run_id)
            log.followers.append(reader)
            followed = self._followed[run_id] = _FollowedLog(log, reader)
        followed.nodes[node_id] = time.monotonic() + INTEREST_SECONDS

    def _unregister(self, run_id: str) -> None:
        followed = self._followed.pop(run_id)
        followed.reader.notify = None
        followed.log.followers.remove(followed.reader)

    # -- sending -----------------------------------------------------------------------------------------------

    def _mark_changed(self, run_id: str) -> None:
        self._changed.add(run_id)
        if self._flushing is None:
            # The task runs after this turn of the event loop, whose other events it sends as well.
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while self._changed:
                changed, self._changed = self._changed, set()
                for run_id in changed:
                    await self._send_events(run_id)
        finally:
            self._flushing = None

    async def _send_events(self, run_id: str) -> None:
        followed = self._followed.get(run_id)
        if followed is None:
            return
        now = time.monotonic()
        followed.nodes = {node: until for node, until in followed.nodes.items() if until > now}
        log, reader = followed.log, followed.reader
        while followed.nodes:
            sent = await self._events_after(run_id, log, reader.position)
            reader.position = sent.last
            body = _encode(sent)
            for node_id in list(followed.nodes):
                await self._broker.send(node_id, EVENTS_TOPIC, body)
            if sent.is_stored or sent.last >= sent.length:
                break
        if not followed.nodes or _is_over(log):
            self._unregister(run_id)

    async def _events_after(self, run_id: str, log: RunLog, after: int) -> SentEvents:
        """The next events, as many as a message may have."""
        entries = log.entries_after(after)
        encoded = self._codec.encode_entries(entries)
        while len(encoded) > _MAX_BODY_BYTES and (len(entries) > 1 or entries[0].is_merged):
            entries = entries[: len(entries) // 2] if len(entries) > 1 else [entries[0].halves()[0]]
            encoded = self._codec.encode_entries(entries)
        last = entries[-1].number if entries else log.length
        sent = SentEvents(run_id, after, last, log.length, _state_of(log), encoded)
        if len(encoded) > _MAX_BODY_BYTES:
            sent.entries, sent.is_stored = b"", await self._flush_stream(run_id, last)
        return sent


def _is_over(log: RunLog) -> bool:
    return _state_of(log) in {"ended", "released"}


def _state_of(log: RunLog) -> LogState:
    if log.is_remote:
        return "released"
    if not log.closed:
        return "open"
    if log.handed_back:
        return "released"
    return "ended" if log.has_ended else "waiting"

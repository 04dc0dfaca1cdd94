"""The changes of a project's objects, as a stream for any number of clients on any node.

A feed exists while somebody follows a project, and for a while afterwards; changes of other projects cost a look-up.
With a shared broker, a node that has a feed registers its interest with every other node, as a lease that it renews.
Events are hints: what a broker loses, a client learns when it retrieves the object.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from understudy import telemetry
from understudy.broker import MAX_MESSAGE_BYTES, Broker
from understudy.clock import Clock
from understudy.looper import Looper
from understudy.store import Store
from understudy.wire.project_events import ChangedData, ProjectEvent

_MAX_EVENTS: Final = 1_000
_IDLE_SECONDS: Final = 60.0
_RENEW_SECONDS: Final = 10.0
_INTEREST_SECONDS: Final = 30.0
_FOLLOW_TOPIC: Final = "project.follow"
_EVENTS_TOPIC: Final = "project.events"
_encode = msgspec.msgpack.Encoder().encode


class _Change(msgspec.Struct, array_like=True):
    project_id: str
    event: ProjectEvent


_decode_changes = msgspec.msgpack.Decoder(list[_Change]).decode
_decode_projects = msgspec.msgpack.Decoder(list[str]).decode


@dataclass(slots=True)
class _Feed:
    """The latest events of a project; `last` is the number of the newest. `token` identifies the feed."""

    token: str = field(default_factory=lambda: secrets.token_hex(4))
    last: int = 0
    frames: deque[tuple[int, str, bytes]] = field(default_factory=lambda: deque(maxlen=_MAX_EVENTS))
    statuses: dict[str, str] = field(default_factory=dict)
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    readers: int = 0
    left_at: float = 0.0

    def add(self, event: ProjectEvent) -> None:
        """Adds an event of an object, unless the object has that status already."""
        data = event.data
        if data is None or self.statuses.get(data.id) == data.status:
            return
        if len(self.statuses) >= _MAX_EVENTS:
            self.statuses.clear()
        self.statuses[data.id] = data.status
        self.last += 1
        self.frames.append((self.last, event.type, self.render(self.last, event.type, msgspec.json.encode(event))))
        self.grown.set()
        self.grown = asyncio.Event()

    def render(self, number: int, event_type: str, data: bytes) -> bytes:
        return b"id: %b-%d\nevent: %b\ndata: %b\n\n" % (self.token.encode(), number, event_type.encode(), data)

    def find_position(self, event_id: str | None) -> int | None:
        """The number after which a client that has that event continues; None if events in between are gone."""
        if event_id is None:
            return self.last
        token, _, number = event_id.partition("-")
        if token != self.token or not number.isdecimal() or len(number) > 15 or int(number) > self.last:
            return None
        oldest = self.frames[0][0] if self.frames else self.last + 1
        return int(number) if int(number) >= oldest - 1 else None


class ProjectEvents:
    def __init__(self, store: Store, broker: Broker, clock: Clock) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        # Which nodes follow a project, and until when.
        self._interest: dict[str, dict[str, float]] = {}
        self._unsent: list[_Change] = []
        self._sending: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._loop = Looper(_RENEW_SECONDS, self._renew)
        broker.handle(_FOLLOW_TOPIC, self._handle_follow)
        broker.handle(_EVENTS_TOPIC, self._handle_events)

    async def start(self) -> None:
        self._unsubscribe = telemetry.subscribe(telemetry.ObjectChanged, self._add_change)
        await self._loop.start()

    async def stop(self) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
        await self._loop.stop()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def follow(self, project_id: str, after: str | None, types: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Server-sent events after the one with that id, without end.

        The first is `ready`, or `reset` if events since that id are missing: then the client retrieves its lists again.
        """
        feed = self._feeds.get(project_id)
        if feed is None:
            feed = self._feeds[project_id] = _Feed()
            await self._renew()
        return self._read_feed(feed, after, tuple(types))

    def _render_mark(self, feed: _Feed, number: int, kind: Literal["ready", "reset"]) -> bytes:
        event = ProjectEvent(type=kind, created_at=int(self._clock.now()), data=None)
        return feed.render(number, kind, msgspec.json.encode(event))

    async def _read_feed(self, feed: _Feed, after: str | None, types: Sequence[str]) -> AsyncGenerator[bytes, None]:
        feed.readers += 1
        try:
            position = feed.find_position(after)
            is_known = position is not None
            position = feed.last if position is None else position
            yield self._render_mark(feed, position, "ready" if is_known else "reset")
            while True:
                grown = feed.grown
                if feed.frames and feed.frames[0][0] > position + 1:
                    position = feed.last
                    yield self._render_mark(feed, position, "reset")
                new = [entry for entry in feed.frames if entry[0] > position] if feed.last > position else []
                position = feed.last
                frames = b"".join(frame for _, kind, frame in new if _matches_types(kind, types))
                if frames:
                    yield frames
                elif not new:
                    await grown.wait()
        finally:
            feed.readers -= 1
            feed.left_at = time.monotonic()

    # -- changes here ------------------------------------------------------------------------------------------

    def _add_change(self, change: telemetry.ObjectChanged) -> None:
        feed, interest = self._feeds.get(change.project_id), self._interest.get(change.project_id)
        if feed is None and interest is None:
            return
        data = ChangedData(object=change.object, id=change.id, parent_id=change.parent_id or None, status=change.status)
        event = ProjectEvent(type=f"{change.object}.{change.status}", created_at=int(self._clock.now()), data=data)
        if feed is not None:
            feed.add(event)
        if interest is not None:
            self._unsent.append(_Change(change.project_id, event))
            if self._sending is None:
                # The task runs after this turn of the event loop, whose other changes it sends as well.
                self._sending = asyncio.get_running_loop().create_task(self._send_changes())

    async def _send_changes(self) -> None:
        try:
            while self._unsent:
                changes, self._unsent = self._unsent, []
                nodes = {node for change in changes for node in self._interest.get(change.project_id, ())}
                for node in nodes:
                    wanted = [one for one in changes if node in self._interest.get(one.project_id, ())]
                    for body in _split_messages(wanted):
                        await self._broker.send(node, _EVENTS_TOPIC, body)
        finally:
            self._sending = None

    # -- other nodes -------------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        """Drops what nobody follows, and registers the interest in the rest with the other nodes."""
        now = time.monotonic()
        for project_id, feed in list(self._feeds.items()):
            if not feed.readers and feed.left_at and now - feed.left_at > _IDLE_SECONDS:
                del self._feeds[project_id]
        for project_id, nodes in list(self._interest.items()):
            live = {node: until for node, until in nodes.items() if until > now}
            if live:
                self._interest[project_id] = live
            else:
                del self._interest[project_id]
        if self._feeds and self._broker.is_shared:
            body = _encode(list(self._feeds))
            for registered in await self._store.nodes.list():
                if registered.is_live and registered.node.id != self._broker.node_id:
                    await self._broker.send(registered.node.id, _FOLLOW_TOPIC, body)

    async def _handle_follow(self, node_id: str, body: bytes) -> None:
        until = time.monotonic() + _INTEREST_SECONDS
        for project_id in _decode_projects(body):
            self._interest.setdefault(project_id, {})[node_id] = until

    async def _handle_events(self, _: str, body: bytes) -> None:
        for change in _decode_changes(body):
            feed = self._feeds.get(change.project_id)
            if feed is not None:
                feed.add(change.event)


def _matches_types(event_type: str, types: Sequence[str]) -> bool:
    return not types or any(event_type == one or event_type.startswith(f"{one}.") for one in types)


def _split_messages(changes: Sequence[_Change]) -> list[bytes]:
    """The changes as messages of a size that the broker accepts; one change is far smaller than that."""
    body = _encode(changes)
    if len(body) <= MAX_MESSAGE_BYTES or len(changes) <= 1:
        return [body]
    half = len(changes) // 2
    return [*_split_messages(changes[:half]), *_split_messages(changes[half:])]

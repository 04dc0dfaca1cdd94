"""The broker on Redis: messages by publish and subscribe, wake-ups by lists, events of runs by streams.

What is sent in one turn of the event loop leaves in one pipeline. Nothing is sent while the server is unavailable.
"""

import asyncio
import itertools
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from understudy.broker import (
    BrokerUnavailable,
    CellCost,
    EventBatch,
    Handler,
    NoReply,
    Receiver,
    ReconnectCallback,
)
from understudy.broker.inbox import call_handler, call_receiver, check_size
from understudy.broker.redis.cells import LimitCells
from understudy.broker.redis.clients import BROADCAST_CHANNEL, FAILURES, Command, RedisClients
from understudy.broker.redis.connection import SupervisedConnection
from understudy.broker.redis.places import Places
from understudy.broker.redis.streams import EventStreams
from understudy.broker.redis.url import RedisUrl
from understudy.broker.redis.wakeups import Wakeups, wake_key

_Result = TypeVar("_Result")

_MAX_TOKENS: Final = 1000
_TOKEN_SECONDS: Final = 60
_MAX_OUTBOX_BYTES: Final = 4 << 20
_PING: Final = "ping"
logger = logging.getLogger("understudy.broker")


class _Message(Struct, frozen=True, array_like=True):
    """`request` is 0 in a message without a reply. A reply has its topic empty; `body` None is a failure."""

    sender: str
    topic: str
    request: int
    body: bytes | None


_decode = msgspec.msgpack.Decoder(_Message).decode
_encode = msgspec.msgpack.Encoder().encode


class RedisBroker:
    is_shared = True

    def __init__(self, url: RedisUrl, expire_seconds: float) -> None:
        """Events of runs expire after `expire_seconds` unless they are renewed."""
        self.node_id = f"node_{secrets.token_hex(12)}"
        self._url = url
        self._clients = RedisClients(url, f"understudy-{self.node_id}")
        self._streams = EventStreams(self._clients, expire_seconds)
        self._cells = LimitCells(self._clients)
        self._places = Places(self._clients)
        self._connection = SupervisedConnection(
            url, self._clients, _channel(self.node_id), self._receive_message, self._send_ping
        )
        self._wakeups = Wakeups(self._clients, self._connection, self.wake, self.node_id)
        self._publish = "SPUBLISH" if self._clients.is_cluster else "PUBLISH"
        self._handlers: dict[str, Handler] = {}
        self._receivers: dict[str, Receiver] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._requests: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count(1)
        self._wakes: Counter[str] = Counter()
        # The request that fails if nobody receives a published message.
        self._outbox: list[tuple[Command, int]] = []
        self._outbox_bytes = 0
        # Set when what is in the outbox has been sent, where somebody waits for that.
        self._drained: asyncio.Event | None = None
        self._flushing: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        return str(self._url)

    @property
    def is_available(self) -> bool:
        return self._connection.available.is_set()

    async def start(self) -> None:
        await self._connection.start()

    async def stop(self) -> None:
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self._wakeups.stop()
        await self._connection.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._fail_requests("This node is stopping.")
        await self._clients.close()

    def on_reconnect(self, callback: ReconnectCallback) -> None:
        self._connection.callbacks.append(callback)

    # -- jobs --------------------------------------------------------------------------------------------------

    def wake(self, kind: str) -> None:
        if self.is_available:
            self._wakes[kind] += 1
            self._start_flush()

    async def wait_woken(self, kind: str) -> None:
        await self._wakeups.wait(kind)

    # -- messages ----------------------------------------------------------------------------------------------

    def handle(self, topic: str, handler: Handler) -> None:
        self._handlers[topic] = handler

    def receive(self, topic: str, receiver: Receiver) -> None:
        self._receivers[topic] = receiver

    async def send(self, node_id: str, topic: str, body: bytes) -> None:
        check_size(body)
        self._post(_Message(self.node_id, topic, 0, body), node_id)

    async def drain(self) -> None:
        if self._outbox:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    async def broadcast(self, topic: str, body: bytes) -> None:
        check_size(body)
        self._post(_Message(self.node_id, topic, 0, body))

    async def request(self, node_id: str, topic: str, body: bytes, seconds: float = 2.0) -> bytes:
        check_size(body)
        if not self.is_available:
            raise NoReply("Redis is unavailable.")
        number = next(self._numbers)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._requests[number] = reply
        try:
            self._post(_Message(self.node_id, topic, number, body), node_id, number)
            async with asyncio.timeout(seconds):
                return await reply
        except TimeoutError:
            raise NoReply(f"Request {topic!r} to node {node_id} timed out after {seconds:g} s.") from None
        finally:
            del self._requests[number]

    def _post(self, message: _Message, node_id: str = "", request: int = 0) -> None:
        """Without a `node_id`, all nodes receive the message."""
        data = _encode(message)
        if not self.is_available or self._outbox_bytes > _MAX_OUTBOX_BYTES:
            self._fail_request(request, "Redis is unavailable.")
            return
        address = (self._publish, _channel(node_id)) if node_id else ("PUBLISH", BROADCAST_CHANNEL)
        self._outbox.append(((*address, data), request))
        self._outbox_bytes += len(data)
        self._start_flush()

    def _send_ping(self) -> None:
        self._post(_Message(self.node_id, _PING, 0, b""), self.node_id)

    def _start_flush(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._send_waiting())

    async def _send_waiting(self) -> None:
        """Sends everything that waits, until nothing does."""
        try:
            while self._outbox or self._wakes:
                outbox, wakes, drained = self._outbox, self._wakes, self._drained
                self._outbox, self._wakes, self._outbox_bytes, self._drained = [], Counter(), 0, None
                try:
                    await self._send_outbox(outbox, wakes)
                finally:
                    if drained is not None:
                        drained.set()
        finally:
            self._flushing = None

    async def _send_outbox(self, outbox: Sequence[tuple[Command, int]], wakes: Mapping[str, int]) -> None:
        commands = [command for command, _ in outbox]
        for kind, count in wakes.items():
            key = wake_key(kind)
            commands.append(("RPUSH", key, *["1"] * min(count, _MAX_TOKENS)))
            commands.append(("LTRIM", key, -_MAX_TOKENS, -1))
            commands.append(("EXPIRE", key, _TOKEN_SECONDS))
        try:
            replies = await self._clients.send(commands)
        except FAILURES as error:
            self._connection.report_failure(error)
            for _, request in outbox:
                self._fail_request(request, "Redis is unavailable.")
            return
        except Exception:
            logger.exception("%d messages were not sent", len(outbox))
            return
        for (_, request), reply in zip(outbox, replies, strict=False):
            # On Cluster, the count is that of one server.
            if request and reply == 0 and not self._clients.is_cluster:
                self._fail_request(request, "The node is not connected.")

    def _fail_request(self, request: int, reason: str) -> None:
        reply = self._requests.get(request)
        if reply is not None and not reply.done():
            reply.set_exception(NoReply(reason))

    def _fail_requests(self, reason: str) -> None:
        for request in list(self._requests):
            self._fail_request(request, reason)

    def _receive_message(self, data: bytes) -> None:
        try:
            message = _decode(data)
        except msgspec.DecodeError:
            logger.warning("a malformed message was ignored")
            return
        if not message.topic:
            reply = self._requests.get(message.request)
            if message.body is None:
                self._fail_request(message.request, f"Node {message.sender} has not handled the request.")
            elif reply is not None and not reply.done():
                reply.set_result(message.body)
        elif not message.request and (receiver := self._receivers.get(message.topic)) is not None:
            call_receiver(receiver, message.topic, message.sender, message.body or b"")
        elif message.topic != _PING:
            task = asyncio.create_task(self._handle(message))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _handle(self, message: _Message) -> None:
        try:
            reply = await call_handler(self._handlers, message.topic, message.sender, message.body or b"")
        except NoReply:
            reply = None
        if message.request:
            self._post(_Message(self.node_id, "", message.request, reply), message.sender)

    # -- events of runs ----------------------------------------------------------------------------------------

    async def write_events(self, batches: Sequence[EventBatch]) -> Sequence[str]:
        return await self._attempt(lambda: self._streams.write(batches))

    async def read_events(self, run_id: str, after: int) -> list[EventBatch]:
        return await self._attempt(lambda: self._streams.read(run_id, after))

    async def last_numbers(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        return await self._attempt(lambda: self._streams.last_numbers(run_ids))

    async def load_log(self, run_id: str) -> bytes | None:
        return await self._attempt(lambda: self._streams.load_log(run_id))

    async def keep_events(self, run_ids: Sequence[str], seconds: float) -> Sequence[str]:
        return await self._try(lambda: self._streams.keep(run_ids, seconds)) or ()

    async def store_log(self, run_id: str, data: bytes, last: int, seconds: float, *, is_whole: bool = True) -> bool:
        return await self._attempt(lambda: self._streams.store_log(run_id, data, last, seconds, is_whole=is_whole))

    async def delete_events(self, run_id: str) -> None:
        await self._try(lambda: self._streams.delete(run_id))

    # -- counts of limits --------------------------------------------------------------------------------------

    async def take_cells(self, group: str, cells: Sequence[CellCost]) -> tuple[bool, list[float]]:
        return await self._attempt(lambda: self._cells.take(group, cells, forced=False))

    async def add_to_cells(self, group: str, cells: Sequence[CellCost]) -> None:
        await self._try(lambda: self._cells.take(group, cells, forced=True))

    async def take_place(self, group: str, holder: str, limit: int, seconds: float) -> bool:
        return await self._attempt(lambda: self._places.take(group, holder, limit, seconds))

    async def keep_places(self, group: str, holders: Sequence[str], seconds: float) -> None:
        await self._try(lambda: self._places.keep(group, holders, seconds))

    async def free_place(self, group: str, holder: str) -> None:
        await self._try(lambda: self._places.free(group, holder))

    async def _attempt(self, operation: Callable[[], Awaitable[_Result]]) -> _Result:
        if not self.is_available:
            raise BrokerUnavailable("Redis is unavailable.")
        try:
            return await operation()
        except FAILURES as error:
            self._connection.report_failure(error)
            raise BrokerUnavailable("Redis is unavailable.") from error

    async def _try(self, operation: Callable[[], Awaitable[_Result]]) -> _Result | None:
        try:
            return await self._attempt(operation)
        except BrokerUnavailable as error:
            if self.is_available:
                logger.warning("%s", error)
            return None


def _channel(node_id: str) -> str:
    return f"u:in:{{{node_id}}}"

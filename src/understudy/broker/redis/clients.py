"""The connections of a node: one that writes, two for other commands, one that receives, and one that blocks.

No command is repeated by the library: only the caller knows which may be. Keys and numbers are not known here.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from redis import exceptions
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialBackoff, NoBackoff

from understudy.broker.redis.url import RedisUrl

Command = tuple[Any, ...]
_Call = tuple[Sequence[Command], asyncio.Future[list[Any]]]

BROADCAST_CHANNEL: Final = "u:in"
"""The channel that every node receives, beside its own."""
COMMAND_SECONDS: Final = 1.0
BLOCK_SECONDS: Final = 2.0
_BLOCKING_SOCKET_SECONDS: Final = 5.0
_CONCURRENT_COMMANDS: Final = 2
_PIPELINE_BYTES: Final = 1 << 18
_MESSAGES: Final = frozenset({b"message", b"smessage"})
FAILURES: Final = (exceptions.ConnectionError, exceptions.TimeoutError, exceptions.RedisClusterException, OSError)
"""Errors of a connection, a server that loads its data, or a Cluster without its slots: the node reconnects."""
_FAILED_REPLIES: Final = (*FAILURES, exceptions.ReadOnlyError, exceptions.ClusterDownError, exceptions.MasterDownError)


class RedisClients:
    def __init__(self, url: RedisUrl, name: str) -> None:
        self._url = url
        self._name = name
        self._sentinels: list[Any] = []
        self._writer = self._build(COMMAND_SECONDS)
        self._commands = self._build(COMMAND_SECONDS)
        self._blocking = self._build(_BLOCKING_SOCKET_SECONDS)
        self._subscribing = self._build(COMMAND_SECONDS)
        self._writing = asyncio.Lock()
        self._places = asyncio.Semaphore(_CONCURRENT_COMMANDS)
        self._unsent: deque[_Call] = deque()
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_cluster(self) -> bool:
        return self._url.topology == "cluster"

    async def write(self, commands: Sequence[Command]) -> list[Any]:
        """The replies as the server sends them, errors of single commands among them. Raises one of `FAILURES`."""
        async with self._writing:
            return await _execute_commands(self._writer, commands, self._send_once)

    async def send(self, commands: Sequence[Command]) -> list[Any]:
        """As `write`, beside it. What is sent at once, or while the server works on others, shares a pipeline."""
        sent: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._unsent.append((commands, sent))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return await sent

    async def _send_all(self) -> None:
        try:
            while self._unsent:
                async with self._places:
                    await self._send_batch(self._take_batch())
        finally:
            self._sending = None

    def _take_batch(self) -> list[_Call]:
        """The oldest calls, of a bounded size in all."""
        batch: list[_Call] = []
        size = 0
        while self._unsent and (not batch or size < _PIPELINE_BYTES):
            call = self._unsent.popleft()
            batch.append(call)
            size += sum(len(part) for command in call[0] for part in command if isinstance(part, bytes | str))
        return batch

    async def _send_batch(self, batch: Sequence[_Call]) -> None:
        commands = [command for some, _ in batch for command in some]
        try:
            replies = await _execute_commands(self._commands, commands, self._send_once)
        except BaseException as error:
            for _, sent in batch:
                if isinstance(error, asyncio.CancelledError):
                    sent.cancel()
                elif not sent.done():
                    sent.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for some, sent in batch:
            own, replies = replies[: len(some)], replies[len(some) :]
            if not sent.done():
                sent.set_result(own)

    async def execute(self, commands: Sequence[Command]) -> list[Any]:
        """As `send`, with the replies that the library has parsed."""
        async with self._places:
            return await _execute_commands(self._commands, commands, _execute_once)

    async def _send_once(self, client: Any, commands: Sequence[Command]) -> list[Any]:
        """Without the library's pipeline, which costs as much again as the rest."""
        if self.is_cluster:
            return await _execute_once(client, commands)
        connection = await client.connection_pool.get_connection()
        try:
            await connection.send_packed_command(_pack(commands))
            return _check_replies([await _read_reply(connection) for _ in commands])
        except BaseException:
            # What is not read would be the replies of the next commands.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await client.connection_pool.release(connection)

    async def pop(self, keys: Sequence[str]) -> str | None:
        """Removes the first item of the first list that has one, and returns the key of the list.

        Waits `BLOCK_SECONDS` for an item; None without one. Raises one of `FAILURES`.
        """
        popped = await self._blocking.execute_command("BLPOP", *keys, BLOCK_SECONDS)
        return None if popped is None else str(popped[0].decode())

    async def server_info(self) -> dict[str, Any]:
        """The members of INFO, of any one server. Raises RedisError."""
        if self.is_cluster:
            await self._commands.initialize()
            return dict(await self._commands.info(target_nodes=self._commands.get_random_node()))
        return dict(await self._commands.info())

    async def subscribe(self, channel: str) -> "Subscription":
        """A subscription of a channel and of the broadcasts, which the server has confirmed.

        Raises RedisError, OSError.
        """
        client, closes = self._subscribing, False
        if self.is_cluster:
            await self._subscribing.initialize()
            node = self._subscribing.get_node_from_key(channel)
            if node is None:
                raise exceptions.ClusterDownError("No node serves the slot of the inbox.")
            client = Redis(host=node.host, port=int(node.port), **self._options(COMMAND_SECONDS), **self._tls())
            closes = True
        subscription = Subscription(client, closes=closes)
        try:
            await subscription.open("SSUBSCRIBE" if self.is_cluster else "SUBSCRIBE", channel)
            # A Cluster delivers what is published, and not to one shard, on every server.
            await subscription.open("SUBSCRIBE", BROADCAST_CHANNEL)
        except BaseException:
            await subscription.close()
            raise
        return subscription

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        for _, sent in self._unsent:
            sent.cancel()
        for client in (self._writer, self._commands, self._blocking, self._subscribing, *self._sentinels):
            await client.aclose()

    def _build(self, seconds: float) -> Any:
        """A client whose commands time out after that many seconds. It connects when it is used."""
        url, options, tls = self._url, self._options(seconds), self._tls()
        if url.topology == "unix":
            return Redis(unix_socket_path=url.path, db=url.db, **options)
        if url.topology == "cluster":
            nodes = [ClusterNode(host, port) for host, port in url.hosts]
            # The library follows a slot that has moved by repeating the command.
            options["retry"] = Retry(ExponentialBackoff(cap=0.5, base=0.05), 3)
            return RedisCluster(startup_nodes=nodes, **options, **tls)
        if url.topology == "sentinel":
            access = {"username": url.sentinel_username, "password": url.sentinel_password}
            timeouts = {"socket_timeout": COMMAND_SECONDS, "socket_connect_timeout": COMMAND_SECONDS}
            build_sentinel: Any = Sentinel  # not typed
            sentinel = build_sentinel(
                list(url.hosts), sentinel_kwargs=access | timeouts | tls, db=url.db, **options, **tls
            )
            self._sentinels += sentinel.sentinels
            return sentinel.master_for(url.service)
        host, port = url.hosts[0]
        return Redis(host=host, port=port, db=url.db, **options, **tls)

    def _options(self, seconds: float) -> dict[str, Any]:
        return {
            "username": self._url.username,
            "password": self._url.password,
            "client_name": self._name,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": seconds,
            "socket_connect_timeout": COMMAND_SECONDS,
        }

    def _tls(self) -> dict[str, Any]:
        return {"ssl": True, **dict(self._url.tls_files)} if self._url.uses_tls else {}


class Subscription:
    """A connection that receives what is published on its channels. Never reconnects."""

    def __init__(self, client: Any, *, closes: bool) -> None:
        self._client = client
        self._closes = closes
        self._connection: Any = None

    async def open(self, command: str, channel: str) -> None:
        if self._connection is None:
            self._connection = await self._client.connection_pool.get_connection()
        await self._connection.send_command(command, channel)
        reply = None
        # A message of the channel before may come first: it is lost, as those before it.
        while reply is None or reply[0] in _MESSAGES:
            reply = await self._connection.read_response(disable_decoding=True, timeout=COMMAND_SECONDS)
            if reply is None:
                raise exceptions.TimeoutError("The subscription timed out.")

    async def read(self, seconds: float) -> bytes | None:
        """The next message; None after that many seconds. Raises one of `FAILURES`."""
        reply = await self._connection.read_response(disable_decoding=True, timeout=seconds)
        if reply is None:
            return None
        if reply[0] not in _MESSAGES:
            raise exceptions.ConnectionError("The subscription was ended by the server.")
        return bytes(reply[2])

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)
            await self._client.connection_pool.release(self._connection)
            self._connection = None
        if self._closes:
            await self._client.aclose()


_Execution = Callable[[Any, Sequence[Command]], Awaitable[list[Any]]]


async def _execute_commands(client: Any, commands: Sequence[Command], execution: _Execution) -> list[Any]:
    try:
        replies = await execution(client, commands)
    except exceptions.TimeoutError:
        raise
    except exceptions.ConnectionError:
        # A server closes connections that were idle for long: it has received nothing.
        replies = await execution(client, commands)
    return replies


async def _execute_once(client: Any, commands: Sequence[Command]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return _check_replies(await pipeline.execute(raise_on_error=False))


def _pack(commands: Sequence[Command]) -> bytes:
    """The commands in the server's protocol, in a fifth of the library's time."""
    parts = []
    for command in commands:
        parts.append(b"*%d\r\n" % len(command))
        for argument in command:
            data = argument if isinstance(argument, bytes) else str(argument).encode()
            parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


async def _read_reply(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except exceptions.ResponseError as error:
        return error


def _check_replies(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, _FAILED_REPLIES):
            raise exceptions.ConnectionError(str(reply)) from reply
    return replies

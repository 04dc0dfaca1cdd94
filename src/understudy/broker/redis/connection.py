"""The state of a node's connection to Redis: available or not, and whether the server has lost its data meanwhile.

One loop owns the subscription to the inbox. A failure of any command ends it; it connects again with growing waits, and
only then is the server available again. One line is logged for each change.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from redis.exceptions import AuthenticationError, AuthorizationError, RedisError

from understudy import telemetry
from understudy.broker import ReconnectCallback
from understudy.broker.redis.clients import FAILURES, RedisClients, Subscription
from understudy.broker.redis.url import RedisUrl
from understudy.errors import SettingsError

_EPOCH_KEY: Final = "u:epoch"
_PING_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 10.0
_TURN_SECONDS: Final = 0.005
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0
_FIRST_VERSION: Final = (7, 0)
logger = logging.getLogger("understudy.broker")


class SupervisedConnection:
    """`receive` is called with each message of the channel; `ping` must publish one there soon."""

    def __init__(
        self,
        url: RedisUrl,
        clients: RedisClients,
        channel: str,
        receive: Callable[[bytes], None],
        ping: Callable[[], None],
    ) -> None:
        self._url = url
        self._clients = clients
        self._channel = channel
        self._receive = receive
        self._ping = ping
        self.callbacks: list[ReconnectCallback] = []
        self.available = asyncio.Event()
        self._epoch: bytes | None = None
        self._was_available = True
        self._subscription: Subscription | None = None
        self._reading: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connects, or lets the loop try again. Raises SettingsError if the server refuses this node."""
        try:
            await self._subscribe()
        except FAILURES as error:
            if _is_refusal(error):
                raise SettingsError(f"{self._url} refused the connection: {error}") from None
            self._set_unavailable(error)
        except RedisError as error:
            await self._disconnect()
            raise SettingsError(f"{self._url} refused the connection: {error}") from None
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        for task in (self._task, *self._tasks):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.available.clear()
        await self._disconnect()

    def report_failure(self, error: Exception) -> None:
        """Ends the connection after a command has failed: the loop finds out whether the server is there."""
        self._set_unavailable(error)
        if self._reading is not None:
            self._reading.cancel()

    async def _supervise(self) -> None:
        delay = _FIRST_WAIT_SECONDS
        while True:
            try:
                if self._subscription is None:
                    await self._subscribe()
                delay = _FIRST_WAIT_SECONDS
                await self._keep_reading()
            except (RedisError, *FAILURES) as error:
                self._set_unavailable(error)
            except Exception as error:
                logger.exception("%s: connection failed", self._url)
                self._set_unavailable(error)
            await self._disconnect()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, hides nothing
            delay = min(2 * delay, _LONGEST_WAIT_SECONDS)

    async def _subscribe(self) -> None:
        self._subscription = await self._clients.subscribe(self._channel)
        try:
            if self._epoch is None:
                _check_server(await self._clients.server_info(), self._url)
            has_lost_data = await self._compare_epoch()
        except BaseException:
            await self._disconnect()
            raise
        self.available.set()
        if self._was_available:
            return
        logger.info("%s: connected again%s", self._url, ", without its data" if has_lost_data else "")
        self._was_available = True
        self._start_task(self._notify(has_lost_data))

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _compare_epoch(self) -> bool:
        """Whether the server has another epoch than at the last connection: it has lost its data."""
        commands = [("SET", _EPOCH_KEY, secrets.token_hex(12), "NX"), ("GET", _EPOCH_KEY)]
        replies = await self._clients.execute(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        previous, self._epoch = self._epoch, replies[1]
        return previous not in {None, self._epoch}

    async def _check_data(self) -> None:
        """Finds out whether the server has lost its data without a disconnect, as it does by FLUSHALL."""
        try:
            has_lost_data = await self._compare_epoch()
        except FAILURES as error:
            self.report_failure(error)
        except RedisError as error:
            logger.debug("%s: its epoch is unknown: %s", self._url, error)
        else:
            if has_lost_data:
                logger.warning("%s: has lost its data", self._url)
                await self._notify(has_lost_data)

    async def _notify(self, has_lost_data: bool) -> None:
        for callback in self.callbacks:
            try:
                await callback(has_lost_data)
            except Exception:
                logger.exception("%s: recovery after the reconnect failed", self._url)

    async def _keep_reading(self) -> None:
        self._reading = asyncio.create_task(self._read_messages())
        try:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.result()
        finally:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._reading = None

    async def _read_messages(self) -> None:
        assert self._subscription is not None
        received = pinged = time.monotonic()
        busy = 0.0
        while True:
            message = await self._subscription.read(_PING_SECONDS)
            now = time.monotonic()
            if message is not None:
                received = now
                self._receive(message)
                busy += time.monotonic() - now
                if busy > _TURN_SECONDS:
                    # Messages that have arrived already are read without a wait.
                    busy = 0.0
                    await asyncio.sleep(0)
            elif now - received > _SILENCE_SECONDS:
                raise TimeoutError(f"The inbox was silent for {_SILENCE_SECONDS:g} s.")
            if now - pinged >= _PING_SECONDS:
                pinged = now
                self._ping()
                self._start_task(self._check_data())

    async def _disconnect(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.close()

    def _set_unavailable(self, error: Exception) -> None:
        self.available.clear()
        if self._was_available:
            self._was_available = False
            telemetry.emit(telemetry.BrokerDisconnected)
            logger.warning("%s: unavailable, reconnecting: %s", self._url, _describe_without_secrets(error, self._url))


def _describe_without_secrets(error: Exception, url: RedisUrl) -> str:
    text = str(error) or type(error).__name__
    for secret in (url.password, url.sentinel_password):
        if secret:
            text = text.replace(secret, "***")
    return text


def _is_refusal(error: Exception) -> bool:
    """Whether a server is there that refuses the user, the password, or its certificate is refused here."""
    return isinstance(error, (AuthenticationError, AuthorizationError)) or "CERTIFICATE_VERIFY_FAILED" in str(error)


def _check_server(info: dict[str, Any], url: RedisUrl) -> None:
    """Raises SettingsError for a server that is too old; logs a warning if it may evict the events of runs."""
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers and numbers < _FIRST_VERSION:
        raise SettingsError(f"{url} has version {version}; version 7.0 or newer is required.")
    policy = str(info.get("maxmemory_policy", ""))
    if policy.startswith("allkeys"):
        logger.warning("%s: its maxmemory-policy %r may evict events of active runs; use 'volatile-ttl'", url, policy)

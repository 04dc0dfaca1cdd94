"""A client of the cluster that behaves as careful programs do: any node, timeouts, retries where repeating is safe."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from chaos.cluster import KEY
from chaos.journal import Journal

CONNECT_SECONDS: Final = 3.0
REQUEST_SECONDS: Final = 15.0
PATIENCE_SECONDS: Final = 90.0
_PAUSE: Final = 0.4


class Uncertain(Exception):
    """Nobody knows whether the request was executed: the connection failed, timed out, or the reply was a 5xx."""


class Impatient(Exception):
    """A request that is safe to repeat did not succeed in time."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """`urls` are those of the serving nodes; each request goes to a random one."""

    def __init__(self, urls: list[str], journal: Journal, seed: int) -> None:
        self.random = random.Random(seed)
        self._urls = urls
        self._journal = journal
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, headers={"Authorization": f"Bearer {KEY}"})

    async def close(self) -> None:
        await self._session.close()

    def pick(self) -> str:
        return self.random.choice(self._urls)

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """One attempt. Raises Uncertain."""
        url = self.pick() + path
        try:
            async with self._session.request(method, url, json=body, **options) as response:
                reply = Reply(response.status, await response.read())
                self._record(method, path, reply, response.headers)
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            self._journal.replies[type(error).__name__] += 1
            raise Uncertain(f"{method} {path}: {error!r}") from error
        if reply.status >= 500:
            raise Uncertain(f"{method} {path}: {reply.status}")
        return reply

    async def repeat(self, method: str, path: str, body: Any = None, **options: Any) -> Reply:
        """Repeats a request that is safe to repeat until a node answers it. Raises Impatient."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await self.send(method, path, body, **options)
            except Uncertain as error:
                if time.monotonic() > deadline:
                    raise Impatient(f"{method} {path} did not succeed within {PATIENCE_SECONDS:g} s: {error}") from None
            await asyncio.sleep(self.random.uniform(0, 2 * _PAUSE))

    async def get(self, path: str) -> Any:
        """The JSON of a GET with status 200. Raises Impatient, and AssertionError for a refusal."""
        reply = await self.repeat("GET", path)
        assert reply.status == 200, f"GET {path}: {reply.status} {reply.body[:300]!r}"
        return reply.json

    async def list(self, path: str) -> list[Any]:
        """All objects of a list, oldest first."""
        objects: list[Any] = []
        after = ""
        while True:
            page = await self.get(f"{path}{'&' if '?' in path else '?'}limit=100&order=asc{after}")
            objects += page["data"]
            if not page["has_more"]:
                return objects
            after = f"&after={page['last_id']}"

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, body: Any = None, url: str | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An open stream of the node `url` with status 200; it is silent for at most 30 s. Raises Uncertain."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=30)
        try:
            async with self._session.request(
                method, (url or self.pick()) + path, json=body, timeout=timeout
            ) as response:
                if response.status != 200:
                    reply = Reply(response.status, await response.read())
                    self._record(method, path, reply, response.headers)
                    raise Uncertain(f"{method} {path}: {reply.status} {reply.body[:300]!r}")
                self._journal.replies["200"] += 1
                yield response
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            self._journal.replies[type(error).__name__] += 1
            raise Uncertain(f"{method} {path}: {error!r}") from error

    @asynccontextmanager
    async def socket(self, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Raises Uncertain where it is refused, or cut."""
        timeout = aiohttp.ClientWSTimeout(ws_close=CONNECT_SECONDS)
        try:
            async with self._session.ws_connect(self.pick() + path, timeout=timeout) as socket:
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            self._journal.replies[str(error.status)] += 1
            raise Uncertain(f"{path}: {error.status}") from error
        except (OSError, aiohttp.ClientError, TimeoutError, TypeError) as error:
            # TypeError: the socket was closed by the server.
            self._journal.replies[type(error).__name__] += 1
            raise Uncertain(f"{path}: {error!r}") from error

    def _record(self, method: str, path: str, reply: Reply, headers: Mapping[str, str]) -> None:
        self._journal.replies[str(reply.status)] += 1
        if reply.status >= 500 and not (reply.status == 503 and "retry-after" in headers):
            body = reply.body[:300].decode(errors="replace")
            self._journal.unexpected.append(f"{method} {path}: {reply.status} without Retry-After: {body}")

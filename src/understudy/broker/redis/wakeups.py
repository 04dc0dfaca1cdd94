"""Waits for the wake-ups of all kinds of jobs by one blocking command, on one connection.

A kind that begins to wait while the command blocks makes it return: this node pushes to a list that only it reads.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from understudy.broker.redis.clients import FAILURES, RedisClients
from understudy.broker.redis.connection import SupervisedConnection

_PREFIX: Final = "u:{wake}:"


class Wakeups:
    """`wake` pushes one token to the list of a kind; `own_kind` is that of this node alone."""

    def __init__(
        self, clients: RedisClients, connection: SupervisedConnection, wake: Callable[[str], None], own_kind: str
    ) -> None:
        self._clients = clients
        self._connection = connection
        self._wake = wake
        self._own_kind = own_kind
        # In the order in which they began to wait, so that none starves.
        self._waiting: dict[str, asyncio.Future[None]] = {}
        # Those of the command that blocks.
        self._read_kinds: tuple[str, ...] | None = None
        self._task: asyncio.Task[None] | None = None

    async def wait(self, kind: str) -> None:
        """Returns when this node has popped a token of that kind."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[kind] = woken
        if self._task is None:
            self._task = asyncio.create_task(self._read_queues())
        elif self._read_kinds is not None and kind not in self._read_kinds:
            self._wake(self._own_kind)
        try:
            await woken
        finally:
            if self._waiting.get(kind) is woken:
                del self._waiting[kind]

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for woken in self._waiting.values():
            woken.cancel()

    async def _read_queues(self) -> None:
        try:
            while self._waiting:
                await self._connection.available.wait()
                await self._pop()
        finally:
            self._task = None

    async def _pop(self) -> None:
        self._read_kinds = tuple(self._waiting)
        try:
            key = await self._clients.pop([wake_key(kind) for kind in (self._own_kind, *self._read_kinds)])
        except FAILURES as error:
            self._connection.report_failure(error)
            return
        finally:
            self._read_kinds = None
        kind = (key or "").removeprefix(_PREFIX)
        if kind in {"", self._own_kind}:
            return
        woken = self._waiting.pop(kind, None)
        if woken is not None and not woken.done():
            woken.set_result(None)
        else:
            # Its job pool has stopped waiting.
            self._wake(kind)


def wake_key(kind: str) -> str:
    """The list of a kind's tokens; all are in one slot of a Cluster."""
    return f"{_PREFIX}{kind}"

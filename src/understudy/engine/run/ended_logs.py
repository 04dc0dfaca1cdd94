"""Stores the logs of runs that have ended here in the broker, until it has them.

Some at a time, since many runs may end together, and thousands of logs may have to be stored again.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final
from weakref import WeakValueDictionary

from understudy.broker import Broker, BrokerUnavailable
from understudy.engine.run.log import RunLog
from understudy.engine.run.stored_logs import StoredLogs

_GATHER_SECONDS: Final = 0.02
_MAX_UNSTORED: Final = 1000
_AT_ONCE: Final = 20
_FIRST_RETRY_SECONDS: Final = 1.0
_MAX_RETRY_SECONDS: Final = 30.0


class EndedLogs:
    """`retention` is how long logs are stored, in seconds."""

    def __init__(self, broker: Broker, stored: StoredLogs, retention: float) -> None:
        self._broker = broker
        self._stored = stored
        self._retention = retention
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._unstored: dict[str, RunLog] = {}
        # Stored ones too, as long as this process has them: the server may lose them.
        self._logs: WeakValueDictionary[str, RunLog] = WeakValueDictionary()
        # A dictionary that is a set in the order of insertion.
        self._unrestored: dict[str, None] = {}
        self._restoring: asyncio.Task[None] | None = None
        self._reconnected = asyncio.Event()
        self._next: asyncio.Future[None] | None = None

    async def stop(self) -> None:
        """Returns once what can be stored is stored."""
        if self._restoring is not None:
            self._restoring.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def store(self, run_id: str, log: RunLog, *, has_batches: bool = True) -> None:
        """`has_batches`: the run may have batches of events, which the log replaces."""
        self._logs[run_id] = log
        self._start_task(run_id, self._store(run_id, log, has_batches=has_batches))

    def erase(self, run_id: str) -> None:
        """Deletes all that the broker has of the run."""
        self._start_task(run_id, self._erase(run_id, self._tasks.get(run_id)))

    async def wait(self, run_id: str) -> None:
        """Waits until what is being done with the log is done."""
        if (task := self._tasks.get(run_id)) is not None:
            await asyncio.wait([task])

    def is_stored(self, run_id: str) -> bool:
        return run_id not in self._unstored

    def restore(self, *, has_lost_data: bool) -> None:
        """After a reconnect: stores the logs that are not stored, or all."""
        self._reconnected.set()
        # A loss of data may be followed by a reconnect at once, which does not know of it.
        self._store_again([*self._unstored, *(self._logs if has_lost_data else ())])

    def _start_task(self, run_id: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks[run_id] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(run_id) if self._tasks.get(run_id) is task else None)
        return task

    async def _erase(self, run_id: str, earlier: asyncio.Task[None] | None) -> None:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._unstored.pop(run_id, None)
        self._logs.pop(run_id, None)
        await self._broker.delete_events(run_id)

    async def _store(self, run_id: str, log: RunLog, *, has_batches: bool = True) -> None:
        self._unstored[run_id] = log
        await asyncio.shield(self._gather_next())
        try:
            last = log.length if has_batches else 0
            await self._stored.store(run_id, list(log.entries()), last, self._retention)
            self._unstored.pop(run_id, None)
        except BrokerUnavailable:
            while len(self._unstored) > _MAX_UNSTORED:
                del self._unstored[next(iter(self._unstored))]
            # The next attempt waits, at most for a reconnect that comes after this failure.
            self._reconnected.clear()
            self._store_again([run_id])

    def _gather_next(self) -> asyncio.Future[None]:
        """When the logs of runs that end now are stored: many at once, which costs each of them less."""
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_later(_GATHER_SECONDS, self._store_gathered)
        return self._next

    def _store_gathered(self) -> None:
        gathered, self._next = self._next, None
        if gathered is not None and not gathered.done():
            gathered.set_result(None)

    def _store_again(self, run_ids: Iterable[str]) -> None:
        self._unrestored.update(dict.fromkeys(run_ids))
        if self._restoring is None or self._restoring.done():
            self._restoring = asyncio.get_running_loop().create_task(self._restore())

    async def _restore(self) -> None:
        """Waits with a growing delay for a server that is connected and refuses logs."""
        delay = _FIRST_RETRY_SECONDS
        while self._unrestored:
            some = list(self._unrestored)[:_AT_ONCE]
            for run_id in some:
                del self._unrestored[run_id]
            if not self._unstored.keys().isdisjoint(some):
                await self._wait_for_retry(delay)
                delay = min(2 * delay, _MAX_RETRY_SECONDS)
            new = [run_id for run_id in some if run_id not in self._tasks]
            logs = [(run_id, self._unstored.get(run_id) or self._logs.get(run_id)) for run_id in new]
            tasks = [self._start_task(run_id, self._store(run_id, log)) for run_id, log in logs if log is not None]
            if tasks:
                await asyncio.wait(tasks)

    async def _wait_for_retry(self, delay: float) -> None:
        """At most until the next reconnect."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._reconnected.wait()
        self._reconnected.clear()

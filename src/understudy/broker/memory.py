"""The broker of a single process: nobody else reads what it would store, and messages reach only this process."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence

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


class MemoryBroker:
    is_shared = False
    is_available = True

    def __init__(self) -> None:
        self.node_id = f"node_{secrets.token_hex(12)}"
        self._woken: dict[str, asyncio.Event] = {}
        self._handlers: dict[str, Handler] = {}
        self._receivers: dict[str, Receiver] = {}
        self._running: set[asyncio.Task[bytes]] = set()

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    # -- jobs --------------------------------------------------------------------------------------------------

    def wake(self, kind: str) -> None:
        self._event(kind).set()

    async def wait_woken(self, kind: str) -> None:
        woken = self._event(kind)
        await woken.wait()
        woken.clear()

    def _event(self, kind: str) -> asyncio.Event:
        return self._woken.setdefault(kind, asyncio.Event())

    # -- messages ----------------------------------------------------------------------------------------------

    def handle(self, topic: str, handler: Handler) -> None:
        self._handlers[topic] = handler

    def receive(self, topic: str, receiver: Receiver) -> None:
        self._receivers[topic] = receiver

    async def send(self, node_id: str, topic: str, body: bytes) -> None:
        check_size(body)
        if node_id != self.node_id:
            return
        if (receiver := self._receivers.get(topic)) is not None:
            asyncio.get_running_loop().call_soon(call_receiver, receiver, topic, node_id, body)
        else:
            self._call(topic, body)

    async def drain(self) -> None:
        pass

    async def broadcast(self, topic: str, body: bytes) -> None:
        await self.send(self.node_id, topic, body)

    async def request(self, node_id: str, topic: str, body: bytes, seconds: float = 2.0) -> bytes:
        check_size(body)
        if node_id != self.node_id:
            raise NoReply(f"Node {node_id!r} not found: the broker `memory` is within one process.")
        done, _ = await asyncio.wait([task := self._call(topic, body)], timeout=seconds)
        if not done:
            raise NoReply(f"Request {topic!r} timed out after {seconds:g} s.")
        return task.result()

    def _call(self, topic: str, body: bytes) -> asyncio.Task[bytes]:
        task = asyncio.create_task(call_handler(self._handlers, topic, self.node_id, body))
        self._running.add(task)
        task.add_done_callback(self._end_call)
        return task

    def _end_call(self, task: asyncio.Task[bytes]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # logged by `call_handler`

    # -- events of runs ----------------------------------------------------------------------------------------

    async def write_events(self, batches: Sequence[EventBatch]) -> Sequence[str]:  # noqa: ARG002 - see the module
        return ()

    async def read_events(self, run_id: str, after: int) -> list[EventBatch]:  # noqa: ARG002
        return []

    async def last_numbers(self, run_ids: Sequence[str]) -> Mapping[str, int]:
        return dict.fromkeys(run_ids, 0)

    async def keep_events(self, run_ids: Sequence[str], seconds: float) -> Sequence[str]:  # noqa: ARG002
        return ()

    async def store_log(self, run_id: str, data: bytes, last: int, seconds: float, *, is_whole: bool = True) -> bool:  # noqa: ARG002
        return True

    async def load_log(self, run_id: str) -> bytes | None:  # noqa: ARG002
        return None

    async def delete_events(self, run_id: str) -> None:
        pass

    # -- counts of limits --------------------------------------------------------------------------------------

    async def take_cells(self, group: str, cells: Sequence[CellCost]) -> tuple[bool, list[float]]:  # noqa: ARG002
        raise BrokerUnavailable("A single process counts by itself.")

    async def add_to_cells(self, group: str, cells: Sequence[CellCost]) -> None:
        pass

    async def take_place(self, group: str, holder: str, limit: int, seconds: float) -> bool:  # noqa: ARG002
        raise BrokerUnavailable("A single process counts by itself.")

    async def keep_places(self, group: str, holders: Sequence[str], seconds: float) -> None:
        pass

    async def free_place(self, group: str, holder: str) -> None:
        pass

    def on_reconnect(self, callback: ReconnectCallback) -> None:
        pass

"""Runs that need a container whose session another node has: that node's worker is the first that may claim them.

The database holds the reservation. The messages only save time: of a lost one, a sweep finds the run.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from understudy.broker import Broker
from understudy.store.containers import Containers
from understudy.store.workers import Candidate

NODE_PREFIX: Final = "node_"
WORKER_PREFIX: Final = "worker"
_RESERVED_TOPIC: Final = "run.reserved"
_STARTED_TOPIC: Final = "run.started"
_MAX_SENDERS: Final = 1000
_encode = msgspec.msgpack.encode


class Reservations:
    """`announce` queues a run of this worker; `started` is called when another node has started one from here."""

    def __init__(
        self,
        containers: Containers,
        broker: Broker,
        announce: Callable[[Candidate[str]], None],
        started: Callable[[str, str], None],
    ) -> None:
        self.is_shared = broker.is_shared
        """Whether another node may have a session."""
        self._containers = containers
        self._broker = broker
        self._announce = announce
        self._started = started
        # Who created the runs that are reserved for this node.
        self._senders: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        broker.handle(_RESERVED_TOPIC, self._receive_reserved)
        broker.handle(_STARTED_TOPIC, self._receive_started)

    async def find_worker(self, container_id: str | None, thread_id: str) -> str | None:
        """The worker of the other live node that has the session of a container; without an id, of the thread's."""
        node_id = self._broker.node_id
        if not self.is_shared:
            return None
        found = (
            await self._containers.find_node(container_id, node_id)
            if container_id
            else await self._containers.find_node_of_thread(thread_id, node_id)
        )
        return None if found is None else worker_of(found)

    def send(self, worker: str, candidate: Candidate[str]) -> None:
        """Announces a stored run to the worker that it is reserved for."""
        self._post(node_of(worker), _RESERVED_TOPIC, _encode((candidate.key, candidate.project_id)))

    def report_started(self, run_id: str) -> None:
        """Reports to the node that created a run that it is executed here."""
        if (sender := self._senders.pop(run_id, None)) is not None:
            self._post(sender, _STARTED_TOPIC, run_id.encode())

    async def _receive_reserved(self, sender: str, body: bytes) -> None:
        run_id, project_id = msgspec.msgpack.decode(body, type=tuple[str, str])
        self._senders[run_id] = sender
        if len(self._senders) > _MAX_SENDERS:
            del self._senders[next(iter(self._senders))]
        self._announce(Candidate(run_id, project_id))

    async def _receive_started(self, sender: str, body: bytes) -> None:
        self._started(body.decode(), sender)

    def _post(self, node_id: str, topic: str, body: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._broker.send(node_id, topic, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def node_of(worker: str) -> str:
    """The node of a worker."""
    return NODE_PREFIX + worker.rpartition("_")[2]


def worker_of(node_id: str) -> str:
    """The worker of a node, which executes its runs."""
    return f"{WORKER_PREFIX}_{node_id.removeprefix(NODE_PREFIX)}"

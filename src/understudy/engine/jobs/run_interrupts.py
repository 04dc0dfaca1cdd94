"""Interrupts of runs that another node executes, by messages between nodes.

A lost message costs only time: a sweep of the owner finds runs that were cancelled or deleted.
"""

import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from understudy.broker import Broker, NoReply
from understudy.engine.jobs.reservations import node_of
from understudy.engine.run.cancellation import Reason

_INTERRUPT_TOPIC: Final = "run.interrupt"
_INTERRUPT_SECONDS: Final = 1.0
_DELETED_TOPIC: Final = "run.deleted"


class RunInterrupts:
    """`worker` is the id of this node's worker. `interrupt` and `drop` do nothing for a run of another node."""

    def __init__(
        self, broker: Broker, worker: str, interrupt: Callable[[str, Reason], None], drop: Callable[[str], None]
    ) -> None:
        self._broker = broker
        self._worker = worker
        self._interrupt = interrupt
        self._drop = drop
        broker.handle(_INTERRUPT_TOPIC, self._receive_interrupt)
        broker.handle(_DELETED_TOPIC, self._receive_deletion)

    async def interrupt_elsewhere(self, owner: str | None, run_id: str, reason: Reason) -> None:
        """Interrupts a run that another node executes, and returns when that node has done so.

        `owner` is the worker of the run, if it has one. Returns after a second if the node does not reply.
        """
        if self._broker.is_shared and owner is not None and owner != self._worker:
            body = msgspec.msgpack.encode((run_id, reason))
            with contextlib.suppress(NoReply):
                await self._broker.request(node_of(owner), _INTERRUPT_TOPIC, body, _INTERRUPT_SECONDS)

    async def announce_deletion(self, run_id: str) -> None:
        """Makes the other nodes stop a run that was deleted."""
        if self._broker.is_shared:
            await self._broker.broadcast(_DELETED_TOPIC, run_id.encode())

    async def _receive_interrupt(self, _: str, body: bytes) -> bytes:
        run_id, reason = msgspec.msgpack.decode(body, type=tuple[str, Reason])
        self._interrupt(run_id, reason)
        return b""

    async def _receive_deletion(self, _: str, body: bytes) -> None:
        self._drop(body.decode())

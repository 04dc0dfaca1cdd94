"""This process as a node of the database: registered before any other part starts, its lease renewed until the end.

Without a broker, nodes would not share work, cancellations and events. So such a node refuses to start beside another
one, and no other one starts beside it.

On a shared database, a node without a lease must renew it before it reads or writes anything. So after a pause, or
behind a network that failed, it notices that a later version has upgraded the database meanwhile.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from understudy.errors import StoreError, StoreSuperseded
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.nodes import NODE_LEASE_SECONDS, Node, RegisteredNode

_HEARTBEAT_SECONDS: Final = 2.0
_VALID_SECONDS: Final = NODE_LEASE_SECONDS - _HEARTBEAT_SECONDS
_RETRY_SECONDS: Final = 0.5
logger = logging.getLogger(__name__)


class NodeRegistration:
    """The guard of the store's database. `end_process` is called once a later version has upgraded the database."""

    def __init__(
        self,
        store: Store,
        node: Node,
        end_process: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.node = node
        self._nodes = store.nodes
        self._database = store.database
        self._end_process = end_process
        self._excluded = False
        self._superseded = False
        # By a clock that also runs while the process is paused.
        self._monotonic = monotonic
        self._valid_until = -math.inf
        self._renewing: asyncio.Future[None] | None = None
        self._loop = Looper(_HEARTBEAT_SECONDS, self.renew)

    @property
    def is_valid(self) -> bool:
        """Whether the lease lasts for at least a heartbeat more, whatever the database does."""
        return self._monotonic() < self._valid_until

    async def start(self) -> None:
        """Registers this node. Raises StoreError beside another node, if either of them has no broker.

        A node that was killed has a lease for some seconds more: this waits until the lease is renewed, or ends.
        """
        first: RegisteredNode | None = None
        deadline = time.monotonic() + NODE_LEASE_SECONDS + _HEARTBEAT_SECONDS
        started = self._monotonic()
        while (other := await self._nodes.register(self.node)) is not None:
            if first is None or first.node.id != other.node.id:
                first = other
                logger.info("waiting: %s is running, or was killed", _describe_node(other.node))
            if other.seen_at > first.seen_at or time.monotonic() > deadline:
                raise StoreError(_explain_conflict(self.node, other.node))
            await asyncio.sleep(_RETRY_SECONDS)
            started = self._monotonic()
        self._valid_until = started + _VALID_SECONDS
        self._database.set_guard(self)
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        try:
            await self._nodes.retire(self.node.id)
        except StoreError as error:
            logger.warning("node not retired, its lease expires in %g s: %s", NODE_LEASE_SECONDS, error)

    async def renew(self) -> None:
        """Extends the lease. Calls at the same time share one attempt. Raises StoreError."""
        if self._renewing is None:
            self._renewing = asyncio.ensure_future(self._renew())
            self._renewing.add_done_callback(self._end_renewal)
        await asyncio.shield(self._renewing)

    def _end_renewal(self, renewal: asyncio.Future[None]) -> None:
        self._renewing = None
        # Nobody else reads it where all callers were cancelled.
        if not renewal.cancelled():
            renewal.exception()

    async def _renew(self) -> None:
        """A node whose lease had ended may have been removed by the next one."""
        started = self._monotonic()
        try:
            other = None if await self._nodes.renew(self.node.id) else await self._nodes.register(self.node)
        except StoreSuperseded as error:
            if not self._superseded:
                self._superseded = True
                logger.critical("%s", error)
                self._end_process()
            raise
        if other is not None and not self._excluded:
            logger.error("this server had no lease for a while: %s", _explain_conflict(self.node, other.node))
        self._excluded = other is not None
        self._valid_until = started + _VALID_SECONDS


def _explain_conflict(node: Node, other: Node) -> str:
    lacking = "`broker` is not set here" if other.is_clustered else "it has no broker"
    if not (node.is_clustered or other.is_clustered):
        lacking = "`broker` is not set"
    return (
        f"Another server works on this database ({_describe_node(other)}), and {lacking}. Several servers on one"
        " database need a broker: set `broker` (--broker redis://…) for each of them, or stop the other one."
    )


def _describe_node(node: Node) -> str:
    where = f" at {node.address}" if node.address else ""
    return f"{node.role}{where}, process {node.pid} on {node.host}, version {node.version}"

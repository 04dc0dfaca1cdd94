"""This process as a node of the database: registered before any other part starts, its lease renewed until the end.

Without a broker, nodes would not share work, cancellations and events. So such a node refuses to start beside another
one, and no other one starts beside it.
"""

import asyncio
import logging
import time
from typing import Final

from understudy.errors import StoreError
from understudy.looper import Looper
from understudy.store import Store
from understudy.store.nodes import NODE_LEASE_SECONDS, Node, RegisteredNode

_HEARTBEAT_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = 0.5
logger = logging.getLogger(__name__)


class NodeRegistration:
    def __init__(self, store: Store, node: Node) -> None:
        self.node = node
        self._nodes = store.nodes
        self._excluded = False
        self._loop = Looper(_HEARTBEAT_SECONDS, self._renew)

    async def start(self) -> None:
        """Registers this node. Raises StoreError beside another node, if either of them has no broker.

        A node that was killed has a lease for some seconds more: this waits until the lease is renewed, or ends.
        """
        first: RegisteredNode | None = None
        deadline = time.monotonic() + NODE_LEASE_SECONDS + _HEARTBEAT_SECONDS
        while (other := await self._nodes.register(self.node)) is not None:
            if first is None or first.node.id != other.node.id:
                first = other
                logger.info("waiting: %s is running, or was killed", _describe(other.node))
            if other.seen_at > first.seen_at or time.monotonic() > deadline:
                raise StoreError(_explain_conflict(self.node, other.node))
            await asyncio.sleep(_RETRY_SECONDS)
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        try:
            await self._nodes.retire(self.node.id)
        except StoreError as error:
            logger.warning("node not retired, its lease expires in %g s: %s", NODE_LEASE_SECONDS, error)

    async def _renew(self) -> None:
        """A node whose lease had ended may have been removed by the next one."""
        if await self._nodes.renew(self.node.id):
            return
        other = await self._nodes.register(self.node)
        if other is not None and not self._excluded:
            logger.error("this server had no lease for a while: %s", _explain_conflict(self.node, other.node))
        self._excluded = other is not None


def _explain_conflict(node: Node, other: Node) -> str:
    lacking = "`broker` is not set here" if other.is_clustered else "it has no broker"
    if not (node.is_clustered or other.is_clustered):
        lacking = "`broker` is not set"
    return (
        f"Another server works on this database ({_describe(other)}), and {lacking}. Several servers on one database"
        " need a broker: set `broker` (--broker redis://…) for each of them, or stop the other one."
    )


def _describe(node: Node) -> str:
    where = f" at {node.address}" if node.address else ""
    return f"{node.role}{where}, process {node.pid} on {node.host}, version {node.version}"

"""Which node has the session of a container: claimed in the database before each use, released by the node that has it.

A claim of a live node is never taken from it while it replies: it closes its session first, unless code runs there.
Knows no sandbox.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from understudy.broker import Broker, NoReply
from understudy.errors import SandboxError
from understudy.store.containers import Containers
from understudy.store.nodes import NODE_LEASE_SECONDS

_RELEASE_TOPIC: Final = "container.release"
_CLOSE_TOPIC: Final = "container.close"
_RETRY_SECONDS: Final = 0.5
# A node that does not reply for so long has lost its lease, or it is cut off from the broker.
_SILENCE_SECONDS: Final = NODE_LEASE_SECONDS + 2.0
_RELEASED: Final = b"released"
_BUSY: Final = b"busy"


class ContainerClaims:
    """`is_busy` is whether a container is in use here. `detach` ends its session here, and `close` for all nodes.

    `patience` is the time in seconds that a claim waits for code on another node.
    """

    def __init__(
        self,
        containers: Containers,
        broker: Broker,
        is_busy: Callable[[str], bool],
        detach: Callable[[str], Awaitable[None]],
        close: Callable[[str], Awaitable[None]],
        patience: float,
    ) -> None:
        self._containers = containers
        self._broker = broker
        self._is_busy = is_busy
        self._detach = detach
        self._close = close
        self._patience = patience
        broker.handle(_RELEASE_TOPIC, self._receive_release)
        broker.handle(_CLOSE_TOPIC, self._receive_close)

    @property
    def node_id(self) -> str:
        return self._broker.node_id

    async def find_other(self, container_id: str) -> str | None:
        """The other live node that has the session of a container."""
        if not self._broker.is_shared:
            return None
        return await self._containers.find_node(container_id, self.node_id)

    async def find_other_of_thread(self, thread_id: str) -> str | None:
        """The other live node that has the session of a thread's container."""
        if not self._broker.is_shared:
            return None
        return await self._containers.find_node_of_thread(thread_id, self.node_id)

    async def claim(self, container_id: str) -> str | None:
        """Makes the container's session that of this node. Raises SandboxError if another one runs code in it.

        Returns the kernel to attach to, where a gateway has the one of another node.
        """
        if not self._broker.is_shared:
            return None
        started = last_reply = time.monotonic()
        while True:
            is_silent = time.monotonic() - last_reply > _SILENCE_SECONDS
            claim = await self._containers.claim_session(container_id, self.node_id, is_forced=is_silent)
            if claim.node_id is None:
                break
            try:
                reply = await self._broker.request(claim.node_id, _RELEASE_TOPIC, container_id.encode())
                last_reply = time.monotonic()
                if reply == _RELEASED:
                    continue
            except NoReply:
                pass
            if time.monotonic() - started > self._patience:
                raise SandboxError("Another server is running code in this container. Try again later.")
            await asyncio.sleep(_RETRY_SECONDS)
        if claim.is_new:
            # The session of an earlier claim, if any: another node may have had the container since.
            await self._detach(container_id)
        return claim.kernel

    async def record_kernel(self, container_id: str, kernel: str) -> None:
        """Records the kernel of a session of this node."""
        if self._broker.is_shared:
            await self._containers.record_kernel(container_id, self.node_id, kernel)

    async def close_elsewhere(self, container_id: str, node_id: str | None) -> None:
        """Makes the node that has the session of a deleted container end it. Without the message, it ends when idle."""
        if node_id is not None:
            await self._broker.send(node_id, _CLOSE_TOPIC, container_id.encode())

    async def _receive_release(self, _: str, body: bytes) -> bytes:
        container_id = body.decode()
        if self._is_busy(container_id):
            return _BUSY
        await self._detach(container_id)
        await self._containers.release_session(container_id, self.node_id)
        return _RELEASED

    async def _receive_close(self, _: str, body: bytes) -> None:
        await self._close(body.decode())

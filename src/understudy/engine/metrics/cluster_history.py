"""The last hour of all nodes: each has counted its own requests and runs, and sends them to the node that reports."""

import asyncio
from typing import Final

from understudy.broker import Broker, NoReply
from understudy.clock import Clock
from understudy.engine.metrics.history import History
from understudy.engine.metrics.loop_lag import LoopLag
from understudy.engine.metrics.shared_minutes import (
    SharedMinute,
    decode_minutes,
    encode_minutes,
    merge_minutes,
    render_minute,
    share_minutes,
)
from understudy.errors import StoreError
from understudy.store.nodes import Nodes
from understudy.wire.health_history import HealthHistoryObject

_TOPIC: Final = "metrics.history"
_SECONDS: Final = 1.0


class ClusterHistory:
    def __init__(self, history: History, lag: LoopLag, broker: Broker, nodes: Nodes, clock: Clock) -> None:
        """Subscribes to the broker, which must not have started."""
        self._history = history
        self._lag = lag
        self._broker = broker
        self._nodes = nodes
        self._clock = clock
        broker.handle(_TOPIC, self._receive_request)

    async def report(self, project_id: str | None) -> HealthHistoryObject:
        """The last hour of a project; None: of all requests. A node that sends nothing is left out."""
        others = await self._list_others()
        replies = await asyncio.gather(*(self._request_minutes(node_id, project_id) for node_id in others))
        received = {node_id: minutes for node_id, minutes in zip(others, replies, strict=True) if minutes is not None}
        own = self._share(project_id)
        return HealthHistoryObject(
            node_id=self._broker.node_id,
            node_ids=[self._broker.node_id, *received],
            scope="server" if project_id is None else "project",
            minutes=[render_minute(minute) for minute in merge_minutes([own, *received.values()])],
        )

    async def _list_others(self) -> list[str]:
        if not (self._broker.is_shared and self._broker.is_available):
            return []
        try:
            nodes = await self._nodes.list()
        except StoreError:
            return []
        return [one.node.id for one in nodes if one.is_live and one.node.id != self._broker.node_id]

    async def _request_minutes(self, node_id: str, project_id: str | None) -> list[SharedMinute] | None:
        try:
            return decode_minutes(await self._broker.request(node_id, _TOPIC, (project_id or "").encode(), _SECONDS))
        except NoReply:
            return None

    async def _receive_request(self, _: str, body: bytes) -> bytes:
        return encode_minutes(self._share(body.decode() or None))

    def _share(self, project_id: str | None) -> list[SharedMinute]:
        minutes = self._history.list()
        minutes[-1].loop_lag = self._lag.worst
        return share_minutes(minutes, project_id, self._clock.now())

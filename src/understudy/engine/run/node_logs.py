"""Requests logs of runs from the nodes that execute or have executed them.

A node writes the end of a log to the broker after the run has ended in the database. Until then, only that node has
the whole log, so a client that resumes elsewhere reads it from there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from understudy.broker import Broker, BrokerError
from understudy.engine.run.event_codec import EventCodec
from understudy.engine.run.feed import FOLLOW_TOPIC, FollowRequest, SentEvents, decode_sent
from understudy.engine.run.log import Encoder, RunLog
from understudy.engine.run.log_entries import LogEntry
from understudy.engine.run.stored_logs import StoredLogs, append_entries

# The owner commits the end of a run, and appends it to its log when it has learnt of the commit.
_END_ATTEMPTS: Final = 40
_END_SECONDS: Final = 0.05
_encode: Final = msgspec.msgpack.Encoder().encode


class NodeLogs:
    """`list_nodes` returns the ids of the live nodes."""

    def __init__(
        self, broker: Broker, codec: EventCodec, stored: StoredLogs, list_nodes: Callable[[], Awaitable[Iterable[str]]]
    ) -> None:
        self._broker = broker
        self._codec = codec
        self._stored = stored
        self._list_nodes = list_nodes

    async def request(self, node_id: str, run_id: str, after: int) -> tuple[SentEvents, list[LogEntry]]:
        """The next events of the node's log of a run, perhaps not all of them. Raises BrokerError and MsgspecError."""
        body = await self._broker.request(
            node_id, FOLLOW_TOPIC, _encode(FollowRequest(run_id, after, reads_batches=True))
        )
        sent = decode_sent(body)
        if sent.is_stored:
            return sent, await self._stored.load(run_id, after)
        return sent, self._codec.decode_entries(sent.entries) if sent.entries else []

    async def copy(self, run_id: str, owner: str | None, new_encoder: Callable[[], Encoder]) -> RunLog | None:
        """The log of a run that has ended or waits for its client, from a node that has it; None if no live node has.

        `owner` is the node of the run's owner; without one, which node has executed the run is unknown.
        """
        live = [node_id for node_id in await self._list_nodes() if node_id != self._broker.node_id]
        requested = live if owner is None else [node_id for node_id in live if node_id == owner]
        logs = await asyncio.gather(*(self._copy(node_id, run_id, new_encoder) for node_id in requested))
        return max((log for log in logs if log is not None), key=lambda log: log.length, default=None)

    async def _copy(self, node_id: str, run_id: str, new_encoder: Callable[[], Encoder]) -> RunLog | None:
        log, encoder = RunLog(new_encoder), new_encoder()
        attempts = 0
        while attempts < _END_ATTEMPTS:
            try:
                sent, entries = await self.request(node_id, run_id, log.length)
            except (BrokerError, msgspec.MsgspecError):
                return None
            if sent.state in {"unknown", "released"}:
                return None
            append_entries(log, encoder, entries)
            if log.length >= sent.length and sent.state != "open":
                return log
            if log.length >= sent.length:
                attempts += 1
                await asyncio.sleep(_END_SECONDS)
            elif not entries:
                return None
        return None

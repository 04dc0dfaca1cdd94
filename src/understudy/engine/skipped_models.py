"""The models that calls with fallbacks try last now, on any node: each node knows its own circuits. Knows no HTTP."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from understudy.broker import Broker, NoReply

_TOPIC: Final = "models.skipped"
_SECONDS: Final = 0.5
"""A node that takes longer to reply is left out."""

Models = dict[str, list[str]]
"""The providers' own ids of models, by provider."""


class SkippedModels:
    """`list_own` returns those of this node."""

    def __init__(self, broker: Broker, list_own: Callable[[], Mapping[str, list[str]]]) -> None:
        self._broker = broker
        self._list_own = list_own
        broker.handle(_TOPIC, self._receive_request)

    async def list(self, node_ids: Iterable[str]) -> Models:
        """Those of this node and of these live ones."""
        others = [node_id for node_id in node_ids if node_id != self._broker.node_id]
        found = await asyncio.gather(*map(self._request_models, others))
        merged: Models = {}
        for models in (self._list_own(), *found):
            for provider, names in models.items():
                merged[provider] = sorted({*merged.get(provider, ()), *names})
        return merged

    async def _request_models(self, node_id: str) -> Models:
        try:
            return msgspec.msgpack.decode(await self._broker.request(node_id, _TOPIC, b"", _SECONDS), type=Models)
        except NoReply:
            return {}

    async def _receive_request(self, _: str, __: bytes) -> bytes:
        return msgspec.msgpack.encode(self._list_own())

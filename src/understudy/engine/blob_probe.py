"""Checks whether the nodes of a cluster find each other's files: each writes a small blob, and all look for it.

`understudy doctor` asks for it through the broker. The blobs have holds, so they are erased in any case.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from understudy.blobs import Blobs
from understudy.broker import Broker, NoReply
from understudy.engine.files import Files
from understudy.errors import BlobMissing, StoreError
from understudy.store import Store

_TOPIC: Final = "blobs.probe"
_SECONDS: Final = 5.0
_CONTENT: Final = b"understudy doctor\n"


class _Write(Struct, frozen=True, array_like=True, tag_field="verb", tag="write"):
    pass


class _Find(Struct, frozen=True, array_like=True, tag_field="verb", tag="find"):
    names: Sequence[str]


class _Drop(Struct, frozen=True, array_like=True, tag_field="verb", tag="drop"):
    name: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Write | _Find | _Drop).decode


class BlobProbe:
    """The side of a node: writes a blob, looks for those of others, and ends the hold on its own."""

    def __init__(self, broker: Broker, files: Files, store: Store, blobs: Blobs) -> None:
        self._files = files
        self._store = store
        self._blobs = blobs
        broker.handle(_TOPIC, self._receive_request)

    async def _receive_request(self, _: str, body: bytes) -> bytes:
        match _decode(body):
            case _Write():
                async with self._files.open_draft() as draft:
                    await draft.write(_CONTENT)
                    blob = await draft.commit()
                    draft.detach()
                return blob.name.encode()
            case _Find(names):
                return _encode(await find_blobs(self._blobs, names))
            case _Drop(name):
                await self._store.blobs.release_hold(name)
        return b""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a node replied: `missing` are the nodes whose blobs it did not find; None if it sent no reply."""

    node_id: str
    missing: Sequence[str] | None


async def probe_blobs(broker: Broker, node_ids: Sequence[str], own: Blobs | None) -> list[ProbeResult]:
    """Makes each node write a blob and look for those of the others; `own` looks as well, under an empty node id."""
    written = await asyncio.gather(*(_request_reply(broker, node_id, _Write()) for node_id in node_ids))
    names = {reply.decode(): node_id for node_id, reply in zip(node_ids, written, strict=True) if reply is not None}
    try:
        found = await asyncio.gather(*(_request_reply(broker, node_id, _Find(list(names))) for node_id in node_ids))
        results = [
            ProbeResult(node_id, None if reply is None else _missing(names, msgspec.msgpack.decode(reply)))
            for node_id, reply in zip(node_ids, found, strict=True)
        ]
        if own is not None:
            results.append(ProbeResult("", _missing(names, await find_blobs(own, list(names)))))
        return results
    finally:
        await asyncio.gather(*(_request_reply(broker, node_id, _Drop(name)) for name, node_id in names.items()))


async def find_blobs(blobs: Blobs, names: Sequence[str]) -> list[str]:
    """Those of the blobs whose bytes can be read."""
    found = []
    for name in names:
        try:
            async with blobs.reading(name) as chunks:
                if b"".join([chunk async for chunk in chunks]) == _CONTENT:
                    found.append(name)
        except (BlobMissing, StoreError):
            continue
    return found


def _missing(names: dict[str, str], found: Sequence[str]) -> list[str]:
    return [node_id for name, node_id in names.items() if name not in found]


async def _request_reply(broker: Broker, node_id: str, request: Struct) -> bytes | None:
    try:
        return await broker.request(node_id, _TOPIC, _encode(request), _SECONDS)
    except NoReply:
        return None

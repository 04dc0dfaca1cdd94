"""Validates responses of `POST /embeddings` against the request, and converts their encoding. Knows no provider.

Some servers ignore `encoding_format`, and clients do not check it: they decode numbers as base64 to vectors of zeros
without an error.
"""

import asyncio
import base64
import binascii
import math
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from understudy.errors import UpstreamError
from understudy.llm import faults, payload, repair
from understudy.llm.chunks import TokenCounts

_YIELD_INTERVAL: Final = 64
"""Vectors to check before other tasks run."""

_MAX_DIMENSIONS: Final = 1 << 16


class Embedding(msgspec.Struct):
    embedding: list[float] | str
    index: Annotated[int, Meta(ge=0)] | None = None


class _EmbeddingList(msgspec.Struct):
    data: list[Embedding]
    usage: TokenCounts | None = None
    model: str | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_EmbeddingList).decode


async def check_embeddings(data: bytes, body: dict[str, Any], *, secret: faults.ProviderSecrets | None = None) -> bytes:
    """The body of a 2xx response to the request `body`: unchanged if it is valid, else sorted and converted.

    Raises UpstreamError: the error in the body, or malformed if vectors are missing, not finite, of different
    dimensions or not of the requested ones.
    """
    received = parse_embeddings(data, secret=secret)
    ordered = _sort_by_index(received, _count_inputs(body.get("input")))
    encoding: Literal["float", "base64"] = "base64" if body.get("encoding_format") == "base64" else "float"
    is_valid = _is_valid(data) and ordered == received
    sizes: set[int] = set()
    for number, one in enumerate(ordered):
        numbers = floats(one.embedding)
        sizes.add(len(numbers))
        if isinstance(one.embedding, str) != (encoding == "base64"):
            is_valid = False
            one.embedding = _encode_base64(numbers) if encoding == "base64" else list(numbers)
        if number % _YIELD_INTERVAL == _YIELD_INTERVAL - 1:
            await asyncio.sleep(0)
    _check_sizes(sizes, body.get("dimensions"))
    return data if is_valid else _render_list(data, ordered)


def parse_embeddings(data: bytes, *, secret: faults.ProviderSecrets | None = None) -> list[Embedding]:
    """The unchecked embeddings in the body of a 2xx response.

    Raises UpstreamError: the error in the body, or malformed if it has no embeddings.
    """
    try:
        decoded = _decode(data)
    except payload.DECODE_ERRORS:
        decoded = None
    if decoded is not None and decoded.error is None:
        return decoded.data
    value = payload.decode(data)
    if isinstance(value, dict) and value.get("error"):
        raise faults.from_payload(value, secret=secret, status=200)
    try:
        listed = [_decode_lenient(one) for one in value["data"]]
        return msgspec.convert(listed, list[Embedding])
    except (*payload.DECODE_ERRORS, AttributeError, LookupError, TypeError):
        raise payload.malformed("a body that is not a list of embeddings") from None


def floats(embedding: list[float] | str) -> Sequence[float]:
    """The numbers of a list, or of base64 of little-endian float32. Raises UpstreamError(malformed)."""
    try:
        numbers = embedding if isinstance(embedding, list) else _unpack_base64(embedding)
    except (binascii.Error, struct.error, ValueError):
        raise UpstreamError("malformed", "The upstream returned a vector that is not base64 of floats.") from None
    if not all(map(math.isfinite, numbers)):
        raise UpstreamError("malformed", "The upstream returned a vector with numbers that are not finite.")
    return numbers


def _unpack_base64(embedding: str) -> Sequence[float]:
    data = base64.b64decode(embedding, validate=True)
    return struct.unpack(f"<{len(data) // 4}f", data)


def _encode_base64(numbers: Sequence[float]) -> str:
    packed = array("f", numbers)
    if not all(map(math.isfinite, packed)):
        raise UpstreamError("malformed", "The upstream returned a vector with numbers beyond 32-bit floats.")
    if sys.byteorder == "big":
        packed.byteswap()
    return base64.b64encode(packed.tobytes()).decode()


def _count_inputs(value: Any) -> int:
    """The number of vectors for an input: one for a text or an array of tokens, else one for each item."""
    is_one = isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, int) for one in value))
    return 1 if is_one else len(payload.items(value))


def _sort_by_index(received: list[Embedding], count: int) -> list[Embedding]:
    """Sorted by index; in the received order if the server numbers none of them."""
    if len(received) != count:
        raise UpstreamError("malformed", f"The upstream returned {len(received)} vectors for {count} inputs.")
    if len({one.index for one in received}) == 1:
        return [Embedding(one.embedding, index) for index, one in enumerate(received)]
    ordered = sorted(received, key=lambda one: -1 if one.index is None else one.index)
    if [one.index for one in ordered] != list(range(count)):
        raise UpstreamError("malformed", "The upstream returned vectors whose indexes are not those of the inputs.")
    return ordered


def _check_sizes(sizes: set[int], dimensions: int | None) -> None:
    if len(sizes) > 1:
        raise UpstreamError("malformed", f"The upstream returned vectors of different dimensions: {sorted(sizes)}.")
    size = next(iter(sizes), 0)
    if not 0 < size <= _MAX_DIMENSIONS:
        raise UpstreamError("malformed", f"The upstream returned vectors of {size} dimensions.")
    if dimensions is not None and size != dimensions:
        raise UpstreamError(
            "malformed", f"The upstream returned vectors of {size} dimensions where 'dimensions' is {dimensions}."
        )


def _is_valid(data: bytes) -> bool:
    try:
        _decode(data)
    except payload.DECODE_ERRORS:
        return False
    return payload.has_valid_text(data)


def _decode_lenient(value: Any) -> dict[str, Any]:
    return {"embedding": value["embedding"], "index": payload.integer(value.get("index"), 1 << 20)}


def _render_list(data: bytes, ordered: list[Embedding]) -> bytes:
    head = payload.mapping(msgspec.json.decode(data) if _is_valid(data) else payload.decode(data))
    listed = [{"object": "embedding", "index": one.index, "embedding": one.embedding} for one in ordered]
    return payload.encode({**head, "object": "list", "data": listed, "usage": repair.usage(head.get("usage"))})

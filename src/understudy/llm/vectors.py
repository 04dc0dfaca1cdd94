"""The answers of `POST /embeddings`: the check of one, and the numbers in it. Knows no provider."""

import base64
import binascii
import struct
from collections.abc import Sequence

import msgspec

from understudy.errors import UpstreamError
from understudy.llm import faults


class Embedding(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0


class _Answer(msgspec.Struct):
    data: list[Embedding]


_decode = msgspec.json.Decoder(_Answer).decode


def parse(data: bytes, *, secret: faults.Private | None = None) -> list[Embedding]:
    """The embeddings in the body of a 2xx answer.

    Raises UpstreamError: the fault that the body describes, or malformed where it has no embeddings.
    """
    try:
        return _decode(data).data
    except msgspec.DecodeError:
        pass
    try:
        payload = msgspec.json.decode(data)
    except msgspec.DecodeError:
        payload = None
    if faults.is_error(payload):
        raise faults.from_payload(payload, secret=secret, status=200)
    raise UpstreamError("malformed", "The upstream answered with something that is not a list of embeddings.")


def floats(embedding: list[float] | str) -> Sequence[float]:
    """The numbers, which may be sent as base64 of float32."""
    if isinstance(embedding, list):
        return embedding
    try:
        data = base64.b64decode(embedding, validate=True)
        return struct.unpack(f"<{len(data) // 4}f", data)
    except (binascii.Error, struct.error):
        raise UpstreamError("malformed", "The upstream gave a vector that is no base64 of floats.") from None

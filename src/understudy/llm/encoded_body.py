"""The encoded body of one request to a provider. Knows no HTTP."""

from collections.abc import AsyncIterable

from msgspec import Struct


class EncodedBody(Struct, frozen=True):
    """`size` is in bytes."""

    content_type: str
    size: int
    content: bytes | AsyncIterable[bytes]

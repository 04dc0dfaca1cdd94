"""The encoded body of one request to a provider. Knows no HTTP."""

from collections.abc import AsyncIterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EncodedBody:
    """`size` is in bytes."""

    content_type: str
    size: int
    content: bytes | AsyncIterable[bytes]

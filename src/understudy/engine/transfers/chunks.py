"""Objects of an import in chunks, each of which is one transaction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from understudy.importing.objects import RawObject

_CHUNK_BYTES: Final = 8 << 20


async def read_chunks(objects: Iterator[RawObject], most: int) -> AsyncIterator[list[RawObject]]:
    """Up to `most` objects each, and fewer where they are large."""
    while chunk := await asyncio.to_thread(_read_chunk, objects, most):
        yield chunk


def _read_chunk(objects: Iterator[RawObject], most: int) -> list[RawObject]:
    chunk: list[RawObject] = []
    left = _CHUNK_BYTES
    for raw in islice(objects, most):
        chunk.append(raw)
        left -= len(raw.encoded)
        if left <= 0:
            break
    return chunk

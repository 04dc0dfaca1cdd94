"""Objects of an import in chunks, each of which is one transaction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from understudy.importing.objects import RawObject

_CHUNK_BYTES: Final = 8 << 20
_FILE_BYTES: Final = 256 << 20
"""The limit of the contents of files in a chunk, all of which a crash repeats."""


async def read_chunks(objects: Iterator[RawObject], most: int) -> AsyncIterator[list[RawObject]]:
    """Up to `most` objects each, and fewer where they are large."""
    while chunk := await asyncio.to_thread(_read_chunk, objects, most):
        yield chunk


def _read_chunk(objects: Iterator[RawObject], most: int) -> list[RawObject]:
    chunk: list[RawObject] = []
    left, left_in_files = _CHUNK_BYTES, _FILE_BYTES
    for raw in islice(objects, most):
        chunk.append(raw)
        left -= len(raw.encoded)
        if raw.kind == "file":
            size = raw.body.get("bytes")
            left_in_files -= size if isinstance(size, int) else 0
        if left <= 0 or left_in_files <= 0:
            break
    return chunk

"""The embedder of the extra `embed`: vectors that compare meanings, by a model whose weights come with a package.

The model runs in child processes, one for documents and one for queries, so that a search never waits for an
indexing. Both end when they were idle for a while.
"""

import importlib
from collections.abc import Sequence
from typing import Final

from understudy.retrieval import e5_weights
from understudy.retrieval.children import ChildPool, ChildRequestError
from understudy.retrieval.embed import E5, SEMANTIC_KEYWORD_WEIGHT, EmbeddingError, Vectors
from understudy.retrieval.messages import EmbedMeanings, Refused, Rows

_CHILD_MEMORY_BYTES: Final = 1 << 30
"""Of address space: the process uses 300 MB of it."""

_IDLE_SECONDS: Final = 300.0
_MAX_LEASES: Final = 10_000
_TIMEOUT_SECONDS: Final = 120.0
_BATCH_TEXTS: Final = 8
_DIMENSIONS: Final = 384


class E5Embedder:
    name = E5

    def __init__(self) -> None:
        self._documents = _open_pool()
        self._queries = _open_pool()

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        pool = self._queries if query else self._documents
        rows: list[bytes] = []
        for start in range(0, len(texts), _BATCH_TEXTS):
            rows += await _embed_batch(pool, EmbedMeanings(list(texts[start : start + _BATCH_TEXTS]), query))
        return Vectors(_DIMENSIONS, rows)

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002 - the model knows a hundred languages
        return SEMANTIC_KEYWORD_WEIGHT

    async def close(self) -> None:
        await self._documents.close()
        await self._queries.close()


def is_installed() -> bool:
    """Whether the extra is installed, also if that happened after the start. Reads directories only."""
    if e5_weights.find_weights() is not None:
        return True
    importlib.invalidate_caches()
    return e5_weights.find_weights() is not None


def _open_pool() -> ChildPool:
    return ChildPool(1, _CHILD_MEMORY_BYTES, idle_seconds=_IDLE_SECONDS, max_leases=_MAX_LEASES)


async def _embed_batch(pool: ChildPool, request: EmbedMeanings) -> list[bytes]:
    try:
        async with pool.lease() as child:
            reply = await child.request(request, _TIMEOUT_SECONDS)
            if isinstance(reply, Refused):
                child.kill()  # another one may load what was installed meanwhile
    except ChildRequestError as error:
        raise EmbeddingError(f"The embedder {E5!r} failed: {error}", passing=True) from None
    if isinstance(reply, Refused):
        raise EmbeddingError(reply.message, passing=True)
    assert isinstance(reply, Rows)
    return reply.rows

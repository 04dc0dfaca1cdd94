"""The embedder of the extra `embed`: vectors that compare meanings, by a model whose weights come with a package.

The model runs in child processes, one for documents and one for queries, so that a search never waits for an
indexing. Both end when they were idle for a while.
"""

import importlib
import time
from collections.abc import Sequence
from typing import Final

from understudy.retrieval import e5_weights
from understudy.retrieval.children import ChildPool, ChildRequestError
from understudy.retrieval.embed import E5, SEMANTIC_KEYWORD_WEIGHT, EmbeddingError, Vectors
from understudy.retrieval.messages import EmbedMeanings, Refused, Rows
from understudy.retrieval.similarity import E5_SCALES, SimilarityScales

_CHILD_MEMORY_BYTES: Final = 1 << 30
"""The limit of the address space, of which the process uses 300 MB."""

_IDLE_SECONDS: Final = 60.0
_QUERIES_IDLE_SECONDS: Final = 1800.0
"""Long, as a search that finds no process waits until one has loaded the model."""

_CHECK_SECONDS: Final = 5.0
_MAX_LEASES: Final = 10_000
_TIMEOUT_SECONDS: Final = 120.0
_BATCH_TEXTS: Final = 8
_DIMENSIONS: Final = 384


class E5Embedder:
    name = E5
    scales: SimilarityScales | None = E5_SCALES

    def __init__(self) -> None:
        self._documents = _open_pool(_IDLE_SECONDS)
        self._queries = _open_pool(_QUERIES_IDLE_SECONDS)

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


class Installation:
    """Whether the extra is installed, for code that runs often: looks every few seconds until it is."""

    def __init__(self) -> None:
        self._is_complete = False
        self._check_at = 0.0

    def is_complete(self) -> bool:
        now = time.monotonic()
        if not self._is_complete and now >= self._check_at:
            self._check_at = now + _CHECK_SECONDS
            self._is_complete = is_installed()
        return self._is_complete


def _open_pool(idle_seconds: float) -> ChildPool:
    return ChildPool(1, _CHILD_MEMORY_BYTES, idle_seconds=idle_seconds, max_leases=_MAX_LEASES)


async def _embed_batch(pool: ChildPool, request: EmbedMeanings) -> list[bytes]:
    """A query is tried twice: somebody waits for it, and documents have retries of their own."""
    try:
        return await _request_rows(pool, request)
    except EmbeddingError:
        if not request.query:
            raise
    return await _request_rows(pool, request)


async def _request_rows(pool: ChildPool, request: EmbedMeanings) -> list[bytes]:
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

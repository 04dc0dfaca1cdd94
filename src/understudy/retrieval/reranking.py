"""Hits ranked again by a model that reads the query and each passage together. Knows no provider."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from understudy.errors import UnderstudyError
from understudy.retrieval.ranking import Hit

MIN_RERANKED: Final = 50
"""Least number of passages that are ranked again."""


class RerankingError(UnderstudyError):
    """The model returned no scores."""


class UnknownRerankerError(UnderstudyError):
    """No provider has the model, or it does not rerank."""


class Reranker(Protocol):
    async def rerank(self, model: str, query: str, documents: Sequence[str]) -> Sequence[float]:
        """The scores of the documents in order, from 0 to 1. Raises RerankingError, UnknownRerankerError."""
        ...


def names_model(ranker: str) -> bool:
    """Whether a ranker is a provider's model: `PROVIDER/MODEL`."""
    return "/" in ranker


async def rerank_hits(reranker: Reranker, model: str, queries: Sequence[str], hits: Sequence[Hit]) -> list[Hit]:
    """The hits with the model's scores, the best first. A hit has its best score of all queries.

    Raises RerankingError, UnknownRerankerError.
    """
    if not hits:
        return []
    texts = [_render_hit(hit) for hit in hits]
    scores = await asyncio.gather(*(reranker.rerank(model, query, texts) for query in queries))
    rated = [replace(hit, score=max(some)) for hit, some in zip(hits, zip(*scores, strict=True), strict=True)]
    return sorted(rated, key=lambda hit: -hit.score)


def _render_hit(hit: Hit) -> str:
    return "\n".join(part for part in (" > ".join(hit.headings), hit.header, hit.text) if part)

"""The models of providers as rerankers of passages. Knows no index."""

from collections.abc import Sequence
from typing import Final

from understudy.errors import UpstreamError
from understudy.llm.router import Models
from understudy.retrieval import model_use
from understudy.retrieval.reranking import RerankingError, UnknownRerankerError

_REFUSED: Final = frozenset({"model_not_found", "invalid_request"})
"""Kinds of errors of a model that does not exist or does not rerank."""


class ProviderReranker:
    """Reranks with the models of the settings' providers."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def rerank(self, model: str, query: str, documents: Sequence[str]) -> list[float]:
        """The scores of the documents in order, from 0 to 1. Raises RerankingError, UnknownRerankerError."""
        try:
            reply = await self._models.rerank({"model": model, "query": query, "documents": list(documents)})
        except UpstreamError as error:
            message = f"The ranker {model!r} failed: {error.message}"
            if error.kind in _REFUSED:
                raise UnknownRerankerError(message) from None
            raise RerankingError(message) from None
        model_use.add("reranking", model, reply.tokens, sum(map(len, documents)) + len(query) * len(documents))
        return reply.scores

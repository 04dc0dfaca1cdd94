"""Embedders of documents by their names in the settings, provider models included. Knows no index."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from understudy.errors import UpstreamError
from understudy.llm import embeddings
from understudy.llm.router import Models
from understudy.llm.usage import parse_usage
from understudy.retrieval import model_use
from understudy.retrieval.children import ChildPool
from understudy.retrieval.embed import (
    BUILTIN,
    E5,
    SEMANTIC_KEYWORD_WEIGHT,
    BuiltinEmbedder,
    Embedder,
    Embedders,
    EmbeddingError,
    Vectors,
    normalize_vector,
)
from understudy.retrieval.local import FASTEMBED, FastEmbed, SentenceTransformers
from understudy.retrieval.semantic import E5Embedder, Installation
from understudy.retrieval.similarity import SimilarityScales
from understudy.settings import EmbeddingSettings
from understudy.settings.sections.embeddings import AUTO

_CHILD_MEMORY_BYTES: Final = 1 << 30
_MAX_REQUEST_CHARACTERS: Final = 400_000
"""Characters of one request: providers accept 300,000 tokens, and some characters are several tokens."""


class ProviderEmbedder:
    """A provider's model as an embedder; `name` is `PROVIDER/MODEL`."""

    scales: SimilarityScales | None = None

    def __init__(self, name: str, models: Models, settings: EmbeddingSettings) -> None:
        self.name = name
        self._models = models
        self._settings = settings

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:  # noqa: ARG002 - queries and documents are embedded alike
        rows: list[bytes] = []
        for batch in _batches(texts, self._settings.batch):
            rows += await self._embed_batch(batch)
        sizes = {len(row) for row in rows}
        if len(sizes) > 1:
            raise EmbeddingError(f"The embedder {self.name!r} returned vectors of different lengths.", passing=False)
        return Vectors(sizes.pop() // 4 if sizes else 0, rows)

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002 - the model's languages are unknown
        return SEMANTIC_KEYWORD_WEIGHT

    async def close(self) -> None:
        """Closes nothing: `Models` owns the provider."""

    async def _embed_batch(self, texts: Sequence[str]) -> list[bytes]:
        body: dict[str, Any] = {"model": self.name, "input": list(texts), "encoding_format": "float"}
        if self._settings.dimensions is not None:
            body["dimensions"] = self._settings.dimensions
        try:
            reply = await self._models.embed(body, fallbacks=False)
            used = parse_usage(reply)
            model_use.add("embedding", self.name, used.input if used else None, sum(map(len, texts)))
            rows = embeddings.parse_embeddings(reply)
            return [normalize_vector(embeddings.floats(row.embedding)) for row in rows]
        except UpstreamError as error:
            message = f"The embedder {self.name!r} failed: {error.message}"
            raise EmbeddingError(message, passing=error.is_retryable) from None


def build_embedders(settings: EmbeddingSettings, models: Models, processes: int) -> Embedders:
    """All embedders of the settings. At most `processes` child processes compute built-in vectors."""

    chosen = settings.model
    moves, installation = chosen in {AUTO, E5}, Installation()

    def is_charged(name: str) -> bool:
        return not name.startswith(FASTEMBED) and models.has_provider(name.partition("/")[0])

    def build(name: str) -> Embedder | None:
        if name == E5:
            return E5Embedder() if installation.is_complete() else None
        if name == BUILTIN:
            return BuiltinEmbedder(ChildPool(processes, _CHILD_MEMORY_BYTES))
        if name.startswith(FASTEMBED):
            return FastEmbed(name)
        if is_charged(name):
            return ProviderEmbedder(name, models, settings)
        return SentenceTransformers(name) if Path(name).is_dir() else None

    def find_successor() -> str | None:
        return E5 if moves and installation.is_complete() else None

    return Embedders(BUILTIN if moves else chosen, build, find_successor, is_charged)


def _batches(texts: Sequence[str], limit: int) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == limit or size + len(text) > _MAX_REQUEST_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch

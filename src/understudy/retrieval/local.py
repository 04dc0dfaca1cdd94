"""Embedders of the extras `fastembed` and `sentence-transformers`.

The model is loaded on first use. Embedding runs in a thread: it releases the interpreter's lock.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from understudy.retrieval.embed import SEMANTIC_KEYWORD_WEIGHT, EmbeddingError, Vectors, normalize_vector
from understudy.retrieval.similarity import SimilarityScales

FASTEMBED: Final = "fastembed:"


class _LocalEmbedder(ABC):
    scales: SimilarityScales | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="understudy-embed")
        self._model: Any = None

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        rows = await asyncio.get_running_loop().run_in_executor(self._thread, self._embed_rows, list(texts), query)
        return Vectors(len(rows[0]) // 4 if rows else 0, rows)

    def keyword_weight(self, language: str) -> float:  # noqa: ARG002 - the model's languages are unknown
        return SEMANTIC_KEYWORD_WEIGHT

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _embed_rows(self, texts: list[str], query: bool) -> list[bytes]:
        try:
            if self._model is None:
                self._model = self._load()
            return [normalize_vector([float(value) for value in vector]) for vector in self._vectors(texts, query)]
        except (EmbeddingError, ImportError):
            raise
        except Exception as error:
            raise EmbeddingError(f"The embedder {self.name!r} failed: {error}", passing=False) from error

    @abstractmethod
    def _load(self) -> Any: ...

    @abstractmethod
    def _vectors(self, texts: list[str], query: bool) -> Any: ...


class FastEmbed(_LocalEmbedder):
    """A fastembed model, `fastembed:NAME`, from its local cache; fastembed downloads it on first use."""

    def _load(self) -> Any:
        try:
            from fastembed import TextEmbedding  # noqa: PLC0415 - an extra
        except ImportError:
            raise _missing_package_error("fastembed") from None
        return TextEmbedding(self.name.removeprefix(FASTEMBED))

    def _vectors(self, texts: list[str], query: bool) -> Any:
        return self._model.query_embed(texts) if query else self._model.passage_embed(texts)


class SentenceTransformers(_LocalEmbedder):
    """A model in a local directory, whose path is the embedder's name. Nothing is downloaded."""

    def _load(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an extra
        except ImportError:
            raise _missing_package_error("sentence-transformers") from None
        return SentenceTransformer(str(Path(self.name)), local_files_only=True)

    def _vectors(self, texts: list[str], query: bool) -> Any:
        return self._model.encode_query(texts) if query else self._model.encode_document(texts)


def _missing_package_error(extra: str) -> EmbeddingError:
    return EmbeddingError(
        f"The embedder needs an extra: install it with `pip install 'understudy[{extra}]'`.", passing=False
    )

"""The index of all vector stores: documents in, ranked passages out. Knows no API object and no SQL."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from understudy.retrieval.embed import Embedders
from understudy.retrieval.extract import ExtractedText
from understudy.store.chunks import Chunks, Indexed, StoredChunk


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: one store's row number, its embedder, and the row numbers of the files allowed (None: all)."""

    store: int
    embedder: str
    files: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage: `text` is the file's extracted text from `start` to `end` (code points). `score` is from 0 to 1."""

    store: int
    file: int
    score: float
    position: int
    start: int
    end: int
    text: str


class Index:
    """`store` and `file` are row numbers of `vector_stores` and `store_files`."""

    def __init__(self, chunks: Chunks, embedders: Embedders) -> None:
        self._chunks = chunks
        self.embedders = embedders

    async def add(
        self, store: int, file: int, embedder: str, source: ExtractedText, *, size: int = 800, overlap: int = 400
    ) -> Indexed:
        """Replaces what the file had in the store, and is found only once this returns.

        May be cancelled at any time, and repeated. Raises EmbeddingFailed, EmbedderMissing, ExtractionFailed.
        """
        raise NotImplementedError

    async def search(
        self, scopes: Sequence[Scope], queries: Sequence[str], limit: int, threshold: float = 0.0, ranker: str = "auto"
    ) -> list[Hit]:
        """The best first, at most `limit`, none scored below `threshold`. Raises EmbeddingFailed, EmbedderMissing."""
        raise NotImplementedError

    async def remove(self, store: int, file: int) -> None:
        await self._chunks.remove(store, file)

    async def remove_store(self, store: int) -> None:
        await self._chunks.remove_store(store)

    def texts(self, store: int, file: int) -> AsyncIterator[StoredChunk]:
        return self._chunks.texts(store, file)

"""The index of all vector stores: documents in, ranked passages out. Knows no API object and no SQL."""

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from understudy import telemetry
from understudy.errors import StoreError
from understudy.retrieval.children import ChildPool, ChildProcess, ChildRequestError
from understudy.retrieval.embed import Embedder, Embedders, Vectors
from understudy.retrieval.explanation import Explanation, explain_hits
from understudy.retrieval.extract import ExtractedText, ExtractionError
from understudy.retrieval.messages import More, Piece, Pieces, Split, SplitStarted
from understudy.retrieval.outline import layout_of
from understudy.retrieval.ranking import Hit, QueryCandidates, Weighing, order_hits, rank_candidates, select_hits
from understudy.retrieval.reranking import MIN_RERANKED, Reranker, names_model, rerank_hits
from understudy.retrieval.similarity import SimilarityScales
from understudy.store.chunk_rows import NewChunk, StoredChunk
from understudy.store.chunk_search import StoreHits, StoreQuery
from understudy.store.chunks import Chunks, Indexed
from understudy.text.language import detect_language, is_other_language
from understudy.text.terms import filename_heading

__all__ = ["Hit", "Index", "SearchScope"]

_EMBEDDING_BATCH: Final = 64
"""Chunks that are embedded together."""

_OTHER_LANGUAGE_WEIGHT: Final = 0.1
"""Weight of the words of a query in a language that no passage has: names and numbers only."""

_SIGN_CATEGORIES: Final = frozenset({"So", "Sc"})
_SPLIT_TIMEOUT: Final = 60.0
_MIN_CANDIDATES: Final = 50
"""Minimum number of candidates requested from each ranking."""


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Where to search: a store's row number, its embedder, and the row numbers of the allowed files (None: all)."""

    store: int
    embedder: str
    files: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Texts to find passages for, at most `limit` of them, none scored below `threshold`.

    The `ranker` "none" disables the ranking by words, and one like `PROVIDER/MODEL` ranks the best passages again.
    `weight` is the weight of words, from 0 to 1; None is what the embedders recommend.
    """

    texts: Sequence[str]
    limit: int
    threshold: float = 0.0
    ranker: str = "auto"
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """A document to index, with what its terms are made with."""

    store: int
    file: int
    language: str
    heading: str


class Index:
    """`store` and `file` are row numbers of `vector_stores` and `store_files`."""

    def __init__(
        self, chunks: Chunks, embedders: Embedders, children: ChildPool, reranker: Reranker | None = None
    ) -> None:
        self._chunks = chunks
        self._children = children
        self._reranker = reranker
        self.embedders = embedders

    async def add(
        self,
        store: int,
        file: int,
        embedder: str,
        source: ExtractedText,
        *,
        name: str = "",
        size: int = 800,
        overlap: int = 400,
    ) -> Indexed:
        """Replaces the file's chunks in the store; they are searchable once this returns.

        The words of the file's `name` match all of its chunks: the topic of a passage often occurs nowhere else. May be
        cancelled at any time, and repeated.

        Raises EmbeddingFailed, EmbedderMissing, ExtractionFailed, and DocumentRemoved if the file was removed
        meanwhile.
        """
        chosen, started = self.embedders.first(embedder), time.perf_counter()
        async with self._children.lease() as child:
            try:
                heading = filename_heading(name)
                split = Split(str(source.path), size, overlap, heading, layout_of(name), list(source.pages))
                reply = await child.request(split, _SPLIT_TIMEOUT)
                assert isinstance(reply, SplitStarted)
                place = _Place(store, file, reply.language, heading)
                indexed = await self._index_chunks(place, chosen, child)
            except ChildRequestError:
                raise ExtractionError("server_error", "The text could not be cut into chunks. Try again.") from None
        telemetry.emit(
            telemetry.DocumentIndexed,
            store=store,
            file=file,
            embedder=chosen.name,
            chunks=indexed.chunks,
            usage_bytes=indexed.usage_bytes,
            duration=telemetry.elapsed(started),
        )
        return indexed

    async def search(self, scopes: Sequence[SearchScope], query: SearchQuery) -> list[Hit]:
        """The best first. Raises EmbeddingFailed, EmbedderMissing, RerankingError, UnknownRerankerError."""
        texts, questions = await self._find_candidates(scopes, query)
        return await self._rank(texts, questions, query)

    async def explain(self, scopes: Sequence[SearchScope], query: SearchQuery) -> list[tuple[Hit, Explanation]]:
        """The same hits as `search`, each with its explanation; takes twice the time. Raises what `search` does."""
        texts, questions = await self._find_candidates(scopes, query)
        hits = await self._rank(texts, questions, query)
        explanations = await asyncio.to_thread(explain_hits, texts, questions, hits)
        return list(zip(hits, explanations, strict=True))

    async def _rank(self, texts: Sequence[str], questions: Sequence[QueryCandidates], query: SearchQuery) -> list[Hit]:
        # Matching the texts of a hundred passages takes some milliseconds.
        if self._reranker is None or not names_model(query.ranker):
            return await asyncio.to_thread(rank_candidates, questions, query.limit, query.threshold)
        hits = (await asyncio.to_thread(order_hits, questions))[: max(MIN_RERANKED, query.limit)]
        return select_hits(await rerank_hits(self._reranker, query.ranker, texts, hits), query.limit, query.threshold)

    async def _find_candidates(
        self, scopes: Sequence[SearchScope], query: SearchQuery
    ) -> tuple[list[str], list[QueryCandidates]]:
        """The distinct texts with words, and the candidates of each."""
        texts = [text for text in dict.fromkeys(query.texts) if _has_words(text)]
        names = {scope.embedder for scope in scopes}
        vectors = {name: await self._embed_queries(name, texts) for name in names}
        scales = {name: await self.embedders.scales(name) for name in names}
        depth = max(_MIN_CANDIDATES, 2 * query.limit)
        questions = []
        for place, text in enumerate(texts):
            words = "" if query.ranker == "none" else text
            passages = [
                StoreQuery(scope.store, scope.files, scope.embedder, vectors[scope.embedder][place], words)
                for scope in scopes
            ]
            results = await asyncio.gather(*(self._chunks.search(passage, depth) for passage in passages))
            weighings = [
                self._weigh(scope.embedder, scales[scope.embedder], text, hits, query.weight)
                for scope, hits in zip(scopes, results, strict=True)
            ]
            questions.append(QueryCandidates(results, weighings))
        return texts, questions

    def _weigh(
        self, embedder: str, scales: SimilarityScales, query: str, hits: StoreHits, weight: float | None
    ) -> Weighing:
        """A few words may look like any language, so those of the store are believed rather than others."""
        languages = hits.statistics.languages
        if scales.other_language is not None and is_other_language(query, languages):
            return Weighing(_OTHER_LANGUAGE_WEIGHT if weight is None else weight, scales.other_language)
        if weight is None:
            language = detect_language(query)
            weight = self.embedders.get(embedder).keyword_weight(language if language in languages else "")
        return Weighing(weight, scales.same_language)

    async def remove(self, store: int, file: int) -> None:
        await self._chunks.remove(store, file)

    async def remove_store(self, store: int) -> None:
        await self._chunks.remove_store(store)

    def texts(self, store: int, file: int) -> AsyncIterator[StoredChunk]:
        """The chunks of a file in order, overlaps included."""
        return self._chunks.texts(store, file)

    async def _index_chunks(self, place: "_Place", embedder: Embedder, child: ChildProcess) -> Indexed:
        document: int | None = None
        try:
            while pieces := await _next_pieces(child):
                vectors = await embedder.embed([piece.table_text for piece in pieces])
                if document is None:
                    document = await self._chunks.begin(
                        place.store, place.file, embedder.name, vectors.dimensions, place.language, place.heading
                    )
                await self._append_chunks(document, pieces, vectors)
            return await self._finish_document(document)
        except BaseException:
            if document is not None:
                with suppress(StoreError):
                    await asyncio.shield(self._chunks.abandon(document))
            raise

    async def _append_chunks(self, document: int, pieces: Sequence[Piece], vectors: Vectors) -> None:
        rows = [
            NewChunk(
                piece.position,
                piece.start,
                piece.end,
                piece.text,
                row,
                piece.terms,
                piece.length,
                piece.page,
                piece.headings,
                piece.header,
            )
            for piece, row in zip(pieces, vectors.rows, strict=True)
        ]
        batch = self._chunks.insert_batch
        for start in range(0, len(rows), batch):
            await self._chunks.append(document, rows[start : start + batch])

    async def _finish_document(self, document: int | None) -> Indexed:
        if document is None:
            raise ExtractionError("invalid_file", "The file has no text.")
        return await self._chunks.finish(document)

    async def _embed_queries(self, name: str, queries: Sequence[str]) -> Sequence[bytes]:
        return (await self.embedders.get(name).embed(queries, query=True)).rows if queries else ()


async def _next_pieces(child: ChildProcess) -> list[Piece]:
    reply = await child.request(More(_EMBEDDING_BATCH), _SPLIT_TIMEOUT)
    assert isinstance(reply, Pieces)
    return reply.pieces


def _has_words(text: str) -> bool:
    """Whether a text has a letter, a digit or a pictograph: the passages nearest to mere punctuation are any ones."""
    return any(sign.isalnum() or unicodedata.category(sign) in _SIGN_CATEGORIES for sign in text)

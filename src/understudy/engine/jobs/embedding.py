"""Vectors of a better embedder as jobs: copies of indexed documents, made in the background, a slice at a time.

A file is completed once it is indexed with the built-in embedder, which takes a sixtieth of the time. A job here ends
after a few passages, so that projects take turns and a long file delays nobody.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from understudy import telemetry
from understudy.broker import Broker
from understudy.clock import Clock
from understudy.engine.jobs.backoff import Backoff
from understudy.engine.jobs.job import JobKind
from understudy.engine.jobs.pool import LeasePool
from understudy.looper import Looper
from understudy.redaction import redact
from understudy.retrieval.embed import EmbeddingError, UnknownEmbedderError, Vectors
from understudy.retrieval.search import Index
from understudy.store import Store
from understudy.store.chunk_rows import NewChunk, StoredChunk
from understudy.store.chunks import DocumentRemoved
from understudy.store.embedding import EmbeddingClaim
from understudy.store.fair_candidates import FairCursor
from understudy.store.workers import Candidate
from understudy.text.terms import filename_heading, passage_terms

_SLICE_CHUNKS: Final = 16
"""Chunks of one job: a few seconds of work."""

_MAX_CANDIDATES: Final = 32
_BACKOFF: Final = Backoff(first=1.0, longest=600.0)
_SWITCH_SECONDS: Final = 5.0
logger = logging.getLogger(__name__)


class Embedding(JobKind[int, EmbeddingClaim]):
    name = "embedding"

    def __init__(self, store: Store, index: Index, clock: Clock, broker: Broker, places: int = 1) -> None:
        self._jobs = store.embedding
        self._index = index
        self._clock = clock
        self._cursor = FairCursor()
        loops = (Looper(_SWITCH_SECONDS, self._switch_stores),)
        self._pool = LeasePool(self, store.workers, clock, "embedder", places, broker, loops)
        self.start = self._pool.start
        self.stop = self._pool.stop

    # -- for the pool ------------------------------------------------------------------------------------------

    async def list_candidates(self, now: float) -> Sequence[Candidate[int]]:
        if self._index.embedders.find_successor() is None:
            return ()
        return await self._jobs.list_candidates(now, _MAX_CANDIDATES, self._cursor)

    async def claim(self, candidate: Candidate[int], owner: str, now: float) -> EmbeddingClaim | None:
        return await self._jobs.claim(candidate.key, owner, now)

    async def list_owned(self, owner: str) -> Mapping[int, int]:
        return await self._jobs.list_owned(owner)

    async def release_forgotten(self, owner: str, keys: Sequence[int]) -> None:
        for document in keys:
            await self._jobs.release(owner, document, 0.0)

    async def run(self, work: EmbeddingClaim) -> float | None:
        try:
            if await self._copy_slice(work):
                await self._jobs.release(self._pool.id, work.seq, 0.0, attempts=work.attempts)
        except (asyncio.CancelledError, DocumentRemoved):
            await self._jobs.release(self._pool.id, work.seq, 0.0, attempts=1)
        except (EmbeddingError, UnknownEmbedderError) as error:
            return await self._retry(work, redact(str(error)))
        return None

    # -- one document ------------------------------------------------------------------------------------------

    async def _copy_slice(self, work: EmbeddingClaim) -> bool:
        """Embeds the next chunks of a document; False where the copy is complete, and the claim has ended."""
        embedder = self._index.embedders.find_successor()
        if embedder is None:
            raise UnknownEmbedderError("The extra `embed` is not installed any more.")
        started = time.perf_counter()
        part = await self._jobs.read_slice(work, embedder, _SLICE_CHUNKS)
        copy = part.copy
        if part.chunks:
            copy = await self._jobs.append(
                self._pool.id, work, copy, embedder, await self._embed_chunks(work, embedder, part.chunks)
            )
            telemetry.emit(
                telemetry.PassagesEmbedded,
                store=work.store,
                file=work.file,
                embedder=embedder,
                chunks=len(part.chunks),
                duration=telemetry.elapsed(started),
            )
        if len(part.chunks) == _SLICE_CHUNKS or copy is None:
            return True
        await self._jobs.finish(self._pool.id, work, copy, embedder)
        return False

    async def _embed_chunks(
        self, work: EmbeddingClaim, embedder: str, chunks: Sequence[StoredChunk]
    ) -> Sequence[NewChunk]:
        vectors = await self._index.embedders.get(embedder).embed([chunk.table_text for chunk in chunks])
        # Stemming new words takes up to a tenth of a second.
        return await asyncio.to_thread(_build_chunks, work, chunks, vectors)

    async def _retry(self, work: EmbeddingClaim, reason: str) -> float | None:
        logger.warning("document %s: no vectors: %s", work.seq, reason)
        delay = _BACKOFF.delay(work.attempts)
        await self._jobs.release(self._pool.id, work.seq, self._clock.now() + (delay or 0.0))
        return delay

    async def _switch_stores(self) -> None:
        if (embedder := self._index.embedders.find_successor()) is not None:
            await self._jobs.replace_copied(embedder)


def _build_chunks(work: EmbeddingClaim, chunks: Sequence[StoredChunk], vectors: Vectors) -> list[NewChunk]:
    heading = filename_heading(work.filename)
    return [
        NewChunk(
            chunk.position,
            chunk.start,
            chunk.end,
            chunk.text,
            row,
            *passage_terms(chunk.context, heading, work.language),
            chunk.page,
            chunk.headings,
            chunk.header,
        )
        for chunk, row in zip(chunks, vectors.rows, strict=True)
    ]

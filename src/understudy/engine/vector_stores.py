"""Operations on vector stores, for the API and runs: create, attach, wait, search. Knows no HTTP and no SQL."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from msgspec import UNSET

from understudy import ids
from understudy.clock import Clock
from understudy.engine.jobs.ingestion import Ingestion
from understudy.engine.limits.permissions import PermissionChecks
from understudy.engine.retrieval_charges import Payer, RetrievalCharges
from understudy.errors import BadGateway, InvalidRequest, StoreError
from understudy.redaction import redact
from understudy.retrieval import model_use
from understudy.retrieval.embed import EmbeddingError, UnknownEmbedderError
from understudy.retrieval.explanation import Explanation
from understudy.retrieval.reranking import RerankingError, UnknownRerankerError
from understudy.retrieval.search import Hit, Index, SearchQuery, SearchScope
from understudy.store import Store
from understudy.store.vector_store_files import IndexedFile, NewFile
from understudy.store.vector_stores import StoreScope
from understudy.wire.chunking import ChunkingStrategyRequestParam, resolve_chunking
from understudy.wire.filters import Filter, Scalar
from understudy.wire.vector_stores import (
    FileCounts,
    VectorStoreExpirationAfter,
    VectorStoreFileBatchObject,
    VectorStoreFileObject,
    VectorStoreObject,
)

# Changes by other processes are polled.
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A passage that matches a search; `score` is from 0 to 1. `chunk_index` is that of its first chunk in the file.

    `page` and `heading_path` are those of its start; None and empty where the document has none. `explanation` is None
    unless requested.
    """

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, Scalar]
    text: str
    vector_store_id: str
    chunk_index: int
    page: int | None = None
    heading_path: Sequence[str] = ()
    explanation: Explanation | None = None


class VectorStores:
    def __init__(
        self,
        store: Store,
        index: Index,
        ingestion: Ingestion,
        clock: Clock,
        permissions: PermissionChecks,
        charges: RetrievalCharges,
    ) -> None:
        self._store = store
        self._index = index
        self._ingestion = ingestion
        self._clock = clock
        self._permissions = permissions
        self._charges = charges

    def new(
        self,
        name: str | None = None,
        *,
        description: str | None = None,
        expires_after: VectorStoreExpirationAfter | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> VectorStoreObject:
        """A store that is not stored yet: `creation` inserts it within another transaction."""
        now = self._now()
        return VectorStoreObject(
            id=ids.vector_store(),
            created_at=now,
            name=name,
            description=description,
            file_counts=FileCounts(),
            expires_after=expires_after,
            last_active_at=now,
            metadata=dict(metadata or {}),
        )

    @asynccontextmanager
    async def holding_funds(self, project_id: str, key_id: str, file_ids: Sequence[str]) -> AsyncIterator[None]:
        """Around the addition of files, which the embedder of new stores may charge.

        Each file holds its estimated cost until it is indexed.

        Raises OutOfFunds and FundsReserved.
        """
        embedder, holds = self._index.embedders.default_name, self._ingestion.holds
        if not self._index.embedders.is_charged(embedder):
            yield
            return
        await self._charges.admit(project_id, key_id)
        files = await self._store.files.lookup(project_id, list(dict.fromkeys(file_ids)))
        costs = await self._charges.estimate(key_id, embedder, [file.bytes for file in files])
        taken = await holds.take(project_id, key_id, costs)
        for hold, file in zip(taken, files, strict=False):
            holds.bind(hold, file.id)
        try:
            yield
        except BaseException:
            for hold in taken:
                hold.release()
            raise

    async def create(
        self,
        project_id: str,
        name: str | None = None,
        file_ids: Sequence[str] = (),
        expires_after: VectorStoreExpirationAfter | None = None,
        chunking_strategy: ChunkingStrategyRequestParam | None = None,
        metadata: Mapping[str, str] | None = None,
        description: str | None = None,
        limit: int | None = None,
    ) -> VectorStoreObject:
        """Creates a store and queues its files for indexing.

        Raises NotFound for an unknown file, InvalidRequest if the project has `limit` stores.
        """
        store = self.new(name, description=description, expires_after=expires_after, metadata=metadata)
        chunking = resolve_chunking(chunking_strategy)
        made = await self._store.vector_stores.create(project_id, store, file_ids, chunking, limit)
        self.announce()
        return made

    async def get(self, project_id: str, store_id: str) -> VectorStoreObject:
        """Raises NotFound."""
        store = await self._store.vector_stores.get(project_id, store_id, self._now())
        if self._index.embedders.find_successor() is not None:
            pending = await self._store.embedding.count_pending_of(store_id)
            store.pending_vectors = pending.files or UNSET
        return store

    def announce(self) -> None:
        """Wakes the indexing; call it after the transaction that added files."""
        self._ingestion.wake()

    async def delete(self, project_id: str, store_id: str) -> None:
        """Raises NotFound."""
        self._ingestion.interrupt_store(await self._store.vector_stores.delete(project_id, store_id))

    async def attach(
        self,
        project_id: str,
        store_id: str,
        file_id: str,
        chunking_strategy: ChunkingStrategyRequestParam | None = None,
        attributes: Mapping[str, Scalar] | None = None,
    ) -> VectorStoreFileObject:
        """Adds a file. Raises NotFound, InvalidRequest for a full store, VectorStoreExpired."""
        file = NewFile(file_id, resolve_chunking(chunking_strategy), attributes)
        attached = await self._store.vector_store_files.attach(project_id, store_id, file, self._now())
        self.announce()
        return attached

    async def attach_batch(
        self, project_id: str, store_id: str, files: Sequence[NewFile]
    ) -> VectorStoreFileBatchObject:
        """Adds all files or none. Raises what `attach` does."""
        batch = VectorStoreFileBatchObject(
            id=ids.file_batch(), created_at=self._now(), vector_store_id=store_id, file_counts=FileCounts()
        )
        made = await self._store.file_batches.create(project_id, batch, files)
        self.announce()
        return made

    async def cancel_batch(self, project_id: str, store_id: str, batch_id: str) -> VectorStoreFileBatchObject:
        """Cancels the queued and running indexing of a batch. Raises NotFound."""
        batch, files = await self._store.file_batches.cancel(project_id, store_id, batch_id)
        self._ingestion.interrupt_files(files)
        return batch

    async def detach(self, project_id: str, store_id: str, file_id: str) -> None:
        """Removes a file from a store. Raises NotFound."""
        self._ingestion.interrupt_files([await self._store.vector_store_files.detach(project_id, store_id, file_id)])

    async def wait_indexed(self, store_ids: Sequence[str], file_ids: Sequence[str] | None, seconds: float) -> bool:
        """Waits until these files (None: all) of the stores are indexed or failed; False after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            with self._ingestion.next_change() as changed:
                if not await self._store.vector_stores.has_pending(store_ids, file_ids):
                    return True
                left = deadline - loop.time()
                if left <= 0:
                    return False
                await asyncio.wait([changed], timeout=min(left, await self._ingestion.watch_changes()))

    async def search(
        self,
        payer: Payer,
        store_ids: Sequence[str],
        query: SearchQuery,
        *,
        filters: Filter | None = None,
        explain: bool = False,
        is_admitted: bool = False,
    ) -> list[SearchResult]:
        """The best passages of stores of the payer's project, best first; `explain` adds to each why it was found.

        The `payer` pays for models of providers. `is_admitted`: the funds for them are checked already.

        Raises NotFound, VectorStoreExpired, InvalidRequest if a store's embedder is unavailable, PermissionDenied
        if the ranker is a model that the project may not use, OutOfFunds and FundsReserved.
        """
        project_id = payer.project_id
        if "/" in query.ranker:
            await self._permissions.check_model(project_id, query.ranker)
        now = self._now()
        places = await self._store.vector_stores.scopes(project_id, store_ids, filters, now)
        if not is_admitted and ("/" in query.ranker or any(map(self._is_charged, places))):
            await self._charges.admit(project_id, payer.key_id)
        with model_use.collect() as uses:
            try:
                hits = await self._search_index(places, query, explain=explain)
                if self._may_switch(places):
                    current = await self._store.vector_stores.scopes(project_id, store_ids, filters, now)
                    if [place.embedder for place in current] != [place.embedder for place in places]:
                        hits = await self._search_index(current, query, explain=explain)
            finally:
                if uses:
                    await self._charges.record(payer, uses)
        files = await self._store.vector_store_files.indexed(sorted({hit.file for hit, _ in hits}))
        used = [place.seq for place in places if place.last_active_at < now]
        if used:
            await self._record_use(used, now)
        return [_search_result(hit, file, why) for hit, why in hits if (file := files.get(hit.file)) is not None]

    async def texts(self, project_id: str, store_id: str, file_id: str) -> list[str]:
        """The indexed text of a file, by chunk without the overlaps. Raises NotFound."""
        store, file = await self._store.vector_store_files.row_numbers(project_id, store_id, file_id)
        texts = []
        end = 0
        async for chunk in self._index.texts(store, file):
            texts.append(chunk.text[max(0, end - chunk.start) :])
            end = max(end, chunk.end)
        return [text for text in texts if text]

    def _is_charged(self, place: StoreScope) -> bool:
        return place.embedder is not None and self._index.embedders.is_charged(place.embedder)

    def _may_switch(self, places: Sequence[StoreScope]) -> bool:
        """Whether a store's vectors may have been replaced by those of another embedder during a search."""
        successor = self._index.embedders.find_successor()
        return successor is not None and any(place.embedder not in {None, successor} for place in places)

    async def _search_index(
        self,
        places: Sequence[StoreScope],
        query: SearchQuery,
        *,
        explain: bool,
    ) -> Sequence[tuple[Hit, Explanation | None]]:
        scopes = [
            SearchScope(place.seq, place.embedder, place.files)
            for place in places
            if place.embedder is not None and (place.files is None or place.files)
        ]
        if not scopes:
            return []
        try:
            if explain:
                return await self._index.explain(scopes, query)
            return [(hit, None) for hit in await self._index.search(scopes, query)]
        except UnknownEmbedderError as error:
            logger.warning("a search failed: %s", error)
            raise InvalidRequest(redact(str(error)), code="embedder_missing") from None
        except UnknownRerankerError as error:
            raise InvalidRequest(redact(str(error)), param="ranking_options.ranker", code="invalid_value") from None
        except (EmbeddingError, RerankingError) as error:
            logger.warning("a search failed: %s", error)
            raise BadGateway(redact(str(error))) from None

    async def _record_use(self, stores: Sequence[int], now: int) -> None:
        """A result is worth more than the record of its use."""
        try:
            await self._store.vector_stores.touch(stores, now)
        except StoreError as error:
            logger.warning("recording the use of vector stores failed: %s", error)

    def _now(self) -> int:
        return int(self._clock.now())


def _search_result(hit: Hit, file: IndexedFile, explanation: Explanation | None) -> SearchResult:
    text = f"{hit.header}\n{hit.text}" if hit.header else hit.text
    place = file.store_id, hit.position, hit.page, hit.headings
    return SearchResult(file.id, file.filename, hit.score, file.attributes, text, *place, explanation)

"""Indexes vector stores again with the configured embedder. Knows no terminal.

One transaction queues all files of a store, so the next process, or a server, continues the work of one that ends
early. Searches do not find these files until they are indexed again.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from understudy.engine.jobs.ingestion import Ingestion
from understudy.errors import not_found
from understudy.retrieval.search import Index
from understudy.store import Store
from understudy.store.ingestion import IndexedStore

_POLL_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of one store: its `files`, those `done`, and of these the `failed`."""

    store_id: str
    files: int
    done: int
    failed: int


class Reindexer:
    def __init__(self, store: Store, index: Index, ingestion: Ingestion) -> None:
        self._store = store
        self._index = index
        self._ingestion = ingestion

    @property
    def embedder(self) -> str:
        """The name of the embedder that indexes new files. Raises UnknownEmbedderError."""
        return self._index.embedders.default.name

    async def stores(self, store_id: str | None = None) -> list[IndexedStore]:
        """The one store, or all that are not indexed in full with a current embedder. Raises NotFound.

        A server moves stores from the built-in embedder to a better one by itself, so both are current.
        """
        if store_id is None:
            current = self._index.embedders
            return await self._store.ingestion.list_stale_stores(self.embedder, current.find_successor())
        match = await self._store.ingestion.find(store_id)
        if match is None:
            raise not_found("vector store", store_id)
        return [match]

    async def check(self) -> None:
        """Embeds a sample text. Raises EmbeddingError if the embedder fails."""
        await self._index.embedders.default.embed(["A text to try the embedder with."])

    async def run(self, store: IndexedStore, *, whole: bool) -> AsyncIterator[Progress]:
        """Indexes a store again; yields its progress at each change.

        Without `whole`, files that this embedder has indexed are skipped.
        """
        files = store.files
        if whole or store.embedder not in {self.embedder, self._index.embedders.find_successor()}:
            files = await self._store.ingestion.restart(store.seq, self.embedder)
        failed_before = (await self._store.ingestion.count_pending(store.seq)).failed
        self._ingestion.wake()
        last = -1
        while last < files:
            with self._ingestion.next_change() as changed:
                standing = await self._store.ingestion.count_pending(store.seq)
                done = files - min(files, standing.waiting)
                if done == last:
                    await asyncio.wait([changed], timeout=_POLL_SECONDS)
                    continue
            last = done
            yield Progress(store.id, files, done, standing.failed - failed_before)

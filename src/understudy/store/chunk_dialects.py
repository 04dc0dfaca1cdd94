"""The statements on chunks that differ between the engines: `chunks_sqlite` and `chunks_postgres` have them."""

from collections.abc import Sequence
from typing import Protocol

from understudy.store import chunk_cells, chunk_upgrade
from understudy.store.chunk_rows import ChunkHit, ChunkQuery, ChunkScores, DocumentGroup, NewChunk
from understudy.store.database import Transaction


class Dialect(chunk_upgrade.TermTable, chunk_cells.VectorTable, Protocol):
    """The modules of both engines have these. Each method is a transaction to `yield from`."""

    INSERT_BATCH: int

    def problem(self) -> Transaction[str | None]: ...

    def prepare(self, dimensions: int) -> Transaction[None]: ...

    def insert(self, store: int, document: int, dimensions: int, chunks: Sequence[NewChunk]) -> Transaction[None]: ...

    def delete(self, store: int, document: int, dimensions: int, limit: int) -> Transaction[int]: ...

    def list_documents(self, store: int, files: Sequence[int] | None) -> Transaction[list[DocumentGroup]]:
        """The searchable documents of the files; None is all files."""
        ...

    def count_terms(self, store: int, terms: Sequence[Sequence[str]]) -> Transaction[list[int]]: ...

    def search(self, query: ChunkQuery) -> Transaction[ChunkScores]: ...

    def read(self, numbers: Sequence[int]) -> Transaction[list[ChunkHit]]: ...

"""Documents with built-in vectors as jobs: copied with the vectors of a better embedder, which then replace them.

A job is done in slices: each appends some chunks to the copy and ends the claim, so a slice that is lost to a crash is
all that is repeated. Searches use the built-in vectors of a store until all of its documents are copied. What is
removed meanwhile takes its copy with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from understudy.store import chunks_postgres, chunks_sqlite
from understudy.store.chunk_dialects import Dialect
from understudy.store.chunk_rows import COPIED, COPYING, READY, REMOVED, NewChunk, StoredChunk
from understudy.store.chunks import DocumentRemoved
from understudy.store.database import Database, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.sql import compose_sql
from understudy.store.vector_store_counts import LIVE_STORES, lock_store
from understudy.store.workers import Candidate, Claim, JobTable

EMBEDDING_JOBS = JobTable("chunk_documents", "state = 1 AND is_copied = 0 AND embedder = 'builtin'", "state")
_SOURCE: Final = "builtin"
WAITING_DOCUMENTS = FairListing(
    "chunk_documents",
    EMBEDDING_JOBS.is_waiting,
    condition="AND due_at <= $2",
    order="seq, due_at",
    group="store",
    live_groups=LIVE_STORES,
)
_FILE = (
    "SELECT f.project_id, f.filename FROM store_files AS f JOIN vector_stores AS v ON v.seq = f.store"
    " WHERE f.seq = $1 AND f.body IS NOT NULL AND v.body IS NOT NULL"
)
_COPY = "SELECT seq, chunks FROM chunk_documents WHERE store = $1 AND file = $2 AND state = $3 AND embedder = $4"
_PAGE = (
    "SELECT position, start_at, end_at, body, page, headings, header FROM chunks"
    " WHERE document = $1 AND position > $2 ORDER BY position"
)
_PENDING = "SELECT count(*), CAST(COALESCE(sum(chunks), 0) AS BIGINT) FROM chunk_documents WHERE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingClaim(Claim):
    """A document to copy; `seq` is its number, `store` and `file` are those of its vector store and of its file.

    `language` is that of its terms.
    """

    store: int
    file: int
    filename: str
    language: str


@dataclass(frozen=True, slots=True)
class PendingEmbedding:
    """Files whose vectors are still built-in ones, and the number of their passages."""

    files: int
    passages: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The next chunks of a document; `copy` is the number of its unfinished copy, None before the first chunk."""

    copy: int | None
    chunks: Sequence[StoredChunk]


class EmbeddingJobs:
    """`embedder` is the name of the embedder that replaces the built-in one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect: Dialect = chunks_sqlite if database.dialect == "sqlite" else chunks_postgres

    async def list_candidates(self, now: float, limit: int, cursor: FairCursor | None = None) -> list[Candidate[int]]:
        """The oldest documents of up to `limit` projects and of their stores. A candidate's group is its store."""
        return await self._database.read(_list_candidates, now, limit, cursor or FairCursor())

    async def claim(self, document: int, owner: str, now: float) -> EmbeddingClaim | None:
        """None where another worker has the document, or where it was removed."""
        return await self._database.write(_claim, document, owner, now)

    async def list_owned(self, owner: str) -> dict[int, int]:
        """The documents that the worker has claimed, with their states."""
        return await self._database.read(EMBEDDING_JOBS.list_owned, owner)

    async def read_slice(self, claim: EmbeddingClaim, embedder: str, limit: int) -> Slice:
        """Up to `limit` chunks that the copy lacks; none once it is complete."""
        return await self._database.read(_read_slice, claim, embedder, limit)

    async def append(
        self, owner: str, claim: EmbeddingClaim, copy: int | None, embedder: str, chunks: Sequence[NewChunk]
    ) -> int:
        """Appends to the copy, which is created if it is None; returns its number.

        One transaction: keep it small. Raises DocumentRemoved if the document was removed or the claim was lost.
        """
        return await self._database.write_slowly(_append, self._dialect, owner, claim, copy, embedder, chunks)

    async def finish(self, owner: str, claim: EmbeddingClaim, copy: int, embedder: str) -> None:
        """Ends the claim: the copy is complete. It replaces the document once those of all others are.

        Raises DocumentRemoved like `append`.
        """
        await self._database.write(_finish_copy, owner, claim, copy, embedder)

    async def release(self, owner: str, document: int, due_at: float, *, attempts: int = 0) -> None:
        """Ends the claim. The document is due at `due_at`, and `attempts` are subtracted from its count."""
        await self._database.write(EMBEDDING_JOBS.release, document, owner, due_at, attempts)

    async def replace_copied(self, embedder: str) -> None:
        """Switches the stores whose last documents without a copy were removed."""
        for store in await self._database.read(_list_copied_stores):
            await self._database.write_slowly(_switch_store, store, embedder)

    async def count_pending(self, store: int | None = None) -> PendingEmbedding:
        """What is left to do, of one store or of all."""
        return await self._database.read(_count_pending, store)

    async def count_pending_of(self, store_id: str) -> PendingEmbedding:
        """`count_pending` by the id of a store."""
        return await self._database.read(_count_pending_of, store_id)


def _list_candidates(now: float, limit: int, cursor: FairCursor) -> Transaction[list[Candidate[int]]]:
    orphaned = yield from EMBEDDING_JOBS.list_orphaned("seq, project_id, store", now, limit)
    return orphaned + (yield from WAITING_DOCUMENTS.list_waiting_by_group(now, limit, cursor))


def _claim(document: int, owner: str, now: float) -> Transaction[EmbeddingClaim | None]:
    row = yield from EMBEDDING_JOBS.claim(document, owner, now, "store, file, attempts, interruptions, language")
    if row is None:
        return None
    store, file, attempts, interruptions, language = row
    files = yield _FILE, (file,)
    if not files:
        yield "UPDATE chunk_documents SET owner = NULL WHERE seq = $1", (document,)
        return None
    project_id, filename = files[0]
    return EmbeddingClaim(
        seq=document,
        project_id=project_id,
        attempts=attempts,
        interruptions=interruptions,
        store=store,
        file=file,
        filename=filename,
        language=language,
    )


def _read_slice(claim: EmbeddingClaim, embedder: str, limit: int) -> Transaction[Slice]:
    copies = yield _COPY, (claim.store, claim.file, COPYING, embedder)
    copy, last = None, -1
    if copies:
        copy = copies[0][0]
        rows = yield "SELECT max(position) FROM chunks WHERE document = $1", (copy,)
        last = -1 if rows[0][0] is None else rows[0][0]
    rows = yield f"{_PAGE} LIMIT $3", (claim.seq, last, limit)
    return Slice(copy, [StoredChunk(*row) for row in rows])


def _append(
    dialect: Dialect, owner: str, claim: EmbeddingClaim, copy: int | None, embedder: str, chunks: Sequence[NewChunk]
) -> Transaction[int]:
    dimensions = len(chunks[0].vector) // 4
    if copy is None:
        yield from dialect.prepare(dimensions)
    yield from _lock_claim(owner, claim)
    if copy is None:
        sql = (
            "INSERT INTO chunk_documents"
            " (store, file, embedder, dimensions, state, chunks, bytes, language, heading, terms)"
            " SELECT store, file, $2, $3, $4, 0, 0, language, heading, terms * 0 FROM chunk_documents WHERE seq = $1"
            " RETURNING seq"
        )
        # The number of terms is NULL in a document of an earlier version, and so in its copy, until they are made.
        rows = yield sql, (claim.seq, embedder, dimensions, COPYING)
        copy = int(rows[0][0])
    size = sum(len(chunk.text.encode("utf-8", "surrogatepass")) + len(chunk.vector) for chunk in chunks)
    sql = (
        "UPDATE chunk_documents SET chunks = chunks + $1, bytes = bytes + $2, terms = terms + $5"
        " WHERE seq = $3 AND state = $4"
    )
    yield sql, (len(chunks), size, copy, COPYING, sum(chunk.length for chunk in chunks))
    yield from dialect.insert(claim.store, copy, dimensions, chunks)
    return copy


def _lock_claim(owner: str, claim: EmbeddingClaim) -> Transaction[None]:
    sql = compose_sql(
        "SELECT 1 FROM chunk_documents WHERE seq = $1 AND owner = $2 AND", EMBEDDING_JOBS.is_open, "FOR UPDATE"
    )
    if not (yield sql, (claim.seq, owner)):
        raise DocumentRemoved(f"The document {claim.seq!r} was removed, or another worker claimed it.")


def _finish_copy(owner: str, claim: EmbeddingClaim, copy: int, embedder: str) -> Transaction[None]:
    yield from lock_store(claim.store)
    yield from _lock_claim(owner, claim)
    yield "UPDATE chunk_documents SET owner = NULL, is_copied = 1 WHERE seq = $1", (claim.seq,)
    yield "UPDATE chunk_documents SET state = $2 WHERE seq = $1", (copy, COPIED)
    yield from _switch_store(claim.store, embedder)


def _switch_store(store: int, embedder: str) -> Transaction[None]:
    """Replaces documents by their copies where all are copied, or where the store has been switched before."""
    yield from lock_store(store)
    rows = yield "SELECT embedder FROM vector_stores WHERE seq = $1 AND body IS NOT NULL", (store,)
    if not rows or rows[0][0] not in {_SOURCE, embedder}:
        return
    if rows[0][0] == _SOURCE:
        sql = compose_sql("SELECT 1 FROM chunk_documents WHERE store = $1 AND", EMBEDDING_JOBS.is_open, "LIMIT 1")
        if (yield sql, (store,)):
            return
        yield "UPDATE vector_stores SET embedder = $2 WHERE seq = $1", (store, embedder)
    sql = "UPDATE chunk_documents SET state = $3 WHERE store = $1 AND state = $2 AND is_copied = 1"
    yield sql, (store, READY, REMOVED)
    yield "UPDATE chunk_documents SET state = $3 WHERE store = $1 AND state = $2", (store, COPIED, READY)


def _list_copied_stores() -> Transaction[list[int]]:
    rows = yield "SELECT DISTINCT store FROM chunk_documents WHERE state = 4", ()
    return [row[0] for row in rows]


def _count_pending(store: int | None) -> Transaction[PendingEmbedding]:
    if store is None:
        rows = yield compose_sql(_PENDING, EMBEDDING_JOBS.is_open), ()
    else:
        rows = yield compose_sql(_PENDING, EMBEDDING_JOBS.is_open, "AND store = $1"), (store,)
    return PendingEmbedding(*rows[0])


def _count_pending_of(store_id: str) -> Transaction[PendingEmbedding]:
    rows = yield "SELECT seq FROM vector_stores WHERE id = $1 AND body IS NOT NULL", (store_id,)
    return (yield from _count_pending(rows[0][0])) if rows else PendingEmbedding(0, 0)

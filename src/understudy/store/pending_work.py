"""Whether background work waits, of all kinds at once: one statement in place of one or more a kind.

An idle process runs it several times a second. Where it finds work, the kind lists that by statements of its own. Each
condition reads at most one entry of an index of the kind.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, LiteralString

from understudy.clock import Clock
from understudy.store.batch_jobs import ANSWERING_BATCHES, BATCH_JOBS, WAITING_BATCHES
from understudy.store.database import Database, Transaction
from understudy.store.embedding import EMBEDDING_JOBS, WAITING_DOCUMENTS
from understudy.store.fair_candidates import FairListing
from understudy.store.ingestion import INGESTION_JOBS, WAITING_FILES
from understudy.store.run_claims import WAITING_RUNS
from understudy.store.sql import compose_sql
from understudy.store.states import IS_ACTIVE, IS_EXECUTING
from understudy.store.transcriptions import TRANSCRIPTION_JOBS, WAITING_TRANSCRIPTIONS
from understudy.store.transfers import TRANSFER_JOBS, WAITING_TRANSFERS
from understudy.store.video_claims import VIDEO_JOBS, WAITING_VIDEOS
from understudy.store.webhook_deliveries import DELIVERY_JOBS, WAITING_DELIVERIES
from understudy.store.workers import ORPHANED, JobTable

_FRESH_SECONDS: Final = 0.2
_FRESH_SECONDS_A_NODE: Final = 0.01
_MAX_SHARE: Final = 0.02
"""The most of the time that these queries may take, however many jobs are active."""
_MOST_SECONDS: Final = 1.0
"""The longest time between two queries for that reason."""


def _waiting(listing: FairListing) -> LiteralString:
    # The order is that of the index, which a planner would not use otherwise where most rows have ended.
    return compose_sql("SELECT 1 FROM", listing.table, "WHERE", listing.is_waiting, "ORDER BY project_id LIMIT 1")


def _orphaned(table: LiteralString, is_open: LiteralString) -> LiteralString:
    return compose_sql("SELECT 1 FROM", table, "WHERE owner IS NOT NULL AND", is_open, "AND", ORPHANED, "LIMIT 1")


def _jobs(table: JobTable, *listings: FairListing) -> tuple[LiteralString, ...]:
    return (*map(_waiting, listings), _orphaned(table.name, table.is_open))


# By the name of a kind of jobs, or of another work. `$1` is the time.
_QUERIES: Final[dict[str, tuple[LiteralString, ...]]] = {
    "run": (_waiting(WAITING_RUNS), _orphaned("runs", IS_EXECUTING)),
    "expired_run": (compose_sql("SELECT 1 FROM runs WHERE", IS_ACTIVE, "AND expires_at <= $1 LIMIT 1"),),
    "delivery": _jobs(DELIVERY_JOBS, WAITING_DELIVERIES),
    "batch": _jobs(BATCH_JOBS, WAITING_BATCHES, ANSWERING_BATCHES),
    "file": _jobs(INGESTION_JOBS, WAITING_FILES),
    "abandoned_file": (
        compose_sql(
            "SELECT 1 FROM store_files WHERE owner IS NOT NULL AND (status <> 'in_progress' OR body IS NULL) AND",
            ORPHANED,
            "LIMIT 1",
        ),
    ),
    "embedding": _jobs(EMBEDDING_JOBS, WAITING_DOCUMENTS),
    "video": _jobs(VIDEO_JOBS, WAITING_VIDEOS),
    "video_callback": ("SELECT 1 FROM generation_callbacks WHERE due_at <= $1 LIMIT 1",),
    "transcription": _jobs(TRANSCRIPTION_JOBS, WAITING_TRANSCRIPTIONS),
    "transfer": _jobs(TRANSFER_JOBS, WAITING_TRANSFERS),
    "expired_file": (
        "SELECT 1 FROM files WHERE body IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT 1",
        "SELECT 1 FROM uploads WHERE status = 'pending' AND expires_at <= $1 LIMIT 1",
        "SELECT 1 FROM blobs WHERE uses = 0 AND held_until < $1 LIMIT 1",
        "SELECT 1 FROM blob_erasures LIMIT 1",
    ),
    "deleted_thread": ("SELECT 1 FROM erasures LIMIT 1",),
    "deleted_store": ("SELECT 1 FROM store_erasures LIMIT 1",),
    "ended_batch": ("SELECT 1 FROM batch_erasures LIMIT 1",),
    "removed_document": ("SELECT 1 FROM chunk_documents WHERE state = 2 LIMIT 1",),
    "earlier_document": ("SELECT 1 FROM chunk_documents WHERE terms IS NULL AND state = 1 ORDER BY seq LIMIT 1",),
    "earlier_run": ("SELECT 1 FROM runs WHERE created_at = 0 AND body IS NOT NULL ORDER BY seq LIMIT 1",),
    "earlier_thread": ("SELECT 1 FROM threads WHERE last_active_at = 0 AND body IS NOT NULL ORDER BY seq LIMIT 1",),
}


def _build_sql() -> LiteralString:
    columns: LiteralString = ""
    for queries in _QUERIES.values():
        found: LiteralString = ""
        for query in queries:
            found += "(" + query + "), "
        columns += ("" if not columns else ", ") + "COALESCE(" + found + "0)"
    return "SELECT " + columns


_SQL: Final = _build_sql()


class PendingWork:
    """The result of a query is valid for a fifth of a second.

    It is valid for longer with many nodes, which query at most 100 times a second together, and where a query takes
    long, because many runs are active.
    """

    def __init__(self, database: Database, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self.nodes = 1
        self._found: frozenset[str] = frozenset()
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def has(self, name: str) -> bool:
        """Whether there may be work of that name; True for a name that is unknown here. Raises StoreError."""
        return name not in _QUERIES or name in await self._find_kinds()

    async def run_if_pending(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Raises what `work` does, and StoreError."""
        if await self.has(name):
            await work()

    async def _find_kinds(self) -> frozenset[str]:
        async with self._lock:
            now = self._monotonic()
            if now >= self._until:
                self._found = await self._database.read(_find_pending, self._clock.now())
                rest = min((self._monotonic() - now) / _MAX_SHARE, _MOST_SECONDS)
                self._until = now + max(_FRESH_SECONDS, self.nodes * _FRESH_SECONDS_A_NODE, rest)
            return self._found


def _find_pending(now: float) -> Transaction[frozenset[str]]:
    [row] = yield _SQL, (now,)
    return frozenset(name for name, found in zip(_QUERIES, row, strict=True) if found)

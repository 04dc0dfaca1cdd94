"""The queues of jobs of all projects: how many jobs wait, and since when. Changes nothing.

Counts end at a limit, and read indexes of waiting jobs only: their cost grows neither with finished nor with waiting
jobs.
"""

from dataclasses import dataclass
from typing import Final, Literal, LiteralString

import msgspec

from understudy.store.batch_jobs import ANSWERING_BATCHES, WAITING_BATCHES
from understudy.store.database import Database, Transaction
from understudy.store.embedding import WAITING_DOCUMENTS
from understudy.store.fair_candidates import FairListing
from understudy.store.ingestion import WAITING_FILES
from understudy.store.run_claims import WAITING_RUNS
from understudy.store.sql import compose_sql
from understudy.store.transcriptions import WAITING_TRANSCRIPTIONS
from understudy.store.transfers import WAITING_TRANSFERS
from understudy.store.video_claims import WAITING_VIDEOS
from understudy.store.webhook_deliveries import WAITING_DELIVERIES

QueueName = Literal["runs", "batches", "files", "vectors", "videos", "transcriptions", "deliveries", "transfers"]
MAX_COUNT: Final = 10_000
"""Larger queues are not counted to their end."""
# The tables of each queue, and the column that has the time of creation: in Unix seconds, or in an encoded object.
_QUEUES: Final[tuple[tuple[QueueName, tuple[FairListing, ...], LiteralString], ...]] = (
    ("runs", (WAITING_RUNS,), "created_at"),
    ("batches", (WAITING_BATCHES, ANSWERING_BATCHES), "body"),
    ("files", (WAITING_FILES,), "body"),
    ("vectors", (WAITING_DOCUMENTS,), ""),
    ("videos", (WAITING_VIDEOS,), "body"),
    ("transcriptions", (WAITING_TRANSCRIPTIONS,), "body"),
    ("deliveries", (WAITING_DELIVERIES,), "created_at"),
    ("transfers", (WAITING_TRANSFERS,), "body"),
)


@dataclass(frozen=True, slots=True)
class QueueState:
    """`waiting` is at most MAX_COUNT. `oldest_created_at` is None if nothing waits, or if it is unknown;
    above the limit, it is the oldest of the counted jobs."""

    name: QueueName
    waiting: int
    oldest_created_at: int | None


class Queues:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def measure(self) -> list[QueueState]:
        """The states of all queues, always in the same order."""
        return await self._database.scan(_measure_queues)


class _Created(msgspec.Struct):
    """An encoded object, or what contains it."""

    created_at: float = 0.0
    transfer: "_Created | None" = None


def _measure_queues() -> Transaction[list[QueueState]]:
    states = []
    for name, listings, column in _QUEUES:
        waiting = 0
        oldest: list[int] = []
        for listing in listings:
            ((count, first),) = yield _count_sql(listing), (MAX_COUNT,)
            waiting += count
            if first is not None and column:
                oldest += yield from _load_creation(listing, column, first)
        states.append(QueueState(name, min(waiting, MAX_COUNT), min(oldest, default=None)))
    return states


def _load_creation(listing: FairListing, column: LiteralString, seq: int) -> Transaction[list[int]]:
    """The time of creation of a row, in Unix seconds; nothing where it is unknown."""
    rows = yield compose_sql("SELECT", column, "FROM", listing.table, "WHERE seq = $1"), (seq,)
    value = rows[0][0] if rows else None
    if isinstance(value, str):
        body = msgspec.json.decode(value, type=_Created)
        value = (body.transfer or body).created_at
    return [int(value)] if value else []


def _count_sql(listing: FairListing) -> LiteralString:
    """The order is that of the index, which planners might not choose otherwise."""
    condition = compose_sql("WHERE", listing.is_waiting, "ORDER BY project_id LIMIT $1")
    return compose_sql("SELECT count(*), min(seq) FROM (SELECT seq FROM", listing.table, condition, ") AS waiting")

"""Workers, their leases, and what they claim: the rows of a job table that a worker owns.

A claim holds as long as the lease of its owner. Claiming and releasing are guarded updates, so of two workers that
claim one job at once one gets it, and a worker that lost a job changes nothing.
"""

from dataclasses import dataclass
from typing import Any, Generic, LiteralString, TypeVar

from understudy.store.database import Database, Row, Transaction
from understudy.store.sql import compose_sql

Key = TypeVar("Key", int, str)

ORPHANED: LiteralString = "owner NOT IN (SELECT id FROM workers WHERE lease_until > $1)"
"""The owner of the row has no lease at the time `$1`."""
UNOWNED: LiteralString = f"(owner IS NULL OR {ORPHANED})"


@dataclass(frozen=True, slots=True)
class Candidate(Generic[Key]):
    """A job that a worker may claim. Projects take turns, and within a project its groups."""

    key: Key
    project_id: str
    group: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job that its worker has claimed. `attempts` includes this one.

    `interruptions` counts the workers whose lease ran out while they owned the job.
    """

    seq: int
    project_id: str
    attempts: int = 1
    interruptions: int = 0


@dataclass(frozen=True, slots=True)
class JobTable:
    """A table with a job per row: `seq`, `owner`, and with `retries` also `due_at`, `attempts` and `interruptions`.

    `is_open` is true of rows with work left. `revision` changes when a claim no longer covers what is to be done.
    """

    name: LiteralString
    is_open: LiteralString
    revision: LiteralString
    retries: bool = True

    @property
    def is_claimable(self) -> LiteralString:
        """A condition on rows at the time `$1`."""
        due: LiteralString = "AND due_at <= $1" if self.retries else ""
        return compose_sql(self.is_open, due, "AND", UNOWNED)

    def claim(self, seq: int, owner: str, now: float, columns: LiteralString) -> Transaction[Row | None]:
        """Makes `owner` the owner of a claimable row, and returns its columns; None where it is not claimable."""
        counts: LiteralString = ""
        if self.retries:
            counts = (
                ", attempts = attempts + CASE WHEN owner IS NULL THEN 1 ELSE 0 END"
                ", interruptions = interruptions + CASE WHEN owner IS NULL THEN 0 ELSE 1 END"
            )
        where = compose_sql("WHERE seq = $3 AND", self.is_claimable, "RETURNING", columns)
        rows = yield compose_sql("UPDATE", self.name, "SET owner = $2", counts, where), (now, owner, seq)
        return rows[0] if rows else None

    def list_owned(self, owner: str) -> Transaction[dict[int, Any]]:
        """The revisions of the owner's open jobs."""
        where = compose_sql("WHERE owner = $1 AND", self.is_open)
        rows = yield compose_sql("SELECT seq,", self.revision, "FROM", self.name, where), (owner,)
        return {row[0]: row[1] for row in rows}

    def release(self, seq: int, owner: str, due_at: float = 0.0, attempts: int = 0) -> Transaction[None]:
        """Ends the claim. The job is due at `due_at`, and `attempts` are subtracted from its count."""
        if self.retries:
            sets: LiteralString = "SET owner = NULL, due_at = $3, attempts = attempts - $4"
            arguments: tuple[Any, ...] = (seq, owner, due_at, attempts)
        else:
            sets, arguments = "SET owner = NULL", (seq, owner)
        yield compose_sql("UPDATE", self.name, sets, "WHERE seq = $1 AND owner = $2"), arguments


class Workers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def renew_lease(self, worker_id: str, lease_until: float) -> None:
        """Creates or extends the lease of a worker. `lease_until` in Unix seconds."""
        await self._database.write(_renew_lease, worker_id, lease_until)

    async def retire(self, worker_id: str | None = None) -> None:
        """Ends the lease of a worker, or of all workers: their jobs can be claimed at once."""
        await self._database.write(_retire_worker, worker_id)


def _renew_lease(worker_id: str, lease_until: float) -> Transaction[None]:
    sql = (
        "INSERT INTO workers (id, lease_until) VALUES ($1, $2)"
        " ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
    )
    yield sql, (worker_id, lease_until)


def _retire_worker(worker_id: str | None) -> Transaction[None]:
    if worker_id is None:
        yield "DELETE FROM workers", ()
    else:
        yield "DELETE FROM workers WHERE id = $1", (worker_id,)

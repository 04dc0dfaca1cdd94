"""Workers, their leases, and what they claim: the rows of a job table that a worker owns.

A claim holds as long as the lease of its owner. Claiming and releasing are guarded updates, so of two workers that
claim one job at once one gets it, and a worker that lost a job changes nothing. Leases are written and compared by the
clock of the database: the clocks of the nodes may differ.
"""

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, LiteralString, Protocol, TypeVar

from msgspec import Struct

from understudy.clock import Clock
from understudy.errors import StoreSuperseded
from understudy.store.database import Bundle, Database, Row, Transaction
from understudy.store.sql import compose_sql, sql_parameters

Key = TypeVar("Key", int, str)

DATABASE_NOW: Final = "(SELECT now FROM database_clock)"
HAS_LEASE: Final = compose_sql("lease_until >", DATABASE_NOW)
"""The worker of the row has a lease."""
ORPHANED: Final = compose_sql("owner NOT IN (SELECT id FROM workers WHERE", HAS_LEASE, ")")
"""The owner of the row has no lease."""
_MAX_SKEW_SECONDS: Final = 1.0
logger = logging.getLogger(__name__)


def is_claimable_by(worker: LiteralString) -> LiteralString:
    """A condition on rows: the worker whose id is the parameter `worker` may become their owner."""
    unsteady = compose_sql("SELECT 1 FROM workers WHERE id =", worker, "AND steady_at >", DATABASE_NOW)
    return compose_sql("(owner IS NULL OR (", ORPHANED, "AND NOT EXISTS (", unsteady, ")))")


class Candidate(Struct, Generic[Key], frozen=True):
    """A job that a worker may claim. Projects take turns, and within a project its groups."""

    key: Key
    project_id: str
    group: int | str = 0


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
    `turn`: an open row is not claimed before this is true of it.
    """

    name: LiteralString
    is_open: LiteralString
    revision: LiteralString
    retries: bool = True
    turn: LiteralString = ""

    @property
    def is_waiting(self) -> LiteralString:
        """A condition on rows: there is work left, and no owner."""
        return compose_sql("owner IS NULL AND", self.is_open)

    def claim(self, seq: int, owner: str, now: float, columns: LiteralString) -> Transaction[Row | None]:
        """Makes `owner` the owner of a claimable row, and returns its columns; None where it is not claimable."""
        counts: LiteralString = ""
        due: LiteralString = ""
        arguments: tuple[Any, ...] = (owner, seq)
        if self.retries:
            counts = (
                ", attempts = attempts + CASE WHEN owner IS NULL THEN 1 ELSE 0 END"
                ", interruptions = interruptions + CASE WHEN owner IS NULL THEN 0 ELSE 1 END"
            )
            due = "AND due_at <= $3"
            arguments = (owner, seq, now)
        open_row = compose_sql("seq = $2 AND", self.is_open, due, self.turn)
        row = lock_row(self.name, compose_sql(open_row, "AND", is_claimable_by("$1")))
        sql = compose_sql("UPDATE", self.name, "SET owner = $1", counts, "WHERE seq =", row, "RETURNING", columns)
        rows = yield sql, arguments
        return rows[0] if rows else None

    def list_orphaned(self, columns: LiteralString, now: float, limit: int) -> Transaction[list[Candidate[int]]]:
        """Jobs that are due and whose owners have no lease. `columns` are those of a candidate."""
        due: LiteralString = "AND due_at <= $2" if self.retries else ""
        arguments = (now,) if self.retries else ()
        condition = compose_sql(self.is_open, due, self.turn)
        return (yield from list_orphaned(self.name, columns, condition, limit, *arguments))

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


def list_orphaned(
    table: LiteralString, columns: LiteralString, condition: LiteralString, limit: int, *arguments: float
) -> Transaction[list[Candidate[Any]]]:
    """Jobs whose owners have no lease, by an index on `owner`. `columns` are those of a candidate.

    `arguments` are the parameters of `condition`, from `$2` on.
    """
    where = compose_sql("WHERE owner IS NOT NULL AND", condition, "AND", ORPHANED, "LIMIT $1")
    rows = yield compose_sql("SELECT", columns, "FROM", table, where), (limit, *arguments)
    return [Candidate(*row) for row in rows]


def lock_row(table: LiteralString, condition: LiteralString) -> LiteralString:
    """The `seq` of a row, locked for a claim; no row where another worker is claiming it."""
    return compose_sql("(SELECT seq FROM", table, "WHERE", condition, "FOR UPDATE SKIP LOCKED)")


class PendingJobs(Protocol):
    """Whether jobs of a kind may wait, for all kinds at once. `nodes` of the database look for them."""

    nodes: int

    async def has(self, name: str) -> bool: ...


class RenewableLease(Protocol):
    """A lease of this process. `owner` is the id of its worker."""

    owner: str

    @property
    def is_steady(self) -> bool:
        """Whether another worker may renew it."""
        ...

    def carry(self, age: float, nodes: int) -> None:
        """Another worker has renewed it, `age` seconds ago; `nodes` had a lease."""
        ...


@dataclass(frozen=True, slots=True)
class _Renewal:
    worker_id: str
    lease_until: float
    live: int


class Workers:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        schema: int = sys.maxsize,
        pending: PendingJobs | None = None,
    ) -> None:
        """`schema` is the newest schema that this program knows."""
        self._pending = pending
        self.leases: set[RenewableLease] = set()
        """Those of this process."""
        self._is_carrying = False
        self._database = database
        self._schema = schema
        self._clock = clock
        self._skew_is_logged = False

    @property
    def is_shared(self) -> bool:
        """Whether other processes may have leases on the database. SQLite has one server, which locks its directory."""
        return self._database.dialect == "postgres"

    async def may_have_candidates(self, kind: str) -> bool:
        """Whether jobs of a kind may wait, or may have lost their workers. Raises StoreError."""
        return self._pending is None or await self._pending.has(kind)

    async def renew_lease(self, worker_id: str, seconds: float, steady_after: float = 0.0) -> int:
        """Creates the lease of a worker or extends it, to `seconds` from now; returns how many of its kind have one.

        The kind is what its id has before the underscore. The other leases of this process are extended as well, where
        they may be.

        With `steady_after`, it may claim jobs of dead workers only that many seconds from now. Logs once that the clock
        of this machine and that of the database differ by more than a second. Raises StoreSuperseded if a later version
        has changed the database in a way that this program does not know.
        """
        before, started = self._clock.now(), time.monotonic()
        # A statement at the same time with the same rows might wait for this one for ever, and this one for it.
        others = {} if steady_after or self._is_carrying else self._carried_leases(worker_id)
        self._is_carrying |= bool(others)
        try:
            rows = await self._database.write(
                _renew_leases, worker_id, tuple(others), seconds, steady_after, self._schema
            )
        finally:
            self._is_carrying &= not others
        if not rows:
            raise StoreSuperseded(self._schema)
        database_now, live = rows[0].lease_until - seconds, rows[0].live
        if self._pending is not None:
            self._pending.nodes = live
        for row in rows:
            if (lease := others.get(row.worker_id)) is not None:
                lease.carry(time.monotonic() - started, live)
        if self.is_shared and not self._skew_is_logged:
            self._check_skew(database_now, before, self._clock.now())
        return live

    def _carried_leases(self, worker_id: str) -> dict[str, "RenewableLease"]:
        return {lease.owner: lease for lease in self.leases if lease.owner != worker_id and lease.is_steady}

    async def retire(self, worker_id: str | None = None) -> None:
        """Ends the lease of a worker, or of all workers: their jobs can be claimed at once."""
        await self._database.write(_retire_worker, worker_id)

    def _check_skew(self, database_now: float, before: float, after: float) -> None:
        skew = (before + after) / 2 - database_now
        if abs(skew) > _MAX_SKEW_SECONDS + abs(after - before) / 2:
            self._skew_is_logged = True
            logger.warning(
                "clock skew: this machine's clock is %.1f s %s the database's; leases use the database's",
                abs(skew),
                "ahead of" if skew > 0 else "behind",
            )


def _renew_leases(
    worker_id: str, others: Sequence[str], seconds: float, steady_after: float, schema: int
) -> Transaction[list[_Renewal]]:
    """Renews the lease of `worker_id`, and those of the others that have not ended."""
    steady = "CASE WHEN $3 > 0.0 THEN excluded.steady_at ELSE workers.steady_at END"
    live = compose_sql("SELECT count(*) FROM workers WHERE", HAS_LEASE, "AND id LIKE $5 AND id <> $1")
    holders: LiteralString = "SELECT CAST($1 AS TEXT) AS id"
    if others:
        listed = compose_sql("SELECT id FROM workers WHERE", HAS_LEASE, "AND id IN (", sql_parameters(6, len(others)))
        holders = compose_sql(holders, "UNION ALL", listed, ")")
    bundle = Bundle(alone=True)
    bundle.add(
        compose_sql(
            "INSERT INTO workers (id, lease_until, steady_at, schema)",
            "SELECT holders.id, now + $2, now + $3, $4 FROM database_clock, (",
            holders,
            ") AS holders WHERE NOT EXISTS (SELECT 1 FROM schema_versions WHERE oldest > $4)",
            "ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until, steady_at =",
            steady,
            "RETURNING id, lease_until, (",
            live,
            ")",
        ),
        worker_id,
        float(seconds),
        float(steady_after),
        schema,
        f"{worker_id.partition('_')[0]}%",
        *others,
    )
    return [_Renewal(row[0], float(row[1]), int(row[2]) + 1) for row in (yield bundle)]


def _retire_worker(worker_id: str | None) -> Transaction[None]:
    if worker_id is None:
        yield "DELETE FROM workers", ()
    else:
        yield "DELETE FROM workers WHERE id = $1", (worker_id,)

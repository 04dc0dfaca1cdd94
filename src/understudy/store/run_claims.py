"""Which runs a worker may execute: candidates, claims, expiry, release.

A claim is one guarded update, so of two workers that claim a run at once one gets it.
"""

from collections.abc import Sequence
from typing import LiteralString

from understudy.store.database import Row, Transaction
from understudy.store.fair_candidates import FairCursor, FairListing
from understudy.store.run_checkpoints import load_run
from understudy.store.run_state import Progress, RunOwner, StoredRun, decode_progress
from understudy.store.sql import compose_sql, padded_batches, sql_list, sql_parameters
from understudy.store.states import ACTIVE, EXECUTING, IS_ACTIVE, IS_EXECUTING
from understudy.store.workers import DATABASE_NOW, HAS_LEASE, Candidate, is_claimable_by, list_orphaned, lock_row

_EXECUTING = sql_list(EXECUTING)
# Both forms, as in `IS_ACTIVE`.
_IS_WAITING = compose_sql(
    "owner IS NULL AND status IN", _EXECUTING, "AND (status IN ('queued', 'in_progress') OR status = 'cancelling')"
)
_OWNED_RUNS = compose_sql("SELECT id, epoch FROM runs WHERE owner = $1 AND", IS_EXECUTING)
_CANCELLING_RUNS = compose_sql("SELECT id FROM runs WHERE owner = $1 AND status = 'cancelling' AND", IS_EXECUTING)
_EXPIRED_RUNS = compose_sql("SELECT id FROM runs WHERE", IS_ACTIVE, "AND expires_at <= $1 LIMIT $2")
_RELEASE_RUNS = compose_sql("UPDATE runs SET owner = NULL WHERE owner = $1 AND", IS_ACTIVE)


def is_free_for(worker: LiteralString) -> LiteralString:
    """A condition on runs: none of them is reserved for another live worker than that of the parameter `worker`."""
    live = compose_sql("reserved_for NOT IN (SELECT id FROM workers WHERE", HAS_LEASE, ")")
    over = compose_sql("reserved_until <=", DATABASE_NOW)
    return compose_sql("(reserved_for IS NULL OR reserved_for =", worker, "OR", over, "OR", live, ")")


WAITING_RUNS = FairListing("runs", _IS_WAITING, condition=compose_sql("AND", is_free_for("$2")), key="id")


def claim_run(run_id: str, owner: str, due: bool, again: bool) -> Transaction[StoredRun | None]:
    statuses = sql_list(ACTIVE) if due else _EXECUTING
    is_claimable = is_claimable_by("$1")
    is_free: LiteralString = "" if due else compose_sql("AND", is_free_for("$1"))
    condition = compose_sql(
        "id = $2 AND body IS NOT NULL AND status IN", statuses, is_free, "AND (owner = $1 OR", is_claimable
    )
    sql = compose_sql(
        "UPDATE runs SET owner = $1,",
        "attempts = attempts + CASE WHEN owner IS NULL OR owner = $1 THEN 0 ELSE 1 END,",
        "epoch = epoch + CASE WHEN owner = $1 THEN CAST($3 AS INTEGER) ELSE 1 END",
        "WHERE seq =",
        lock_row("runs", compose_sql(condition, ")")),
        "RETURNING seq",
    )
    if not (yield sql, (owner, run_id, int(again))):
        return None
    return (yield from load_run(run_id))


def list_waiting_runs(limit: int, cursor: FairCursor, worker: str) -> Transaction[list[Candidate[str]]]:
    return (yield from WAITING_RUNS.list_waiting(worker, limit, cursor))


def list_orphaned_runs(limit: int) -> Transaction[list[Candidate[str]]]:
    return (yield from list_orphaned("runs", "id, project_id", IS_EXECUTING, limit))


def list_owned_runs(owner: str) -> Transaction[dict[str, int]]:
    return dict((yield _OWNED_RUNS, (owner,)))


def list_expired_runs(now: float, limit: int) -> Transaction[list[str]]:
    return [row[0] for row in (yield _EXPIRED_RUNS, (now, limit))]


def filter_workable(owner: str, run_ids: Sequence[str]) -> Transaction[set[str]]:
    found: set[str] = set()
    for some in padded_batches(run_ids):
        sql = compose_sql(
            "SELECT id FROM runs WHERE id IN (",
            sql_parameters(2, len(some)),
            ") AND (owner IS NULL OR owner = $1) AND status IN",
            _EXECUTING,
        )
        rows: list[Row] = yield sql, (owner, *some)
        found.update(row[0] for row in rows)
    return found


def find_owners(run_ids: Sequence[str]) -> Transaction[dict[str, RunOwner]]:
    found: dict[str, RunOwner] = {}
    for some in padded_batches(run_ids):
        sql = compose_sql(
            "SELECT id, status, owner, epoch FROM runs WHERE body IS NOT NULL AND id IN (",
            sql_parameters(1, len(some)),
            ")",
        )
        rows: list[Row] = yield sql, tuple(some)
        found |= {row[0]: RunOwner(row[1], row[2], row[3]) for row in rows}
    return found


def list_cancelling_runs(owner: str) -> Transaction[list[str]]:
    return [row[0] for row in (yield _CANCELLING_RUNS, (owner,))]


def load_progress(run_id: str) -> Transaction[Progress | None]:
    rows = yield "SELECT progress FROM runs WHERE id = $1 AND body IS NOT NULL", (run_id,)
    return decode_progress(rows[0][0]) if rows else None


def release_runs(owner: str) -> Transaction[None]:
    yield _RELEASE_RUNS, (owner,)

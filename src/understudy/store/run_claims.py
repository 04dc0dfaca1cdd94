"""Which runs a worker may execute: candidates, claims, expiry, release.

A claim is one guarded update, so of two workers that claim a run at once one gets it.
"""

from collections.abc import Sequence

from understudy.store.database import Row, Transaction
from understudy.store.run_checkpoints import load_run
from understudy.store.run_state import StoredRun
from understudy.store.sql import compose_sql, padded_batches, sql_list, sql_parameters
from understudy.store.states import ACTIVE, EXECUTING
from understudy.store.workers import UNOWNED, Candidate, is_claimable_by, lock_row

_WORKABLE = sql_list(EXECUTING)
_CANDIDATES = compose_sql(
    "SELECT id, project_id FROM runs WHERE status IN", _WORKABLE, "AND", UNOWNED, "ORDER BY seq LIMIT $1"
)
_OWNED_RUNS = compose_sql("SELECT id, epoch FROM runs WHERE owner = $1 AND status IN", _WORKABLE)
_EXPIRED_RUNS = compose_sql("SELECT id FROM runs WHERE status IN", sql_list(ACTIVE), "AND expires_at <= $1 LIMIT $2")
_RELEASE_RUNS = compose_sql("UPDATE runs SET owner = NULL WHERE owner = $1 AND status IN", sql_list(ACTIVE))


def claim_run(run_id: str, owner: str, due: bool) -> Transaction[StoredRun | None]:
    statuses = sql_list(ACTIVE) if due else _WORKABLE
    is_claimable = is_claimable_by("$1")
    condition = compose_sql("id = $2 AND body IS NOT NULL AND status IN", statuses, "AND (owner = $1 OR", is_claimable)
    sql = compose_sql(
        "UPDATE runs SET owner = $1,",
        "attempts = attempts + CASE WHEN owner IS NULL OR owner = $1 THEN 0 ELSE 1 END,",
        "epoch = epoch + CASE WHEN owner = $1 THEN 0 ELSE 1 END",
        "WHERE seq =",
        lock_row("runs", compose_sql(condition, ")")),
        "RETURNING seq",
    )
    if not (yield sql, (owner, run_id)):
        return None
    return (yield from load_run(run_id))


def list_unowned_runs(limit: int) -> Transaction[list[Candidate[str]]]:
    return [Candidate(*row) for row in (yield _CANDIDATES, (limit,))]


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
            _WORKABLE,
        )
        rows: list[Row] = yield sql, (owner, *some)
        found.update(row[0] for row in rows)
    return found


def release_runs(owner: str) -> Transaction[None]:
    yield _RELEASE_RUNS, (owner,)

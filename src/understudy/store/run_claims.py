"""Which runs a worker may execute: candidates, claims, expiry, release.

A claim is one guarded update, so of two workers that claim a run at once one gets it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import LiteralString

from understudy.store.database import Row, Transaction
from understudy.store.run_checkpoints import load_run
from understudy.store.run_state import Progress, RunOwner, StoredRun, decode_progress
from understudy.store.sql import compose_sql, padded_batches, sql_list, sql_parameters
from understudy.store.states import ACTIVE, EXECUTING
from understudy.store.workers import DATABASE_NOW, HAS_LEASE, ORPHANED, Candidate, is_claimable_by, lock_row

_WORKABLE = sql_list(EXECUTING)
_IS_WAITING = compose_sql("owner IS NULL AND status IN", _WORKABLE)
_NEXT_PROJECT = compose_sql(
    "SELECT project_id FROM runs WHERE", _IS_WAITING, "AND project_id > {} ORDER BY project_id LIMIT 1"
)
# One index lookup a project, however many runs it has.
_WAITING_PROJECTS = compose_sql(
    "WITH RECURSIVE waiting (project_id, place) AS (SELECT project_id, 1 FROM (",
    _NEXT_PROJECT.replace("{}", "$1"),
    ") AS first UNION ALL SELECT (",
    _NEXT_PROJECT.replace("{}", "waiting.project_id"),
    "), place + 1 FROM waiting WHERE project_id IS NOT NULL AND place < $2)",
    "SELECT project_id FROM waiting WHERE project_id IS NOT NULL",
)
_ORPHANED_RUNS = compose_sql(
    "SELECT id, project_id FROM runs WHERE owner IS NOT NULL AND status IN", _WORKABLE, "AND", ORPHANED, "LIMIT $1"
)
_OWNED_RUNS = compose_sql("SELECT id, epoch FROM runs WHERE owner = $1 AND status IN", _WORKABLE)
_EXPIRED_RUNS = compose_sql("SELECT id FROM runs WHERE status IN", sql_list(ACTIVE), "AND expires_at <= $1 LIMIT $2")
_RELEASE_RUNS = compose_sql("UPDATE runs SET owner = NULL WHERE owner = $1 AND status IN", sql_list(ACTIVE))


def is_free_for(worker: LiteralString) -> LiteralString:
    """A condition on runs: none of them is reserved for another live worker than that of the parameter `worker`."""
    live = compose_sql("reserved_for NOT IN (SELECT id FROM workers WHERE", HAS_LEASE, ")")
    over = compose_sql("reserved_until <=", DATABASE_NOW)
    return compose_sql("(reserved_for IS NULL OR reserved_for =", worker, "OR", over, "OR", live, ")")


def claim_run(run_id: str, owner: str, due: bool) -> Transaction[StoredRun | None]:
    statuses = sql_list(ACTIVE) if due else _WORKABLE
    is_claimable = is_claimable_by("$1")
    is_free: LiteralString = "" if due else compose_sql("AND", is_free_for("$1"))
    condition = compose_sql(
        "id = $2 AND body IS NOT NULL AND status IN", statuses, is_free, "AND (owner = $1 OR", is_claimable
    )
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


def list_waiting_runs(limit: int, after: str, worker: str) -> Transaction[list[Candidate[str]]]:
    rows = yield _WAITING_PROJECTS, (after, limit)
    if after and len(rows) < limit:
        first = yield _WAITING_PROJECTS, ("", limit - len(rows))
        rows = rows + [row for row in first if row[0] <= after]
    projects = [row[0] for row in rows]
    each = max(limit // len(projects), 1) if projects else 0
    candidates: dict[str, Candidate[str]] = {}
    for some in padded_batches(projects):
        rows = yield _oldest_waiting(len(some)), (each, worker, *some)
        candidates.update((row[0], Candidate(*row)) for row in rows)
    return list(candidates.values())


def list_orphaned_runs(limit: int) -> Transaction[list[Candidate[str]]]:
    return [Candidate(*row) for row in (yield _ORPHANED_RUNS, (limit,))]


@lru_cache(maxsize=8)
def _oldest_waiting(projects: int) -> LiteralString:
    """The `$1` oldest runs of each project that wait, and that the worker `$2` may claim."""
    is_free = compose_sql("AND", is_free_for("$2"))
    oldest = compose_sql("SELECT id, project_id FROM runs WHERE", _IS_WAITING, is_free, "AND project_id =")
    parts: list[LiteralString] = [
        compose_sql("SELECT * FROM (", oldest, sql_parameters(number + 3, 1), "ORDER BY seq LIMIT $1) AS oldest")
        for number in range(projects)
    ]
    return " UNION ALL ".join(parts)


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


def find_owners(run_ids: Sequence[str]) -> Transaction[dict[str, RunOwner]]:
    found: dict[str, RunOwner] = {}
    for some in padded_batches(run_ids):
        sql = compose_sql(
            "SELECT id, status, owner FROM runs WHERE body IS NOT NULL AND id IN (", sql_parameters(1, len(some)), ")"
        )
        rows: list[Row] = yield sql, tuple(some)
        found |= {row[0]: RunOwner(row[1], row[2]) for row in rows}
    return found


def list_cancelling_runs(owner: str) -> Transaction[list[str]]:
    return [row[0] for row in (yield "SELECT id FROM runs WHERE owner = $1 AND status = 'cancelling'", (owner,))]


def load_progress(run_id: str) -> Transaction[Progress | None]:
    rows = yield "SELECT progress FROM runs WHERE id = $1 AND body IS NOT NULL", (run_id,)
    return decode_progress(rows[0][0]) if rows else None


def release_runs(owner: str) -> Transaction[None]:
    yield _RELEASE_RUNS, (owner,)

"""What a project stores and runs: counts that limits are compared with, in the transaction of what is to be created.

Bytes and vector stores are counted by triggers, which no writer can forget; active runs by an index that has no others.
"""

import sys
from dataclasses import dataclass
from typing import Final

from understudy.errors.objects import (
    concurrent_run_limit_exceeded,
    storage_limit_exceeded,
    vector_store_limit_exceeded,
)
from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql
from understudy.store.states import IS_ACTIVE


@dataclass(frozen=True, slots=True)
class ProjectSize:
    """The bytes of what a project stores in files and other blobs, and the number of its vector stores."""

    bytes: int
    vector_stores: int


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How many runs and responses of a project, and of a key, may be active at a time; None is without a limit."""

    project: int | None
    key: int | None


class ProjectSizes:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, project_id: str) -> ProjectSize:
        return await self._database.read(_select_size, project_id)

    async def count_active_runs(self, project_id: str, key_id: str = "") -> int:
        """The active runs and responses of a project, or with a `key_id` those that this key has created."""
        return await self._database.read(_count_active_runs, project_id, key_id, None)


def check_stored_bytes(project_id: str, added: int, limit: int, param: str = "file") -> Transaction[None]:
    """Raises InvalidRequest, for the member `param`, if the project would store more bytes than `limit`."""
    size = yield from _lock_size(project_id)
    if size.bytes + added > limit:
        raise storage_limit_exceeded(limit, size.bytes, added, param)


def check_vector_stores(project_id: str, added: int, limit: int) -> Transaction[None]:
    """Raises InvalidRequest if the project would have more vector stores than `limit`."""
    size = yield from _lock_size(project_id)
    if size.vector_stores + added > limit:
        raise vector_store_limit_exceeded(limit, size.vector_stores)


def check_active_runs(project_id: str, key_id: str, limits: RunLimits) -> Transaction[None]:
    """Raises RateLimited if as many runs are active as may be."""
    yield from _lock(project_id)
    for owner, scope, limit in (("project", "", limits.project), ("API key", key_id, limits.key)):
        if limit is not None and (yield from _count_active_runs(project_id, scope, limit)) >= limit:
            raise concurrent_run_limit_exceeded(owner, scope or project_id, limit)


def _lock(project_id: str) -> Transaction[None]:
    """Until the transaction ends, no other one compares with the limits of the project."""
    yield "SELECT seq FROM projects WHERE id = $1 FOR UPDATE", (project_id,)


def _lock_size(project_id: str) -> Transaction[ProjectSize]:
    yield from _lock(project_id)
    return (yield from _select_size(project_id))


def _select_size(project_id: str) -> Transaction[ProjectSize]:
    sql = (
        "SELECT CAST(COALESCE(sum(bytes), 0) AS BIGINT), CAST(COALESCE(sum(vector_stores), 0) AS BIGINT)"
        " FROM project_sizes WHERE project_id = $1"
    )
    rows = yield sql, (project_id,)
    return ProjectSize(int(rows[0][0]), int(rows[0][1]))


_SELECT_ACTIVE: Final = compose_sql("SELECT 1 FROM runs WHERE project_id = $1 AND", IS_ACTIVE)
_SELECT_ACTIVE_OF_KEY: Final = compose_sql(_SELECT_ACTIVE, "AND key_id = $2")


def _count_active_runs(project_id: str, key_id: str, limit: int | None) -> Transaction[int]:
    """At most `limit` of them."""
    most = sys.maxsize if limit is None else limit
    if key_id:
        sql = compose_sql("SELECT count(*) FROM (", _SELECT_ACTIVE_OF_KEY, "LIMIT $3) AS active")
        rows = yield sql, (project_id, key_id, most)
    else:
        sql = compose_sql("SELECT count(*) FROM (", _SELECT_ACTIVE, "LIMIT $2) AS active")
        rows = yield sql, (project_id, most)
    return int(rows[0][0])

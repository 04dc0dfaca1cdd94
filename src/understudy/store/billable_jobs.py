"""Whether jobs that hold funds are still active, on any server."""

from collections.abc import Sequence
from typing import Final, Literal, LiteralString

from understudy.store.database import Database, Transaction
from understudy.store.sql import compose_sql, padded_batches, sql_parameters

BillableKind = Literal["video", "transcription", "file"]
_IS_ACTIVE: Final[dict[BillableKind, tuple[LiteralString, LiteralString]]] = {
    "video": ("state IN ('queued', 'dreaming')", "generations WHERE body IS NOT NULL"),
    "transcription": ("status IN ('queued', 'generating')", "transcriptions WHERE body IS NOT NULL"),
    "file": ("status = 'in_progress'", "store_files WHERE body IS NOT NULL"),
}
"""By kind: the condition of an active job, and the table. A file is one job in each of its vector stores."""


class BillableJobs:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, kind: BillableKind, job_ids: Sequence[str]) -> dict[str, bool]:
        """Whether the jobs are active, by the ids of those that exist."""
        return await self._database.read(_find_jobs, kind, job_ids)


def _find_jobs(kind: BillableKind, job_ids: Sequence[str]) -> Transaction[dict[str, bool]]:
    is_active, rows = _IS_ACTIVE[kind]
    found: dict[str, bool] = {}
    for some in padded_batches(list(job_ids)):
        named = sql_parameters(1, len(some))
        sql = compose_sql(
            "SELECT id, max(CASE WHEN",
            is_active,
            "THEN 1 ELSE 0 END) FROM",
            rows,
            "AND id IN (",
            named,
            ") GROUP BY id",
        )
        found |= {row[0]: bool(row[1]) for row in (yield sql, tuple(some))}
    return found

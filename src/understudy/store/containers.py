"""Containers at rest: that they exist, whose they are, and when they were used last. What is in them is not here."""

from collections.abc import Sequence

import msgspec

from understudy.store.database import Database, Transaction
from understudy.wire.containers import ContainerResource

_OF_THREAD = "SELECT id FROM containers WHERE thread_id = $1 AND project_id = $2 AND body IS NOT NULL"
_TOUCH = "UPDATE containers SET last_active_at = $2 WHERE id = $1 AND last_active_at < $2"


class Containers:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_thread(self, project_id: str, thread_id: str, made: ContainerResource) -> str:
        """The id of the thread's own container; `made` becomes it where it has none. Says that it is in use."""
        return await self._database.write(_of_thread, project_id, thread_id, made)


def _of_thread(project_id: str, thread_id: str, made: ContainerResource) -> Transaction[str]:
    yield from insert_container(project_id, made, thread_id)
    rows = yield _OF_THREAD, (thread_id, project_id)
    container_id = str(rows[0][0])
    yield _TOUCH, (container_id, made.last_active_at)
    return container_id


def insert_container(project_id: str, made: ContainerResource, thread_id: str | None) -> Transaction[Sequence[object]]:
    sql = (
        "INSERT INTO containers (id, project_id, thread_id, last_active_at, minutes, body)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (thread_id) DO NOTHING RETURNING seq"
    )
    body = msgspec.json.encode(made).decode()
    minutes = made.expires_after.minutes
    return (yield sql, (made.id, project_id, thread_id, made.last_active_at, minutes, body))

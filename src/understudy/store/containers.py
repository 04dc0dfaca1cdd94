"""Stored containers: their owner, their last use, the ids of their Files and their uploads.

What code has made of them lives in the sandbox.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from understudy.errors import not_found
from understudy.store import container_uploads
from understudy.store.container_uploads import ContainerUpload
from understudy.store.database import Database, Transaction
from understudy.store.nodes import LIVE_NODES
from understudy.store.pages import Page, PageRequest, PageSource, RecordPage, read_page
from understudy.store.sql import compose_sql
from understudy.wire.containers import ContainerResource

_CONTAINER_JSON = "'[' || last_active_at || ',' || body || ']'"
_PAGE = PageSource("containers", "project_id = $1", body=_CONTAINER_JSON)
_NAME_FILTER = PageSource("containers", "project_id = $1", "body IS NOT NULL AND name = $2", 2, body=_CONTAINER_JSON)
_SELECT = compose_sql(
    "SELECT", _CONTAINER_JSON, "FROM containers WHERE id = $1 AND project_id = $2 AND body IS NOT NULL"
)
_FILES = "SELECT file_id FROM container_files WHERE container_id = $1 ORDER BY file_id"
_ADD_FILE = "INSERT INTO container_files (container_id, file_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_DROP_FILE = "DELETE FROM container_files WHERE container_id = $1 AND file_id = $2"
_DROP_FILES = "DELETE FROM container_files WHERE container_id = $1"
_DETACH_FROM_THREAD = (
    "UPDATE containers SET thread_id = NULL"
    " WHERE thread_id = $1 AND project_id = $2 AND last_active_at <= $3 RETURNING id"
)
_FIND_BY_THREAD = "SELECT id FROM containers WHERE thread_id = $1 AND project_id = $2 AND body IS NOT NULL"
_TOUCH = "UPDATE containers SET last_active_at = $2 WHERE id = $1 AND last_active_at < $2"
_LIVES_ELSEWHERE = compose_sql("node_id <> $2 AND node_id IN", LIVE_NODES)
_FIND_NODE = compose_sql("SELECT node_id FROM containers WHERE id = $1 AND", _LIVES_ELSEWHERE)
_FIND_NODE_OF_THREAD = compose_sql(
    "SELECT node_id FROM containers WHERE thread_id = $1 AND body IS NOT NULL AND", _LIVES_ELSEWHERE
)
_CLAIM = (
    "UPDATE containers SET node_id = $2"
    " WHERE id = $1 AND (node_id IS NULL OR node_id <> $2) AND body IS NOT NULL RETURNING kernel"
)
_RECORD_KERNEL = "UPDATE containers SET kernel = $3 WHERE id = $1 AND node_id = $2"
_ORPHANED_KERNELS = compose_sql(
    "SELECT id, kernel FROM containers WHERE kernel <> '' AND last_active_at < $1",
    "AND (node_id IS NULL OR node_id NOT IN",
    LIVE_NODES,
    ") LIMIT $2 FOR UPDATE SKIP LOCKED",
)
_FORGET_KERNEL = "UPDATE containers SET kernel = NULL WHERE id = $1"
_RELEASE = "UPDATE containers SET node_id = NULL WHERE id = $1 AND node_id = $2"
_DELETE = (
    "UPDATE containers SET body = NULL, thread_id = NULL"
    " WHERE id = $1 AND project_id = $2 AND body IS NOT NULL RETURNING seq"
)


class _ContainerRow(Struct, array_like=True):
    last_active_at: int
    container: ContainerResource


_decode = msgspec.json.Decoder(_ContainerRow).decode


@dataclass(frozen=True, slots=True)
class ThreadContainer:
    """`is_first`: the container is new, and its thread had no earlier one."""

    id: str
    is_first: bool


@dataclass(frozen=True, slots=True)
class SessionClaim:
    """`node_id` is the live node that has the container's session, None if the caller has it now.

    `is_new`: the caller did not have it before; `kernel` is then that of the session, where a gateway has it.
    """

    node_id: str | None
    is_new: bool = False
    kernel: str | None = None


class Containers:
    """A container that was not used for its lifetime is rendered as expired."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, project_id: str, container: ContainerResource, file_ids: Sequence[str], node_id: str | None = None
    ) -> None:
        """`file_ids` are the Files in it, and `node_id` is the node that has its session."""
        await self._database.write(_insert_with_files, project_id, container, file_ids, node_id)

    async def get(self, project_id: str, container_id: str, now: int) -> ContainerResource:
        """Raises NotFound."""
        return _load_container(await self._database.read(_select_container, project_id, container_id), now)

    async def page(
        self, project_id: str, request: PageRequest, name: str | None, now: int
    ) -> RecordPage[ContainerResource]:
        source, args = (_PAGE, (project_id,)) if name is None else (_NAME_FILTER, (project_id, name))
        page: Page = await self._database.read(read_page, source, args, request)
        return RecordPage([_load_container(body, now) for _, body in page.rows], page.has_more)

    async def delete(self, project_id: str, container_id: str) -> None:
        """Raises NotFound."""
        await self._database.write(_delete_container, project_id, container_id)

    async def delete_for_thread(self, project_id: str, thread_id: str) -> str | None:
        """Deletes the thread's container, and returns its id; None if it had none."""
        return await self._database.write(_delete_for_thread, project_id, thread_id)

    async def files(self, container_id: str) -> list[str]:
        """The ids of the Files that were added to it; some may be deleted."""
        return await self._database.read(_select_files, container_id)

    async def add_file(self, container_id: str, file_id: str) -> None:
        await self._database.write(_execute_statement, _ADD_FILE, container_id, file_id)

    async def remove_file(self, container_id: str, file_id: str) -> None:
        await self._database.write(_execute_statement, _DROP_FILE, container_id, file_id)

    async def uploads(self, container_id: str) -> list[ContainerUpload]:
        """The files that clients have uploaded into it, the oldest first."""
        return await self._database.read(container_uploads.list_uploads, container_id)

    async def add_upload(
        self, project_id: str, container_id: str, upload: ContainerUpload, present: Collection[str]
    ) -> None:
        """Stores an upload, whose blob has a hold, and drops those that are not `present` in the session any more.

        Raises NotFound.
        """
        await self._database.write(_add_upload, project_id, container_id, upload, present)

    async def remove_upload(self, container_id: str, name: str) -> None:
        await self._database.write(container_uploads.remove_upload, container_id, name)

    async def find_unmeasured_uploads(self, limit: int = 100) -> list[tuple[int, str]]:
        """The numbers and blobs of uploads whose sizes earlier versions have not stored."""
        return await self._database.read(container_uploads.find_unmeasured, limit)

    async def set_upload_size(self, seq: int, size: int) -> None:
        await self._database.write(container_uploads.set_size, seq, size)

    async def release_expired_uploads(self, now: int, limit: int = 100) -> None:
        """Releases the blobs of containers that have expired."""
        if await self._database.read(container_uploads.has_expired_uploads, now):
            await self._database.write(container_uploads.remove_expired_uploads, now, limit)

    async def touch(self, container_id: str, now: int) -> None:
        """Records a use of the container."""
        await self._database.write(_touch_container, container_id, now)

    async def find_node(self, container_id: str, node_id: str) -> str | None:
        """The live node that has the container's session, if it is another one than `node_id`."""
        return await self._database.read(_find_node, _FIND_NODE, container_id, node_id)

    async def find_node_of_thread(self, thread_id: str, node_id: str) -> str | None:
        """The live node that has the session of the thread's container, if it is another one than `node_id`."""
        return await self._database.read(_find_node, _FIND_NODE_OF_THREAD, thread_id, node_id)

    async def claim_session(self, container_id: str, node_id: str, *, is_forced: bool = False) -> SessionClaim:
        """Makes the session of a container that of a node; unless `is_forced`, not if another live node has it."""
        return await self._database.write(_claim_session, container_id, node_id, is_forced)

    async def record_kernel(self, container_id: str, node_id: str, kernel: str) -> None:
        """Records the gateway's kernel of a session, for the next node."""
        await self._database.write(_execute_statement, _RECORD_KERNEL, container_id, node_id, kernel)

    async def take_orphaned_kernels(self, before: int, limit: int = 10) -> list[tuple[str, str]]:
        """Containers and kernels that no live node has, last used before that time; each is taken once."""
        return await self._database.write_slowly(_take_orphaned_kernels, before, limit)

    async def release_session(self, container_id: str, node_id: str) -> None:
        """Ends a node's claim of a session that it has closed."""
        await self._database.write(_execute_statement, _RELEASE, container_id, node_id)

    async def find_or_create_for_thread(
        self, project_id: str, thread_id: str, container: ContainerResource
    ) -> ThreadContainer:
        """The thread's container; `made` becomes it if the thread has none that lives. Records a use."""
        return await self._database.write(_find_or_create_for_thread, project_id, thread_id, container)


def _load_container(body: str, now: int) -> ContainerResource:
    row = _decode(body)
    container = row.container
    container.last_active_at = row.last_active_at
    if now >= row.last_active_at + _lifetime(container):
        container.status = "expired"
    return container


def _lifetime(container: ContainerResource) -> int:
    return container.expires_after.minutes * 60


def _select_container(project_id: str, container_id: str) -> Transaction[str]:
    rows = yield _SELECT, (container_id, project_id)
    if not rows:
        raise not_found("container", container_id)
    return str(rows[0][0])


def _delete_container(project_id: str, container_id: str) -> Transaction[None]:
    if not (yield _DELETE, (container_id, project_id)):
        raise not_found("container", container_id)
    yield _DROP_FILES, (container_id,)
    yield from container_uploads.remove_uploads(container_id)


def _add_upload(
    project_id: str, container_id: str, upload: ContainerUpload, present: Collection[str]
) -> Transaction[None]:
    body = yield from _select_container(project_id, container_id)
    lifetime = _lifetime(_decode(body).container)
    yield from container_uploads.keep_uploads(container_id, present)
    yield from container_uploads.add_upload(container_id, upload, lifetime)


def _delete_for_thread(project_id: str, thread_id: str) -> Transaction[str | None]:
    rows = yield _FIND_BY_THREAD, (thread_id, project_id)
    if not rows:
        return None
    container_id = str(rows[0][0])
    yield from _delete_container(project_id, container_id)
    return container_id


def _select_files(container_id: str) -> Transaction[list[str]]:
    rows = yield _FILES, (container_id,)
    return [str(row[0]) for row in rows]


def _execute_statement(sql: str, *args: str) -> Transaction[None]:
    yield sql, args


def _touch_container(container_id: str, now: int) -> Transaction[None]:
    yield _TOUCH, (container_id, now)


def _find_or_create_for_thread(
    project_id: str, thread_id: str, container: ContainerResource
) -> Transaction[ThreadContainer]:
    # An expired container is not reused: its variables and files are gone.
    detached = yield _DETACH_FROM_THREAD, (thread_id, project_id, container.last_active_at - _lifetime(container))
    yield from _insert_container(project_id, container, thread_id)
    rows = yield _FIND_BY_THREAD, (thread_id, project_id)
    container_id = str(rows[0][0])
    yield _TOUCH, (container_id, container.last_active_at)
    return ThreadContainer(container_id, container_id == container.id and not detached)


def _find_node(sql: str, key: str, node_id: str) -> Transaction[str | None]:
    rows = yield sql, (key, node_id)
    return rows[0][0] if rows else None


def _claim_session(container_id: str, node_id: str, is_forced: bool) -> Transaction[SessionClaim]:
    yield "SELECT id FROM containers WHERE id = $1 FOR UPDATE", (container_id,)
    other = yield from _find_node(_FIND_NODE, container_id, node_id)
    if other is not None and not is_forced:
        return SessionClaim(other)
    rows = yield _CLAIM, (container_id, node_id)
    return SessionClaim(None, is_new=bool(rows), kernel=rows[0][0] if rows else None)


def _take_orphaned_kernels(before: int, limit: int) -> Transaction[list[tuple[str, str]]]:
    rows = yield _ORPHANED_KERNELS, (before, limit)
    for container_id, _ in rows:
        yield _FORGET_KERNEL, (container_id,)
    return [(container_id, kernel) for container_id, kernel in rows]


def _insert_with_files(
    project_id: str, container: ContainerResource, file_ids: Sequence[str], node_id: str | None
) -> Transaction[None]:
    yield from _insert_container(project_id, container, None, node_id)
    for file_id in dict.fromkeys(file_ids):
        yield _ADD_FILE, (container.id, file_id)


def _insert_container(
    project_id: str, container: ContainerResource, thread_id: str | None, node_id: str | None = None
) -> Transaction[None]:
    sql = (
        "INSERT INTO containers (id, project_id, thread_id, name, last_active_at, body, node_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (thread_id) DO NOTHING"
    )
    body = msgspec.json.encode(container).decode()
    values = (container.id, project_id, thread_id, container.name, container.last_active_at, body, node_id)
    yield sql, values

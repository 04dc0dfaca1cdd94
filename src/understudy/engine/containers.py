"""The container operations of the API: create, list, read and delete. Knows no run and no HTTP.

The store has the containers; a session of the sandbox has their contents, on this node or on another one.
"""

from collections.abc import AsyncGenerator

from msgspec import UNSET

from understudy import ids
from understudy.blobs import Blob
from understudy.clock import Clock
from understudy.engine.container_files import ContainerFiles
from understudy.engine.remote_containers import RemoteContainers
from understudy.engine.tools.container_sessions import ContainerSessions
from understudy.errors import InvalidRequest, not_found
from understudy.store import Store
from understudy.wire.containers import (
    ContainerExpiresAfter,
    ContainerFileResource,
    ContainerResource,
    CreateContainerBody,
    MemoryLimit,
)

MIN_MEMORY_MB = 1024
"""The memory of a container whose request has no `memory_limit`."""


class Containers:
    """Raises InvalidRequest if a container is expired or its disk full, Unavailable if the sandbox fails.

    On a server without jobs, sessions are opened by a worker, since a run would move them there.
    """

    def __init__(
        self,
        workspaces: ContainerSessions,
        local: ContainerFiles,
        remote: RemoteContainers,
        store: Store,
        clock: Clock,
        memory_mb: int,
        idle_seconds: float,
    ) -> None:
        self._workspaces = workspaces
        self._local = local
        self._remote = remote
        self._store = store
        self._clock = clock
        self._memory_mb = memory_mb
        self._idle_seconds = idle_seconds

    def check_memory(self, limit: MemoryLimit | None, param: str) -> None:
        """Raises InvalidRequest if the limit exceeds the memory of this server's containers."""
        most = max(self._memory_mb, MIN_MEMORY_MB)
        if limit is not None and int(limit.removesuffix("g")) * 1024 > most:
            raise InvalidRequest(
                f"Invalid '{param}': {limit!r} is more than a container has on this server, {most} MiB. Ask for less, "
                "or have `[sandbox] memory_mb` raised.",
                param=param,
            )

    async def end_orphaned_kernels(self) -> None:
        """Ends the sessions that servers which were killed have left in a gateway, once they are idle."""
        await self._workspaces.end_orphaned_kernels(int(self._clock.now() - self._idle_seconds))

    async def release_expired_uploads(self) -> None:
        await self._store.containers.release_expired_uploads(self._now())

    async def create(self, project_id: str, body: CreateContainerBody) -> ContainerResource:
        """Raises NotFound for an unknown File, InvalidRequest if this server cannot run code."""
        self.check_memory(body.memory_limit, "memory_limit")
        if fault := await self._workspaces.check():
            raise InvalidRequest(fault, code="unsupported_tool")
        made = self._new_container(body)
        node_id = await self._find_worker()
        try:
            if node_id is None:
                await self._local.begin(project_id, made.id, body.file_ids)
            else:
                await self._remote.begin(node_id, project_id, made.id, body.file_ids)
            owner = node_id or self._workspaces.claims.node_id
            await self._store.containers.create(project_id, made, body.file_ids, owner)
        except BaseException:
            await self._close(made.id, node_id)
            raise
        return made

    async def touch(self, project_id: str, container_id: str) -> ContainerResource:
        """Returns the container, and records a use unless it is expired. Raises NotFound."""
        container = await self._store.containers.get(project_id, container_id, self._now())
        if container.status == "running":
            container.last_active_at = self._now()
            await self._store.containers.touch(container.id, container.last_active_at)
            if (workspace := self._workspaces.find(container.id)) is not None:
                workspace.session.touch()
        return container

    async def delete(self, project_id: str, container_id: str) -> None:
        """Deletes the container and its files. Raises NotFound."""
        node_id = await self._workspaces.claims.find_other(container_id)
        await self._store.containers.delete(project_id, container_id)
        await self._close(container_id, node_id)

    async def delete_thread_container(self, project_id: str, thread_id: str) -> None:
        """Deletes the container of a thread, if it has one."""
        node_id = await self._workspaces.claims.find_other_of_thread(thread_id)
        if (container_id := await self._store.containers.delete_for_thread(project_id, thread_id)) is not None:
            await self._close(container_id, node_id)

    async def files(self, project_id: str, container_id: str) -> list[ContainerFileResource]:
        """The files, ordered by name. Raises NotFound."""
        if node_id := await self._find_node(project_id, container_id):
            return await self._remote.list(node_id, project_id, container_id)
        return await self._local.list(project_id, container_id)

    async def file(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        """Raises NotFound."""
        for file in await self.files(project_id, container_id):
            if file.id == file_id:
                return file
        raise not_found("container file", file_id)

    async def add(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        """Copies a File of the project into the container. Raises NotFound."""
        if node_id := await self._find_node(project_id, container_id):
            return await self._remote.add(node_id, project_id, container_id, file_id)
        return await self._local.add(project_id, container_id, file_id)

    async def upload(self, project_id: str, container_id: str, filename: str, blob: Blob) -> ContainerFileResource:
        """Writes an uploaded file into the container, without a File of the project. Raises NotFound."""
        if node_id := await self._find_node(project_id, container_id):
            return await self._remote.upload(node_id, project_id, container_id, filename, blob)
        return await self._local.upload(project_id, container_id, filename, blob)

    async def remove(self, project_id: str, container_id: str, file_id: str) -> None:
        """Raises NotFound."""
        if node_id := await self._find_node(project_id, container_id):
            await self._remote.remove(node_id, project_id, container_id, file_id)
        else:
            await self._local.remove(project_id, container_id, file_id)

    async def read(self, project_id: str, container_id: str, file_id: str) -> AsyncGenerator[bytes, None]:
        """The content of a file, in chunks. Raises NotFound."""
        if node_id := await self._find_node(project_id, container_id):
            return await self._remote.read(node_id, project_id, container_id, file_id)
        return await self._local.read(project_id, container_id, file_id)

    async def _find_node(self, project_id: str, container_id: str) -> str | None:
        """The other live node that has the session of a running container, or is to open it. Raises NotFound."""
        check_running(await self.touch(project_id, container_id))
        if node_id := await self._workspaces.claims.find_other(container_id):
            return node_id
        return None if self._workspaces.find(container_id) is not None else await self._find_worker()

    async def _find_worker(self) -> str | None:
        """A node that opens sessions in place of this one, if it runs no code and there is another one."""
        return None if self._workspaces.runs_code else await self._store.nodes.find_worker()

    async def _close(self, container_id: str, node_id: str | None) -> None:
        await self._workspaces.close(container_id)
        await self._workspaces.claims.close_elsewhere(container_id, node_id)

    def _new_container(self, body: CreateContainerBody) -> ContainerResource:
        now = self._now()
        minutes = body.expires_after.minutes if body.expires_after else ContainerExpiresAfter().minutes
        return ContainerResource(
            id=ids.container(),
            created_at=now,
            expires_after=ContainerExpiresAfter(minutes=minutes),
            last_active_at=now,
            name=body.name,
            memory_limit=body.memory_limit or UNSET,
            network_policy=body.network_policy or UNSET,
        )

    def _now(self) -> int:
        return int(self._clock.now())


def check_running(container: ContainerResource) -> None:
    """Raises InvalidRequest for an expired container."""
    if container.status == "expired":
        raise InvalidRequest(f"Container '{container.id}' has expired. Create a new one.")

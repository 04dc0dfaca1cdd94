"""The container operations of the API: create, list, read and delete. Knows no run and no HTTP.

The store has the containers; a session of the sandbox has their contents. When a session is lost, the project's Files
are copied into the next one, and the files that code created are gone.
"""

import hashlib
import secrets
from collections.abc import AsyncGenerator, Sequence

from msgspec import UNSET

from understudy import ids
from understudy.blobs import Blob
from understudy.clock import Clock
from understudy.engine.tools.container_sessions import ContainerSession, ContainerSessions
from understudy.errors import InvalidRequest, SandboxError, SandboxFull, Unavailable, not_found
from understudy.store import Store
from understudy.tools.sandbox import FOLDER, SandboxFile, safe_name
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
    """Raises InvalidRequest if a container is expired or its disk full, Unavailable if the sandbox fails."""

    def __init__(self, workspaces: ContainerSessions, store: Store, clock: Clock, memory_mb: int) -> None:
        self._workspaces = workspaces
        self._store = store
        self._clock = clock
        self._memory_mb = memory_mb

    def check_memory(self, limit: MemoryLimit | None, param: str) -> None:
        """Raises InvalidRequest if the limit exceeds the memory of this server's containers."""
        most = max(self._memory_mb, MIN_MEMORY_MB)
        if limit is not None and int(limit.removesuffix("g")) * 1024 > most:
            raise InvalidRequest(
                f"Invalid '{param}': {limit!r} is more than a container has on this server, {most} MiB. Ask for less, "
                "or have `[sandbox] memory_mb` raised.",
                param=param,
            )

    async def create(self, project_id: str, body: CreateContainerBody) -> ContainerResource:
        """Raises NotFound for an unknown File, InvalidRequest if this server cannot run code."""
        self.check_memory(body.memory_limit, "memory_limit")
        if fault := await self._workspaces.check():
            raise InvalidRequest(fault, code="unsupported_tool")
        made = self._new_container(body)
        self._workspaces.begin(made.id)
        try:
            await self._open(project_id, made.id, body.file_ids)
            await self._store.containers.create(project_id, made, body.file_ids)
        except BaseException:
            await self._workspaces.close(made.id)
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
        await self._store.containers.delete(project_id, container_id)
        await self._workspaces.close(container_id)

    async def delete_thread_container(self, project_id: str, thread_id: str) -> None:
        """Deletes the container of a thread, if it has one."""
        if (container_id := await self._store.containers.delete_for_thread(project_id, thread_id)) is not None:
            await self._workspaces.close(container_id)

    async def files(self, project_id: str, container_id: str) -> list[ContainerFileResource]:
        """The files, ordered by name. Raises NotFound."""
        await self._require_running(project_id, container_id)
        workspace = await self._find_workspace(project_id, container_id)
        return [] if workspace is None else await self._list_files(workspace)

    async def file(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        """Raises NotFound."""
        for file in await self.files(project_id, container_id):
            if file.id == file_id:
                return file
        raise not_found("container file", file_id)

    async def add(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        """Copies a File of the project into the container. Raises NotFound."""
        await self._require_running(project_id, container_id)
        workspace = await self._open(project_id, container_id, [*await self._stored_file_ids(container_id), file_id])
        await self._store.containers.add_file(container_id, file_id)
        names = [name for name, source_id in workspace.input_files.items() if source_id == file_id]
        return await self._find_file(workspace, names[0] if names else file_id)

    async def upload(self, project_id: str, container_id: str, filename: str, blob: Blob) -> ContainerFileResource:
        """Writes an uploaded file into the container, without a File of the project. Raises NotFound."""
        await self._require_running(project_id, container_id)
        workspace = await self._open(project_id, container_id, await self._stored_file_ids(container_id))
        name = safe_name(f"{secrets.token_hex(16)}-{filename}")
        try:
            await self._workspaces.put(workspace, blob, name)
            workspace.aliases[name] = safe_name(filename)
            await workspace.session.link(workspace.aliases[name], name)
        except SandboxError as fault:
            raise to_client_error(fault) from None
        return await self._find_file(workspace, name)

    async def remove(self, project_id: str, container_id: str, file_id: str) -> None:
        """Raises NotFound."""
        file = await self.file(project_id, container_id, file_id)
        workspace = self._workspaces.find(container_id)
        if workspace is None:
            raise not_found("container file", file_id)
        name = file.path.removeprefix(f"{FOLDER}/")
        await workspace.session.remove(name)
        workspace.digests.pop(name, None)
        if source_id := workspace.input_files.pop(name, None):
            await self._store.containers.remove_file(container_id, source_id)

    async def read(self, project_id: str, container_id: str, file_id: str) -> AsyncGenerator[bytes, None]:
        """The content of a file, in chunks. Raises NotFound."""
        file = await self.file(project_id, container_id, file_id)
        workspace = self._workspaces.find(container_id)
        if workspace is None:
            raise not_found("container file", file_id)
        return workspace.session.read(file.path.removeprefix(f"{FOLDER}/"))

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

    async def _require_running(self, project_id: str, container_id: str) -> None:
        check_running(await self.touch(project_id, container_id))

    async def _find_workspace(self, project_id: str, container_id: str) -> ContainerSession | None:
        """The container's session in this process; opened again if the container has stored Files."""
        if (workspace := self._workspaces.find(container_id)) is not None:
            return workspace
        file_ids = await self._stored_file_ids(container_id)
        return await self._open(project_id, container_id, file_ids) if file_ids else None

    async def _stored_file_ids(self, container_id: str) -> list[str]:
        return await self._store.containers.files(container_id)

    async def _open(self, project_id: str, container_id: str, file_ids: Sequence[str]) -> ContainerSession:
        try:
            return await self._workspaces.open(project_id, container_id, file_ids)
        except SandboxError as fault:
            raise to_client_error(fault) from None

    async def _list_files(self, workspace: ContainerSession) -> list[ContainerFileResource]:
        try:
            return [render_file(workspace, file) for file in await workspace.session.list()]
        except SandboxError as fault:
            raise to_client_error(fault) from None

    async def _find_file(self, workspace: ContainerSession, name: str) -> ContainerFileResource:
        path = f"{FOLDER}/{name}"
        for file in await self._list_files(workspace):
            if file.path == path:
                return file
        raise Unavailable(f"The container {workspace.container_id!r} lost its files meanwhile. Please try again.")

    def _now(self) -> int:
        return int(self._clock.now())


def check_running(container: ContainerResource) -> None:
    """Raises InvalidRequest for an expired container."""
    if container.status == "expired":
        raise InvalidRequest(f"Container '{container.id}' has expired. Create a new one.")


def to_client_error(fault: SandboxError) -> InvalidRequest | Unavailable:
    return InvalidRequest(str(fault)) if isinstance(fault, SandboxFull) else Unavailable(str(fault))


def render_file(workspace: ContainerSession, file: SandboxFile) -> ContainerFileResource:
    # Stable while the file exists, without a row for each file that code writes.
    mark = f"{workspace.container_id}/{workspace.session.id}/{file.name}"
    return ContainerFileResource(
        id=f"cfile_{hashlib.sha256(mark.encode()).hexdigest()[:32]}",
        created_at=int(file.modified),
        bytes=file.size,
        container_id=workspace.container_id,
        path=f"{FOLDER}/{file.name}",
        source="user" if file.name in workspace.input_files else "assistant",
    )

"""The files of containers whose sessions this process has, or opens. Knows no HTTP and no other node.

When a session is lost, the project's Files and the uploads are copied into the next one, and the files that code
created are gone.
"""

import hashlib
import secrets
from collections.abc import AsyncGenerator, Sequence

from understudy.blobs import Blob
from understudy.engine.tools.container_sessions import ContainerSession, ContainerSessions
from understudy.errors import InvalidRequest, SandboxError, SandboxFull, Unavailable, not_found
from understudy.store import Store
from understudy.store.container_uploads import ContainerUpload
from understudy.store.qualified_ids import SEPARATOR
from understudy.tools.sandbox import FOLDER, SandboxFile, safe_name
from understudy.wire.containers import ContainerFileResource


class ContainerFiles:
    """Raises InvalidRequest if a container's disk is full, Unavailable if the sandbox fails, NotFound."""

    def __init__(self, workspaces: ContainerSessions, store: Store) -> None:
        self._workspaces = workspaces
        self._store = store

    async def list(self, project_id: str, container_id: str) -> list[ContainerFileResource]:
        """The files, ordered by name."""
        workspace = await self._find_workspace(project_id, container_id)
        return [] if workspace is None else await _list_files(workspace)

    async def find(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        for file in await self.list(project_id, container_id):
            if file.id == file_id:
                return file
        raise not_found("container file", file_id)

    async def add(self, project_id: str, container_id: str, file_id: str) -> ContainerFileResource:
        """Copies a File of the project into the container."""
        workspace = await self.open(project_id, container_id, [*await self._stored_file_ids(container_id), file_id])
        await self._store.containers.add_file(container_id, file_id)
        names = [name for name, source_id in workspace.input_files.items() if source_id == file_id]
        return await _find_file(workspace, names[0] if names else file_id)

    async def upload(self, project_id: str, container_id: str, filename: str, blob: Blob) -> ContainerFileResource:
        """Writes an uploaded file into the container, without a File of the project."""
        workspace = await self.open(project_id, container_id, await self._stored_file_ids(container_id))
        name = safe_name(f"{secrets.token_hex(16)}-{filename}")
        try:
            await self._workspaces.put(workspace, blob, name)
            workspace.aliases[name] = safe_name(filename)
            await workspace.session.link(workspace.aliases[name], name)
            present = {file.name for file in await workspace.session.list()}
        except SandboxError as fault:
            raise to_client_error(fault) from None
        upload = ContainerUpload(name, blob.name, blob.size)
        await self._store.containers.add_upload(project_id, container_id, upload, present)
        return await _find_file(workspace, name)

    async def remove(self, project_id: str, container_id: str, file_id: str) -> None:
        file = await self.find(project_id, container_id, file_id)
        workspace = self._require_workspace(container_id, file_id)
        name = file.path.removeprefix(f"{FOLDER}/")
        await workspace.session.remove(name)
        workspace.digests.pop(name, None)
        if name not in workspace.input_files:
            return
        if source_id := workspace.input_files.pop(name):
            await self._store.containers.remove_file(container_id, source_id)
        else:
            await self._store.containers.remove_upload(container_id, name)

    async def read(self, project_id: str, container_id: str, file_id: str) -> AsyncGenerator[bytes, None]:
        """The content of a file, in chunks."""
        file = await self.find(project_id, container_id, file_id)
        workspace = self._require_workspace(container_id, file_id)
        return workspace.session.read(file.path.removeprefix(f"{FOLDER}/"))

    async def begin(self, project_id: str, container_id: str, file_ids: Sequence[str]) -> None:
        """Opens a container that is about to be created."""
        self._workspaces.begin(container_id)
        await self.open(project_id, container_id, file_ids)

    async def open(self, project_id: str, container_id: str, file_ids: Sequence[str]) -> ContainerSession:
        """Opens the container with these Files of the project."""
        try:
            return await self._workspaces.open(project_id, container_id, file_ids)
        except SandboxError as fault:
            raise to_client_error(fault) from None

    async def _find_workspace(self, project_id: str, container_id: str) -> ContainerSession | None:
        """The container's session in this process; opened again if the container has stored Files."""
        if (workspace := self._workspaces.find(container_id)) is not None:
            return workspace
        file_ids = await self._stored_file_ids(container_id)
        has_files = file_ids or await self._store.containers.uploads(container_id)
        return await self.open(project_id, container_id, file_ids) if has_files else None

    def _require_workspace(self, container_id: str, file_id: str) -> ContainerSession:
        workspace = self._workspaces.find(container_id)
        if workspace is None:
            raise not_found("container file", file_id)
        return workspace

    async def _stored_file_ids(self, container_id: str) -> Sequence[str]:
        return await self._store.containers.files(container_id)


def to_client_error(fault: SandboxError) -> InvalidRequest | Unavailable:
    return InvalidRequest(str(fault)) if isinstance(fault, SandboxFull) else Unavailable(str(fault))


def render_file(workspace: ContainerSession, file: SandboxFile) -> ContainerFileResource:
    # Stable while the file exists, without a row for each file that code writes. A client's file is in each session.
    is_client_file = file.name in workspace.input_files
    session_id = "" if is_client_file else workspace.session.id
    # As clients know the container, so that the id of their file is the same where it was imported.
    container_id = workspace.container_id.partition(SEPARATOR)[0]
    mark = f"{container_id}/{session_id}/{file.name}"
    return ContainerFileResource(
        id=f"cfile_{hashlib.sha256(mark.encode()).hexdigest()[:32]}",
        created_at=int(file.modified),
        bytes=file.size,
        container_id=workspace.container_id,
        path=f"{FOLDER}/{file.name}",
        source="user" if is_client_file else "assistant",
    )


async def _list_files(workspace: ContainerSession) -> list[ContainerFileResource]:
    try:
        return [render_file(workspace, file) for file in await workspace.session.list()]
    except SandboxError as fault:
        raise to_client_error(fault) from None


async def _find_file(workspace: ContainerSession, name: str) -> ContainerFileResource:
    path = f"{FOLDER}/{name}"
    for file in await _list_files(workspace):
        if file.path == path:
            return file
    raise Unavailable(f"The container {workspace.container_id!r} lost its files meanwhile. Please try again.")

"""The open containers of this process: each has a session of the sandbox and a record of its files.

Knows no run and no client. The store has the existence and the owner of a container. Of several nodes, one has its
session.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from understudy.blobs import Blob, Blobs
from understudy.broker import Broker
from understudy.engine.tools.container_claims import ContainerClaims
from understudy.errors import BlobMissing
from understudy.store import Store
from understudy.store.files import StoredFile
from understudy.store.qualified_ids import SEPARATOR
from understudy.tools.sandbox import Sandbox, Session, safe_name

_MAX_NEW_CONTAINERS: Final = 1000
# A File of the project, with its name or without, or an upload.
_CLIENT_FILE: Final = re.compile(r"(?:(?P<file_id>file-[A-Za-z0-9]+)|[0-9a-f]{32})(?:-(?P<name>.+))?")
# Within this time, the caller that opened a container begins to use it.
_OPENED_SECONDS: Final = 2.0


class ContainerSession:
    """One container: the contents of its known files by name, and the client's files (`input_files`), also by name.

    A client's file is a File of the project, with its id, or an upload without one. `aliases` are the original names of
    the client's files. `renewed`: code may have run in the container before this session.
    """

    def __init__(self, container_id: str, session: Session, *, renewed: bool) -> None:
        self.container_id = container_id
        self.renewed = renewed
        self.session = session
        self.digests: dict[str, str] = {}
        self.input_files: dict[str, str | None] = {}
        self.aliases: dict[str, str] = {}
        self.lock = asyncio.Lock()
        self.has_uploads = False
        """Whether the uploads of earlier sessions are in this one."""
        self.opened_at = time.monotonic()
        self.kernel = ""
        self._id = session.id

    @property
    def is_busy(self) -> bool:
        """Whether code runs here, or a file is read or written."""
        return self.lock.locked() or self.session.busy or time.monotonic() - self.opened_at < _OPENED_SECONDS

    def refresh(self) -> None:
        """Clears the record of files if the session was lost."""
        if self._id != self.session.id:
            self._id = self.session.id
            self.digests.clear()
            self.input_files.clear()
            self.aliases.clear()
            self.has_uploads = False


class ContainerSessions:
    """`patience` is the time in seconds that an opening waits for code on another node.

    `runs_code` is whether runs are executed here.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        store: Store,
        blobs: Blobs,
        broker: Broker,
        patience: float,
        *,
        runs_code: bool = True,
    ) -> None:
        self.runs_code = runs_code
        self._sandbox = sandbox
        self._store = store
        self._blobs = blobs
        self.claims = ContainerClaims(store.containers, broker, self._is_busy, self._detach, self.close, patience)
        # Created containers that were never opened; above the limit, the oldest is dropped.
        self._new_containers: dict[str, None] = {}
        self._workspaces: WeakKeyDictionary[Session, ContainerSession] = WeakKeyDictionary()
        # Locked while a container is being opened.
        self._openings: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self) -> str | None:
        """The reason why code cannot run here, as a sentence; None if it can, or if workers run it."""
        return await self._sandbox.check() if self.runs_code else None

    def begin(self, container_id: str) -> None:
        """Marks the container as new, so that its first session is not reported as renewed."""
        self._new_containers[container_id] = None
        if len(self._new_containers) > _MAX_NEW_CONTAINERS:
            del self._new_containers[next(iter(self._new_containers))]

    def prewarm(self) -> None:
        """Starts a sandbox in the background, since code may run soon."""
        self._sandbox.prepare()

    async def open(
        self, project_id: str, container_id: str, file_ids: Sequence[str], *, bare_ids: bool = False
    ) -> ContainerSession:
        """Opens the container with these Files. Raises SandboxError.

        A File has the path `file-abc-data.csv`, with `bare_ids` `file-abc`, and links at its id and its name.
        """
        opening = self._openings.setdefault(container_id, asyncio.Lock())
        async with opening:
            workspace = await self._open_workspace(container_id)
            workspace.opened_at = time.monotonic()
        async with workspace.lock:
            workspace.refresh()
            await self._record_kernel(workspace)
            here = set(workspace.input_files.values())
            missing = [file_id for file_id in file_ids if file_id not in here]
            for file in await self._store.files.lookup(project_id, missing) if missing else []:
                with suppress(BlobMissing):  # it was deleted meanwhile
                    await self._put_file(workspace, file, bare_ids)
            await self._restore_uploads(workspace)
            await self._record_files(workspace)
        return workspace

    async def _open_workspace(self, container_id: str) -> ContainerSession:
        """The container's session: that of this process, that of another one behind a gateway, or a new one."""
        kernel = await self.claims.claim(container_id)
        session = await self._sandbox.attach(container_id, kernel) if kernel else None
        is_attached = session is not None
        session = session or await self._sandbox.open(container_id)
        workspace = self._workspaces.get(session)
        if workspace is None:
            is_new = container_id in self._new_containers
            workspace = ContainerSession(container_id, session, renewed=not (is_new or is_attached))
            workspace.has_uploads = is_new
            self._workspaces[session] = workspace
            self._new_containers.pop(container_id, None)
            if is_attached:
                await _recognize_files(workspace)
        return workspace

    async def _record_kernel(self, workspace: ContainerSession) -> None:
        """Stores the kernel behind a gateway for other nodes, whenever it is another one."""
        kernel = workspace.session.reference
        if kernel != workspace.kernel:
            workspace.kernel = kernel
            await self.claims.record_kernel(workspace.container_id, kernel)

    async def put(self, workspace: ContainerSession, blob: Blob, name: str) -> None:
        """Writes an uploaded file; replaces a file of the same name. Raises SandboxError."""
        async with workspace.lock:
            workspace.refresh()
            async with self._blobs.reading(blob.name) as chunks:
                await self._write_file(workspace, name, None, chunks)
            await self._record_files(workspace)

    async def _restore_uploads(self, workspace: ContainerSession) -> None:
        """Writes the uploads into a session that replaces a lost one."""
        if workspace.has_uploads:
            return
        for upload in await self._store.containers.uploads(workspace.container_id):
            match = _CLIENT_FILE.fullmatch(upload.name)
            if upload.name in workspace.input_files or match is None:
                continue
            with suppress(BlobMissing):  # it was removed meanwhile
                async with self._blobs.reading(upload.blob) as chunks:
                    await self._write_file(workspace, upload.name, None, chunks)
                alias = workspace.aliases[upload.name] = match["name"] or upload.name
                await workspace.session.link(alias, upload.name)
        workspace.has_uploads = True

    def find(self, container_id: str) -> ContainerSession | None:
        """The container if it is open in this process."""
        session = self._sandbox.find(container_id)
        workspace = None if session is None else self._workspaces.get(session)
        if workspace is not None:
            workspace.refresh()
        return workspace

    def _is_busy(self, container_id: str) -> bool:
        opening = self._openings.get(container_id)
        if opening is not None and opening.locked():
            return True
        session = self._sandbox.find(container_id)
        workspace = None if session is None else self._workspaces.get(session)
        return workspace is not None and workspace.is_busy

    async def _detach(self, container_id: str) -> None:
        if (session := self._sandbox.find(container_id)) is not None:
            await session.detach()

    async def close(self, container_id: str) -> None:
        """Closes the session and deletes its files."""
        if (session := self._sandbox.find(container_id)) is not None:
            await session.close()

    async def end_orphaned_kernels(self, before: int) -> None:
        """Ends kernels of a gateway whose nodes have died, and that nobody has used since that time."""
        for container_id, kernel in await self._store.containers.take_orphaned_kernels(before):
            if (session := await self._sandbox.attach(container_id, kernel)) is not None:
                await session.close()

    async def _put_file(self, workspace: ContainerSession, file: StoredFile, bare_ids: bool) -> None:
        if not file.has_content:
            return
        public_id = file.id.partition(SEPARATOR)[0]
        name = public_id if bare_ids else safe_name(f"{public_id}-{file.filename}")
        async with self._blobs.reading(file.blob) as chunks:
            await self._write_file(workspace, name, file.id, chunks)
        workspace.aliases[name] = safe_name(file.filename)
        for alias in (public_id, workspace.aliases[name]):
            if alias != name:
                await workspace.session.link(alias, name)

    async def _write_file(
        self, workspace: ContainerSession, name: str, file_id: str | None, chunks: AsyncIterable[bytes]
    ) -> None:
        await workspace.session.put(name, chunks)
        workspace.digests.pop(name, None)
        workspace.input_files[name] = file_id

    async def _record_files(self, workspace: ContainerSession) -> None:
        """The client's files are not outputs of code."""
        if workspace.input_files.keys() <= workspace.digests.keys():
            return
        for file in await workspace.session.list():
            if file.name in workspace.input_files:
                workspace.digests.setdefault(file.name, file.digest)


async def _recognize_files(workspace: ContainerSession) -> None:
    """Records the files of a session that another process has started: none of them is an output of the next code.

    Those of the client are recognized by their names.
    """
    for file in await workspace.session.list():
        workspace.digests[file.name] = file.digest
        if match := _CLIENT_FILE.fullmatch(file.name):
            workspace.input_files[file.name] = match["file_id"]
            workspace.aliases[file.name] = match["name"] or file.name

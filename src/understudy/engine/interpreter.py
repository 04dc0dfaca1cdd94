"""The code interpreter of this process: containers with their files, and what code left in them. Knows no run.

A workspace is a container's session with a memory of which files are known: those that were put there, and those that
became Files already.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from weakref import WeakKeyDictionary

from understudy import ids
from understudy.blobs import Blobs
from understudy.clock import Clock
from understudy.engine.files import Files
from understudy.errors import InvalidRequest
from understudy.store import Store
from understudy.store.files import StoredFile
from understudy.tools.sandbox import FOLDER, Image, Output, Sandbox, SandboxFile, Session, safe_name
from understudy.wire.containers import ContainerExpiresAfter, ContainerFileResource, ContainerResource
from understudy.wire.items import MadeFile

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


class Workspace:
    """One container as a run uses it: the contents of the known files by name, and which of them were `given`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.digests: dict[str, str] = {}
        self.given: set[str] = set()
        self.lock = asyncio.Lock()
        self._id = session.id

    def refresh(self) -> None:
        """Forgets what was known of a session that was lost."""
        if self._id != self.session.id:
            self._id = self.session.id
            self.digests.clear()
            self.given.clear()


class Interpreter:
    def __init__(self, sandbox: Sandbox, store: Store, blobs: Blobs, files: Files, clock: Clock) -> None:
        self._sandbox = sandbox
        self._store = store
        self._blobs = blobs
        self._files = files
        self._clock = clock
        self._workspaces: WeakKeyDictionary[Session, Workspace] = WeakKeyDictionary()

    async def check(self) -> str | None:
        """What keeps code from running here, as a sentence; None where it can."""
        return await self._sandbox.check()

    async def container_of(self, project_id: str, thread_id: str) -> str:
        """The id of the container that belongs to a thread, made for its first code."""
        now = int(self._clock.now())
        made = ContainerResource(
            id=ids.container(),
            created_at=now,
            expires_after=ContainerExpiresAfter(),
            last_active_at=now,
            name=thread_id,
        )
        return await self._store.containers.of_thread(project_id, thread_id, made)

    async def open(self, project_id: str, container_id: str, file_ids: Sequence[str]) -> Workspace:
        """The container with these files in it, by their ids and by their names. Raises SandboxError."""
        session = await self._sandbox.open(container_id)
        workspace = self._workspaces.setdefault(session, Workspace(session))
        async with workspace.lock:
            workspace.refresh()
            missing = [file_id for file_id in file_ids if file_id not in workspace.digests]
            files = await self._store.files.lookup(project_id, missing) if missing else []
            for file in files:
                await self._put(session, file)
            if files:
                workspace.given |= {file.id for file in files}
                listed = await session.list()
                workspace.digests |= {one.name: one.digest for one in listed if one.name in workspace.given}
        return workspace

    async def create(
        self, project_id: str, name: str, file_ids: Sequence[str], expires_after: ContainerExpiresAfter
    ) -> ContainerResource:
        """A container of the client's own. Raises InvalidRequest where no code can run, SandboxError."""
        if fault := await self.check():
            raise InvalidRequest(fault, code="unsupported_tool")
        now = int(self._clock.now())
        made = ContainerResource(
            id=ids.container(), created_at=now, expires_after=expires_after, last_active_at=now, name=name
        )
        await self.open(project_id, made.id, file_ids)
        await self._store.containers.create(project_id, made)
        return made

    def find(self, container_id: str) -> Workspace | None:
        """The container's workspace where it is alive in this process."""
        session = self._sandbox.find(container_id)
        return None if session is None else self._workspaces.get(session)

    async def delete(self, project_id: str, container_id: str) -> None:
        """Ends the container with everything in it. Raises NotFound."""
        await self._store.containers.delete(project_id, container_id)
        if (session := self._sandbox.find(container_id)) is not None:
            await session.close()

    async def contents(self, container_id: str) -> list[ContainerFileResource]:
        """The files in the container, by name; none where it is not alive."""
        workspace = self.find(container_id)
        if workspace is None:
            return []
        workspace.refresh()
        return [_shown(container_id, workspace, file) for file in await workspace.session.list()]

    async def remove(self, container_id: str, path: str) -> None:
        if (workspace := self.find(container_id)) is not None:
            await workspace.session.remove(path.removeprefix(f"{FOLDER}/"))

    def read(self, container_id: str, path: str) -> AsyncGenerator[bytes, None] | None:
        """The content of a file, in pieces; None where the container is not alive."""
        workspace = self.find(container_id)
        return None if workspace is None else workspace.session.read(path.removeprefix(f"{FOLDER}/"))

    async def run(self, workspace: Workspace, code: str) -> AsyncGenerator[Output, None]:
        """What the code says, as it says it; closing the generator stops it."""
        async with workspace.lock:
            said = workspace.session.execute(code)
            try:
                async for output in said:
                    yield output
            finally:
                await said.aclose()

    async def collect(self, project_id: str, workspace: Workspace, most: int) -> list[MadeFile]:
        """Makes Files of what code has written or changed since the last time; no more than `most` at once."""
        async with workspace.lock:
            workspace.refresh()
            made: list[MadeFile] = []
            for found in await workspace.session.list():
                if workspace.digests.get(found.name) == found.digest or len(made) >= most:
                    continue
                basename = found.name.rpartition("/")[2]
                chunks = workspace.session.read(found.name)
                file = await self._files.save(project_id, basename, "assistants_output", chunks)
                workspace.digests[found.name] = found.digest
                made.append(MadeFile(path=f"{FOLDER}/{found.name}", file_id=file.id))
            return made

    async def save_image(self, project_id: str, image: Image) -> str:
        """The id of the File that the figure becomes."""
        file_id = ids.file()
        name = f"{file_id}.{_EXTENSIONS[image.mime]}"
        return (await self._files.save(project_id, name, "assistants_output", _once(image.data))).id

    async def _put(self, session: Session, file: StoredFile) -> None:
        """Under its id, as the hosted service does, and under its name, as people expect."""
        async with self._blobs.reading(file.blob) as chunks:
            await session.put(file.id, chunks)
        await session.link(safe_name(file.filename), file.id)


def _shown(container_id: str, workspace: Workspace, file: SandboxFile) -> ContainerFileResource:
    # The same as long as the file is there, without a row for each file that code writes.
    digest = hashlib.sha256(f"{container_id}/{workspace.session.id}/{file.name}".encode()).hexdigest()
    return ContainerFileResource(
        id=f"cfile_{digest[:48]}",
        created_at=int(file.modified),
        bytes=file.size,
        container_id=container_id,
        path=f"{FOLDER}/{file.name}",
        source="user" if file.name in workspace.given else "assistant",
    )


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data

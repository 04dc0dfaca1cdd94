"""Runs the calls of the code interpreter: resolves the container, runs code, saves the files that it wrote.

Knows no run, no response and no event.
"""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.clock import Clock
from understudy.engine.containers import check_running
from understudy.engine.files import Files
from understudy.engine.tools.container_sessions import ContainerSession, ContainerSessions
from understudy.errors import InvalidRequest
from understudy.store import Store
from understudy.tools.sandbox import FOLDER, Image, Note, Output, SandboxFile
from understudy.wire.containers import ContainerExpiresAfter, ContainerResource
from understudy.wire.items import GeneratedFile

_SESSION_RENEWED_NOTE: Final = (
    "The session ended meanwhile, and this is a new one. All variables, and all files that code made, are lost."
)
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class AutoContainer:
    """The container of `owner_id` (a thread, a conversation, a chain of responses), created at its first use.

    `file_ids` are its Files. Their names are like `file-abc-data.csv`, with `bare_ids` like `file-abc`.
    """

    owner_id: str
    file_ids: Sequence[str] = ()
    bare_ids: bool = False


class Interpreter:
    """`idle_seconds` is the idle time after which a container expires.

    `most_bytes` limits the Files of one call: a loop could fill the server's disk.
    """

    def __init__(
        self,
        workspaces: ContainerSessions,
        store: Store,
        files: Files,
        clock: Clock,
        *,
        idle_seconds: float,
        most_bytes: int,
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._files = files
        self._clock = clock
        self._idle_seconds = idle_seconds
        self.most_bytes = most_bytes

    async def check(self) -> str | None:
        """The reason why code cannot run here, as a sentence; None if it can."""
        return await self._workspaces.check()

    def prewarm(self) -> None:
        """Starts a sandbox in the background when a model is called that may run code."""
        self._workspaces.prewarm()

    async def resolve_container(self, project_id: str, container: str | AutoContainer) -> str:
        """The id of a running container, by its id or its owner. Records a use.

        Raises NotFound, and InvalidRequest if the container is expired or this server cannot run code.
        """
        if fault := await self.check():
            raise InvalidRequest(fault, code="unsupported_tool")
        now = int(self._clock.now())
        if isinstance(container, AutoContainer):
            made = self._new_container(container.owner_id, now)
            owned = await self._store.containers.find_or_create_for_thread(project_id, container.owner_id, made)
            if owned.is_first:
                self._workspaces.begin(owned.id)
            return owned.id
        resource = await self._store.containers.get(project_id, container, now)
        check_running(resource)
        await self._store.containers.touch(resource.id, now)
        return resource.id

    async def open_session(self, project_id: str, container: str | AutoContainer) -> ContainerSession:
        """The container that `resolve_container` returns, running and with its files. Also raises SandboxError.

        For one call only: the session may be lost before the next one.
        """
        container_id = await self.resolve_container(project_id, container)
        added_ids = await self._store.containers.files(container_id)
        if isinstance(container, AutoContainer):
            workspace = await self._workspaces.open(
                project_id, container_id, container.file_ids, bare_ids=container.bare_ids
            )
            if not added_ids:
                return workspace
        return await self._workspaces.open(project_id, container_id, added_ids)

    async def run(self, workspace: ContainerSession, code: str) -> AsyncGenerator[Output, None]:
        """Streams the output of the code; closing the generator stops the code."""
        async with workspace.lock:
            if workspace.renewed:
                workspace.renewed = False
                yield Note(_SESSION_RENEWED_NOTE, lost="everything")
            outputs = workspace.session.execute(code)
            try:
                async for output in outputs:
                    yield output
            finally:
                await outputs.aclose()

    async def save_new_files(
        self, project_id: str, workspace: ContainerSession, most: int, limit: int | None = None
    ) -> AsyncGenerator[GeneratedFile, None]:
        """Creates Files from the files that code wrote or changed since the last call; at most `most` at once.

        Files over the limits are left for later calls. A client's File that code changed is available under both names.
        Raises InvalidRequest, after the files that fit, if one does not: the project would store more bytes than
        `limit`.
        """
        async with workspace.lock:
            count = 0
            refusal: InvalidRequest | None = None
            listed = await _list_files(workspace)
            own = {file.name for file in listed}
            left = self.most_bytes
            for file in _changed_files(workspace, listed):
                if file.size > left or count >= most:
                    continue
                left -= file.size
                names = [name for name in (workspace.aliases.get(file.name),) if name and name not in own]
                names.append(file.name)
                basename = names[0].rpartition("/")[2]
                chunks = workspace.session.read(file.name)
                try:
                    saved = await self._files.save(project_id, basename, "assistants_output", chunks, limit=limit)
                except InvalidRequest as error:
                    # A smaller file may fit.
                    refusal, count = refusal or error, count + 1
                    continue
                workspace.digests[file.name] = file.digest
                for name in names:
                    count += 1
                    yield GeneratedFile(path=f"{FOLDER}/{name}", file_id=saved.id)
            if refusal is not None:
                raise refusal

    async def save_image(self, project_id: str, image: Image, limit: int | None = None) -> str:
        """Saves a figure as a File; returns its id. Raises InvalidRequest as `save_new_files` does."""
        file_id = ids.file()
        name = f"{file_id}.{_EXTENSIONS[image.mime]}"
        chunks = _single_chunk(image.data)
        return (await self._files.save(project_id, name, "assistants_output", chunks, limit=limit)).id

    def _new_container(self, name: str, now: int) -> ContainerResource:
        minutes = max(1, math.ceil(self._idle_seconds / 60))
        return ContainerResource(
            id=ids.container(),
            created_at=now,
            expires_after=ContainerExpiresAfter(minutes=minutes),
            last_active_at=now,
            name=name,
        )


async def _list_files(workspace: ContainerSession) -> Sequence[SandboxFile]:
    workspace.refresh()
    return await workspace.session.list()


def _changed_files(workspace: ContainerSession, listed: Sequence[SandboxFile]) -> list[SandboxFile]:
    return [file for file in listed if workspace.digests.get(file.name) != file.digest]


async def _single_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data

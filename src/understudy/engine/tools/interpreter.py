"""The code interpreter as a model's calls use it: which container they run in, what code says, what it has written.

Knows no run, no response and no event.
"""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from understudy import ids
from understudy.clock import Clock
from understudy.engine.containers import check_running, render_file
from understudy.engine.files import Files
from understudy.engine.tools.container_sessions import ContainerSession, ContainerSessions
from understudy.errors import InvalidRequest
from understudy.store import Store
from understudy.tools.sandbox import FOLDER, Image, Note, Output, SandboxFile
from understudy.wire.containers import ContainerExpiresAfter, ContainerFileResource, ContainerResource
from understudy.wire.items import GeneratedFile

_SESSION_RENEWED_NOTE: Final = (
    "The session ended meanwhile, and this is a new one. All variables, and all files that code made, are lost."
)
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class AutoContainer:
    """The one container of `owner_id`, made when it is first needed: of a thread, a conversation, a chain of responses.

    `file_ids` are the Files in it. They have names like `file-abc-data.csv`, and with `bare_ids` like `file-abc`.
    """

    owner_id: str
    file_ids: Sequence[str] = ()
    bare_ids: bool = False


class Interpreter:
    """`idle_seconds` is how long a container waits for more code before it expires.

    `most_bytes` is what one call may turn into Files: a loop could fill the server's disk.
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
        self._most_bytes = most_bytes

    async def check(self) -> str | None:
        """What keeps code from running here, as a sentence; None where it can."""
        return await self._workspaces.check()

    def prewarm(self) -> None:
        """Starts a sandbox in the background when a model is called that may run code."""
        self._workspaces.prewarm()

    async def resolve_container(self, project_id: str, wanted: str | AutoContainer) -> str:
        """The id of a container that may be used: the one of this id, or that of an owner. Counts as use.

        Raises NotFound, and InvalidRequest where its time is over or no code can run here at all.
        """
        if fault := await self.check():
            raise InvalidRequest(fault, code="unsupported_tool")
        now = int(self._clock.now())
        if isinstance(wanted, AutoContainer):
            made = self._new_container(wanted.owner_id, now)
            owned = await self._store.containers.find_or_create_for_thread(project_id, wanted.owner_id, made)
            if owned.is_first:
                self._workspaces.begin(owned.id)
            return owned.id
        container = await self._store.containers.get(project_id, wanted, now)
        check_running(container)
        await self._store.containers.touch(container.id, now)
        return container.id

    async def open_session(self, project_id: str, wanted: str | AutoContainer) -> ContainerSession:
        """The container that `container_for` finds, running and with its files. Also raises SandboxError.

        For one call only: the session may be lost before the next one.
        """
        container_id = await self.resolve_container(project_id, wanted)
        if isinstance(wanted, AutoContainer):
            return await self._workspaces.open(project_id, container_id, wanted.file_ids, bare_ids=wanted.bare_ids)
        kept = await self._store.containers.files(container_id)
        return await self._workspaces.open(project_id, container_id, kept)

    async def run(self, workspace: ContainerSession, code: str) -> AsyncGenerator[Output, None]:
        """What the code says, as it says it; closing the generator stops it."""
        async with workspace.lock:
            if workspace.renewed:
                workspace.renewed = False
                yield Note(_SESSION_RENEWED_NOTE, lost="everything")
            said = workspace.session.execute(code)
            try:
                async for output in said:
                    yield output
            finally:
                await said.aclose()

    async def save_new_files(self, project_id: str, workspace: ContainerSession, most: int) -> list[GeneratedFile]:
        """Creates Files from the files that code wrote or changed since the last call; at most `most` at once.

        Files over the limits are left for later calls. A client's File that code changed is available under both names.
        """
        async with workspace.lock:
            made: list[GeneratedFile] = []
            listed = await _list_files(workspace)
            own = {found.name for found in listed}
            left = self._most_bytes
            for found in _changed_files(workspace, listed):
                if found.size > left or len(made) >= most:
                    continue
                left -= found.size
                names = [name for name in (workspace.aliases.get(found.name),) if name and name not in own]
                names.append(found.name)
                basename = names[0].rpartition("/")[2]
                chunks = workspace.session.read(found.name)
                file = await self._files.save(project_id, basename, "assistants_output", chunks)
                workspace.digests[found.name] = found.digest
                made += [GeneratedFile(path=f"{FOLDER}/{name}", file_id=file.id) for name in names]
            return made

    async def list_changed_files(self, workspace: ContainerSession, most: int) -> list[ContainerFileResource]:
        """What code has written or changed since the last time, left where it is."""
        async with workspace.lock:
            changed = _changed_files(workspace, await _list_files(workspace))[:most]
            workspace.digests |= {found.name: found.digest for found in changed}
            return [render_file(workspace, found) for found in changed]

    async def save_image(self, project_id: str, image: Image) -> str:
        """The id of the File that the figure becomes."""
        file_id = ids.file()
        name = f"{file_id}.{_EXTENSIONS[image.mime]}"
        return (await self._files.save(project_id, name, "assistants_output", _single_chunk(image.data))).id

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
    return [found for found in listed if workspace.digests.get(found.name) != found.digest]


async def _single_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data

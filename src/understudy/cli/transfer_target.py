"""Where a transfer runs: in this process on a data directory, or on a server, which this process waits for."""

import asyncio
import shutil
import time
import zipfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import aiohttp
import click
import msgspec

from understudy.api.parts import Parts
from understudy.cli.api_client import ServerUnavailable, to_failure
from understudy.cli.garbage_collection import tune_garbage_collector
from understudy.cli.progress import open_progress
from understudy.importing.packing import pack_input
from understudy.settings import Settings
from understudy.store.transfers import TransferKind
from understudy.wire.transfers import DeletionObject, ExportObject, ImportObject, OnConflict, TransferObject

_POLL_SECONDS: Final = 0.2
_RESTART_SECONDS: Final = 60.0
_READ_BYTES: Final = 1 << 20
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})
T = TypeVar("T", bound=TransferObject)


class Target(ABC):
    async def run_import(
        self, source: Path, files: Path | None, work: Path, *, dry_run: bool, on_conflict: OnConflict
    ) -> ImportObject:
        """Packs and imports; `work` is an empty directory. Returns the ended job."""
        packed, problems = await asyncio.to_thread(pack_input, source, work, files)
        for problem in problems:
            click.echo(f"Not read: {problem.place}: {problem.reason}", err=True)
        created = await self._create_import(packed, source.name, dry_run=dry_run, on_conflict=on_conflict)
        return await self._wait("import", created)

    async def run_export(self, out: Path, metadata: dict[str, str], work: Path) -> ExportObject:
        """Writes the archive, or its entries below the directory `out`. Returns the ended job."""
        done = await self._wait("export", await self._create_export(metadata))
        if done.status == "completed":
            archive = out if out.suffix == ".zip" else work / "export.zip"
            await self._download(done, archive)
            if archive is not out:
                await asyncio.to_thread(_unpack, archive, out)
            await self._delete_export(done)
        return done

    async def run_deletion(self, metadata: dict[str, str], *, dry_run: bool) -> DeletionObject:
        return await self._wait("deletion", await self._create_deletion(metadata, dry_run=dry_run))

    async def _wait(self, kind: TransferKind, created: T) -> T:
        """The job at its end. An interrupt cancels it."""
        current: TransferObject = created
        try:
            with open_progress(kind) as progress:
                while current.status not in _ENDED:
                    progress.update(current.progress.done, current.progress.total, "objects")
                    await asyncio.sleep(_POLL_SECONDS)
                    current = await self._get(kind, created.id)
        except asyncio.CancelledError:
            await self._cancel(kind, created.id)
            raise
        return cast("T", current)

    @abstractmethod
    async def _create_import(
        self, path: Path, name: str, *, dry_run: bool, on_conflict: OnConflict
    ) -> ImportObject: ...

    @abstractmethod
    async def _create_export(self, metadata: dict[str, str]) -> ExportObject: ...

    @abstractmethod
    async def _create_deletion(self, metadata: dict[str, str], *, dry_run: bool) -> DeletionObject: ...

    @abstractmethod
    async def _get(self, kind: TransferKind, transfer_id: str) -> TransferObject: ...

    @abstractmethod
    async def _cancel(self, kind: TransferKind, transfer_id: str) -> None: ...

    @abstractmethod
    async def _download(self, done: ExportObject, path: Path) -> None: ...

    @abstractmethod
    async def _delete_export(self, done: ExportObject) -> None: ...


class _Directory(Target):
    def __init__(self, parts: Parts, project_id: str) -> None:
        self._parts = parts
        self._project_id = project_id

    async def _create_import(self, path: Path, name: str, *, dry_run: bool, on_conflict: OnConflict) -> ImportObject:
        async with self._parts.files.open_draft() as draft:
            with path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, _READ_BYTES):
                    await draft.write(chunk)
            blob = await draft.commit()
            return await self._parts.transfers.create_import(
                self._project_id, name, blob, dry_run=dry_run, on_conflict=on_conflict
            )

    async def _create_export(self, metadata: dict[str, str]) -> ExportObject:
        return await self._parts.transfers.create_export(self._project_id, metadata)

    async def _create_deletion(self, metadata: dict[str, str], *, dry_run: bool) -> DeletionObject:
        return await self._parts.transfers.create_deletion(self._project_id, metadata, dry_run=dry_run)

    async def _get(self, kind: TransferKind, transfer_id: str) -> TransferObject:
        return await self._parts.store.transfers.get(self._project_id, kind, transfer_id)

    async def _cancel(self, kind: TransferKind, transfer_id: str) -> None:
        await self._parts.transfers.cancel(self._project_id, kind, transfer_id)

    async def _download(self, done: ExportObject, path: Path) -> None:
        _, blob = await self._parts.store.transfers.find_output(self._project_id, "export", done.id)
        async with self._parts.blobs.reading(blob or "") as chunks:
            with path.open("wb") as file:
                async for chunk in chunks:
                    file.write(chunk)

    async def _delete_export(self, done: ExportObject) -> None:
        await self._parts.store.transfers.delete(self._project_id, "export", done.id)


class _Server(Target):
    def __init__(self, session: aiohttp.ClientSession, root: str) -> None:
        self._session = session
        self._root = root

    async def _create_import(self, path: Path, name: str, *, dry_run: bool, on_conflict: OnConflict) -> ImportObject:
        form = aiohttp.FormData()
        form.add_field("dry_run", "true" if dry_run else "false")
        form.add_field("on_conflict", on_conflict)
        with path.open("rb") as file:
            form.add_field("file", file, filename=name or "import")
            return await self._request_object("POST", "/imports", ImportObject, data=form)

    async def _create_export(self, metadata: dict[str, str]) -> ExportObject:
        return await self._request_object("POST", "/exports", ExportObject, json={"metadata": metadata})

    async def _create_deletion(self, metadata: dict[str, str], *, dry_run: bool) -> DeletionObject:
        body = {"metadata": metadata, "dry_run": dry_run}
        return await self._request_object("POST", "/deletions", DeletionObject, json=body)

    async def _get(self, kind: TransferKind, transfer_id: str) -> TransferObject:
        """The job continues after a restart of the server, so this waits for that, for a minute."""
        deadline = time.monotonic() + _RESTART_SECONDS
        while True:
            try:
                return await self._request_object("GET", f"/{kind}s/{transfer_id}", _OBJECTS[kind])
            except (ServerUnavailable, aiohttp.ClientConnectionError, TimeoutError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1)

    async def _cancel(self, kind: TransferKind, transfer_id: str) -> None:
        await self._request_object("POST", f"/{kind}s/{transfer_id}/cancel", _OBJECTS[kind])

    async def _download(self, done: ExportObject, path: Path) -> None:
        async with self._session.get(f"{self._root}/v1/exports/{done.id}/content") as response:
            await _check(response)
            with path.open("wb") as file:
                async for chunk in response.content.iter_chunked(_READ_BYTES):
                    file.write(chunk)

    async def _delete_export(self, done: ExportObject) -> None:
        await self._request_object("DELETE", f"/exports/{done.id}", ExportObject)

    async def _request_object(self, method: str, path: str, kind: type[T], **body: Any) -> T:
        async with self._session.request(method, f"{self._root}/v1{path}", **body) as response:
            await _check(response)
            return msgspec.json.decode(await response.read(), type=kind)


_OBJECTS: Final[dict[TransferKind, type[TransferObject]]] = {
    "import": ImportObject,
    "export": ExportObject,
    "deletion": DeletionObject,
}


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    raise to_failure(response.status, await response.read())


@asynccontextmanager
async def open_directory(settings: Settings, project: str | None, *, creates: bool) -> AsyncIterator[Target]:
    """`creates`: a missing directory is created.

    Raises StoreError for one that a server has open, or that is missing, and NotFound for an unknown project.
    """
    from understudy.app import open_offline
    from understudy.cli.access import find_project
    from understudy.store import data_directory
    from understudy.store.projects import DEFAULT_PROJECT

    if settings.database is None and not creates:
        data_directory.check(settings.data)
    async with open_offline(settings) as parts:
        tune_garbage_collector()
        found = await find_project(parts.store, project or DEFAULT_PROJECT)
        yield _Directory(parts, found.id)


@asynccontextmanager
async def open_server(base_url: str | None, key: str | None) -> AsyncIterator[Target]:
    import os

    from understudy_toolkit.address import address
    from understudy_toolkit.connection_failures import describe_connection_failure

    try:
        where = address(base_url, key, os.environ)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    headers = {} if where.key is None else {"Authorization": f"Bearer {where.key}"}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=600)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        try:
            yield _Server(session, where.root)
        except TimeoutError:
            raise ServerUnavailable(f"The server at {where.root} timed out.") from None
        except aiohttp.ClientError as error:
            raise ServerUnavailable(describe_connection_failure(where.root, error)) from None


def _unpack(archive: Path, out: Path) -> None:
    """Writes the entries of an export below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            target = (out / entry.filename).resolve()
            if not target.is_relative_to(out.resolve()):
                raise click.ClickException(f"Invalid name in the archive: {entry.filename!r}.")
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, _READ_BYTES)

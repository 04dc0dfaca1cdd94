"""Writes a project's objects into an archive that an import reads: one object a line, a file for each kind.

The layout: `manifest.json`, `threads.jsonl` and so on, the bytes of files at `files/ID`, and those of videos, of parts
of uploads, of images that responses made, and of the results and lines of batches at `contents/ID.video` and so on. It
has no keys, no secrets of webhooks and no ledger.

What names other objects is written before them, so that an export of a project in use has what its objects name.
"""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from understudy.blobs import Blobs
from understudy.engine.item_data import ItemData
from understudy.engine.transfers.batch_lines import render_lines
from understudy.engine.transfers.conversion import UNKNOWN_MEMBER
from understudy.engine.transfers.lines import ITEM_START, render_batch
from understudy.engine.transfers.selection import Rows, Selection
from understudy.errors import BlobMissing
from understudy.importing.objects import KINDS
from understudy.store import Store
from understudy.store.batches import ACTIVE
from understudy.store.item_images import MARKER_START
from understudy.store.qualified_ids import SEPARATOR, qualifier

FORMAT: Final = "understudy-export/v1"
_WRITE_LINES: Final = 500
Contents = AsyncIterator[Sequence[tuple[str, str]]]
"""Names of entries, and the blobs with their bytes."""
_PLURALS: Final = {"batch": "batches", "file_batch": "file_batches"}


class Exporter:
    """One export. `report_progress` is awaited with the counts by kind; what it raises ends the export."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        data: ItemData,
        selection: Selection,
        report_progress: Callable[[dict[str, int]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._data = data
        self._selection = selection
        self._report_progress = report_progress
        self._suffix = qualifier(selection.project_id)
        self._counts: dict[str, int] = {}
        # Batches that had not ended when the export began.
        self._unfinished: set[str] = set()

    async def write(self, path: Path, created_at: int, metadata: dict[str, str]) -> dict[str, int]:
        """Returns the number of objects by kind."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=3) as archive:
            await self._write_batch_lines(archive)
            for kind, pages in reversed([*self._selection.kinds()]):
                await self._write_kind(archive, kind, self._list_batches() if kind == "batch" else pages)
            await self._write_contents(archive)
            manifest = {"format": FORMAT, "created_at": created_at, "metadata": metadata, "counts": self._list_counts()}
            archive.writestr("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        return self._list_counts()

    def _list_counts(self) -> dict[str, int]:
        """In the order of an import."""
        return {kind: self._counts[kind] for kind in (*KINDS, "item") if kind in self._counts}

    async def _write_kind(
        self, archive: zipfile.ZipFile, kind: str, pages: AsyncIterator[Sequence[tuple[str, str]]]
    ) -> None:
        first = await anext(pages, None)
        if first is None:
            return
        with archive.open(f"{_PLURALS.get(kind, kind + 's')}.jsonl", "w", force_zip64=True) as entry:
            lines = await self._render_lines(kind, first)
            async for rows in pages:
                if len(lines) > _WRITE_LINES:
                    await self._write_lines(entry, lines)
                    lines = []
                    await self._report_progress(self._list_counts())
                lines += await self._render_lines(kind, rows)
            await self._write_lines(entry, lines)
        await self._report_progress(self._list_counts())

    async def _write_lines(self, entry: IO[bytes], lines: Sequence[str]) -> None:
        """Writes lines with their base64 restored, one such line at a time."""
        written: list[str] = []
        for line in lines:
            if MARKER_START in line:
                await asyncio.to_thread(entry.write, _join([*written, await self._data.fill(line)]))
                written = []
            else:
                written.append(line)
        await asyncio.to_thread(entry.write, _join(written))

    async def _write_batch_lines(self, archive: zipfile.ZipFile) -> None:
        """Those of batches that have not ended: a batch that ends later has none any more, and needs none."""
        async for page in self._selection.stored_batches():
            for batch in page:
                if batch.status not in ACTIVE:
                    continue
                self._unfinished.add(batch.id)
                with archive.open(self._rename(f"contents/{batch.id}.lines"), "w", force_zip64=True) as entry:
                    async for lines in render_lines(self._store.batch_jobs, batch.seq):
                        await asyncio.to_thread(entry.write, lines)
                await self._report_progress(self._list_counts())

    async def _list_batches(self) -> Rows:
        async for page in self._selection.stored_batches():
            # One that was created since has no lines here.
            chosen = [one for one in page if one.status not in ACTIVE or one.id in self._unfinished]
            if chosen:
                yield [(one.id, render_batch(one)) for one in chosen]

    def _rename(self, name: str) -> str:
        return name.replace(self._suffix, "")

    async def _render_lines(self, kind: str, rows: Sequence[tuple[str, str]]) -> list[str]:
        for _, line in rows:
            noun = "item" if kind == "message" and line.startswith(ITEM_START) else kind
            self._counts[noun] = self._counts.get(noun, 0) + 1
        return [self._rename(line) for line in await self._add_unknown(rows)]

    async def _add_unknown(self, rows: Sequence[tuple[str, str]]) -> list[str]:
        """The encoded objects with the members that their import set aside."""
        imported = [stored_id for stored_id, _ in rows if SEPARATOR in stored_id]
        unknown = await self._store.imports.load_unknown(imported) if imported else {}
        return [_merge(body, unknown[stored_id]) if stored_id in unknown else body for stored_id, body in rows]

    async def _write_contents(self, archive: zipfile.ZipFile) -> None:
        for pages in (
            self._list_files(),
            self._list_results(),
            self._list_videos(),
            self._list_parts(),
            self._list_uploads(),
            self._list_images(),
        ):
            async for contents in pages:
                for name, blob in contents:
                    await self._write_content(archive, name, blob)
                await self._report_progress(self._list_counts())

    async def _list_files(self) -> Contents:
        async for files in self._selection.stored_files():
            yield [(f"files/{file.id}", file.blob) for file in files if file.has_content]

    async def _list_results(self) -> Contents:
        async for batches in self._selection.stored_batches():
            yield [(f"contents/{batch.id}.results", batch.results) for batch in batches if batch.results is not None]

    async def _list_videos(self) -> Contents:
        async for videos in self._selection.stored_videos():
            yield [(f"contents/{video.id}.{one.role}", one.blob) for video in videos for one in video.files]

    async def _list_parts(self) -> Contents:
        async for uploads in self._selection.stored_uploads():
            yield [(f"contents/{part.id}.part", part.blob) for upload in uploads for part in upload.parts]

    async def _list_uploads(self) -> Contents:
        """Those into containers."""
        async for page in self._selection.stored_containers():
            numbered = [(one.id, number, upload.blob) for one in page for number, upload in enumerate(one.uploads)]
            yield [(f"contents/{container_id}.{number}.upload", blob) for container_id, number, blob in numbered]

    async def _list_images(self) -> Contents:
        """One entry for an item and the response that made it."""
        seen: set[str] = set()
        async for page in self._selection.stored_images():
            found = {self._rename(one.item_id): one.blob for one in page}
            yield [(f"contents/{item_id}.image", blob) for item_id, blob in found.items() if item_id not in seen]
            seen.update(found)

    async def _write_content(self, archive: zipfile.ZipFile, name: str, blob: str) -> None:
        try:
            async with self._blobs.reading(blob) as chunks:
                with archive.open(self._rename(name), "w", force_zip64=True) as entry:
                    async for chunk in chunks:
                        await asyncio.to_thread(entry.write, chunk)
        except BlobMissing:
            # The file was deleted meanwhile.
            return


def _join(lines: Sequence[str]) -> bytes:
    return "".join([f"{line}\n" for line in lines]).encode()


def _merge(body: str, members: str) -> str:
    """Members of the object itself are put where they were; those of nested objects stand apart, by path."""
    subject: dict[str, Any] = msgspec.json.decode(body)
    nested = {}
    for path, value in msgspec.json.decode(members).items():
        if "." in path or "[" in path:
            nested[path] = value
        else:
            subject[path] = value
    if nested:
        subject[UNKNOWN_MEMBER] = nested
    return msgspec.json.encode(subject).decode()

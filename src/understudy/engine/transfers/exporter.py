"""Writes a project's objects into an archive that an import reads: one object a line, a file for each kind.

The layout: `manifest.json`, `threads.jsonl` and so on, the bytes of files at `files/ID`, and those of videos and of the
results of message batches at `contents/ID.video` and so on. It has no keys, no secrets of webhooks and no ledger.
"""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from understudy.blobs import Blobs
from understudy.engine.transfers.conversion import UNKNOWN_MEMBER
from understudy.engine.transfers.lines import ITEM_START
from understudy.engine.transfers.selection import Selection
from understudy.errors import BlobMissing
from understudy.store import Store
from understudy.store.qualified_ids import SEPARATOR, qualifier

FORMAT: Final = "understudy-export/v1"
_WRITE_LINES: Final = 500
_PLURALS: Final = {"batch": "batches"}


class Exporter:
    """One export. `report_progress` is awaited with the counts by kind; what it raises ends the export."""

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        selection: Selection,
        report_progress: Callable[[dict[str, int]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._selection = selection
        self._report_progress = report_progress
        self._suffix = qualifier(selection.project_id)
        self._counts: dict[str, int] = {}

    async def write(self, path: Path, created_at: int, metadata: dict[str, str]) -> dict[str, int]:
        """Returns the number of objects by kind."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=3) as archive:
            for kind, pages in self._selection.kinds():
                await self._write_kind(archive, kind, pages)
            await self._write_contents(archive)
            manifest = {"format": FORMAT, "created_at": created_at, "metadata": metadata, "counts": self._counts}
            archive.writestr("manifest.json", msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        return self._counts

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
                    await asyncio.to_thread(entry.write, _join(lines))
                    lines = []
                    await self._report_progress(self._counts)
                lines += await self._render_lines(kind, rows)
            await asyncio.to_thread(entry.write, _join(lines))
        await self._report_progress(self._counts)

    async def _render_lines(self, kind: str, rows: Sequence[tuple[str, str]]) -> list[str]:
        for _, line in rows:
            noun = "item" if kind == "message" and line.startswith(ITEM_START) else kind
            self._counts[noun] = self._counts.get(noun, 0) + 1
        return [line.replace(self._suffix, "") for line in await self._add_unknown(rows)]

    async def _add_unknown(self, rows: Sequence[tuple[str, str]]) -> list[str]:
        """The encoded objects with the members that their import set aside."""
        imported = [stored_id for stored_id, _ in rows if SEPARATOR in stored_id]
        unknown = await self._store.imports.load_unknown(imported) if imported else {}
        return [_merge(body, unknown[stored_id]) if stored_id in unknown else body for stored_id, body in rows]

    async def _write_contents(self, archive: zipfile.ZipFile) -> None:
        async for files in self._selection.stored_files():
            for file in files:
                if file.has_content:
                    await self._write_content(archive, f"files/{file.id}", file.blob)
            await self._report_progress(self._counts)
        async for batches in self._selection.stored_batches():
            for batch in batches:
                if batch.results is not None:
                    await self._write_content(archive, f"contents/{batch.id}.results", batch.results)
            await self._report_progress(self._counts)
        async for videos in self._selection.stored_videos():
            for video in videos:
                for one in video.files:
                    await self._write_content(archive, f"contents/{video.id}.{one.role}", one.blob)
                await self._report_progress(self._counts)

    async def _write_content(self, archive: zipfile.ZipFile, name: str, blob: str) -> None:
        try:
            async with self._blobs.reading(blob) as chunks:
                with archive.open(name.replace(self._suffix, ""), "w", force_zip64=True) as entry:
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

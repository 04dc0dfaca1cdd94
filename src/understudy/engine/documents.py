"""Documents in a message, as content parts of chat completions. Knows no message.

A document becomes its text, under its name; pages without text become images, for vision models.
"""

import asyncio
import base64
import binascii
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from understudy.blobs import Blobs
from understudy.engine import inline
from understudy.errors import BlobMissing
from understudy.llm.messages import ImagePart, ImageUrl, Part, TextPart
from understudy.retrieval.extract import ExtractionError, Extractor
from understudy.retrieval.naming import HEAD_BYTES, readable_name
from understudy.store import Store

# Above any model's context window; a longer document is truncated, with a note.
_MAX_CHARACTERS: Final = 2_000_000
# Limits of providers for the images of one request: pages, pixels per side, bytes.
_MAX_PAGES: Final = 20
_PAGE_EDGE_PIXELS: Final = 1568
_MAX_PAGES_BYTES: Final = 12 * 1024 * 1024
# The media type of a data URL is within this many characters.
_HEADER_BYTES: Final = 1024
logger = logging.getLogger(__name__)


class Documents:
    def __init__(self, store: Store, blobs: Blobs, extractor: Extractor, spool: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._spool = spool

    async def load(self, project_id: str, part: Mapping[str, Any], *, sees: bool = False) -> list[Part]:
        """The content parts of chat completions for a document, the first of them its text.

        `part` is `input_file` of responses or `file` of chat completions: it has a `file_id`, or `file_data` (base64,
        as a data URL or bare), and optionally `filename`. `sees`: the model accepts images, so pages without text
        follow as images. An unreadable document becomes a text with the error.
        """
        name = str(part.get("filename") or part.get("file_id") or "file")
        try:
            if part.get("file_id"):
                return await self._load_file(project_id, str(part["file_id"]), sees=sees)
            return await self._load_data(str(part.get("file_data") or ""), str(part.get("filename") or ""), sees=sees)
        except (ExtractionError, BlobMissing, LookupError, binascii.Error) as fault:
            return [TextPart(f"[The file {name!r} cannot be read: {fault}]")]

    async def read_page(self, data: bytes, media_type: str) -> str:
        """The text of a page of the web, read like a document. Raises ValueError with a sentence."""
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix="page-") as file:
            await asyncio.to_thread(_write_all, file, data)
            name = readable_name("page", media_type, data[:HEAD_BYTES])
            try:
                return await self._text_content(Path(file.name), name, None)
            except ExtractionError as fault:
                raise ValueError(fault.message) from None

    async def _load_file(self, project_id: str, file_id: str, *, sees: bool) -> list[Part]:
        files = await self._store.files.lookup(project_id, [file_id])
        if not files:
            raise LookupError(f"File {file_id!r} not found.")
        if not files[0].has_content:
            raise LookupError("It was imported without its content.")
        async with self._blobs.path(files[0].blob) as path:
            return await self._extract_parts(path, files[0].filename or file_id, "", sees=sees)

    async def _load_data(self, data: str, name: str, *, sees: bool) -> list[Part]:
        media_type, encoded = inline.split(data)
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix="input-") as file:
            await asyncio.to_thread(inline.decode_into, file, encoded)
            file.flush()
            charset = inline.declared_charset(data[:_HEADER_BYTES])
            return await self._extract_parts(Path(file.name), name or "file", media_type, charset, sees=sees)

    async def _extract_parts(
        self, path: Path, name: str, media_type: str, charset: str | None = None, *, sees: bool
    ) -> list[Part]:
        """Raises ExtractionError."""
        with path.open("rb") as file:
            read_as = readable_name(name, media_type, file.read(HEAD_BYTES))
        scanned = await self._render_scanned_pages(path, name) if sees and read_as.lower().endswith(".pdf") else []
        try:
            text = await self._text_content(path, read_as, charset)
        except ExtractionError:
            if not scanned:
                raise
            text = "[It has no text; its pages follow as images.]"
        return [TextPart(f"[File {name!r}]\n{text}\n[End of file {name!r}]"), *scanned]

    async def _text_content(self, path: Path, name: str, charset: str | None) -> str:
        """The text, with a note to the model for each unreadable part. Raises ExtractionError."""
        extracted = await self._extractor.text(path, name, charset)
        for warning in extracted.warnings:
            logger.warning("a document of a request was read in part: %s", warning)
        try:
            with extracted.path.open(encoding="utf-8") as file:
                text = file.read(_MAX_CHARACTERS + 1)
        finally:
            extracted.discard()
        notes = "".join(f"\n[Not read: {warning}]" for warning in extracted.warnings)
        if len(text) > _MAX_CHARACTERS:
            return text[:_MAX_CHARACTERS] + "\n[The rest is left out.]" + notes
        return text + notes

    async def _render_scanned_pages(self, path: Path, name: str) -> list[Part]:
        """The pages without text, each after its number. Raises ExtractionError."""
        scan = await self._extractor.render_scanned_pages(
            path, most=_MAX_PAGES, edge=_PAGE_EDGE_PIXELS, size=_MAX_PAGES_BYTES
        )
        parts: list[Part] = []
        for number, image in scan.pages:
            url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
            parts += [TextPart(f"[Page {number} of file {name!r}]"), ImagePart(ImageUrl(url))]
        if scan.left_out:
            parts.append(TextPart(f"[{len(scan.left_out)} more pages of file {name!r} without text are left out.]"))
        return parts


def _write_all(file: Any, data: bytes) -> None:
    file.write(data)
    file.flush()

"""Documents that stand in the middle of a message: their text, for models of any kind. Knows no message."""

import base64
import binascii
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from understudy.blobs import Blobs
from understudy.errors import BlobMissing
from understudy.retrieval.extract import ExtractionFailed, Extractor
from understudy.store import Store

# More than any model's window holds; the rest of a longer document is left out, and said to be.
_MOST_CHARACTERS: Final = 2_000_000


class Documents:
    def __init__(self, store: Store, blobs: Blobs, extractor: Extractor, spool: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._extractor = extractor
        self._spool = spool

    async def load(self, project_id: str, part: Mapping[str, Any]) -> str:
        """The text of an `input_file`, under its name; a sentence where there is none to be had."""
        name = part.get("filename") or part.get("file_id") or "file"
        try:
            if part.get("file_id"):
                name, text = await self._of_file(project_id, str(part["file_id"]))
            else:
                text = await self._of_data(str(part.get("file_data") or ""), str(name))
        except (ExtractionFailed, BlobMissing, LookupError, binascii.Error) as fault:
            return f"[The file {name!r} cannot be read: {fault}]"
        return f"[File {name!r}]\n{text}\n[End of file {name!r}]"

    async def _of_file(self, project_id: str, file_id: str) -> tuple[str, str]:
        found = await self._store.files.lookup(project_id, [file_id])
        if not found:
            raise LookupError(f"there is no File {file_id!r}.")
        async with self._blobs.path(found[0].blob) as path:
            return found[0].filename, await self._text(path, found[0].filename)

    async def _of_data(self, data: str, name: str) -> str:
        """`data` is base64, as a data URL or bare."""
        encoded = data.partition(",")[2] if data.startswith("data:") else data
        with tempfile.NamedTemporaryFile(dir=self._spool, prefix="input-") as file:
            file.write(base64.b64decode(encoded))
            file.flush()
            return await self._text(Path(file.name), name)

    async def _text(self, path: Path, name: str) -> str:
        extracted = await self._extractor.text(path, name)
        try:
            with extracted.path.open(encoding="utf-8") as file:
                text = file.read(_MOST_CHARACTERS + 1)
        finally:
            extracted.discard()
        return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "\n[The rest is left out.]"

"""Loads image Files as `data:` URLs for models. Knows no message."""

import base64
from typing import Final

from understudy.blobs import Blobs
from understudy.engine import inline
from understudy.errors import BlobMissing
from understudy.store import Store
from understudy.store.files import StoredFile

# The limit of the hosted models for one image.
_MAX_BYTES: Final = 20 * 1024 * 1024


class Images:
    def __init__(self, store: Store, blobs: Blobs) -> None:
        self._store = store
        self._blobs = blobs

    async def load(self, project_id: str, file_id: str) -> str | None:
        """None if the project has no such File, or if it is not an image or too large."""
        files = await self._store.files.lookup(project_id, [file_id])
        if not files or not files[0].has_content or files[0].bytes > _MAX_BYTES:
            return None
        content = bytearray()
        async with self._blobs.reading(files[0].blob) as chunks:
            async for chunk in chunks:
                content += chunk
        kind = inline.image_kind(bytes(content[:16]))
        return None if kind is None else f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

    async def kind(self, file: StoredFile) -> str | None:
        """`png`, `jpeg`, `gif` or `webp`, by its first bytes; None if the File is not an image or too large."""
        if file.bytes > _MAX_BYTES:
            return None
        try:
            async with self._blobs.reading(file.blob) as chunks:
                async for chunk in chunks:
                    return inline.image_kind(bytes(chunk[:16]))
        except BlobMissing:  # deleted since it was looked up
            return None
        return None

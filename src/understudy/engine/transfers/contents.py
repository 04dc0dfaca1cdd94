"""The bytes that an import copies into the blob store: those of files, of the results of batches, and of videos."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import BinaryIO, Final

from understudy.blobs import Blob
from understudy.engine.files import Files
from understudy.engine.transfers import report
from understudy.importing.objects import Kind, SpooledObjects
from understudy.importing.streams import DamagedStream
from understudy.wire.files import FileObject
from understudy.wire.transfers import ImportObject

_READ_BYTES: Final = 256 * 1024


class ContentCopier:
    """The copies have a hold until `stack` is closed; a dry run copies nothing."""

    def __init__(self, spool: SpooledObjects, files: Files, transfer: ImportObject, stack: AsyncExitStack) -> None:
        self._spool = spool
        self._files = files
        self._transfer = transfer
        self._stack = stack

    async def copy_file(self, public_id: str, file: FileObject) -> str:
        """The name of the blob with the file's bytes, which it counts; empty without them, which is reported."""
        blob, is_known = await self._copy("file", public_id, lambda: self._spool.open_content(public_id))
        if blob is not None:
            file.bytes = blob.size
        if not is_known:
            report.add_without_content(self._transfer.report, public_id)
        return "" if blob is None else blob.name

    async def copy_entry(self, kind: Kind, public_id: str, name: str) -> Blob | None:
        """The entry of our own export with this name; None without it, which is reported."""
        blob, is_known = await self._copy(kind, public_id, lambda: self._spool.open_blob(name))
        if not is_known:
            report.add_entry(self._transfer.report, kind, public_id, f"The input has no {name!r}.")
        return blob

    async def _copy(self, kind: Kind, public_id: str, open_: Callable[[], BinaryIO | None]) -> tuple[Blob | None, bool]:
        """The blob, None in a dry run, and whether the input has it undamaged."""
        try:
            content = await asyncio.to_thread(open_)
            if content is not None:
                with content:
                    return None if self._transfer.dry_run else await self._write(content), True
        except DamagedStream as error:
            report.add_entry(self._transfer.report, kind, public_id, f"Its content is damaged: {error}")
        return None, False

    async def _write(self, content: BinaryIO) -> Blob:
        draft = await self._stack.enter_async_context(self._files.open_draft())
        while chunk := await asyncio.to_thread(content.read, _READ_BYTES):
            await draft.write(chunk)
        return await draft.commit()


def has_content(spool: SpooledObjects, file_id: str) -> bool:
    content = spool.open_content(file_id)
    if content is not None:
        content.close()
    return content is not None

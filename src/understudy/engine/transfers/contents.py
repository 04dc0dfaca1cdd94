"""The bytes that an import copies into the blob store: those of files, of the results of batches, and of videos."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import BinaryIO, Final, cast

import msgspec

from understudy.blobs import Blob
from understudy.engine.files import BlobDraft, Files
from understudy.engine.item_data import MIN_CHARACTERS, ItemData
from understudy.engine.jobs.batch_results import write_anthropic, write_openai
from understudy.engine.transfers import detail_rows, job_rows, report, row_conversion
from understudy.engine.transfers.batch_lines import BatchLines
from understudy.importing.objects import Kind, RawObject, SpooledObjects
from understudy.importing.streams import DamagedStream
from understudy.store.batch_jobs import FinalStatus
from understudy.store.container_uploads import ContainerUpload
from understudy.store.import_rows import NewRow
from understudy.store.item_images import StoredImage
from understudy.store.video_rows import Role, VideoFile
from understudy.wire.files import FileObject
from understudy.wire.transfers import ImportObject

_READ_BYTES: Final = 256 * 1024
_DATA_COLUMNS: Final[Mapping[Kind, Sequence[int]]] = {"message": (5,), "chat_completion": (2, 3)}
"""The columns whose JSON has data that clients sent."""


class ContentCopier:
    """The copies are placed by `commit`, and have a hold until `stack` is closed; a dry run copies nothing."""

    def __init__(
        self, spool: SpooledObjects, files: Files, data: ItemData, transfer: ImportObject, stack: AsyncExitStack
    ) -> None:
        self._spool = spool
        self._files = files
        self._data = data
        self._transfer = transfer
        self._stack = stack
        self._sealed: list[BlobDraft] = []

    async def commit(self) -> None:
        """Places the copies, before rows name them; all wait for the disk together."""
        sealed, self._sealed = self._sealed, []
        await self._files.commit_all(sealed)

    async def copy_file(self, public_id: str, file: FileObject, *, has_bytes: bool) -> str:
        """The name of the blob with the file's bytes, which it counts; empty without them.

        That is reported, unless the project has them.
        """
        blob, is_known = await self._copy("file", public_id, lambda: self._spool.open_content(public_id))
        if blob is not None:
            file.bytes = blob.size
        if not is_known and not has_bytes:
            report.add_without_content(self._transfer.report, public_id)
        return "" if blob is None else blob.name

    async def add_contents(self, raw: RawObject, row: NewRow, project_id: str, now: int) -> NewRow:
        """The row of our own export with its bytes. Raises UnusableObject."""
        if raw.kind == "batch":
            if job_rows.is_unfinished(row):
                return await self._end_batch(raw, row, now)
            if not raw.body["row"].get("has_results"):
                return row
            results = await self.copy_entry("batch", raw.id, f"{raw.id}.results")
            return row if results is None else job_rows.with_results(row, results.name)
        copied = []
        for part, name in row_conversion.list_contents(raw):
            blob = await self.copy_entry(raw.kind, raw.id, name)
            if blob is not None:
                copied.append((part, blob))
        if raw.kind == "video":
            return job_rows.with_files(row, [VideoFile(cast("Role", role), one.name, one.size) for role, one in copied])
        if raw.kind == "container":
            uploads = [ContainerUpload(name, one.name, one.size) for name, one in copied]
            return detail_rows.with_uploads(row, uploads)
        parts = [detail_rows.to_part(part, project_id, one.size, one.name) for part, one in copied]
        return detail_rows.with_parts(row, parts)

    async def add_images(self, raw: RawObject, row: NewRow) -> NewRow:
        """The row of our own export, of an item or a response, with its images."""
        images = []
        for item_id in row_conversion.list_images(raw) if row_conversion.is_row(raw) else ():
            blob = await self.copy_entry(raw.kind, raw.id, f"{item_id}.image", detached=True)
            if blob is not None:
                images.append(StoredImage(item_id, blob.name, blob.size))
        return msgspec.structs.replace(row, images=images) if images else row

    async def add_data(self, kind: Kind, row: NewRow) -> NewRow:
        """The row of an item or a stored chat, with markers in place of its base64."""
        columns = _DATA_COLUMNS.get(kind, ())
        if self._transfer.dry_run or all(len(row.values[column]) < MIN_CHARACTERS for column in columns):
            return row
        values, images = list(row.values), list(row.images)
        for column in columns:
            values[column], blobs = await self._data.save_imported(values[column])
            images += blobs
        return msgspec.structs.replace(row, values=tuple(values), images=images)

    async def _end_batch(self, raw: RawObject, row: NewRow, now: int) -> NewRow:
        """A batch that had not ended has ended with the lines that were done: the others are never executed here."""
        dialect, before, job = job_rows.read_job(row)
        status: FinalStatus = "completed" if before == "finalizing" else "cancelled"
        job.cancelling_at = job.cancelling_at or (float(now) if status == "cancelled" else None)
        setattr(job, f"{status}_at", float(now))
        if self._transfer.dry_run:
            return job_rows.end_batch(row, status, job, 0, 0)
        lines = BatchLines(self._spool, f"{raw.id}.lines")
        good = await self._stack.enter_async_context(self._files.open_draft())
        if dialect == "anthropic":
            output = await write_anthropic(lines.read(), good, "cancelled")
        else:
            bad = await self._stack.enter_async_context(self._files.open_draft())
            output = await write_openai(job, lines.read(), good, bad, "cancelled", now)
        if lines.problem is not None:
            report.add_entry(self._transfer.report, raw.kind, raw.id, lines.problem)
        if output.results is not None:
            row = job_rows.with_results(row, output.results)
        outputs = [one for one in (output.output, output.errors) if one is not None]
        job.output_file_id = None if output.output is None else output.output[0].id
        job.error_file_id = None if output.errors is None else output.errors[0].id
        ended = job_rows.end_batch(row, status, job, lines.completed, lines.failed)
        return msgspec.structs.replace(ended, outputs=outputs)

    async def copy_entry(self, kind: Kind, public_id: str, name: str, *, detached: bool = False) -> Blob | None:
        """The entry of our own export with this name; None without it, which is reported.

        `detached`: its hold ends by itself, so that any number of copies needs no open files.
        """
        open_ = partial(self._spool.open_blob, name)
        blob, is_known = await self._copy(kind, public_id, open_, detached=detached)
        if not is_known:
            report.add_entry(self._transfer.report, kind, public_id, f"The input has no {name!r}.")
        return blob

    async def _copy(
        self, kind: Kind, public_id: str, open_: Callable[[], BinaryIO | None], *, detached: bool = False
    ) -> tuple[Blob | None, bool]:
        """The blob, None in a dry run, and whether the input has it undamaged."""
        try:
            content, head = await asyncio.to_thread(_open, open_, 0 if self._transfer.dry_run else _READ_BYTES)
            if content is not None:
                with content:
                    if self._transfer.dry_run:
                        return None, True
                    return await self._write_blob(content, head, detached=detached), True
        except DamagedStream as error:
            report.add_entry(self._transfer.report, kind, public_id, f"Its content is damaged: {error}")
        return None, False

    async def _write_blob(self, content: BinaryIO, head: bytes, *, detached: bool) -> Blob:
        if detached:
            async with self._files.open_draft() as draft:
                await _copy_into(draft, content, head)
                blob = await draft.commit()
                draft.detach()
                return blob
        draft = await self._stack.enter_async_context(self._files.open_draft())
        await _copy_into(draft, content, head)
        blob = await draft.seal()
        self._sealed.append(draft)
        return blob


def _open(open_: Callable[[], BinaryIO | None], size: int) -> tuple[BinaryIO | None, bytes]:
    """Opens an entry and reads up to `size` bytes of it: most files are short, and each turn of a thread costs time.

    Raises DamagedStream.
    """
    content = open_()
    if content is None:
        return None, b""
    try:
        return content, content.read(size)
    except BaseException:
        content.close()
        raise


async def _copy_into(draft: BlobDraft, content: BinaryIO, head: bytes) -> None:
    """Copies what follows `head`, the first `_READ_BYTES` or all, as well."""
    chunk = head
    while chunk:
        await draft.write(chunk)
        is_last = len(chunk) < _READ_BYTES
        chunk = b"" if is_last else await asyncio.to_thread(content.read, _READ_BYTES)


def has_content(spool: SpooledObjects, file_id: str) -> bool:
    content = spool.open_content(file_id)
    if content is not None:
        content.close()
    return content is not None

"""Uploads: parts arrive in any order and become one file. Knows no HTTP and no SQL.

Completing copies the parts into one blob outside of any transaction; only then does one transaction make the file and
end the upload. A concurrent second request, in this process or another, finds it completed.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from weakref import WeakValueDictionary

from understudy import ids
from understudy.blobs import Blobs
from understudy.clock import Clock
from understudy.engine.files import BlobDraft, Files, new_file
from understudy.errors import BlobMissing, BodyTooLarge, InvalidRequest
from understudy.store import Store
from understudy.store.qualified_ids import SEPARATOR
from understudy.store.uploads import StoredPart, StoredUpload
from understudy.wire.files import FileObject, Purpose, StoredPurpose
from understudy.wire.uploads import Upload, UploadPart

_LIFETIME_SECONDS = 3600
_NOT_PENDING_MESSAGE = (
    "Upload '{id}' is {status} and does not accept parts, completion or cancellation. Create another one."
)


class Uploads:
    """Every method raises NotFound for an unknown upload, and InvalidRequest if its status does not allow it."""

    def __init__(self, store: Store, blobs: Blobs, files: Files, clock: Clock, limit: int) -> None:
        self._store = store
        self._blobs = blobs
        self._files = files
        self._clock = clock
        self.limit = limit
        self._completing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def create(
        self, project_id: str, filename: str, purpose: Purpose, size: int, file_seconds: int | None
    ) -> Upload:
        """`file_seconds` is the lifetime of the file; None for the default of its purpose."""
        now = int(self._clock.now())
        upload = Upload(
            id=ids.upload(),
            bytes=size,
            created_at=now,
            filename=filename,
            purpose=purpose,
            expires_at=now + _LIFETIME_SECONDS,
        )
        await self._store.uploads.create(project_id, upload, file_seconds)
        return upload

    async def check_pending(self, project_id: str, upload_id: str) -> Upload:
        """The upload. Raises InvalidRequest before expensive work if it is not pending."""
        stored = await self._store.uploads.get(project_id, upload_id)
        if stored.upload.status != "pending":
            raise _not_pending_error(stored)
        return stored.upload

    async def add_part(
        self, project_id: str, upload_id: str, draft: BlobDraft, *, most_stored: int | None = None
    ) -> UploadPart:
        """Creates a part from the written bytes.

        Raises BodyTooLarge, and InvalidRequest if the project would store more bytes than `most_stored`.
        """
        blob = await draft.commit()
        part = UploadPart(id=ids.part(), created_at=int(self._clock.now()), upload_id=upload_id)
        refused = await self._store.uploads.add_part(project_id, part, blob.size, blob.name, self.limit, most_stored)
        if refused is None:
            return part
        if refused.upload.status != "pending":
            raise _not_pending_error(refused)
        raise BodyTooLarge(
            f"The parts of upload {upload_id!r} are too large together. The limit is {self.limit} bytes."
        )

    async def complete(
        self, project_id: str, upload_id: str, part_ids: Sequence[str], md5: str | None, *, most_stored: int | None
    ) -> Upload:
        """Idempotent: the same parts return the same upload with the same file.

        Raises InvalidRequest if the project would store more bytes than `most_stored`.
        """
        async with self._completing.setdefault(upload_id, asyncio.Lock()):
            stored = await self._store.uploads.get(project_id, upload_id)
            if stored.upload.status == "pending":
                stored = await self._complete_upload(project_id, stored, part_ids, md5, most_stored)
        if stored.upload.status != "completed" or _public(stored.part_ids) != _public(part_ids):
            raise _not_pending_error(stored)
        return stored.upload

    async def cancel(self, project_id: str, upload_id: str) -> Upload:
        stored, done = await self._store.uploads.cancel(project_id, upload_id)
        if not done and stored.upload.status != "cancelled":
            raise _not_pending_error(stored)
        return stored.upload

    async def _complete_upload(
        self,
        project_id: str,
        stored: StoredUpload,
        part_ids: Sequence[str],
        md5: str | None,
        most_stored: int | None,
    ) -> StoredUpload:
        upload = stored.upload
        parts = _select_parts(upload, await self._store.uploads.parts(upload.id), part_ids)
        purpose: StoredPurpose = upload.purpose  # type: ignore[assignment]  # checked when the upload was made
        # As in the hosted API, a file has the creation time of its upload.
        file = new_file(upload.filename, purpose, upload.bytes, upload.created_at, stored.file_seconds)
        try:
            return await self._join_parts(project_id, upload, parts, file, md5, most_stored)
        except BlobMissing:
            # A concurrent request ended the upload and deleted its parts.
            return await self._store.uploads.get(project_id, upload.id)

    async def _join_parts(
        self,
        project_id: str,
        upload: Upload,
        parts: Sequence[StoredPart],
        file: FileObject,
        md5: str | None,
        most_stored: int | None,
    ) -> StoredUpload:
        digest = hashlib.md5(usedforsecurity=False) if md5 is not None else None
        async with self._files.open_draft() as draft:
            async for chunk in self._iterate_contents(parts):
                if digest is not None:
                    digest.update(chunk)
                await draft.write(chunk)
            if digest is not None and digest.hexdigest() != (md5 or "").strip().lower():
                raise InvalidRequest(
                    f"The MD5 checksum of the uploaded bytes is '{digest.hexdigest()}', which does not match the"
                    f" provided {md5!r}. Check the order of 'part_ids', and send what arrived differently again.",
                    param="md5",
                    code="checksum_mismatch",
                )
            blob = await draft.commit()
            ids_used = [part.id for part in parts]
            return await self._store.uploads.complete(project_id, upload.id, file, blob.name, ids_used, most_stored)

    async def _iterate_contents(self, parts: Sequence[StoredPart]) -> AsyncIterator[bytes]:
        for part in parts:
            async with self._blobs.reading(part.blob) as chunks:
                async for chunk in chunks:
                    yield chunk


def _public(part_ids: Sequence[str]) -> list[str]:
    """As a client knows them: the parts of a completed upload are gone, so that theirs are not completed any more."""
    return [part_id.partition(SEPARATOR)[0] for part_id in part_ids]


def _select_parts(upload: Upload, parts: Sequence[StoredPart], part_ids: Sequence[str]) -> list[StoredPart]:
    """The parts in the requested order. Raises InvalidRequest if they do not form the whole upload."""
    available = {part.id: part for part in parts}
    for index, part_id in enumerate(part_ids):
        if part_id not in available:
            raise InvalidRequest(
                f"Invalid 'part_ids[{index}]': upload '{upload.id}' has no part with id {part_id!r}.",
                param=f"part_ids[{index}]",
                code="invalid_value",
            )
    if len(set(part_ids)) != len(part_ids):
        raise InvalidRequest(
            "Invalid 'part_ids': a part is named twice. Name each part once, in the order of the file.",
            param="part_ids",
            code="invalid_value",
        )
    chosen = [available[part_id] for part_id in part_ids]
    if (total := sum(part.bytes for part in chosen)) != upload.bytes:
        raise InvalidRequest(
            f"The parts have {total} bytes together, but upload '{upload.id}' was created for {upload.bytes} bytes.",
            param="part_ids",
            code="invalid_value",
        )
    return chosen


def _not_pending_error(stored: StoredUpload) -> InvalidRequest:
    return InvalidRequest(_NOT_PENDING_MESSAGE.format(id=stored.upload.id, status=stored.upload.status))

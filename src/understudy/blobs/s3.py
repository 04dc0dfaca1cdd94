"""Blobs as objects of an S3-compatible store. Bytes are spooled to the local disk, and uploaded once they are whole.

So a client that goes away costs the store nothing, a part is sent again from the disk, and memory holds a few parts,
however many files are under way. What a crash leaves in the store has a name that was written down before.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from functools import partial
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from understudy.blobs.blob import ID_FILE, Blob, StoredBlob, Writing
from understudy.blobs.directory import blob_missing_error, check_name, is_blob_name
from understudy.blobs.spool import Disk, SealedFile, Spool, SpooledFile, SpooledWriting
from understudy.errors import BlobMissing, StoreError
from understudy.settings import BlobSettings

# Parts of 8 MB, of which a store takes 10,000: far more than the largest upload has.
_PART = 8 * 1024 * 1024
_PARTS_AT_ONCE = 4
_READ = 256 * 1024
_ID_BYTES = 1024
_NOT_FOUND_CODES = {"NoSuchKey", "404", "NotFound"}
_RETRIES = 3
# The limit of a request with its retries. Sending a part may take longer than a reply to it.
_SECONDS = 20.0
_PART_SECONDS = 180.0
_ANY_REGION = "us-east-1"


class S3Blobs:
    def __init__(self, settings: BlobSettings, client: Any, stack: AsyncExitStack, spool: Path) -> None:
        self._bucket = settings.bucket or ""
        self._prefix = settings.prefix or ""
        self._client = client
        self._stack = stack
        self._disk = Disk()
        self._spool = Spool(spool, self._disk)
        self._sending = asyncio.Semaphore(_PARTS_AT_ONCE)

    @classmethod
    async def connect(cls, settings: BlobSettings, spool: Path) -> "S3Blobs":
        """Raises StoreError where the bucket cannot be reached with what the settings say."""
        stack = AsyncExitStack()
        config = AioConfig(
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": _RETRIES, "mode": "standard"},
            # Other vendors' stores have buckets in the path and may not support the newest checksums.
            s3={"addressing_style": "path" if settings.endpoint else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        creating = get_session().create_client(
            "s3",
            # Other stores than AWS have no regions, but a signature needs one.
            region_name=settings.region or (_ANY_REGION if settings.endpoint else None),
            endpoint_url=settings.endpoint,
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            config=config,
        )
        try:
            with _translate_errors(f"The bucket {settings.bucket!r} cannot be used"):
                client = await stack.enter_async_context(creating)
                await client.head_bucket(Bucket=settings.bucket)
        except BaseException:
            await stack.aclose()
            raise
        return cls(settings, client, stack, spool)

    def writing(self) -> AbstractAsyncContextManager[Writing]:
        return self._spool.writing(self._place)

    @asynccontextmanager
    async def reading(self, name: str, start: int = 0, stop: int | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        key = self._key(name)
        if stop is not None and stop <= start:
            if not await self.exists(name):
                raise blob_missing_error(name)
            yield _empty_body()
            return
        span = f"bytes={start}-{'' if stop is None else stop - 1}"
        parameters: dict[str, Any] = {"Range": span} if start or stop is not None else {}
        with _translate_errors("The blob store failed", name):
            reply = await self._call("get_object", Key=key, **parameters)
        async with reply["Body"] as body, aclosing(_chunks(body)) as chunks:
            yield chunks

    @asynccontextmanager
    async def path(self, name: str) -> AsyncIterator[Path]:
        async with self._spool.file() as file, self.reading(name) as chunks:
            async for chunk in chunks:
                await self._disk.run(partial(file.write, bytearray(chunk)))
            yield file.path

    async def exists(self, name: str) -> bool:
        key = self._key(name)
        try:
            with _translate_errors("The blob store failed", name):
                await self._call("head_object", Key=key)
        except BlobMissing:
            return False
        return True

    async def delete(self, name: str) -> None:
        key = self._key(name)
        with _translate_errors("The blob store failed"):
            # Parts of an upload that its writer could neither complete nor abort.
            unfinished = await self._call("list_multipart_uploads", Prefix=key)
            for upload in unfinished.get("Uploads", ()):
                await self._abort(key, upload["UploadId"])
            await self._call("delete_object", Key=key)

    @property
    def location(self) -> str:
        prefix = f" (prefix {self._prefix!r})" if self._prefix else ""
        return f"the bucket {self._bucket!r}{prefix}"

    @property
    def id_location(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}{ID_FILE}"

    async def read_id(self) -> str | None:
        try:
            with _translate_errors("The blob store failed", ID_FILE):
                reply = await self._call("get_object", Key=self._prefix + ID_FILE)
        except BlobMissing:
            return None
        async with reply["Body"] as body:
            with _translate_errors("The blob store failed"):
                text = (await body.read(_ID_BYTES)).decode("utf-8", "replace")
        return text.strip() or None

    async def write_id(self, location_id: str) -> None:
        with _translate_errors("The blob store failed"):
            body = f"{location_id}\n".encode()
            await self._call("put_object", Key=self._prefix + ID_FILE, Body=body)

    async def listing(self) -> AsyncGenerator[StoredBlob]:
        token: dict[str, Any] = {}
        while True:
            with _translate_errors("The blob store failed"):
                page = await self._call("list_objects_v2", Prefix=self._prefix, **token)
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(self._prefix).replace("/", "", 1)
                if is_blob_name(name):
                    yield StoredBlob(name, entry["Size"], entry["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    async def count_stale(self) -> int:
        return await self._spool.count_stale()

    async def sweep(self) -> None:
        await self._spool.sweep()

    async def close(self) -> None:
        await self._stack.aclose()
        self._disk.close()

    async def place_all(self, writings: Sequence[Writing]) -> None:
        await self._place([writing.sealed for writing in cast("Sequence[SpooledWriting]", writings)])

    async def _place(self, sealed: Sequence[SealedFile]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for file, blob in sealed:
                    group.create_task(self._place_one(file, blob))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _place_one(self, file: SpooledFile, blob: Blob) -> None:
        key = self._key(blob.name)
        with _translate_errors("The blob store failed"):
            if blob.size <= _PART:
                async with self._sending:
                    body = await self._read_part(file, 0)
                    await self._call("put_object", _PART_SECONDS, Key=key, Body=body)
            else:
                await self._place_in_parts(file, key, blob.size)

    async def _place_in_parts(self, file: SpooledFile, key: str, size: int) -> None:
        upload = await self._call("create_multipart_upload", Key=key)
        upload_id = upload["UploadId"]
        try:
            async with asyncio.TaskGroup() as group:
                sending = [
                    group.create_task(self._upload_part(file, key, upload_id, number))
                    for number in range(-(-size // _PART))
                ]
            parts = [{"PartNumber": number + 1, "ETag": task.result()} for number, task in enumerate(sending)]
            await self._call(
                "complete_multipart_upload",
                _PART_SECONDS,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )
        except BaseException as error:
            await asyncio.shield(asyncio.ensure_future(self._abort(key, upload_id)))
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from None
            raise

    async def _upload_part(self, file: SpooledFile, key: str, upload_id: str, number: int) -> str:
        async with self._sending:
            body = await self._read_part(file, number)
            sent = await self._call(
                "upload_part", _PART_SECONDS, Key=key, UploadId=upload_id, PartNumber=number + 1, Body=body
            )
        return str(sent["ETag"])

    async def _read_part(self, file: SpooledFile, number: int) -> bytes:
        return await self._disk.run(partial(os.pread, file.descriptor, _PART, number * _PART))

    async def _abort(self, key: str, upload_id: str) -> None:
        # After a failure the sweep of the recorded name aborts it again.
        with suppress(StoreError), _translate_errors("The blob store failed"):
            await self._call("abort_multipart_upload", Key=key, UploadId=upload_id)

    async def _call(self, operation: str, seconds: float = _SECONDS, **parameters: Any) -> Any:
        """A request to the bucket with its retries, limited in time."""
        async with asyncio.timeout(seconds):
            return await getattr(self._client, operation)(Bucket=self._bucket, **parameters)

    def _key(self, name: str) -> str:
        check_name(name)
        return f"{self._prefix}{name[:2]}/{name[2:]}"


@contextmanager
def _translate_errors(what: str, name: str | None = None) -> Iterator[None]:
    """Raises BlobMissing if the object `name` does not exist, StoreError for all other errors."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _NOT_FOUND_CODES and name is not None:
            raise blob_missing_error(name) from None
        raise StoreError(f"{what}: {error}.") from None
    except (BotoCoreError, aiohttp.ClientError, TimeoutError, OSError) as error:
        reason = "timed out" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise StoreError(f"{what}: {reason}.") from None


async def _chunks(body: Any) -> AsyncGenerator[bytes]:
    with _translate_errors("The blob store failed"):
        while chunk := await body.read(_READ):
            yield chunk


async def _empty_body() -> AsyncGenerator[bytes]:
    return
    yield b""

"""The bytes of files, behind one Protocol: a local directory, or an S3-compatible store."""

from pathlib import Path

from understudy.blobs.blob import Blob, Blobs, StoredBlob, Writing
from understudy.blobs.directory import DirectoryBlobs
from understudy.errors import SettingsError
from understudy.settings import BlobSettings

__all__ = ["Blob", "Blobs", "DirectoryBlobs", "StoredBlob", "Writing", "open_blobs"]

_DIRECTORY = "blobs"
_UNFINISHED_FOLDER = "unfinished"


async def open_blobs(settings: BlobSettings, data: Path) -> Blobs:
    """The blob store of the settings; a local one is inside the data directory. Raises SettingsError and StoreError."""
    if settings.kind == "directory":
        return DirectoryBlobs(data / _DIRECTORY, data / _DIRECTORY / _UNFINISHED_FOLDER)
    if settings.bucket is None:
        raise SettingsError("`blobs.bucket` is not set; with `blobs.kind` 's3' it must be the name of a bucket.")
    try:
        from understudy.blobs.s3 import S3Blobs  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            f"`blobs.kind` 's3' needs packages that are not installed ({error}); run `pip install 'understudy[s3]'`."
        ) from None
    return await S3Blobs.connect(settings, data / _DIRECTORY / _UNFINISHED_FOLDER)

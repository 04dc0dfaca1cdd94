"""The bytes of files, behind one Protocol: a local directory, or an S3-compatible store."""

from understudy.blobs.blob import Blob, Blobs, Writing
from understudy.blobs.directory import DirectoryBlobs

__all__ = ["Blob", "Blobs", "DirectoryBlobs", "Writing"]

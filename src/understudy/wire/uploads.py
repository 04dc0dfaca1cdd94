"""Uploads: a file in parts. Source: the hosted API's operations createUpload to cancelUpload."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from understudy.wire.files import FileExpirationAfter, FileObject, Purpose

PART_BYTES = 64 * 1024 * 1024
"""What a part may have at most; the SDKs send parts of just this size."""


class Upload(Struct, kw_only=True):
    """`expires_at` is when the upload itself ends; only a completed one has a file."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"] = "pending"
    expires_at: int
    file: FileObject | UnsetType = UNSET


class UploadPart(Struct, kw_only=True):
    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


class CreateUploadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    filename: Annotated[str, Meta(min_length=1)]
    purpose: Purpose
    bytes: Annotated[int, Meta(ge=1)]
    mime_type: str
    expires_after: FileExpirationAfter | None = None


class AddUploadPartRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """`data` is, once the bytes are written, the name that came with them."""

    data: Annotated[str, Meta(extra_json_schema={"format": "binary"})]


class CompleteUploadRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    part_ids: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    md5: str | None = None

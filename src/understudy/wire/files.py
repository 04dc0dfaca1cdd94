"""Files. Source: the hosted API's operations createFile to downloadFile."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Purpose = Literal["fine-tune", "assistants", "batch", "user_data", "vision", "evals"]
"""What a client may upload a file for, in the order in which the hosted API lists them."""

StoredPurpose = Literal[
    "assistants",
    "assistants_output",
    "batch",
    "batch_output",
    "fine-tune",
    "fine-tune-results",
    "vision",
    "user_data",
    "evals",
]


class FileObject(Struct, kw_only=True):
    object: Literal["file"] = "file"
    id: str
    purpose: StoredPurpose
    filename: str
    bytes: int
    created_at: int
    expires_at: int | None = None
    status: Literal["uploaded", "processed", "error"] = "processed"
    status_details: str | None = None


class FileExpirationAfter(Struct, kw_only=True, forbid_unknown_fields=True):
    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3600, le=2_592_000)]


class DeleteFileResponse(Struct, kw_only=True):
    object: Literal["file"] = "file"
    deleted: bool = True
    id: str


class ListFilesResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

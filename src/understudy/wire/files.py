"""Files. Source: the hosted API's operations createFile to downloadFile."""

from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

Purpose = Literal["fine-tune", "assistants", "batch", "user_data", "vision", "evals"]
"""What a client may upload a file for, in the order in which the hosted API lists them."""

PURPOSES: tuple[str, ...] = get_args(Purpose)

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


class CreateFileRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """The form of an upload. `file` is, once the bytes are written, the name that came with them."""

    file: Annotated[str, Meta(extra_json_schema={"format": "binary"})]
    purpose: Purpose
    expires_after: FileExpirationAfter | None = None
    filename: Annotated[str | None, Meta(description="A name to use instead of the one sent with the file.")] = None


class ListFilesQuery(Struct, frozen=True, kw_only=True):
    purpose: Annotated[str | None, Meta(description="Only files with this purpose.")] = None
    limit: Annotated[int, Meta(ge=1, le=10_000, description="How many files a page holds at most.")] = 10_000
    order: Annotated[Literal["asc", "desc"], Meta(description="By time of creation: oldest or newest first.")] = "desc"
    after: Annotated[str | None, Meta(description="The file before the page: its id.")] = None
    q: Annotated[str | None, Meta(description="Only files with this text in their id or name.")] = None


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


class DownloadLink(Struct, kw_only=True):
    """`url` works once, until `expires_at` in Unix seconds, and needs no key."""

    object: Literal["file.download_link"] = "file.download_link"
    file_id: str
    url: str
    expires_at: int

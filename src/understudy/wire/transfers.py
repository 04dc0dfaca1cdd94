"""Imports, exports and deletions of a project's objects. This server's own operations."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.wire.tools import Metadata

TransferStatus = Literal["queued", "in_progress", "cancelling", "completed", "failed", "cancelled"]
OnConflict = Literal["skip", "replace", "fail"]
EXISTS = "The project has an object with this id."
"""The reason of an entry for an object that was skipped, since it is there."""


class TransferError(Struct):
    code: str
    message: str


class TransferProgress(Struct):
    """`done` objects of `total`; `total` is null until the input was read."""

    done: int = 0
    total: int | None = None


class ReportEntry(Struct):
    """An object, or a place in the input, that was not imported, and why."""

    kind: str
    id: str
    reason: str


class ImportReport(Struct, kw_only=True):
    """Counts are by kind. `entries` has the first thousand of what was skipped, and `entries_left_out` counts the rest.

    `without_content` are the first thousand files without bytes. `unknown_members` counts members that this server
    does not know, by `kind.member`; they are stored beside the object and are in exports again.
    """

    imported: dict[str, int] = {}
    replaced: dict[str, int] = {}
    skipped: dict[str, int] = {}
    entries: list[ReportEntry] = []
    entries_left_out: int = 0
    without_content: list[str] = []
    files_without_content: int = 0
    unknown_members: dict[str, int] = {}


class TransferObject(Struct, kw_only=True):
    id: str
    created_at: int
    status: TransferStatus = "queued"
    started_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    cancelled_at: int | None = None
    error: TransferError | None = None
    progress: TransferProgress


class ImportObject(TransferObject, kw_only=True, tag_field="object", tag="import"):
    filename: str
    bytes: int
    dry_run: bool = False
    on_conflict: OnConflict = "skip"
    report: ImportReport


class ExportObject(TransferObject, kw_only=True, tag_field="object", tag="export"):
    """`bytes` is the size of the archive, null before it is completed; `exported` counts objects by kind."""

    metadata: dict[str, str]
    bytes: int | None = None
    exported: dict[str, int] = {}


class DeletionObject(TransferObject, kw_only=True, tag_field="object", tag="deletion"):
    """`deleted` counts objects by kind; with `dry_run` those that would be deleted."""

    metadata: dict[str, str]
    dry_run: bool = False
    deleted: dict[str, int] = {}


class ExportDownloadLink(Struct, kw_only=True):
    """`url` works once, until `expires_at` in Unix seconds, and needs no key."""

    object: Literal["export.download_link"] = "export.download_link"
    export_id: str
    url: str
    expires_at: int


class CreateImportRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """The form of an upload. `file` is, once the bytes are written, the name that came with them."""

    file: Annotated[str, Meta(extra_json_schema={"format": "binary"})]
    dry_run: Annotated[bool, Meta(description="Read and check everything, and store nothing.")] = False
    on_conflict: Annotated[
        OnConflict, Meta(description="What to do with an object whose id the project has: skip, replace, or fail.")
    ] = "skip"


class CreateExportRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Annotated[
        Metadata | None, Meta(description="Only objects with these pairs, and what belongs to them.")
    ] = None


class CreateDeletionRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    metadata: Annotated[Metadata, Meta(min_length=1, description="Which objects to delete: those with these pairs.")]
    dry_run: Annotated[bool, Meta(description="Count the objects, and delete nothing.")] = False


class ListImportsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ImportObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListExportsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[ExportObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ListDeletionsResponse(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[DeletionObject]
    first_id: str | None
    last_id: str | None
    has_more: bool

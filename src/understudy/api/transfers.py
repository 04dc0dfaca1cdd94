"""Imports, exports and deletions of a project's objects over HTTP: jobs that a client creates, follows and cancels."""

from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.files import FileContent, parse_range
from understudy.api.metering import check_storage
from understudy.api.multipart import Form, form_too_large, read_form
from understudy.api.operations import BYTES, EXTENSIONS, OperationGroup
from understudy.api.parts import Parts, parts_of, project_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.errors import Conflict
from understudy.store.files import StoredFile
from understudy.store.transfers import TransferKind
from understudy.wire import queries
from understudy.wire.parsing import InvalidBody, explain
from understudy.wire.queries import ListQuery
from understudy.wire.transfers import (
    CreateDeletionRequest,
    CreateExportRequest,
    CreateImportRequest,
    DeletionObject,
    ExportObject,
    ImportObject,
    ListDeletionsResponse,
    ListExportsResponse,
    ListImportsResponse,
    TransferObject,
)

operations = OperationGroup(EXTENSIONS)

T = TypeVar("T", bound=TransferObject)


@operations.add(
    "createImport",
    "POST",
    "/imports",
    summary="Import objects with their ids: an archive, JSON, JSON Lines or CSV.",
    request=CreateImportRequest,
    form=True,
    response=ImportObject,
)
async def create_import(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    async with parts.files.open_draft() as draft:
        form = await read_form(request, "file", draft, lambda _: limits.import_bytes, limits.upload_silence)
        body = _parse_form(form)
        if form.size > limits.import_bytes:
            raise form_too_large(limits.import_bytes)
        created = await parts.transfers.create_import(
            project_of(request), body.file, await draft.commit(), dry_run=body.dry_run, on_conflict=body.on_conflict
        )
    return struct_response(created)


@operations.add(
    "listImports", "GET", "/imports", summary="List imports.", query=ListQuery, response=ListImportsResponse
)
async def list_imports(request: Request) -> Response:
    return await _list_transfers(request, "import", ImportObject, ListImportsResponse)


@operations.add("retrieveImport", "GET", "/imports/{import_id}", summary="Retrieve an import.", response=ImportObject)
async def retrieve_import(request: Request) -> Response:
    return await _retrieve_transfer(request, "import")


@operations.add(
    "cancelImport",
    "POST",
    "/imports/{import_id}/cancel",
    summary="Cancel an import; the objects that it has imported remain.",
    response=ImportObject,
)
async def cancel_import(request: Request) -> Response:
    return await _cancel_transfer(request, "import")


@operations.add(
    "createExport",
    "POST",
    "/exports",
    summary="Export the project's objects, or those with pairs of metadata, as an archive.",
    request=CreateExportRequest,
    request_optional=True,
    response=ExportObject,
)
async def create_export(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateExportRequest, parts.settings.limits, empty=True)
    await check_storage(request, 1)
    return struct_response(await parts.transfers.create_export(project_of(request), body.metadata or {}))


@operations.add(
    "listExports", "GET", "/exports", summary="List exports.", query=ListQuery, response=ListExportsResponse
)
async def list_exports(request: Request) -> Response:
    return await _list_transfers(request, "export", ExportObject, ListExportsResponse)


@operations.add("retrieveExport", "GET", "/exports/{export_id}", summary="Retrieve an export.", response=ExportObject)
async def retrieve_export(request: Request) -> Response:
    return await _retrieve_transfer(request, "export")


@operations.add(
    "downloadExport",
    "GET",
    "/exports/{export_id}/content",
    summary="Retrieve the archive of a completed export, or a range of it.",
    response=BYTES,
    binary=True,
)
async def download_export(request: Request) -> Response:
    return await open_export(request, project_of(request), request.path_params["export_id"])


@operations.add(
    "cancelExport", "POST", "/exports/{export_id}/cancel", summary="Cancel an export.", response=ExportObject
)
async def cancel_export(request: Request) -> Response:
    return await _cancel_transfer(request, "export")


@operations.add(
    "deleteExport",
    "DELETE",
    "/exports/{export_id}",
    summary="Delete an ended export with its archive.",
    response=ExportObject,
)
async def delete_export(request: Request) -> Response:
    export_id = request.path_params["export_id"]
    return struct_response(await parts_of(request).store.transfers.delete(project_of(request), "export", export_id))


@operations.add(
    "createDeletion",
    "POST",
    "/deletions",
    summary="Delete everything with pairs of metadata: threads, what belongs to them, and other objects.",
    request=CreateDeletionRequest,
    response=DeletionObject,
)
async def create_deletion(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateDeletionRequest, parts.settings.limits)
    created = await parts.transfers.create_deletion(project_of(request), body.metadata, dry_run=body.dry_run)
    return struct_response(created)


@operations.add(
    "listDeletions", "GET", "/deletions", summary="List deletions.", query=ListQuery, response=ListDeletionsResponse
)
async def list_deletions(request: Request) -> Response:
    return await _list_transfers(request, "deletion", DeletionObject, ListDeletionsResponse)


@operations.add(
    "retrieveDeletion", "GET", "/deletions/{deletion_id}", summary="Retrieve a deletion.", response=DeletionObject
)
async def retrieve_deletion(request: Request) -> Response:
    return await _retrieve_transfer(request, "deletion")


@operations.add(
    "cancelDeletion",
    "POST",
    "/deletions/{deletion_id}/cancel",
    summary="Cancel a deletion; what it has deleted is gone.",
    response=DeletionObject,
)
async def cancel_deletion(request: Request) -> Response:
    return await _cancel_transfer(request, "deletion")


async def find_archive(parts: Parts, project_id: str, export_id: str) -> StoredFile:
    """Raises NotFound, and Conflict for an export without an archive."""
    transfer, blob = await parts.store.transfers.find_output(project_id, "export", export_id)
    if blob is None:
        raise Conflict(f"The export has no content: its status is '{transfer.status}'.")
    size = cast("ExportObject", transfer).bytes or 0
    return StoredFile(export_id, f"{export_id}.zip", "export", size, blob)


async def open_export(request: Request, project_id: str, export_id: str) -> FileContent:
    """The archive of an export, or the range of it that is requested. Raises as `find_archive` does."""
    parts = parts_of(request)
    file = await find_archive(parts, project_id, export_id)
    check = partial(parts.store.transfers.get, project_id, "export", export_id)
    return FileContent(parts.blobs, file, parse_range(request, file), check, media_type="application/zip")


def _parse_form(form: Form) -> CreateImportRequest:
    """Raises InvalidBody."""
    plain: dict[str, Any] = dict(form.fields)
    if form.filename is not None:
        plain["file"] = form.filename
    if "dry_run" in plain:
        plain["dry_run"] = queries.BOOLEANS.get(plain["dry_run"].lower(), plain["dry_run"])
    problem = explain(plain, CreateImportRequest)
    if problem is not None:
        raise InvalidBody(problem)
    return msgspec.convert(plain, CreateImportRequest)


async def _list_transfers(
    request: Request,
    kind: TransferKind,
    item: type[T],
    response: type[ListImportsResponse] | type[ListExportsResponse] | type[ListDeletionsResponse],
) -> Response:
    query = queries.parse(request.scope["query_string"], ListQuery)
    page = await parts_of(request).store.transfers.page(project_of(request), kind, page_request(query))
    data: Any = [one for one in page.records if isinstance(one, item)]
    return objects_response(response, data, has_more=page.has_more)


def _transfer_id(request: Request, kind: TransferKind) -> str:
    transfer_id: str = request.path_params[f"{kind}_id"]
    return transfer_id


async def _retrieve_transfer(request: Request, kind: TransferKind) -> Response:
    store = parts_of(request).store.transfers
    return struct_response(await store.get(project_of(request), kind, _transfer_id(request, kind)))


async def _cancel_transfer(request: Request, kind: TransferKind) -> Response:
    transfers = parts_of(request).transfers
    return struct_response(await transfers.cancel(project_of(request), kind, _transfer_id(request, kind)))

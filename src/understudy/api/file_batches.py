"""File batches of vector stores over HTTP."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import hold_indexing
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import list_response, page_request, read_json, struct_response
from understudy.api.vector_store_files import pollable_response
from understudy.api.vector_stores import store_id_of
from understudy.errors import InvalidRequest
from understudy.store.vector_store_files import NewFile
from understudy.wire import error_texts, queries
from understudy.wire.chunking import resolve_chunking
from understudy.wire.parsing import InvalidBody, check_file_id, check_id
from understudy.wire.vector_stores import (
    CreateVectorStoreFileBatchRequest,
    ListVectorStoreFilesQuery,
    ListVectorStoreFilesResponse,
    VectorStoreFileBatchObject,
)

operations = OperationGroup("Vector stores")


@operations.add(
    "createVectorStoreFileBatch",
    "POST",
    "/vector_stores/{vector_store_id}/file_batches",
    summary="Create a batch of files in a vector store.",
    request=CreateVectorStoreFileBatchRequest,
    response=VectorStoreFileBatchObject,
)
async def create_vector_store_file_batch(request: Request) -> Response:
    parts = parts_of(request)
    store_id = store_id_of(request)
    body = await read_json(request, CreateVectorStoreFileBatchRequest, parts.settings.limits)
    files = _parse_files(body)
    async with hold_indexing(request, [file.id for file in files]):
        batch = await parts.vector_stores.attach_batch(project_of(request), store_id, files)
    return pollable_response(batch)


@operations.add(
    "getVectorStoreFileBatch",
    "GET",
    "/vector_stores/{vector_store_id}/file_batches/{batch_id}",
    summary="Retrieve a file batch.",
    response=VectorStoreFileBatchObject,
)
async def get_vector_store_file_batch(request: Request) -> Response:
    store_id, batch_id = store_id_of(request), _batch_id(request)
    return pollable_response(await parts_of(request).store.file_batches.get(project_of(request), store_id, batch_id))


@operations.add(
    "cancelVectorStoreFileBatch",
    "POST",
    "/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel",
    summary="Cancel the indexing of a file batch.",
    response=VectorStoreFileBatchObject,
)
async def cancel_vector_store_file_batch(request: Request) -> Response:
    store_id, batch_id = store_id_of(request), _batch_id(request)
    return struct_response(await parts_of(request).vector_stores.cancel_batch(project_of(request), store_id, batch_id))


@operations.add(
    "listFilesInVectorStoreBatch",
    "GET",
    "/vector_stores/{vector_store_id}/file_batches/{batch_id}/files",
    summary="List the files of a file batch.",
    query=ListVectorStoreFilesQuery,
    response=ListVectorStoreFilesResponse,
)
async def list_files_in_vector_store_batch(request: Request) -> Response:
    store_id, batch_id = store_id_of(request), _batch_id(request)
    query = queries.parse(request.scope["query_string"], ListVectorStoreFilesQuery)
    batches = parts_of(request).store.file_batches
    return list_response(await batches.page(project_of(request), store_id, batch_id, page_request(query), query.filter))


def _batch_id(request: Request) -> str:
    batch_id: str = request.path_params["batch_id"]
    check_id("batch_id", batch_id, "vsfb")
    return batch_id


def _parse_files(body: CreateVectorStoreFileBatchRequest) -> list[NewFile]:
    """The files without duplicates. Raises InvalidBody without files, InvalidRequest where both members have files."""
    _check_ids(body)
    if body.files is not UNSET:
        files = [NewFile(one.file_id, resolve_chunking(one.chunking_strategy), one.attributes) for one in body.files]
    elif body.file_ids is not UNSET:
        chunking = resolve_chunking(body.chunking_strategy)
        files = [NewFile(file_id, chunking, body.attributes) for file_id in body.file_ids]
    else:
        raise InvalidBody(error_texts.missing("file_ids"))
    return list({file.id: file for file in files}.values())


def _check_ids(body: CreateVectorStoreFileBatchRequest) -> None:
    if body.files is not UNSET and body.file_ids is not UNSET:
        raise InvalidRequest(
            "Expected either 'file_ids' or 'files', but got both. Send the attributes and the chunking strategy of "
            "each file in 'files', or one for all beside 'file_ids'.",
            param="files",
            code="invalid_value",
        )
    for index, one in enumerate(body.files or ()):
        check_file_id(f"files[{index}].file_id", one.file_id)
    for index, file_id in enumerate(body.file_ids or ()):
        check_file_id(f"file_ids[{index}]", file_id)

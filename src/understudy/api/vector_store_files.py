"""The files of vector stores over HTTP."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import hold_indexing
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import add_members, list_response, page_request, read_json, struct_response
from understudy.api.vector_stores import store_id_of
from understudy.store.pages import Page
from understudy.wire import queries
from understudy.wire.parsing import check_file_id
from understudy.wire.vector_stores import (
    CreateVectorStoreFileRequest,
    DeleteVectorStoreFileResponse,
    ListVectorStoreFilesQuery,
    ListVectorStoreFilesResponse,
    UpdateVectorStoreFileAttributesRequest,
    VectorStoreFileBatchObject,
    VectorStoreFileContentResponse,
    VectorStoreFileObject,
    VectorStoreSearchResultContentObject,
)

operations = OperationGroup("Vector stores")

# The poll interval of the SDKs' polling helpers, whose default is one second.
_POLL_AFTER_MS = "300"


@operations.add(
    "listVectorStoreFiles",
    "GET",
    "/vector_stores/{vector_store_id}/files",
    summary="List the files of a vector store.",
    query=ListVectorStoreFilesQuery,
    response=ListVectorStoreFilesResponse,
)
async def list_vector_store_files(request: Request) -> Response:
    store_id = store_id_of(request)
    query = queries.parse(request.scope["query_string"], ListVectorStoreFilesQuery)
    parts, project_id = parts_of(request), project_of(request)
    page = await parts.store.vector_store_files.page(project_id, store_id, page_request(query), query.filter)
    if query.include and page.rows:
        files = await parts.store.files.lookup(project_id, [row[0] for row in page.rows])
        names = {file.id: file.filename for file in files}
        page = Page([(id_, add_members(body, {"filename": names.get(id_)})) for id_, body in page.rows], page.has_more)
    return list_response(page)


@operations.add(
    "createVectorStoreFile",
    "POST",
    "/vector_stores/{vector_store_id}/files",
    summary="Add a file to a vector store and index it.",
    request=CreateVectorStoreFileRequest,
    response=VectorStoreFileObject,
)
async def create_vector_store_file(request: Request) -> Response:
    parts = parts_of(request)
    store_id = store_id_of(request)
    body = await read_json(request, CreateVectorStoreFileRequest, parts.settings.limits)
    check_file_id("file_id", body.file_id)
    async with hold_indexing(request, [body.file_id]):
        file = await parts.vector_stores.attach(
            project_of(request), store_id, body.file_id, body.chunking_strategy, body.attributes
        )
    return pollable_response(file)


@operations.add(
    "getVectorStoreFile",
    "GET",
    "/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Retrieve a file of a vector store.",
    response=VectorStoreFileObject,
)
async def get_vector_store_file(request: Request) -> Response:
    store_id = store_id_of(request)
    return pollable_response(
        await parts_of(request).store.vector_store_files.get(project_of(request), store_id, _file_id(request))
    )


@operations.add(
    "updateVectorStoreFileAttributes",
    "POST",
    "/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Replace the attributes of a file in a vector store.",
    request=UpdateVectorStoreFileAttributesRequest,
    response=VectorStoreFileObject,
)
async def update_vector_store_file_attributes(request: Request) -> Response:
    parts = parts_of(request)
    store_id = store_id_of(request)
    body = await read_json(request, UpdateVectorStoreFileAttributesRequest, parts.settings.limits)
    files = parts.store.vector_store_files
    return struct_response(
        await files.describe(project_of(request), store_id, _file_id(request), body.attributes or {})
    )


@operations.add(
    "deleteVectorStoreFile",
    "DELETE",
    "/vector_stores/{vector_store_id}/files/{file_id}",
    summary="Remove a file from a vector store; the file itself remains.",
    response=DeleteVectorStoreFileResponse,
)
async def delete_vector_store_file(request: Request) -> Response:
    store_id, file_id = store_id_of(request), _file_id(request)
    await parts_of(request).vector_stores.detach(project_of(request), store_id, file_id)
    return struct_response(DeleteVectorStoreFileResponse(id=file_id))


@operations.add(
    "retrieveVectorStoreFileContent",
    "GET",
    "/vector_stores/{vector_store_id}/files/{file_id}/content",
    summary="Retrieve the extracted text of a file.",
    response=VectorStoreFileContentResponse,
)
async def retrieve_vector_store_file_content(request: Request) -> Response:
    store_id = store_id_of(request)
    texts = await parts_of(request).vector_stores.texts(project_of(request), store_id, _file_id(request))
    return struct_response(
        VectorStoreFileContentResponse(data=[VectorStoreSearchResultContentObject(text=text) for text in texts])
    )


def pollable_response(subject: VectorStoreFileObject | VectorStoreFileBatchObject) -> Response:
    """The object, with a poll interval while it is in progress."""
    headers = {"openai-poll-after-ms": _POLL_AFTER_MS} if subject.status == "in_progress" else {}
    return Response(msgspec.json.encode(subject), media_type="application/json", headers=headers)


def _file_id(request: Request) -> str:
    file_id: str = request.path_params["file_id"]
    return file_id

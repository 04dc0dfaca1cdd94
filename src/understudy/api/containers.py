"""Containers over HTTP, and the files in them."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from understudy.api.metering import check_storage
from understudy.api.multipart import Form, check_name, read_form
from understudy.api.operations import BYTES, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import objects_response, page_request, read_json, struct_response
from understudy.engine.containers import check_running
from understudy.errors import NoSuchFile, not_found
from understudy.errors.objects import unknown_cursor
from understudy.wire import queries
from understudy.wire.containers import (
    ContainerFileListResource,
    ContainerFileResource,
    ContainerListResource,
    ContainerResource,
    CreateContainerBody,
    CreateContainerFileBody,
    DeletedContainerFileResource,
    DeletedContainerResource,
    ListContainersQuery,
    UploadContainerFileBody,
)
from understudy.wire.parsing import InvalidBody, check_id, explain

operations = OperationGroup("Containers")

# The limit of file systems.
_NAME_BYTES = 255


@operations.add(
    "ListContainers",
    "GET",
    "/containers",
    summary="List containers, including those of threads.",
    query=ListContainersQuery,
    response=ContainerListResource,
)
async def list_containers(request: Request) -> Response:
    parts = parts_of(request)
    query = queries.parse(request.scope["query_string"], ListContainersQuery)
    page = await parts.store.containers.page(project_of(request), page_request(query), query.name, parts.now())
    return objects_response(ContainerListResource, page.records, has_more=page.has_more)


@operations.add(
    "CreateContainer",
    "POST",
    "/containers",
    summary="Create a container for code.",
    request=CreateContainerBody,
    response=ContainerResource,
)
async def create_container(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateContainerBody, parts.settings.limits)
    named = {f"file_ids[{index}]": file_id for index, file_id in enumerate(body.file_ids)}
    await parts.admission.files.check_container_files(project_of(request), named)
    return struct_response(await parts.containers.create(project_of(request), body))


@operations.add(
    "RetrieveContainer",
    "GET",
    "/containers/{container_id}",
    summary="Retrieve a container.",
    response=ContainerResource,
)
async def retrieve_container(request: Request) -> Response:
    return struct_response(await parts_of(request).containers.touch(project_of(request), _container_id(request)))


@operations.add(
    "DeleteContainer",
    "DELETE",
    "/containers/{container_id}",
    summary="Delete a container with its contents.",
    response=DeletedContainerResource,
)
async def delete_container(request: Request) -> Response:
    container_id = _container_id(request)
    await parts_of(request).containers.delete(project_of(request), container_id)
    return struct_response(DeletedContainerResource(id=container_id))


@operations.add(
    "ListContainerFiles",
    "GET",
    "/containers/{container_id}/files",
    summary="List the files of a container.",
    query=queries.ListQuery,
    response=ContainerFileListResource,
)
async def list_container_files(request: Request) -> Response:
    """A container has few files, so the page is a slice of all of them."""
    container_id = _container_id(request)
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    files = await parts_of(request).containers.files(project_of(request), container_id)
    files.sort(key=lambda file: (file.created_at, file.path), reverse=query.order == "desc")
    page, has_more = _slice_page(files, query)
    return objects_response(ContainerFileListResource, page, has_more=has_more)


def _slice_page(
    files: list[ContainerFileResource], query: queries.ListQuery
) -> tuple[list[ContainerFileResource], bool]:
    """Returns the page and whether more files follow. Raises InvalidRequest for an unknown cursor."""
    numbers = {file.id: number for number, file in enumerate(files)}
    for name, cursor in (("after", query.after), ("before", query.before)):
        if cursor is not None and cursor not in numbers:
            raise unknown_cursor(name, cursor)
    after = -1 if query.after is None else numbers[query.after]
    before = len(files) if query.before is None else numbers[query.before]
    between = files[after + 1 : before]
    backwards = query.before is not None and query.after is None
    return between[-query.limit :] if backwards else between[: query.limit], len(between) > query.limit


@operations.add(
    "CreateContainerFile",
    "POST",
    "/containers/{container_id}/files",
    summary="Add a File of the project, or an upload, to a container.",
    request=CreateContainerFileBody,
    or_form=UploadContainerFileBody,
    response=ContainerFileResource,
)
async def create_container_file(request: Request) -> Response:
    """Adds a File of the project or an uploaded file to the container."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        return await _add_upload(request)
    parts = parts_of(request)
    container_id = _container_id(request)
    body = await read_json(request, CreateContainerFileBody, parts.settings.limits)
    return struct_response(await _add_file(request, container_id, body.file_id))


@operations.add(
    "RetrieveContainerFile",
    "GET",
    "/containers/{container_id}/files/{file_id}",
    summary="Retrieve a file of a container.",
    response=ContainerFileResource,
)
async def retrieve_container_file(request: Request) -> Response:
    container_id, file_id = _file_ids(request)
    return struct_response(await parts_of(request).containers.file(project_of(request), container_id, file_id))


@operations.add(
    "DeleteContainerFile",
    "DELETE",
    "/containers/{container_id}/files/{file_id}",
    summary="Delete a file from a container.",
    response=DeletedContainerFileResource,
)
async def delete_container_file(request: Request) -> Response:
    container_id, file_id = _file_ids(request)
    await parts_of(request).containers.remove(project_of(request), container_id, file_id)
    return struct_response(DeletedContainerFileResource(id=file_id))


@operations.add(
    "RetrieveContainerFileContent",
    "GET",
    "/containers/{container_id}/files/{file_id}/content",
    summary="Retrieve the content of a file in a container.",
    response=BYTES,
    binary=True,
)
async def retrieve_container_file_content(request: Request) -> Response:
    container_id, file_id = _file_ids(request)
    chunks = await parts_of(request).containers.read(project_of(request), container_id, file_id)
    try:
        first = await anext(chunks, b"")
    except NoSuchFile:
        raise not_found("container file", file_id) from None

    async def content() -> AsyncIterator[bytes]:
        async with aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    headers = {"content-disposition": "attachment"}
    return StreamingResponse(content(), media_type="application/octet-stream", headers=headers)


async def _add_upload(request: Request) -> Response:
    """Handles a form with the bytes or with the id of a File."""
    parts = parts_of(request)
    container_id = _container_id(request)
    # An expired container is refused before the upload is read.
    check_running(await parts.containers.touch(project_of(request), container_id))
    most = parts.settings.sandbox.disk_mb << 20
    async with parts.files.open_draft() as draft:
        form = await read_form(request, "file", draft, lambda _: most, parts.settings.limits.upload_silence)
        if form.filename is None and form.fields.keys() == {"file_id"}:
            return struct_response(await _add_file(request, container_id, form.fields["file_id"]))
        _check_form(form)
        check_name(form.filename or "", "file", _NAME_BYTES)
        await check_storage(request, form.size)
        blob = await draft.commit()
        filename = form.filename or "file"
        return struct_response(await parts.containers.upload(project_of(request), container_id, filename, blob))


def _check_form(form: Form) -> None:
    plain = dict(form.fields) if form.filename is None else {**form.fields, "file": form.filename}
    problem = explain(plain, UploadContainerFileBody)
    if problem is not None:
        raise InvalidBody(problem)


async def _add_file(request: Request, container_id: str, file_id: str) -> ContainerFileResource:
    parts = parts_of(request)
    await parts.admission.files.check_container_files(project_of(request), {"file_id": file_id})
    return await parts.containers.add(project_of(request), container_id, file_id)


def _container_id(request: Request) -> str:
    container_id: str = request.path_params["container_id"]
    check_id("container_id", container_id, "cntr")
    return container_id


def _file_ids(request: Request) -> tuple[str, str]:
    return _container_id(request), request.path_params["file_id"]

"""Containers over HTTP, and the files in them."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from understudy.api.exchange import page_request, read_json, rendered
from understudy.api.parts import parts_of, project_of
from understudy.errors import InvalidRequest, NoSuchFile, SandboxError, Unavailable, no_such
from understudy.store.files import no_such_file
from understudy.wire import queries
from understudy.wire.containers import (
    ContainerExpiresAfter,
    ContainerFileListResource,
    ContainerFileResource,
    ContainerListResource,
    ContainerResource,
    CreateContainerBody,
    CreateContainerFileBody,
    DeletedContainerFileResource,
    DeletedContainerResource,
    ListContainersQuery,
)
from understudy.wire.problems import check_id


async def list_containers(request: Request) -> Response:
    parts = parts_of(request)
    query = queries.parse(request.scope["query_string"], ListContainersQuery)
    page = await parts.store.containers.page(project_of(request), page_request(query), query.name, parts.now())
    ids = [one.id for one in page.containers]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return rendered(ContainerListResource(data=page.containers, first_id=first, last_id=last, has_more=page.has_more))


async def create_container(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateContainerBody, parts.settings.limits)
    await _check_files(request, body.file_ids)
    expires_after = body.expires_after or ContainerExpiresAfter()
    try:
        made = await parts.interpreter.create(project_of(request), body.name, body.file_ids, expires_after)
    except SandboxError as fault:
        raise Unavailable(str(fault)) from None
    return rendered(made)


async def retrieve_container(request: Request) -> Response:
    return rendered(await _container(request))


async def delete_container(request: Request) -> Response:
    container = await _container(request)
    await parts_of(request).interpreter.delete(project_of(request), container.id)
    return rendered(DeletedContainerResource(id=container.id))


async def list_container_files(request: Request) -> Response:
    """The files are few and not kept: the page is cut from all of them."""
    container = await _container(request)
    query = queries.parse(request.scope["query_string"], queries.ListQuery)
    files = await parts_of(request).interpreter.contents(container.id)
    files.sort(key=lambda file: (file.created_at, file.path), reverse=query.order == "desc")
    start = 0
    if query.after is not None:
        start = next((number + 1 for number, file in enumerate(files) if file.id == query.after), len(files))
    shown = files[start : start + query.limit]
    first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
    more = start + len(shown) < len(files)
    return rendered(ContainerFileListResource(data=shown, first_id=first, last_id=last, has_more=more))


async def create_container_file(request: Request) -> Response:
    """Puts a File of the project into the container."""
    parts = parts_of(request)
    container = await _running(request)
    body = await read_json(request, CreateContainerFileBody, parts.settings.limits)
    await _check_files(request, [body.file_id])
    try:
        await parts.interpreter.open(project_of(request), container.id, [body.file_id])
    except SandboxError as fault:
        raise Unavailable(str(fault)) from None
    await parts.store.containers.touch(container.id, parts.now())
    path = f"/mnt/data/{body.file_id}"
    return rendered(next(file for file in await parts.interpreter.contents(container.id) if file.path == path))


async def retrieve_container_file(request: Request) -> Response:
    return rendered(await _file(request))


async def delete_container_file(request: Request) -> Response:
    file = await _file(request)
    await parts_of(request).interpreter.remove(file.container_id, file.path)
    return rendered(DeletedContainerFileResource(id=file.id))


async def retrieve_container_file_content(request: Request) -> Response:
    file = await _file(request)
    chunks = parts_of(request).interpreter.read(file.container_id, file.path)
    try:
        first = b"" if chunks is None else await anext(chunks, b"")
    except NoSuchFile:
        raise no_such("container file", file.id) from None

    async def content() -> AsyncIterator[bytes]:
        yield first
        if chunks is not None:
            async for chunk in chunks:
                yield chunk

    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return StreamingResponse(content(), media_type="application/octet-stream", headers=headers)


async def _container(request: Request) -> ContainerResource:
    container_id: str = request.path_params["container_id"]
    check_id("container_id", container_id, "cntr")
    parts = parts_of(request)
    return await parts.store.containers.get(project_of(request), container_id, parts.now())


async def _running(request: Request) -> ContainerResource:
    """Raises InvalidRequest for one whose time is over."""
    container = await _container(request)
    if container.status == "expired":
        raise InvalidRequest(f"Container '{container.id}' has expired. Create a new one.")
    return container


async def _file(request: Request) -> ContainerFileResource:
    container = await _container(request)
    file_id: str = request.path_params["file_id"]
    for file in await parts_of(request).interpreter.contents(container.id):
        if file.id == file_id:
            return file
    raise no_such("container file", file_id)


async def _check_files(request: Request, file_ids: list[str]) -> None:
    """Raises NotFound for a File that the project does not have."""
    found = {file.id for file in await parts_of(request).store.files.lookup(project_of(request), file_ids)}
    for file_id in file_ids:
        if file_id not in found:
            raise no_such_file(file_id)

"""Files over HTTP."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import PurePath
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from understudy.api.multipart import Form, check_name, form_too_large, read_form, sanitize_name
from understudy.api.operations import BYTES, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, list_response, struct_response
from understudy.blobs import Blobs
from understudy.errors import BlobMissing, InvalidRequest, RangeNotSatisfiable
from understudy.errors.objects import file_without_content
from understudy.settings import LimitSettings
from understudy.store.files import StoredFile
from understudy.store.list_filters import ListFilter
from understudy.store.pages import PageRequest
from understudy.wire import error_texts, queries
from understudy.wire.files import (
    PURPOSES,
    CreateFileRequest,
    DeleteFileResponse,
    FileObject,
    ListFilesQuery,
    ListFilesResponse,
)
from understudy.wire.parsing import InvalidBody, explain

operations = OperationGroup("Files")

_MAX_BATCH_BYTES = 200 * 1024 * 1024
_RANGE_PATTERN = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")


@operations.add("listFiles", "GET", "/files", summary="List files.", query=ListFilesQuery, response=ListFilesResponse)
async def list_files(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListFilesQuery)
    page = PageRequest(query.limit, query.order, query.after)
    store, chosen = parts_of(request).store.files, ListFilter(query.q)
    return list_response(await store.page(project_of(request), page, query.purpose, chosen))


@operations.add(
    "createFile", "POST", "/files", summary="Upload a file.", request=CreateFileRequest, form=True, response=FileObject
)
async def create_file(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    async with parts.files.open_draft() as draft:
        form = await read_form(request, "file", draft, lambda form: _size_limit(form, limits), limits.upload_silence)
        body = _parse_form(form)
        if form.size > (most := _size_limit(form, limits)):
            raise form_too_large(most)
        filename = sanitize_name(body.filename or "") or body.file
        check_name(filename, "filename")
        check_format(filename, body.purpose)
        seconds = body.expires_after.seconds if body.expires_after else None
        blob = await draft.commit()
        project_id = project_of(request)
        limit = await parts.limiter.size_limit(project_id, "stored_bytes")
        file = await parts.files.register(project_id, filename, body.purpose, blob, seconds, limit=limit)
    return struct_response(file)


@operations.add("retrieveFile", "GET", "/files/{file_id}", summary="Retrieve a file.", response=FileObject)
async def retrieve_file(request: Request) -> Response:
    return json_response(await parts_of(request).store.files.get(project_of(request), request.path_params["file_id"]))


@operations.add(
    "deleteFile",
    "DELETE",
    "/files/{file_id}",
    summary="Delete a file, also from all vector stores.",
    response=DeleteFileResponse,
)
async def delete_file(request: Request) -> Response:
    file_id = request.path_params["file_id"]
    await parts_of(request).store.files.delete(project_of(request), file_id)
    return struct_response(DeleteFileResponse(id=file_id))


@operations.add(
    "downloadFile",
    "GET",
    "/files/{file_id}/content",
    summary="Retrieve the content of a file, or a range of it.",
    response=BYTES,
    binary=True,
)
async def download_file(request: Request) -> Response:
    parts = parts_of(request)
    file = await parts.store.files.find(project_of(request), request.path_params["file_id"])
    if not file.has_content:
        raise file_without_content(file.id)
    return FileContent(
        parts.blobs, file, parse_range(request, file), partial(parts.store.files.get, project_of(request), file.id)
    )


def _size_limit(form: Form, limits: LimitSettings) -> int:
    """The size limit of the file in bytes. Raises InvalidRequest for an unknown purpose, before the file is written."""
    check_purpose(form.fields.get("purpose"))
    if form.fields.get("purpose") == "batch":
        return min(_MAX_BATCH_BYTES, limits.file_bytes)
    return limits.file_bytes


def _parse_form(form: Form) -> CreateFileRequest:
    """Raises InvalidBody, and InvalidRequest with the hosted API's text for an unknown purpose."""
    plain = _nest_fields(form.fields)
    if form.filename is not None:
        plain["file"] = form.filename
    check_purpose(plain.get("purpose"))
    problem = explain(plain, CreateFileRequest)
    if problem is not None:
        raise InvalidBody(problem)
    return msgspec.convert(plain, CreateFileRequest)


def check_purpose(purpose: Any) -> None:
    if isinstance(purpose, str) and purpose not in PURPOSES:
        purposes = ", ".join(f"'{name}'" for name in PURPOSES)
        message = f"'{error_texts.shortened(purpose)}' is not one of [{purposes}] - 'purpose'"
        raise InvalidRequest(message, param="purpose", detail=True)


def check_format(filename: str, purpose: str, param: str = "file") -> None:
    """Raises InvalidRequest for a batch input file whose extension is not `.jsonl`.

    A name without an extension is accepted. Source: recorded traffic of batches.
    """
    if purpose == "batch" and PurePath(filename).suffix.lower() not in {"", ".jsonl"}:
        raise InvalidRequest(
            "Invalid file format for Batch API. Must be .jsonl", param=param, code="invalid_file_format"
        )


def _nest_fields(fields: dict[str, str]) -> dict[str, Any]:
    """`expires_after[seconds]=3600` and `expires_after={"seconds":3600}` as one object."""
    plain: dict[str, Any] = {}
    expiry: dict[str, Any] = {}
    for name, text in fields.items():
        if match := re.fullmatch(r"expires_after\[(.*)\]", name, re.DOTALL):
            expiry[match[1]] = int(text) if re.fullmatch("-?[0-9]{1,18}", text) else text
        elif name == "expires_after":
            plain[name] = _parse_json(text)
        else:
            plain[name] = text
    return plain | ({"expires_after": expiry} if expiry else {})


def _parse_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


class FileContent(Response):
    """The bytes of a file, or a range of them. `check` raises NotFound if the file was deleted.

    The default `media_type` is the hosted API's; it also prevents an uploaded file from running as a page of this
    server.
    """

    def __init__(
        self,
        blobs: Blobs,
        file: StoredFile,
        span: range | None,
        check: Callable[[], Awaitable[object]],
        *,
        disposition: Literal["attachment", "inline"] = "attachment",
        media_type: str = "application/octet-stream",
    ) -> None:
        self._blobs = blobs
        self._file = file
        self._check = check
        self._disposition = disposition
        self._media_type = media_type
        self._partial = span is not None
        self._span = range(file.bytes) if span is None else span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 206 if self._partial else 200
        async with self._open_content() as chunks:
            if scope["method"] == "HEAD":
                await Response(None, status, self._content_headers())(scope, receive, send)
            else:
                await StreamingResponse(chunks, status, self._content_headers())(scope, receive, send)

    @asynccontextmanager
    async def _open_content(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            try:
                reading = self._blobs.reading(self._file.blob, self._span.start, self._span.stop)
                chunks = await stack.enter_async_context(reading)
            except BlobMissing:
                # A file deleted since the look-up is a 404; lost bytes are a server error.
                await self._check()
                raise
            yield chunks

    def _content_headers(self) -> dict[str, str]:
        file, span = self._file, self._span
        headers = {
            "content-type": self._media_type,
            "content-length": str(len(span)),
            "content-disposition": f"{self._disposition}; filename*=UTF-8''{quote(file.filename, safe='')}",
            "accept-ranges": "bytes",
            "etag": _etag(file),
            "cache-control": "private, no-cache",
        }
        if self._partial:
            headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{file.bytes}"
        return headers


def _etag(file: StoredFile) -> str:
    """The id is enough, since a file never changes."""
    return f'"{file.id}"'


def parse_range(request: Request, file: StoredFile) -> range | None:
    """The requested range of bytes; None for the whole file, also for several ranges or an unknown unit."""
    match = _RANGE_PATTERN.fullmatch(request.headers.get("range", "").strip().lower())
    if match is None or request.headers.get("if-range", _etag(file)) != _etag(file):
        return None
    first, last = match.groups()
    if not first and not last:
        return None
    if first:
        span = range(int(first), min(int(last) + 1, file.bytes) if last else file.bytes)
        if last and int(last) < int(first):
            return None
    else:
        span = range(max(0, file.bytes - int(last)), file.bytes)
    if not span:
        raise RangeNotSatisfiable(
            f"The range {match.string!r} is outside of the file, which has {file.bytes} bytes.",
            headers={"content-range": f"bytes */{file.bytes}"},
        )
    return span

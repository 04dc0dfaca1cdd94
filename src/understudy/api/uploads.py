"""Uploads over HTTP: a large file in parts."""

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.files import check_format
from understudy.api.multipart import Form, check_name, default_name, read_form, sanitize_name
from understudy.api.operations import OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import read_json, struct_response
from understudy.wire import error_texts
from understudy.wire.parsing import InvalidBody, check_id, explain
from understudy.wire.uploads import (
    PART_BYTES,
    AddUploadPartRequest,
    CompleteUploadRequest,
    CreateUploadRequest,
    Upload,
    UploadPart,
)

operations = OperationGroup("Uploads")


@operations.add(
    "createUpload",
    "POST",
    "/uploads",
    summary="Create an upload of a large file in parts.",
    request=CreateUploadRequest,
    response=Upload,
)
async def create_upload(request: Request) -> Response:
    parts = parts_of(request)
    limits = parts.settings.limits
    body = await read_json(request, CreateUploadRequest, limits)
    if body.bytes > limits.upload_bytes:
        raise InvalidBody(error_texts.above_maximum("bytes", "integer", limits.upload_bytes, body.bytes))
    seconds = body.expires_after.seconds if body.expires_after else None
    filename = sanitize_name(body.filename) or default_name(body.mime_type)
    check_name(filename, "filename")
    check_format(filename, body.purpose, "filename")
    return struct_response(await parts.uploads.create(project_of(request), filename, body.purpose, body.bytes, seconds))


@operations.add(
    "addUploadPart",
    "POST",
    "/uploads/{upload_id}/parts",
    summary="Add a part to an upload; in any order and concurrently.",
    request=AddUploadPartRequest,
    form=True,
    response=UploadPart,
)
async def add_upload_part(request: Request) -> Response:
    parts = parts_of(request)
    project_id, upload_id = project_of(request), _upload_id(request)
    await parts.uploads.check_pending(project_id, upload_id)
    silence = parts.settings.limits.upload_silence
    async with parts.files.open_draft() as draft:
        form = await read_form(request, "data", draft, lambda _: PART_BYTES, silence)
        _check_form(form)
        limit = await parts.limiter.size_limit(project_id, "stored_bytes")
        return struct_response(await parts.uploads.add_part(project_id, upload_id, draft, most_stored=limit))


@operations.add(
    "completeUpload",
    "POST",
    "/uploads/{upload_id}/complete",
    summary="Complete an upload: join the parts in the order of the request.",
    request=CompleteUploadRequest,
    response=Upload,
)
async def complete_upload(request: Request) -> Response:
    parts = parts_of(request)
    upload_id = _upload_id(request)
    body = await read_json(request, CompleteUploadRequest, parts.settings.limits)
    project_id = project_of(request)
    limit = await parts.limiter.size_limit(project_id, "stored_bytes")
    upload = await parts.uploads.complete(project_id, upload_id, body.part_ids, body.md5, most_stored=limit)
    return struct_response(upload)


@operations.add("cancelUpload", "POST", "/uploads/{upload_id}/cancel", summary="Cancel an upload.", response=Upload)
async def cancel_upload(request: Request) -> Response:
    return struct_response(await parts_of(request).uploads.cancel(project_of(request), _upload_id(request)))


def _check_form(form: Form) -> None:
    plain = dict(form.fields) if form.filename is None else {**form.fields, "data": form.filename}
    problem = explain(plain, AddUploadPartRequest)
    if problem is not None:
        raise InvalidBody(problem)


def _upload_id(request: Request) -> str:
    upload_id: str = request.path_params["upload_id"]
    check_id("upload_id", upload_id, "upload")
    return upload_id

"""Links to files and exports for browsers, which send no key with a download: each works once, within a minute."""

import re
import secrets
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.files import FileContent, parse_range
from understudy.api.operations import BYTES, EXTENSIONS, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import struct_response
from understudy.api.transfers import find_archive, open_export
from understudy.api.videos import public_base_url
from understudy.errors import NotFound
from understudy.errors.objects import file_without_content
from understudy.store.download_links import LinkedFile
from understudy.wire.files import DownloadLink
from understudy.wire.transfers import ExportDownloadLink

operations = OperationGroup(EXTENSIONS)

DOWNLOAD_PATH: Final = re.compile(r"/file_downloads/[A-Za-z0-9_-]{1,64}")
"""Needs no key."""

_VALID_SECONDS: Final = 60
_REUSABLE_PREFIX: Final = "r-"
"""The prefix of the tokens of links that grant access until they expire."""
_EXPORT_PREFIX: Final = "export_"


@operations.add(
    "createFileDownloadLink",
    "POST",
    "/files/{file_id}/download_link",
    summary="Create a link that downloads a file once within 60 seconds, without a key. An extension.",
    response=DownloadLink,
)
async def create_file_download_link(request: Request) -> Response:
    file = await parts_of(request).store.files.find(project_of(request), request.path_params["file_id"])
    if not file.has_content:
        raise file_without_content(file.id)
    url, expires_at = await create_link(request, file.id)
    return struct_response(DownloadLink(file_id=file.id, url=url, expires_at=expires_at))


@operations.add(
    "createExportDownloadLink",
    "POST",
    "/exports/{export_id}/download_link",
    summary="Create a link that downloads an export once within 60 seconds, without a key.",
    response=ExportDownloadLink,
)
async def create_export_download_link(request: Request) -> Response:
    archive = await find_archive(parts_of(request), project_of(request), request.path_params["export_id"])
    url, expires_at = await create_link(request, archive.id)
    return struct_response(ExportDownloadLink(export_id=archive.id, url=url, expires_at=expires_at))


@operations.add(
    "downloadLinkedFile",
    "GET",
    "/file_downloads/{token}",
    summary="Download the file or export of a link, which grants access once and without a key. An extension.",
    response=BYTES,
    binary=True,
    authenticated=False,
)
async def download_linked_file(request: Request) -> Response:
    """`HEAD` leaves every link valid."""
    parts, links, token = parts_of(request), parts_of(request).store.download_links, request.path_params["token"]
    is_kept = request.method == "HEAD" or token.startswith(_REUSABLE_PREFIX)
    look_up = links.find if is_kept else links.redeem
    linked = await look_up(token, parts.now())
    if linked is None:
        raise NotFound("This link has expired or was used before. Create another one.")
    if linked.file_id.startswith(_EXPORT_PREFIX):
        return await open_export(request, linked.project_id, linked.file_id)
    file = await parts.store.files.find(linked.project_id, linked.file_id)
    check = partial(parts.store.files.get, linked.project_id, file.id)
    return FileContent(parts.blobs, file, parse_range(request, file), check)


async def create_link(request: Request, file_id: str, seconds: int | None = None) -> tuple[str, int]:
    """The URL of a new link, and when it expires, in Unix seconds: with `seconds` it works until then, else once."""
    parts = parts_of(request)
    prefix = "" if seconds is None else _REUSABLE_PREFIX
    token, now = f"{prefix}{secrets.token_urlsafe(32)}", parts.now()
    expires_at = now + (seconds or _VALID_SECONDS)
    await parts.store.download_links.create(token, LinkedFile(project_of(request), file_id), now, expires_at)
    return f"{public_base_url(request)}/file_downloads/{token}", expires_at

"""Videos over HTTP: the universal operations, and the files of a video, whose URLs carry a token instead of a key."""

import re
import secrets
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.files import FileContent, parse_range
from understudy.api.metering import admit_model
from understudy.api.operations import BYTES, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import read_json, struct_response
from understudy.engine.videos import VideoOrder
from understudy.engine.views import videos
from understudy.errors import InvalidRequest, NotFound, not_found
from understudy.store import video_rows as stored
from understudy.store.files import StoredFile
from understudy.store.video_rows import Role
from understudy.wire import queries
from understudy.wire.parsing import check_uuid
from understudy.wire.videos import UUID, ContentQuery, CreateVideo, DeletedGeneration, GetVideoQuery, VideoGeneration

operations = OperationGroup("Videos")

CONTENT_PATH = re.compile(rf"/generations/{UUID}/(?:video\.mp4|thumbnail\.jpg)")
"""Paths that need a token instead of a key."""

_VIDEO_SECONDS = (5, 9)
_REQUEST_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@operations.add(
    "createVideoGenerationV2",
    "POST",
    "/v2/video/generations",
    summary="Create a video from a prompt, with any video model.",
    request=CreateVideo,
    response=VideoGeneration,
    base="/",
)
@operations.add(
    "createVideoGeneration",
    "POST",
    "/video/generations",
    summary="Create a video from a prompt, with any video model.",
    request=CreateVideo,
    response=VideoGeneration,
)
async def create_video(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateVideo, parts.settings.limits)
    if body.duration not in _VIDEO_SECONDS:
        raise InvalidRequest(
            f"Invalid value: {body.duration}. Supported values are: 5 and 9.", param="duration", code="invalid_value"
        )
    video = stored.Request(
        prompt=body.prompt,
        model=body.model.removeprefix("luma/"),
        aspect_ratio=body.aspect_ratio,
        resolution=body.resolution,
        seconds=body.duration,
        loop=body.loop,
    )
    frames = body.keyframes
    await admit_model(request, video.model)
    generation = await parts.videos.create(
        project_of(request),
        VideoOrder(
            video,
            public_base_url(request),
            start=None if frames is None else frames.frame0,
            end=None if frames is None else frames.frame1,
            request_key=request_key(request),
            key_id=request.state.key_id,
        ),
    )
    return struct_response(videos.render_universal(generation, public_base_url(request)))


@operations.add(
    "getVideoGenerationV2",
    "GET",
    "/v2/video/generations",
    summary="Retrieve a video.",
    query=GetVideoQuery,
    response=VideoGeneration,
    base="/",
)
@operations.add(
    "getVideoGeneration",
    "GET",
    "/video/generations",
    summary="Retrieve a video.",
    query=GetVideoQuery,
    response=VideoGeneration,
)
async def retrieve_video(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], GetVideoQuery, strict=True)
    generation_id, _, model = query.generation_id.partition(":")
    check_uuid("generation_id", generation_id)
    generation = await parts_of(request).store.videos.get(project_of(request), generation_id)
    if model and model != f"luma/{generation.record.request.model}":
        raise not_found("generation", query.generation_id)
    return struct_response(videos.render_universal(generation, public_base_url(request)))


@operations.add(
    "deleteVideoGeneration",
    "DELETE",
    "/video/generations/{generation_id}",
    summary="Delete a video with its files. An extension of the AI/ML API.",
    response=DeletedGeneration,
)
async def delete_video(request: Request) -> Response:
    generation_id: str = request.path_params["generation_id"].partition(":")[0]
    await parts_of(request).videos.delete(project_of(request), generation_id)
    return struct_response(DeletedGeneration(id=generation_id))


@operations.add(
    "downloadVideo",
    "GET",
    "/generations/{generation_id}/video.mp4",
    summary="Retrieve the video file, or a range of it. The URL's token grants access without a key.",
    query=ContentQuery,
    response=BYTES,
    binary=True,
    authenticated=False,
)
async def download_video(request: Request) -> Response:
    return await _download_content(request, "video", "video.mp4", "video/mp4")


@operations.add(
    "downloadThumbnail",
    "GET",
    "/generations/{generation_id}/thumbnail.jpg",
    summary="Retrieve the thumbnail of a video. The URL's token grants access without a key.",
    query=ContentQuery,
    response=BYTES,
    binary=True,
    authenticated=False,
)
async def download_thumbnail(request: Request) -> Response:
    return await _download_content(request, "thumbnail", "thumbnail.jpg", "image/jpeg")


async def _download_content(request: Request, role: Role, filename: str, media_type: str) -> Response:
    """Raises the same NotFound for a wrong token as for an unknown video."""
    parts = parts_of(request)
    generation_id: str = request.path_params["generation_id"]
    query = queries.parse(request.scope["query_string"], ContentQuery)
    content = await parts.store.videos.get_file(generation_id, role, query.token)
    if content is None or not secrets.compare_digest(content[0].encode(), query.token.encode("utf-8", "replace")):
        raise _missing_file_error(generation_id)
    piece = content[1]
    file = StoredFile(f"{generation_id}-{role}", filename, role, piece.bytes, piece.blob)
    check = partial(_require_file, request, generation_id, role, query.token)
    return FileContent(
        parts.blobs, file, parse_range(request, file), check, disposition="inline", media_type=media_type
    )


async def _require_file(request: Request, generation_id: str, role: Role, token: str) -> None:
    if await parts_of(request).store.videos.get_file(generation_id, role, token) is None:
        raise _missing_file_error(generation_id)


def _missing_file_error(generation_id: str) -> NotFound:
    return NotFound(
        f"No file of a generation {generation_id!r} found at this address. Retrieve the generation again for its"
        " address.",
    )


def public_base_url(request: Request) -> str:
    """The public base URL with its version: that of the settings or of this request."""
    public = parts_of(request).settings.video.public_url
    if public is not None:
        return public.rstrip("/")
    return f"{request.url.scheme}://{request.url.netloc}/v1"


def request_key(request: Request) -> str | None:
    """The idempotency key, which makes retries create one video. Raises InvalidRequest."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _REQUEST_KEY.fullmatch(key):
        raise InvalidRequest(
            f"Invalid header 'Idempotency-Key': {key[:64]!r}. Expected 1 to 255 printable ASCII characters without"
            " spaces.",
        )
    return key

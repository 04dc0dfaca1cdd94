"""Videos over HTTP: the universal operations, and the files of a video, which their addresses open without a key."""

import re
import secrets
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from understudy.api.charging import admit
from understudy.api.exchange import read_json, rendered
from understudy.api.files import Content, requested_range
from understudy.api.parts import parts_of, project_of
from understudy.engine import generation_view
from understudy.engine.generations import Asked
from understudy.errors import InvalidRequest, NotFound, no_such
from understudy.store import generations as stored
from understudy.store.files import StoredFile
from understudy.store.generations import Role
from understudy.wire import queries
from understudy.wire.generations import UUID, ContentQuery, CreateVideo, DeletedGeneration, GetVideoQuery
from understudy.wire.problems import check_uuid

CONTENT = re.compile(rf"/generations/{UUID}/(?:video\.mp4|thumbnail\.jpg)")
"""The paths that a token opens, and no key."""

_DURATIONS = (5, 9)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def create_video(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateVideo, parts.settings.limits)
    if body.duration not in _DURATIONS:
        raise InvalidRequest(
            f"Invalid value: {body.duration}. Supported values are: 5 and 9.", param="duration", code="invalid_value"
        )
    asked = stored.Request(
        prompt=body.prompt,
        model=body.model.removeprefix("luma/"),
        aspect_ratio=body.aspect_ratio,
        resolution=body.resolution,
        seconds=body.duration,
        loop=body.loop,
    )
    frames = body.keyframes
    await admit(request)
    made = await parts.generations.create(
        project_of(request),
        Asked(
            asked,
            base_of(request),
            start=None if frames is None else frames.frame0,
            end=None if frames is None else frames.frame1,
            request_key=request_key(request),
            key_id=request.state.key_id,
        ),
    )
    return rendered(generation_view.universal(made, base_of(request)))


async def retrieve_video(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], GetVideoQuery, strict=True)
    generation_id, _, model = query.generation_id.partition(":")
    check_uuid("generation_id", generation_id)
    found = await parts_of(request).store.generations.get(project_of(request), generation_id)
    if model and model != f"luma/{found.record.request.model}":
        raise no_such("generation", query.generation_id)
    return rendered(generation_view.universal(found, base_of(request)))


async def delete_video(request: Request) -> Response:
    generation_id: str = request.path_params["generation_id"].partition(":")[0]
    await parts_of(request).generations.delete(project_of(request), generation_id)
    return rendered(DeletedGeneration(id=generation_id))


async def download_video(request: Request) -> Response:
    return await _content(request, "video", "video.mp4", "video/mp4")


async def download_thumbnail(request: Request) -> Response:
    return await _content(request, "thumbnail", "thumbnail.jpg", "image/jpeg")


async def _content(request: Request, role: Role, filename: str, media_type: str) -> Response:
    """A wrong token is answered as a video that is not there is."""
    parts = parts_of(request)
    generation_id: str = request.path_params["generation_id"]
    query = queries.parse(request.scope["query_string"], ContentQuery)
    found = await parts.store.generations.piece(generation_id, role)
    if found is None or not secrets.compare_digest(found[0].encode(), query.token.encode("utf-8", "replace")):
        raise _no_such_file(generation_id)
    piece = found[1]
    file = StoredFile(f"{generation_id}-{role}", filename, role, piece.bytes, piece.blob)
    check = partial(_still_there, request, generation_id, role)
    return Content(
        parts.blobs, file, requested_range(request, file), check, disposition="inline", media_type=media_type
    )


async def _still_there(request: Request, generation_id: str, role: Role) -> None:
    if await parts_of(request).store.generations.piece(generation_id, role) is None:
        raise _no_such_file(generation_id)


def _no_such_file(generation_id: str) -> NotFound:
    return NotFound(
        f"No file of a generation {generation_id!r} is found under this address. Ask for the generation again to learn"
        " the address.",
    )


def base_of(request: Request) -> str:
    """Where this server is reached, as the operator says or as this request did, version included."""
    public = parts_of(request).settings.video.public_url
    if public is not None:
        return public.rstrip("/")
    return f"{request.url.scheme}://{request.url.netloc}/v1"


def request_key(request: Request) -> str | None:
    """What the client named its request, so that sending it twice makes one video. Raises InvalidRequest."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidRequest(
            f"Invalid header 'Idempotency-Key': {key[:64]!r}. Expected 1 to 255 printable ASCII characters without"
            " spaces.",
        )
    return key

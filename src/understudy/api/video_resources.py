"""Videos over HTTP in the form of the hosted API, on the same generations as the forms of Luma and the AI/ML API."""

import base64
from typing import Any, Final

import msgspec
from multipart import MultipartSegment
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.files import FileContent, parse_range
from understudy.api.metering import admit_model
from understudy.api.multipart import FieldText, check_form_length, field_name, form_too_large, is_file, read_parts
from understudy.api.operations import BYTES, OperationGroup
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import objects_response, read_json, struct_response
from understudy.api.videos import public_base_url, request_key
from understudy.engine.videos import VideoOrder
from understudy.engine.views.video_resources import generation_id, render_resource, resource_id
from understudy.errors import InvalidRequest, NotFound, not_found
from understudy.store import video_rows as stored
from understudy.store.files import StoredFile
from understudy.store.video_rows import Role, Video
from understudy.wire import error_texts, queries
from understudy.wire.parsing import InvalidBody, explain
from understudy.wire.video_resources import (
    CreateVideoForm,
    CreateVideoRemixRequest,
    CreateVideoRequest,
    DeletedVideo,
    ListVideosQuery,
    VideoContentQuery,
    VideoList,
    VideoResource,
)
from understudy.wire.videos import ImageReference

operations = OperationGroup("Videos")

_FILES: Final[dict[Role, tuple[str, str]]] = {
    "video": ("video.mp4", "video/mp4"),
    "thumbnail": ("thumbnail.jpg", "image/jpeg"),
}


@operations.add(
    "createVideo",
    "POST",
    "/videos",
    summary="Create a video from a prompt.",
    request=CreateVideoRequest,
    or_form=CreateVideoForm,
    response=VideoResource,
)
async def create_video(request: Request) -> Response:
    parts = parts_of(request)
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        body = await _read_form(request)
    else:
        body = await read_json(request, CreateVideoRequest, parts.settings.limits)
    video = parts.videos.build_request(body.prompt, body.model, int(body.seconds), body.size)
    reference = body.input_reference
    picture = None if reference is None else reference.image_url or reference.file_id
    return await _create_video(request, video, picture)


@operations.add(
    "CreateVideoRemix",
    "POST",
    "/videos/{video_id}/remix",
    summary="Create a video with the settings of another one, and a new prompt.",
    request=CreateVideoRemixRequest,
    response=VideoResource,
)
async def create_video_remix(request: Request) -> Response:
    parts = parts_of(request)
    body = await read_json(request, CreateVideoRemixRequest, parts.settings.limits)
    earlier = await _find_video(request)
    if earlier.state != "completed":
        raise InvalidRequest(
            f"The video {resource_id(earlier.id)!r} is {earlier.state}. Remix one that is completed.",
            param="video_id",
            code="invalid_value",
        )
    settings = earlier.record.request
    video = msgspec.structs.replace(
        settings,
        prompt=body.prompt,
        remixed_from=resource_id(earlier.id),
        start=None,
        end=None,
        callback_url=None,
    )
    return await _create_video(request, video, None)


@operations.add("ListVideos", "GET", "/videos", summary="List videos.", query=ListVideosQuery, response=VideoList)
async def list_videos(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListVideosQuery)
    after = None if query.after is None else generation_id(query.after) or query.after
    videos = parts_of(request).store.videos
    found, has_more = await videos.page(project_of(request), max(query.limit, 1), after, query.order)
    if not query.limit:
        found, has_more = [], bool(found)
    data = [await _render_video(request, one) for one in found]
    return objects_response(VideoList, data, has_more=has_more)


@operations.add("GetVideo", "GET", "/videos/{video_id}", summary="Retrieve a video.", response=VideoResource)
async def retrieve_video(request: Request) -> Response:
    return struct_response(await _render_video(request, await _find_video(request)))


@operations.add(
    "DeleteVideo", "DELETE", "/videos/{video_id}", summary="Delete a video with its files.", response=DeletedVideo
)
async def delete_video(request: Request) -> Response:
    video = await _find_video(request)
    await parts_of(request).videos.delete(project_of(request), video.id)
    return struct_response(DeletedVideo(id=resource_id(video.id)))


@operations.add(
    "RetrieveVideoContent",
    "GET",
    "/videos/{video_id}/content",
    summary="Retrieve the file of a video or its thumbnail, or a range of it.",
    query=VideoContentQuery,
    response=BYTES,
    binary=True,
)
async def retrieve_content(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], VideoContentQuery)
    video = await _find_video(request)
    if query.variant == "spritesheet":
        raise InvalidRequest(
            "Spritesheets are not supported. Use the variant 'video' or 'thumbnail'.",
            param="variant",
            code="unsupported_value",
        )
    if video.state != "completed":
        raise InvalidRequest(
            f"The video {resource_id(video.id)!r} has no content, because it is {video.state}.", code="video_not_ready"
        )
    role: Role = query.variant
    parts = parts_of(request)
    piece = (await parts.store.videos.list_files(video.id)).get(role)
    if piece is None:
        raise NotFound(f"The video {resource_id(video.id)!r} has no {role}.")
    filename, media_type = _FILES[role]
    file = StoredFile(f"{video.id}-{role}", filename, role, piece.bytes, piece.blob)

    async def check() -> None:
        await parts.store.videos.get(project_of(request), video.id)

    return FileContent(parts.blobs, file, parse_range(request, file), check, media_type=media_type)


async def _create_video(request: Request, video: stored.Request, picture: str | None) -> Response:
    """`picture` is a URL or the id of a File."""
    await admit_model(request, video.model)
    parts = parts_of(request)
    order = VideoOrder(
        video,
        public_base_url(request),
        start=None if picture is None else ImageReference(url=picture),
        start_param="input_reference",
        request_key=request_key(request),
        key_id=request.state.key_id,
    )
    return struct_response(await _render_video(request, await parts.videos.create(project_of(request), order)))


async def _find_video(request: Request) -> Video:
    video_id: str = request.path_params["video_id"]
    found = generation_id(video_id)
    if found is None:
        raise not_found("video", video_id)
    try:
        return await parts_of(request).store.videos.get(project_of(request), found)
    except NotFound:
        raise not_found("video", video_id) from None


async def _render_video(request: Request, video: Video) -> VideoResource:
    parts = parts_of(request)
    return render_resource(video, parts.clock.now(), await parts.videos.estimate(video), parts.videos.lifetime)


async def _read_form(request: Request) -> CreateVideoRequest:
    """The form's picture becomes a data URL. Raises InvalidBody, BodyTooLarge and the errors of `read_parts`."""
    parts = parts_of(request)
    most = parts.settings.video.image_bytes
    check_form_length(request, most)
    collector = _FormCollector(most)
    async for event in read_parts(request, parts.settings.limits.upload_silence, "input_reference"):
        collector.take(event)
    problem = explain(collector.members, CreateVideoRequest)
    if problem is not None:
        raise InvalidBody(problem)
    return msgspec.convert(collector.members, CreateVideoRequest)


def _parse_field(name: str, text: str) -> Any:
    """The value of a field; clients that follow the API's document send an object as JSON."""
    if name != "input_reference" or not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


class _FormCollector:
    """Collects the fields of a form, in which a picture is a file or `input_reference[…]` is a text.

    All files together have at most `most` bytes, since they are in memory.
    """

    def __init__(self, most: int) -> None:
        self.members: dict[str, Any] = {}
        self._most = most
        self._name = ""
        self._text: FieldText | None = None
        self._picture = bytearray()
        self._media_type = ""
        self._file_bytes = 0

    def take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, bytes):
            self._add_content(event)
        elif event is None:
            self._end_part()
        else:
            disposition = event.header("Content-Disposition", "")
            self._name, self._picture = field_name(disposition), bytearray()
            self._text = None if is_file(disposition) else FieldText(self._name)
            self._media_type = event.header("Content-Type", "image/png").partition(";")[0].strip()

    def _add_content(self, content: bytes) -> None:
        if self._text is not None:
            self._text.add(content)
            return
        self._picture += content
        self._file_bytes += len(content)
        if self._file_bytes > self._most:
            raise form_too_large(self._most)

    def _end_part(self) -> None:
        name, _, member = self._name.partition("[")
        if name in self.members:
            raise InvalidBody(error_texts.duplicate(name))
        if self._text is None:
            encoded = base64.b64encode(self._picture).decode()
            self.members[name] = {"image_url": f"data:{self._media_type};base64,{encoded}"}
            return
        text = self._text.decode()
        self.members[name] = {member.removesuffix("]"): text} if member else _parse_field(name, text)

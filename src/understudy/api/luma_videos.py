"""Luma's operations over HTTP, in both versions of the AI/ML API."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from understudy.api.metering import admit_model
from understudy.api.operations import OperationGroup, Schema
from understudy.api.parts import parts_of, project_of
from understudy.api.requests import json_response, read_json, struct_response
from understudy.api.videos import public_base_url, request_key
from understudy.engine.videos import VideoOrder
from understudy.engine.views import videos
from understudy.media.camera import MOTIONS
from understudy.media.frame_sizes import DEFAULT_RESOLUTION
from understudy.store import video_rows as stored
from understudy.store.video_rows import Video
from understudy.wire import queries
from understudy.wire.parsing import check_uuid
from understudy.wire.videos import (
    CreateLumaGeneration,
    CreateLumaGenerationV1,
    DeletedGeneration,
    GenerationReference,
    GetLumaGenerationQuery,
    GetLumaGenerationsByIdsQuery,
    GetLumaGenerationsQuery,
    ImageReference,
    KeyframeReference,
    ListDreamMachineQuery,
    ListLumaGenerationsQuery,
    LumaGeneration,
    LumaGenerationList,
)

operations = OperationGroup("Videos", base="/")

_GENERATION_LIST: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/LumaGeneration"}}
_MOTION_LIST: Schema = {"type": "array", "items": {"type": "string"}}

_MAX_WAIT_SECONDS = 30.0
_DEFAULT_VIDEO_SECONDS = 5


@operations.add(
    "createLumaGenerationV1",
    "POST",
    "/luma-ai/generations",
    summary="Create a video from a prompt.",
    request=CreateLumaGenerationV1,
    response=LumaGeneration,
    base="/v1",
)
async def create_luma_generation_v1(request: Request) -> Response:
    body = await read_json(request, CreateLumaGenerationV1, parts_of(request).settings.limits)
    return await _create_v1(request, body, _image_reference(body.image_url), "image_url")


@operations.add(
    "extendLumaGeneration",
    "POST",
    "/luma-ai/generations/{generation_id}/extend",
    summary="Create a video that continues another one.",
    request=CreateLumaGenerationV1,
    response=LumaGeneration,
    base="/v1",
)
async def extend_luma_generation(request: Request) -> Response:
    """Starts at the last frame of an earlier generation."""
    earlier: str = request.path_params["generation_id"]
    parts = parts_of(request)
    await parts.store.videos.get(project_of(request), earlier)
    body = await read_json(request, CreateLumaGenerationV1, parts.settings.limits)
    return await _create_v1(request, body, GenerationReference(id=earlier), "generation_id")


@operations.add(
    "getLumaGenerations",
    "GET",
    "/luma-ai/generation",
    summary="Retrieve videos by ids.",
    query=GetLumaGenerationsQuery,
    response=_GENERATION_LIST,
    base="/v1",
)
async def get_luma_generations(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], GetLumaGenerationsQuery, strict=True)
    _check_ids("ids", query.ids)
    generations = await parts_of(request).store.videos.lookup(project_of(request), query.ids)
    return _list_response([await _render_generation(request, one, version=1) for one in generations])


@operations.add(
    "listLumaGenerations",
    "GET",
    "/luma-ai/generations",
    summary="List the project's videos, newest first.",
    query=ListLumaGenerationsQuery,
    response=_GENERATION_LIST,
    base="/v1",
)
async def list_luma_generations(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListLumaGenerationsQuery, strict=True)
    generations, _ = await parts_of(request).store.videos.page(project_of(request), query.limit, query.after)
    return _list_response([await _render_generation(request, one, version=1) for one in generations])


@operations.add(
    "deleteDreamMachineGeneration",
    "DELETE",
    "/dream-machine/v1/generations/{generation_id}",
    summary="Delete a video with its files.",
    response=DeletedGeneration,
)
@operations.add(
    "deleteLumaGeneration",
    "DELETE",
    "/luma-ai/generations/{generation_id}",
    summary="Delete a video with its files. An extension of the AI/ML API.",
    response=DeletedGeneration,
    base="/v1",
)
async def delete_luma_generation(request: Request) -> Response:
    generation_id: str = request.path_params["generation_id"]
    await parts_of(request).videos.delete(project_of(request), generation_id)
    return struct_response(DeletedGeneration(id=generation_id))


@operations.add(
    "createDreamMachineGeneration",
    "POST",
    "/dream-machine/v1/generations/video",
    summary="Create a video from a prompt, with Luma's API.",
    request=CreateLumaGeneration,
    response=LumaGeneration,
)
@operations.add(
    "createLumaGeneration",
    "POST",
    "/v2/generate/video/luma-ai/generation",
    summary="Create a video from a prompt, with keyframes, a duration and a resolution.",
    request=CreateLumaGeneration,
    response=LumaGeneration,
)
async def create_luma_generation(request: Request) -> Response:
    body = await read_json(request, CreateLumaGeneration, parts_of(request).settings.limits)
    video = stored.Request(
        prompt=body.prompt,
        model=body.model,
        aspect_ratio=body.aspect_ratio,
        resolution=body.resolution or DEFAULT_RESOLUTION,
        seconds=_DEFAULT_VIDEO_SECONDS if body.duration is None else int(body.duration.removesuffix("s")),
        loop=body.loop,
        concepts=tuple(concept.key for concept in body.concepts or ()),
        callback_url=body.callback_url,
    )
    frames = body.keyframes
    await admit_model(request, video.model)
    generation = await parts_of(request).videos.create(
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
    return struct_response(await _render_generation(request, generation, version=2))


@operations.add(
    "listDreamMachineGenerations",
    "GET",
    "/dream-machine/v1/generations",
    summary="List the project's videos, with Luma's API.",
    query=ListDreamMachineQuery,
    response=LumaGenerationList,
)
async def list_dream_machine(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], ListDreamMachineQuery)
    store = parts_of(request).store.videos
    page, more = await store.page(project_of(request), query.offset + query.limit, None)
    data = [await _render_generation(request, one, version=2) for one in page[query.offset :]]
    return struct_response(
        LumaGenerationList(generations=data, count=len(data), has_more=more, limit=query.limit, offset=query.offset)
    )


@operations.add(
    "getDreamMachineGeneration",
    "GET",
    "/dream-machine/v1/generations/{generation_id}",
    summary="Retrieve a video, with Luma's API.",
    response=LumaGeneration,
)
async def get_dream_machine(request: Request) -> Response:
    generation_id: str = request.path_params["generation_id"]
    generation = await parts_of(request).store.videos.get(project_of(request), generation_id)
    return struct_response(await _render_generation(request, generation, version=2))


@operations.add(
    "getLumaGeneration",
    "GET",
    "/v2/generate/video/luma-ai/generation",
    summary="Retrieve a video, optionally after waiting for a state.",
    query=GetLumaGenerationQuery,
    response=LumaGeneration,
)
async def get_luma_generation(request: Request) -> Response:
    """With `state`, waits until the video reaches it or the client disconnects."""
    query = queries.parse(request.scope["query_string"], GetLumaGenerationQuery, strict=True)
    check_uuid("generation_id", query.generation_id)
    parts = parts_of(request)
    seconds = 0.0 if query.state is None else _MAX_WAIT_SECONDS
    with parts.streams.waiting(request.state.key_id):
        generation = await parts.videos.wait(project_of(request), query.generation_id, query.state or "queued", seconds)
    return struct_response(await _render_generation(request, generation, version=2))


@operations.add(
    "getLumaGenerationsByIds",
    "GET",
    "/v2/generate/video/luma-ai/generations",
    summary="Retrieve videos by ids, optionally only those in a state.",
    query=GetLumaGenerationsByIdsQuery,
    response=_GENERATION_LIST,
)
async def get_luma_generations_by_ids(request: Request) -> Response:
    query = queries.parse(request.scope["query_string"], GetLumaGenerationsByIdsQuery, strict=True)
    _check_ids("generation_ids", query.generation_ids)
    generations = await parts_of(request).store.videos.lookup(project_of(request), query.generation_ids)
    matches = [one for one in generations if query.status in {None, one.state}]
    return _list_response([await _render_generation(request, one, version=2) for one in matches])


@operations.add(
    "listCameraMotions",
    "GET",
    "/v2/generate/video/luma-ai/camera-motions",
    summary="List the camera motions for prompts.",
    response=_MOTION_LIST,
)
async def list_camera_motions(request: Request) -> Response:  # noqa: ARG001 - they are the same for everybody
    return json_response(msgspec.json.encode(MOTIONS))


async def _create_v1(
    request: Request, body: CreateLumaGenerationV1, start: KeyframeReference | None, start_param: str
) -> Response:
    video = stored.Request(
        prompt=body.user_prompt,
        model=body.model,
        aspect_ratio=body.aspect_ratio,
        resolution=DEFAULT_RESOLUTION,
        seconds=_DEFAULT_VIDEO_SECONDS,
        expand=body.expand_prompt,
    )
    await admit_model(request, video.model)
    generation = await parts_of(request).videos.create(
        project_of(request),
        VideoOrder(
            video,
            public_base_url(request),
            start=start,
            end=_image_reference(body.image_end_url),
            start_param=start_param,
            end_param="image_end_url",
            request_key=request_key(request),
            key_id=request.state.key_id,
        ),
    )
    return struct_response(await _render_generation(request, generation, version=1))


async def _render_generation(request: Request, generation: Video, *, version: int) -> LumaGeneration:
    wait = await parts_of(request).videos.estimate(generation)
    return videos.render_luma(generation, public_base_url(request), wait, version=version)


def _check_ids(param: str, ids: Sequence[str]) -> None:
    for number, generation_id in enumerate(ids):
        check_uuid(f"{param}[{number}]", generation_id)


def _image_reference(url: str | None) -> ImageReference | None:
    return None if url is None else ImageReference(url=url)


def _list_response(generations: Sequence[LumaGeneration]) -> Response:
    return json_response(msgspec.json.encode(generations))

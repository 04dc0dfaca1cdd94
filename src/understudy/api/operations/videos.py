"""Videos: Luma's operations in two versions, the universal ones, and the files of a video."""

from typing import Final

from understudy.api.operations.operation import Operation, Schema
from understudy.wire import videos

_TAG = "Videos"
_BYTES: Schema = {"type": "string", "format": "binary"}
_MANY: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/LumaGeneration"}}
_MOTIONS: Schema = {"type": "array", "items": {"type": "string"}}
_LUMA = "/luma-ai/generations"
_LUMA_V2 = "/v2/generate/video/luma-ai"
_DREAM = "/dream-machine/v1/generations"
_FILES = "/generations/{generation_id}"

_V1 = (
    Operation(
        "listLumaGenerations",
        "GET",
        _LUMA,
        "The project's videos, the newest first.",
        _MANY,
        query=videos.ListLumaGenerationsQuery,
        tag=_TAG,
    ),
    Operation(
        "createLumaGenerationV1",
        "POST",
        _LUMA,
        "Have a video made of a prompt.",
        videos.LumaGeneration,
        videos.CreateLumaGenerationV1,
        tag=_TAG,
    ),
    Operation(
        "getLumaGenerations",
        "GET",
        "/luma-ai/generation",
        "Videos by their ids.",
        _MANY,
        query=videos.GetLumaGenerationsQuery,
        tag=_TAG,
    ),
    Operation(
        "extendLumaGeneration",
        "POST",
        f"{_LUMA}/{{generation_id}}/extend",
        "Have a video made that goes on where an earlier one ends.",
        videos.LumaGeneration,
        videos.CreateLumaGenerationV1,
        tag=_TAG,
    ),
    Operation(
        "deleteLumaGeneration",
        "DELETE",
        f"{_LUMA}/{{generation_id}}",
        "Remove a video with its files. The AI/ML API has no such operation.",
        videos.DeletedGeneration,
        tag=_TAG,
    ),
)

_V2 = (
    Operation(
        "getLumaGeneration",
        "GET",
        f"{_LUMA_V2}/generation",
        "One video, at once or when it has come to a state.",
        videos.LumaGeneration,
        query=videos.GetLumaGenerationQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "createLumaGeneration",
        "POST",
        f"{_LUMA_V2}/generation",
        "Have a video made of a prompt, with keyframes, a duration and a resolution.",
        videos.LumaGeneration,
        videos.CreateLumaGeneration,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "getLumaGenerationsByIds",
        "GET",
        f"{_LUMA_V2}/generations",
        "Videos by their ids, or those of them that are in a state.",
        _MANY,
        query=videos.GetLumaGenerationsByIdsQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "listCameraMotions",
        "GET",
        f"{_LUMA_V2}/camera-motions",
        "The camera motions that a prompt can name.",
        _MOTIONS,
        tag=_TAG,
        base="/",
    ),
)

_UNIVERSAL = (
    Operation(
        "getVideo",
        "GET",
        "/video/generations",
        "One video.",
        videos.VideoGeneration,
        query=videos.GetVideoQuery,
        tag=_TAG,
    ),
    Operation(
        "createVideo",
        "POST",
        "/video/generations",
        "Have a video made of a prompt, whichever model makes it.",
        videos.VideoGeneration,
        videos.CreateVideo,
        tag=_TAG,
    ),
    Operation(
        "deleteVideo",
        "DELETE",
        "/video/generations/{generation_id}",
        "Remove a video with its files. The AI/ML API has no such operation.",
        videos.DeletedGeneration,
        tag=_TAG,
    ),
    Operation(
        "getVideoV2",
        "GET",
        "/v2/video/generations",
        "One video.",
        videos.VideoGeneration,
        query=videos.GetVideoQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "createVideoV2",
        "POST",
        "/v2/video/generations",
        "Have a video made of a prompt, whichever model makes it.",
        videos.VideoGeneration,
        videos.CreateVideo,
        tag=_TAG,
        base="/",
    ),
)

_CONTENT = (
    Operation(
        "downloadVideo",
        "GET",
        f"{_FILES}/video.mp4",
        "The video, or a range of it. The token of its address opens it, without a key.",
        _BYTES,
        query=videos.ContentQuery,
        binary=True,
        tag=_TAG,
        authenticated=False,
    ),
    Operation(
        "downloadThumbnail",
        "GET",
        f"{_FILES}/thumbnail.jpg",
        "A picture of the video. The token of its address opens it, without a key.",
        _BYTES,
        query=videos.ContentQuery,
        binary=True,
        tag=_TAG,
        authenticated=False,
    ),
)

_DREAM_MACHINE = (
    Operation(
        "listDreamMachineGenerations",
        "GET",
        _DREAM,
        "The project's videos, as Luma's own API lists them.",
        videos.LumaGenerationList,
        query=videos.ListDreamMachineQuery,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "createDreamMachineGeneration",
        "POST",
        f"{_DREAM}/video",
        "Have a video made of a prompt, as Luma's own API does.",
        videos.LumaGeneration,
        videos.CreateLumaGeneration,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "getDreamMachineGeneration",
        "GET",
        f"{_DREAM}/{{generation_id}}",
        "One video, as Luma's own API shows it.",
        videos.LumaGeneration,
        tag=_TAG,
        base="/",
    ),
    Operation(
        "deleteDreamMachineGeneration",
        "DELETE",
        f"{_DREAM}/{{generation_id}}",
        "Remove a video with its files.",
        videos.DeletedGeneration,
        tag=_TAG,
        base="/",
    ),
)

OPERATIONS: Final = (*_V1, *_V2, *_UNIVERSAL, *_DREAM_MACHINE, *_CONTENT)

"""Videos made of prompts. Source: Luma's operations as the AI/ML API serves them, in two versions, and universal ones.

What is answered holds the members that readers of any of them look for, and of Luma's own API.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

Prompt = Annotated[str, Meta(min_length=1, max_length=2048)]
AspectRatio = Literal["1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21"]
Resolution = Literal["540p", "720p", "1080p", "4k"]
Duration = Literal["5s", "9s"]
LumaModel = Literal["ray-1-6", "ray-2", "ray-flash-2"]
# A picture inside of the URL may be large; the limit is that of request bodies.
ImageUrl = Annotated[str, Meta(min_length=1)]
Url = Annotated[str, Meta(min_length=1, max_length=2048)]
GenerationId = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]

State = Literal["queued", "dreaming", "completed", "failed"]
StateOfV1 = Literal["pending", "processing", "completed", "failed"]
Status = Literal["queued", "generating", "completed", "error"]


class GenerationReference(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="generation"):
    id: GenerationId


class ImageReference(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="image"):
    url: ImageUrl


KeyframeReference = GenerationReference | ImageReference


class Keyframes(Struct, kw_only=True, forbid_unknown_fields=True):
    frame0: KeyframeReference | None = None
    frame1: KeyframeReference | None = None


class Concept(Struct, kw_only=True, forbid_unknown_fields=True):
    key: Annotated[str, Meta(min_length=1, max_length=64)]


class CreateLumaGenerationV1(Struct, kw_only=True, forbid_unknown_fields=True):
    aspect_ratio: AspectRatio
    user_prompt: Prompt
    model: LumaModel = "ray-1-6"
    expand_prompt: bool = False
    image_url: ImageUrl | None = None
    image_end_url: ImageUrl | None = None


class CreateLumaGeneration(Struct, kw_only=True, forbid_unknown_fields=True):
    prompt: Prompt
    generation_type: Literal["video"] = "video"
    model: LumaModel = "ray-2"
    aspect_ratio: AspectRatio = "16:9"
    resolution: Resolution | None = None
    duration: Duration | None = None
    loop: bool = False
    keyframes: Keyframes | None = None
    callback_url: Url | None = None
    concepts: Annotated[list[Concept], Meta(max_length=8)] | None = None


class CreateVideo(Struct, kw_only=True, forbid_unknown_fields=True):
    model: Annotated[str, Meta(pattern="^luma/[a-z0-9.-]{1,64}$")]
    prompt: Prompt
    aspect_ratio: AspectRatio = "16:9"
    resolution: Resolution = "1080p"
    duration: Annotated[int, Meta(ge=5, le=9)] = 5
    loop: bool = False
    keyframes: Keyframes | None = None


class GenerationVideo(Struct, kw_only=True):
    url: str
    download_url: str
    width: int
    height: int
    thumbnail: str | None


class GenerationAssets(Struct, kw_only=True):
    video: str
    image: str | None
    progress_video: str | None = None


class GenerationError(Struct, kw_only=True):
    name: str
    message: str


class GenerationUsage(Struct, kw_only=True):
    credits_used: int
    usd_spent: float


class GenerationMeta(Struct, kw_only=True):
    usage: GenerationUsage


class GenerationRequest(Struct, kw_only=True):
    """The request, in the form of Luma's API."""

    generation_type: Literal["video"] = "video"
    prompt: str
    model: str
    aspect_ratio: str
    resolution: str
    duration: str
    loop: bool
    keyframes: dict[str, Any] | None
    callback_url: str | None
    concepts: list[Concept] | None


class LumaGeneration(Struct, kw_only=True):
    """`state` is that of the requested version: `pending` and `processing` belong to version 1."""

    id: str
    luma_generation_id: str
    generation_type: Literal["video"] = "video"
    state: State | StateOfV1
    failure_reason: str | None
    created_at: str
    model: str
    prompt: str
    estimate_wait_seconds: int | None
    liked: bool | None = None
    video: GenerationVideo | None
    video_url: str | None
    assets: GenerationAssets | None
    request: GenerationRequest
    meta: GenerationMeta


class LumaGenerationList(Struct, kw_only=True):
    generations: list[LumaGeneration]
    count: int
    has_more: bool
    limit: int
    offset: int


class VideoGeneration(Struct, kw_only=True):
    """The universal operations' answer; `id` names the model as well."""

    id: str
    status: Status
    model: str
    video: GenerationVideo | None
    error: GenerationError | None
    meta: GenerationMeta


class DeletedGeneration(Struct, kw_only=True):
    id: str
    object: Literal["generation.deleted"] = "generation.deleted"
    deleted: bool = True


_IDS = Meta(min_length=1, max_length=100, description="The ids of the generations, with commas between them.")


class GetLumaGenerationsQuery(Struct, frozen=True, kw_only=True):
    ids: Annotated[list[GenerationId], _IDS]


class ListLumaGenerationsQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many generations are listed at most.")] = 100
    after: Annotated[str | None, Meta(description="The generation before the first that is listed: its id.")] = None


class ListDreamMachineQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100, description="How many generations are listed at most.")] = 10
    offset: Annotated[int, Meta(ge=0, le=900, description="How many of the newest are left out.")] = 0


class GetLumaGenerationQuery(Struct, frozen=True, kw_only=True):
    generation_id: Annotated[GenerationId, Meta(description="The generation's id.")]
    state: Annotated[
        Literal["queued", "dreaming", "completed"] | None,
        Meta(description="Wait, for 30 seconds at most, until the generation is in this state or in a later one."),
    ] = None


class GetLumaGenerationsByIdsQuery(Struct, frozen=True, kw_only=True):
    generation_ids: Annotated[list[GenerationId], _IDS]
    status: Annotated[
        Literal["queued", "dreaming", "completed"] | None, Meta(description="Only generations in this state.")
    ] = None


class GetVideoQuery(Struct, frozen=True, kw_only=True):
    generation_id: Annotated[str, Meta(description="The generation's id, with its model or without.")]


class ContentQuery(Struct, frozen=True, kw_only=True):
    token: Annotated[str, Meta(description="The token in the video's URL.")] = ""

"""Videos in the form of the hosted API. Source: operations createVideo, ListVideos, GetVideo, DeleteVideo,
RetrieveVideoContent and CreateVideoRemix.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Prompt = Annotated[str, Meta(min_length=1, max_length=32_000, description="What the video shows.")]
Size = Literal["720x1280", "1280x720", "1024x1792", "1792x1024"]
Model = Annotated[str, Meta(min_length=1, description="`sora-2`, `sora-2-pro`, or a model of Luma like `luma/ray-2`.")]
Seconds = Annotated[Literal["4", "8", "12"], Meta(description="The length of the video in seconds.")]


class InputReference(Struct, kw_only=True):
    """The picture that the video begins with, by one of the two."""

    image_url: Annotated[str, Meta(max_length=20_971_520, description="A URL or a data URL.")] | None = None
    file_id: Annotated[str, Meta(description="The id of a File with an image.")] | None = None

    def __post_init__(self) -> None:
        if (self.image_url is None) == (self.file_id is None):
            raise ValueError("expected exactly one of 'image_url' and 'file_id'")


class VideoOptions(Struct, kw_only=True):
    prompt: Prompt
    model: Model = "sora-2"
    seconds: Seconds = "4"
    size: Annotated[Size, Meta(description="Width and height in pixels.")] = "720x1280"


class CreateVideoRequest(VideoOptions, kw_only=True):
    input_reference: InputReference | None = None


class CreateVideoForm(VideoOptions, kw_only=True):
    input_reference: Annotated[str, Meta(description="The picture of the start, as a file.")] | None = None


class CreateVideoRemixRequest(Struct, kw_only=True):
    prompt: Prompt


class VideoError(Struct, kw_only=True):
    code: str
    message: str


class VideoResource(Struct, kw_only=True):
    id: str
    object: Literal["video"] = "video"
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: Annotated[int, Meta(description="An estimate in percent.")]
    created_at: int
    completed_at: int | None
    expires_at: int | None
    prompt: str
    size: str
    seconds: str
    remixed_from_video_id: Annotated[str | None, Meta(description="The video that this one is a remix of.")]
    error: VideoError | None


class VideoList(Struct, kw_only=True):
    object: Literal["list"] = "list"
    data: list[VideoResource]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedVideo(Struct, kw_only=True):
    id: str
    object: Literal["video.deleted"] = "video.deleted"
    deleted: bool = True


class ListVideosQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=0, le=100, description="How many videos a page holds at most.")] = 20
    order: Annotated[Literal["asc", "desc"], Meta(description="By time of creation: oldest or newest first.")] = "desc"
    after: Annotated[str | None, Meta(description="The video before the page: its id.")] = None


class VideoContentQuery(Struct, frozen=True, kw_only=True):
    variant: Annotated[
        Literal["video", "thumbnail", "spritesheet"], Meta(description="Which file; spritesheets are not supported.")
    ] = "video"

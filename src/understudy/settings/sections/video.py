"""The table `[video]`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from understudy.settings.text import Text


class VideoSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The provider of videos, and its limits."""

    provider: Annotated[
        Literal["rehearsal", "luma", "aimlapi"],
        Meta(
            description="`rehearsal` draws storyboards on this machine (`understudy[video]`); `luma` is Luma's own"
            " service (`understudy[luma]`); `aimlapi` is the AI/ML API, or another server like it."
        ),
    ] = "rehearsal"
    base_url: Annotated[
        Text | None,
        Meta(description="Base URL of the service, like `https://api.aimlapi.com/v2`; when unset, the vendor's."),
    ] = None
    api_key: Annotated[
        Text | None,
        Meta(description="API key of the service; set `UNDERSTUDY_VIDEO__API_KEY` to keep it out of the file."),
    ] = None
    public_url: Annotated[
        Text | None,
        Meta(
            description="Base URL of this server for clients, like `https://api.example.com/v1`, in the URLs of videos;"
            " when unset, that of each request."
        ),
    ] = None
    concurrent: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Videos generated concurrently by one process; more are queued, and projects take turns.",
        ),
    ] = 2
    waiting: Annotated[
        int,
        Meta(ge=1, description="Maximum number of unfinished videos of one project."),
    ] = 100
    seconds: Annotated[
        float,
        Meta(gt=0, description="Timeout of generating one video in seconds."),
    ] = 900.0
    memory_mb: Annotated[
        int,
        Meta(ge=512, description="Memory of the process that renders a storyboard in MiB."),
    ] = 2048
    video_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a video from a service in bytes."),
    ] = 1024 * 1024 * 1024
    image_bytes: Annotated[
        int,
        Meta(ge=1024, description="Maximum size of a keyframe's image in bytes."),
    ] = 20 * 1024 * 1024
    fetch_images: Annotated[
        bool,
        Meta(description="Whether storyboards may fetch images from remote URLs of clients."),
    ] = False
    callbacks: Annotated[
        bool,
        Meta(description="POST to `callback_url` when a video ends; `webhooks.allow_private` applies."),
    ] = False
    allow_private: Annotated[
        bool,
        Meta(description="Whether images may be fetched from addresses of this machine and private networks."),
    ] = False
    keep_days: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Days after which a video is deleted; when unset, never."),
    ] = None
